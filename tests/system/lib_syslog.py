"""A stand-in for the machine's syslog: a socket at /dev/log that keeps what it gets."""

import ctypes
import os
import socket
from pathlib import Path

from lib_process import wait_until
from lib_settings import RUN

DEV_LOG = Path("/dev/log")
CLONE_NEWNS = 0x00020000
MS_BIND, MS_REC, MS_SLAVE = 4096, 16384, 1 << 19


def _call(name, *args):
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*args) != 0:
        raise OSError(ctypes.get_errno(), f"{name}{args}")


def _cover_machines_own(socket_path):
    """Only for the tests' own processes: in a mount namespace of their own."""
    target = os.path.realpath(DEV_LOG)
    _call("unshare", CLONE_NEWNS)
    _call("mount", None, b"/", None, MS_REC | MS_SLAVE, None)
    _call("mount", str(socket_path).encode(), target.encode(), None, MS_BIND, None)


class Syslog:
    """Listens at /dev/log. Where the machine has one, it is covered for the tests only."""

    def __init__(self):
        self.made = not os.path.lexists(DEV_LOG)
        self.path = DEV_LOG if self.made else RUN / "log"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.path.chmod(0o666)
        self.socket.setblocking(False)
        self.lines = []
        if not self.made:
            _cover_machines_own(self.path)

    def read(self):
        """All lines so far, as text with their <priority>."""
        while True:
            try:
                self.lines.append(self.socket.recv(65536).decode(errors="replace"))
            except BlockingIOError:
                return self.lines

    def line_with(self, text):
        """Waits for a line that has that text."""
        return wait_until(
            lambda: next((line for line in self.read() if text in line), None),
            f"a syslog line with {text}: {self.lines}",
        )

    def clear(self):
        self.read()
        self.lines.clear()

    def close(self):
        self.socket.close()
        self.path.unlink(missing_ok=True)


def remove_left_over():
    """A socket of a killed run that nobody listens to, when it is ours."""
    (RUN / "log").unlink(missing_ok=True)
    mine = RUN / "dev-log-is-ours"
    if mine.exists():
        DEV_LOG.unlink(missing_ok=True)
        mine.unlink()
