# SPDX-License-Identifier: MIT
"""PAM sessions without sshd (tests/tools/pamlogin.c), and what a frame looks like from inside."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lib_process import Result
from lib_settings import LOGIN_SHELL, MODULE, PAMLOGIN, PATIENCE, RUN

# pam_open_session(3)
SUCCESS, SERVICE_ERR, PERM_DENIED, USER_UNKNOWN = 0, 3, 6, 10
NO_SESSION, CHANGED = 200, 201

DENIAL = re.compile(r"nsshell: no session: (?P<why>.+) \[incident (?P<incident>[0-9a-f]{16})\]")

# Stands in the frame: /tmp is empty, of the homes the own one is left, and of /proc's processes only
# the own ones. To be run as the user by a shell that knows nothing of nsshell; prints "framed" if so.
PROBE = """\
test -e /tmp/nsh-outside && echo "sees /tmp"
ls -A /home | grep -vx "$(id -un)" && echo "sees other homes"
for p in /proc/[0-9]*; do
test "$(stat -c %u $p)" = "$(id -u)" || test ! -e $p || echo "sees process $p"; done 2>/dev/null
echo framed
"""


@dataclass
class Login:
    """What pamlogin said: the code of pam_open_session, the messages, and how the command ended."""

    pam: int
    says: list
    result: Result
    changed: list


class Pam:
    """A folder of PAM configurations of its own. Services are files in it."""

    def __init__(self, folder=None):
        self.folder = folder or RUN / "pam.d"
        self.folder.mkdir(mode=0o755, exist_ok=True)
        # Where it is can be hidden in a frame: the clone is often below /home.
        self.program = self.folder / "programs" / PAMLOGIN.name
        self.program.parent.mkdir(mode=0o755, exist_ok=True)
        shutil.copy(PAMLOGIN, self.program)
        self.service("nshcheck")
        # libpam asks for it, and logs and keeps a socket open where it is missing.
        (self.folder / "other").write_text("session required pam_deny.so\n")

    def service(self, name, arguments="", before="", after=""):
        text = f"{before}session required {MODULE} {arguments}\n{after}"
        (self.folder / name).write_text(text)

    def command(self, user, *argv, service="nshcheck", rhost="192.0.2.7", tty="ssh"):
        argv = argv or (LOGIN_SHELL, "-c", "true")
        return [str(self.program), str(self.folder), service, user, rhost, tty, *argv]

    def login(self, user, *argv, timeout=60, env=None, prefix=(), popen=None, **how):
        """Opens a session as root and runs argv in it as the user."""
        done = subprocess.run(
            [*prefix, *self.command(user, *argv, **how)], stdin=subprocess.DEVNULL, text=True,
            capture_output=True, timeout=timeout * PATIENCE, check=False, errors="surrogateescape",
            env={"PATH": os.environ["PATH"], **(env or {})}, **(popen or {}),
        )
        return parse(Result(done.returncode, done.stdout, done.stderr))

    def remove(self):
        shutil.rmtree(self.folder)


def parse(result):
    """Takes pamlogin's own lines out of standard error."""
    says, changed, rest, code = [], [], [], None
    for line in result.err.splitlines(keepends=True):
        word, _, value = line.rstrip("\n").partition(" ")
        if word == "pam" and value.isdigit():
            code = int(value)
        elif word == "says":
            says.append(value)
        elif word == "changed":
            changed.append(value)
        else:
            rest.append(line)
    return Login(code, says, Result(result.rc, result.out, "".join(rest)), changed)


def assert_denied(login, code=PERM_DENIED):
    """No session, one sentence for the user, nothing run. Returns the sentence's match."""
    assert login.pam == code, login
    assert login.result.rc == NO_SESSION and not login.changed, login
    assert len(login.says) == 1, login
    match = DENIAL.fullmatch(login.says[0])
    assert match, login
    return match


def assert_session(login):
    """A session, nothing said, nothing changed in the service's process."""
    assert login.pam == SUCCESS and login.result.rc == 0, login
    assert not login.says and not login.changed, login
    return login.result.out


def mount_count():
    return len(Path("/proc/self/mountinfo").read_text().splitlines())
