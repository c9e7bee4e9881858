# SPDX-License-Identifier: MIT
"""A user at a terminal: pexpect on a pty that belongs to the user, as sshd and login leave it."""

import fcntl
import grp
import os
import re
import struct
import termios
import time

import pexpect

from lib_accounts import PROMPT
from lib_process import environment, home_or_root, wait_until
from lib_settings import PATIENCE

CALLER_PROMPT = "caller> "
STOPPED = re.compile(r"(?i)stopped|suspended")

# The same rows and columns everywhere, so that a change can be seen.
ROWS, COLUMNS = 24, 80


def _become(account):
    """Runs in the child, on its new terminal, before exec."""

    def become():
        os.fchown(0, account.uid, grp.getgrnam("tty").gr_gid)
        os.setgroups(account.groups)
        os.setgid(account.gid)
        os.setuid(account.uid)

    return become


class Terminal(pexpect.spawn):
    """A program on a terminal. account None: as root, for the programs that make logins."""

    def __init__(self, account, argv, env=None, timeout=60):
        super().__init__(
            argv[0], list(argv[1:]), encoding="utf-8", codec_errors="replace", timeout=timeout * PATIENCE,
            dimensions=(ROWS, COLUMNS), cwd=home_or_root(account) if account else "/",
            env=env or (environment(account) if account else None),
            preexec_fn=_become(account) if account else None,
        )
        self.delaybeforesend = None
        self.prompt = PROMPT
        self.marks = 0
        self.reopens = "login" in map(os.path.basename, argv)

    def read_nonblocking(self, size=1, timeout=-1):
        """login(1) hangs its terminal up and opens it again: that in between there is none is no end."""
        deadline = time.monotonic() + self.timeout
        while True:
            try:
                return super().read_nonblocking(size, timeout)
            except pexpect.EOF:
                if not self.reopens:
                    raise
                self.flag_eof = False  # with it isalive() waits for the end
                if not self.isalive() or time.monotonic() > deadline:
                    self.flag_eof = True
                    raise
                time.sleep(0.01)

    @property
    def device(self):
        """The terminal's name on the machine (ptsname(3))."""
        number = fcntl.ioctl(self.child_fd, getattr(termios, "TIOCGPTN", 0x80045430), b"\0" * 4)
        return f"/dev/pts/{struct.unpack('I', number)[0]}"

    def at_prompt(self, prompt=None):
        self.expect_exact(prompt or self.prompt)
        return self

    def ask(self, command):
        """Types a command at the prompt and returns what it printed."""
        self.sendline(command)
        self.at_prompt()
        printed = self.before
        return printed.partition("\n")[2].replace("\r", "").strip("\n")

    def ready(self):
        """Waits until the shell runs commands. Prompts do not tell: some shells draw them again,
        and some throw away what was typed before they read."""
        for _ in range(120):
            self.marks += 1
            self.sendline(f"printf 'mark-%d\\n' {self.marks}")
            if self.expect_exact([f"mark-{self.marks}\r\n", pexpect.TIMEOUT], timeout=0.5 * PATIENCE) == 0:
                return
        raise AssertionError(f"the shell does not answer: {self.before!r}")

    def await_output(self, command, text):
        """Types a command until it prints that. Prompts may be drawn again meanwhile."""
        for _ in range(120):
            self.sendline(command)
            if self.expect_exact([text, pexpect.TIMEOUT], timeout=0.5 * PATIENCE) == 0:
                return
        raise AssertionError(f"{command} did not print {text}: {self.before!r}")

    def finish(self):
        """Waits for the end; returns the exit code, or minus the signal."""
        self.expect(pexpect.EOF)
        self.close(force=False)
        return self.exitstatus if self.signalstatus is None else -self.signalstatus

    def close(self, force=True):
        """pexpect gives the program a tenth of a second after each signal, which is little on a busy machine."""
        try:
            super().close(force)
        except pexpect.ExceptionPexpect:
            wait_until(lambda: not self.isalive(), "the program's end")
            super().close(force)

    def __exit__(self, *_):
        self.close(force=True)


def caller(account, shell="bash", **more):
    """An ordinary interactive shell, outside of any session, from which others are run."""
    argv = {
        "bash": ["/bin/bash", "--norc", "--noprofile", "-i"],
        "zsh": ["/bin/zsh", "-f", "-i", "+o", "prompt_sp", "+o", "prompt_cr", "+o", "zle"],
    }[shell]
    env = environment(account, PS1=CALLER_PROMPT, SHELL=argv[0], **more)
    terminal = Terminal(account, argv, env=env)
    terminal.prompt = CALLER_PROMPT
    terminal.at_prompt()
    return terminal
