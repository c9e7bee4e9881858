# SPDX-License-Identifier: MIT
"""The tests' own users and groups: made before the first test, removed after the last."""

import os
import pwd
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from lib_process import as_root, kill_all_of, wait_until
from lib_settings import LOGIN_SHELL, SRV

GROUPS = ("nshteam", "nshguest")


@dataclass(frozen=True)
class Spec:
    """How useradd makes a user. home None: below /home, made from /etc/skel."""

    name: str
    home: str = None
    make_home: bool = True
    groups: tuple = ()


SPECS = (
    Spec("nshalice", groups=("nshteam",)),
    Spec("nshbob", groups=("nshguest",)),
    Spec("nsh.dot"),
    Spec("nshUPPER_x"),
    Spec("nshmach$"),
    Spec("nsh" + "a" * 29),
    Spec("nshnohome", home="/nonexistent/nshnohome", make_home=False),
    Spec("nshemptyhome", home="/nonexistent/nshemptyhome", make_home=False),
    Spec("nshelse", home=f"{SRV}/homes/nshelse"),
    Spec("nshelse2", home=f"{SRV}/homes/nshelse2"),
    Spec("nshdeep", home="/home/nshdepartment/nshdeep"),
    Spec("nshdeep2", home="/home/nshdepartment/nshdeep2"),
)
DEPARTMENT = Path("/home/nshdepartment")


@dataclass(frozen=True)
class Account:
    """A test user as the machine knows it."""

    name: str
    uid: int
    gid: int
    home: str
    groups: tuple = field(default=())

    @classmethod
    def of(cls, name):
        entry = pwd.getpwnam(name)
        groups = tuple(os.getgrouplist(name, entry.pw_gid))
        return cls(name, entry.pw_uid, entry.pw_gid, entry.pw_dir, groups)

    def path(self, *parts):
        return Path(self.home, *parts)

    def write(self, name, text, mode=0o644):
        """Writes a file of the user's own below the home."""
        path = self.path(name)
        for folder in reversed(path.relative_to(self.home).parents[:-1]):
            self._own_folder(self.path(folder))
        path.unlink(missing_ok=True)
        if isinstance(text, str):
            text = text.encode()
        path.write_bytes(text)
        path.chmod(mode)
        os.chown(path, self.uid, self.gid)
        return path

    def _own_folder(self, path):
        if not path.is_dir():
            path.mkdir(mode=0o700)
            os.chown(path, self.uid, self.gid)


# Start files: one prompt for every interactive shell, and none of their questions for new users.
PROMPT = "nsh> "
START_FILES = {
    ".hushlogin": "",
    ".bashrc": f"PS1='{PROMPT}'\nunset PROMPT_COMMAND\n",
    ".profile": "test -z \"$BASH\" || . ~/.bashrc\n",
    ".zshrc": f"unsetopt prompt_sp prompt_cr zle\nPROMPT='{PROMPT}'\n",
    ".tcshrc": f"set prompt = '{PROMPT}'\nunset autologout\n",
    ".kshrc": f"PS1='{PROMPT}'\n",
    ".config/fish/config.fish": (
        f"function fish_prompt\n  echo -n '{PROMPT}'\nend\nset -g fish_greeting\n"
    ),
    # Else the first fish makes them from all manuals, in the background, and that is never at rest for half a minute.
    ".local/share/fish/generated_completions/none.fish": "",
    ".vimrc": "set nocompatible noswapfile viminfo=\n",
    # Else keys that come within a millisecond of the last one are no commands, but pasted.
    ".tmux.conf": "set -g assume-paste-time 0\n",
}


def _command(*argv, check=True):
    subprocess.run(argv, check=check, capture_output=True, timeout=60)


def _exists(name):
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _create(spec):
    argv = ["useradd", "--badname", "-s", LOGIN_SHELL, "-m" if spec.make_home else "-M"]
    if spec.home:
        argv += ["-d", spec.home]
    if spec.groups:
        argv += ["-G", ",".join(spec.groups)]
    _command(*argv, spec.name)
    account = Account.of(spec.name)
    if spec.make_home:
        # Readable by everybody, so that only nsshell can be the reason why it cannot be seen.
        os.chmod(account.home, 0o755)
        account.write("secret", f"secret of {spec.name}\n")
        for name, text in START_FILES.items():
            account.write(name, text)
    return account


def tidy(account):
    """Removes what tests have put into a home; what begins with a dot stays."""
    if not os.path.isdir(account.home):
        return
    for entry in os.scandir(account.home):
        if entry.name.startswith(".") or entry.name == "secret":
            continue
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path)
        else:
            os.unlink(entry.path)


def _set_home(name, home):
    """usermod refuses it as long as a process of the user's is there, also one that is about to end."""
    wait_until(lambda: as_root("usermod", "-d", home, name).rc == 0, f"{home} to be the home of {name}")


@contextmanager
def home_at(account, home):
    """The account database has another home, or another name of it."""
    _set_home(account.name, str(home))
    try:
        yield
    finally:
        _set_home(account.name, account.home)


def create_all():
    """Makes groups and users. Returns a dictionary of Account by name."""
    for group in GROUPS:
        _command("groupadd", group)
    (SRV / "homes").mkdir(parents=True)
    DEPARTMENT.mkdir()
    return {spec.name: _create(spec) for spec in SPECS}


def _remove_agents(uid):
    """The folders of forwarded agents, of an sshd that was ended before it could."""
    for folder in os.scandir("/tmp"):
        if folder.name.startswith("ssh-") and folder.stat(follow_symlinks=False).st_uid == uid:
            shutil.rmtree(folder.path, ignore_errors=True)


def remove_all():
    """Removes whatever of it is there, also what a killed run has left."""
    for spec in SPECS:
        if _exists(spec.name):
            kill_all_of([Account.of(spec.name)])
            _remove_agents(Account.of(spec.name).uid)
            home = pwd.getpwnam(spec.name).pw_dir
            _command("userdel", "-f", spec.name, check=False)
            if spec.make_home and "nsh" in home:
                shutil.rmtree(home, ignore_errors=True)
    for group in (*GROUPS, *(spec.name for spec in SPECS)):
        _command("groupdel", group, check=False)
    for folder in (DEPARTMENT, SRV):
        shutil.rmtree(folder, ignore_errors=True)
