# SPDX-License-Identifier: MIT
"""A stand-in for the machine's syslog: a socket at /dev/log that keeps what it gets."""

import ctypes
import os
import socket
import threading
from pathlib import Path

from lib_process import wait_until
from lib_settings import RUN

DEV_LOG = Path("/dev/log")
OURS = RUN / "dev-log-is-ours"
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
        if self.made:
            OURS.touch()
        self.socket.bind(str(self.path))
        self.path.chmod(0o666)
        if not self.made:
            _cover_machines_own(self.path)
        self.lines = []
        # A full queue would stop every program of the machine that logs: read always.
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        while True:
            text = self.socket.recv(65536).decode(errors="replace")
            if text == "end":
                return
            self.lines.append(text)

    def line_with(self, text):
        """Waits for a line that has that text. Lines begin with their <priority>."""
        return wait_until(
            lambda: next((line for line in list(self.lines) if text in line), None),
            f"a syslog line with {text} among {self.lines[-5:]}",
        )

    def close(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"end", str(self.path))
        self.reader.join(timeout=5)
        self.socket.close()
        self.path.unlink(missing_ok=True)
        OURS.unlink(missing_ok=True)


def remove_left_over():
    """The socket of a killed run."""
    (RUN / "log").unlink(missing_ok=True)
    if OURS.exists():
        DEV_LOG.unlink(missing_ok=True)
        OURS.unlink()
