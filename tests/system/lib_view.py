# SPDX-License-Identifier: MIT
"""The places from which a view is looked at, to ask the same of each, and what they are asked."""

import os
import re
import stat
import tempfile
from pathlib import Path

from lib_frame import HeldLogin
from lib_pam import SUCCESS, assert_denied
from lib_process import Held, Result, assert_refused, environment, run, sh
from lib_settings import NSSHELL, REFUSED
from lib_walk import SCRIPT, Walk


def _has_user_attributes():
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        try:
            os.setxattr(folder, "user.nsh", b"x")
        except OSError:
            return False
    return True


# Whether the kernel's tmpfs has them.
HAS_USER_ATTRIBUTES = _has_user_attributes()


class Place:
    """Where commands are run as a user. A refusal is the same Result everywhere: 125 and its reason."""

    def walk(self, account):
        return Walk.of(self.sh(account, SCRIPT, timeout=200))

    def lines(self, account, command, **how):
        """The lines that a command prints which must succeed."""
        result = self.sh(account, command, **how)
        assert result.rc == 0, (command, result)
        return result.out.splitlines()

    def refusal(self, account, *words, command="echo ran"):
        """The session is refused, nothing is run, and the reason has the words. Returns it."""
        why = assert_refused(self.sh(account, command))["why"]
        for word in words:
            assert str(word) in why, (word, why)
        return why


class Standalone(Place):
    """nsshell as a login shell, and nothing else."""

    def sh(self, account, command, **how):
        return sh(account, command, **how)

    def hold(self, account):
        return Held(account)


class Framed(Place):
    """nsshell in a frame of pam_nsshell's."""

    program = str(NSSHELL)

    def __init__(self, pam, syslog):
        self.pam, self.syslog = pam, syslog

    def sh(self, account, command, env=None, **how):
        """Like lib_process.sh; what it hands on goes to pamlogin."""
        env = environment(account) if env is None else env
        # A folder that every view has.
        how.setdefault("popen", {"cwd": "/"})
        login = self.pam.login(account.name, self.program, "-c", command, env=env, **how)
        if login.pam == SUCCESS:
            assert not login.says and not login.changed, login
            return login.result
        return Result(REFUSED, "", self._refusal(assert_denied(login)))

    def _refusal(self, match):
        """What nsshell itself would have printed: the log has the reason."""
        line = self.syslog.line_with(f"session={match['incident']} verdict=deny")
        why = re.search(r'reason="(.*)"', line)[1]
        return f"nsshell: no session: {why} [incident {match['incident']}]\n"

    def hold(self, account):
        return HeldLogin(self.pam, account, self.program)


class Frame(Framed):
    """The frame itself, where sshd does its own work: a shell that knows nothing of nsshell."""

    program = "/bin/sh"


class Outside(Place):
    """The machine, without nsshell."""

    def sh(self, account, command, **how):
        return run(account, "-c", command, program="/bin/sh", **how)


def facts(path):
    """What a file is and has, apart from when it was read. Nobody but the kernel sets st_ctime."""
    st = os.lstat(path)
    return (stat.filemode(st.st_mode), st.st_uid, st.st_gid, st.st_nlink, st.st_size, st.st_mtime_ns,
            st.st_ctime_ns)


def snapshot(top):
    """All that is at and below a folder, without what is mounted there."""
    found = {str(top): facts(top)}
    for folder, folders, files in os.walk(top):
        paths = {name: os.path.join(folder, name) for name in (*folders, *files)}
        found.update((path, facts(path)) for path in paths.values())
        folders[:] = [name for name in folders if not os.path.ismount(paths[name])]
    return found


def make_open(path, text=None):
    """A file with that text, or a folder, that everybody can write."""
    path = Path(path)
    if text is None:
        path.mkdir(parents=True)
    else:
        path.write_text(text)
    path.chmod(0o777 if text is None else 0o666)
    return path
