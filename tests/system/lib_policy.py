# SPDX-License-Identifier: MIT
"""Writing the policy of the build under test, and putting back what was there."""

import shutil

from lib_settings import POLICY, SAMPLE_POLICY

SAVED = POLICY.with_name("nsshell.saved")


class Policy:
    """The files below POLICY."""

    def __init__(self):
        self.touched = False

    @property
    def conf_path(self):
        self.touched = True
        return POLICY / "nsshell.conf"

    def match_path(self, name):
        self.touched = True
        return POLICY / "match.d" / name

    def user_path(self, name):
        self.touched = True
        return POLICY / "users.d" / f"{name}.conf"

    def conf(self, text):
        return self._write(self.conf_path, text)

    def match(self, name, text):
        return self._write(self.match_path(name), text)

    def user(self, name, text):
        return self._write(self.user_path(name), text)

    @staticmethod
    def _write(path, text):
        """text may be bytes, or lines such as "[view] tmp=host" for a section with one key."""
        data = text if isinstance(text, bytes) else expand(text).encode()
        path.write_bytes(data)
        path.chmod(0o644)
        return path

    def restore(self):
        if self.touched:
            make_sample()
            self.touched = False


def expand(text):
    """Turns "[a] b=c" into two lines. A text that is INI already stays what it is."""
    lines = []
    for line in text.splitlines():
        section, bracket, rest = line.partition("] ")
        if bracket and line.startswith("["):
            lines += [section + "]", rest]
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def remove(path):
    shutil.rmtree(path, ignore_errors=True)
    if path.exists():
        raise AssertionError(f"{path} could not be removed")


def make_sample():
    """What a first installation leaves: the sample policy and two empty folders."""
    remove(POLICY)
    for folder in (POLICY, POLICY / "match.d", POLICY / "users.d"):
        folder.mkdir(mode=0o755)
    shutil.copyfile(SAMPLE_POLICY, POLICY / "nsshell.conf")
    (POLICY / "nsshell.conf").chmod(0o644)


def save():
    """Keeps the installed policy aside. One that a killed run kept is the right one."""
    recover()
    shutil.copytree(POLICY, SAVED, symlinks=True)
    make_sample()


def recover():
    """Puts the kept policy back, if there is one."""
    if SAVED.exists():
        remove(POLICY)
        SAVED.rename(POLICY)
