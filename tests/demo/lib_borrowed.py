# SPDX-License-Identifier: MIT
"""Users, files and processes that are there for a while: for the demo and the bench.

Whatever is made is registered together with how it is undone and how to see that it is gone. On the
way out, be it the end, an error or a signal, all of it is undone, last things first, and then looked
for again.
"""

import fcntl
import grp
import os
import pwd
import shutil
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(BaseException):
    """A signal asked for the end."""


def _interrupt(number, _frame):
    raise Interrupted(signal.Signals(number).name)


class Borrowed(ExitStack):
    """Undoes what it was told of. `left` then lists what is there nevertheless."""

    def __init__(self):
        super().__init__()
        self.left = []
        self._things = []

    def __enter__(self):
        for number in SIGNALS:
            signal.signal(number, _interrupt)
        return super().__enter__()

    def __exit__(self, *error):
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        try:
            return super().__exit__(*error)
        finally:
            self.left = [name for name, is_there in self._things if is_there()]
            for number in SIGNALS:
                signal.signal(number, signal.SIG_DFL)

    def promise(self, name, undo, is_there):
        """undo() is called on the way out; after that is_there() must be false."""
        self.callback(undo)
        self._things.append((name, is_there))


# Users

MARK = "nsshell test user"


def user_exists(name):
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _group_exists(name):
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True


def processes_of(uid):
    """The ids of all processes, zombies excepted, of that real user id."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            lines = (entry / "status").read_text(errors="replace").splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        if status["Uid"].split()[0] == str(uid) and status["State"][0] not in "ZX":
            found.append(int(entry.name))
    return found


def end_processes(find, seconds=10):
    """Kills what find() lists until it lists nothing."""
    deadline = time.monotonic() + seconds
    while (pids := find()) and time.monotonic() < deadline:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.02)


def _remove_user(name):
    if user_exists(name):
        user = pwd.getpwnam(name)
        end_processes(lambda: processes_of(user.pw_uid))
        subprocess.run(["userdel", "-f", name], capture_output=True, check=False)
        shutil.rmtree(user.pw_dir, ignore_errors=True)
    if _group_exists(name):
        subprocess.run(["groupdel", name], capture_output=True, check=False)


def borrow_user(borrowed, name, shell):
    """Makes a user with a home in /home. One that a killed run left is replaced, no other."""
    if user_exists(name) and pwd.getpwnam(name).pw_gecos != MARK:
        raise SystemExit(f"there is a user {name}, and it is not this program's own")
    _remove_user(name)
    if os.path.lexists(f"/home/{name}"):
        raise SystemExit(f"there is a /home/{name}, and no user of that name")
    borrowed.promise(f"user {name}", lambda: _remove_user(name), lambda: user_exists(name))
    borrowed.promise(f"group {name}", lambda: None, lambda: _group_exists(name))
    subprocess.run(
        ["useradd", "-m", "-U", "-d", f"/home/{name}", "-c", MARK, "-s", shell, name],
        check=True, capture_output=True, stdin=subprocess.DEVNULL,
    )
    user = pwd.getpwnam(name)
    borrowed.promise(f"home {user.pw_dir}", lambda: None, lambda: os.path.lexists(user.pw_dir))
    borrowed.promise(
        f"processes of {name}", lambda: None, lambda: bool(processes_of(user.pw_uid))
    )
    return user


def as_user(user):
    """Keyword arguments for subprocess that make it a process of that user's, in its home."""
    return {
        "user": user.pw_uid, "group": user.pw_gid, "extra_groups": os.getgrouplist(user.pw_name, user.pw_gid),
        "cwd": user.pw_dir, "umask": 0o022,
        "env": {
            "HOME": user.pw_dir, "USER": user.pw_name, "LOGNAME": user.pw_name,
            "SHELL": user.pw_shell, "PATH": "/usr/local/bin:/usr/bin:/bin", "TERM": "dumb",
        },
    }


# Files and folders


def borrow_file(borrowed, path, text, owner=None, mode=0o644):
    """Makes a file, not through a link and not in place of another."""
    path = Path(path)
    borrowed.promise(
        str(path), lambda: path.unlink(missing_ok=True), lambda: os.path.lexists(path)
    )
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    with open(fd, "w", encoding="utf-8") as file:
        file.write(text)
        os.fchmod(fd, mode)
        if owner:
            os.fchown(fd, owner.pw_uid, owner.pw_gid)
    return path


def borrow_folder(borrowed, path):
    """Makes a folder if it is not there; only then it is removed."""
    path = Path(path)
    if not path.exists():
        borrowed.promise(
            str(path), lambda: shutil.rmtree(path, ignore_errors=True), lambda: path.exists()
        )
        path.mkdir(mode=0o755)
    return path


def borrow_installation(borrowed, prefix):
    """The folder that make installed this build in: it goes as well. One run at a time has it."""
    folder = os.open(prefix, os.O_RDONLY | os.O_DIRECTORY)
    borrowed.callback(os.close, folder)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SystemExit(f"another run uses {prefix}: wait for its end") from None
    borrowed.promise(
        str(prefix), lambda: shutil.rmtree(prefix, ignore_errors=True), lambda: prefix.exists()
    )
