# SPDX-License-Identifier: MIT
"""Faults in the session helper: strace in its place makes one system call fail, or kills it there.

Each login runs in a mount namespace of its own (tests/tools/leaves.c) where a script is shown in
the helper's place. So nothing of the installation is changed, and logins can run side by side.
"""

import os
import re
import shutil
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import unified_diff
from itertools import count

from lib_pam import SUCCESS, Login, assert_denied, parse
from lib_process import Result
from lib_settings import FRAME, HELPER, NSSHELL, PATIENCE, RUN, TOOLS

LEAVES = TOOLS / "leaves"

# The kernel's usual ways to say that something has run out or is broken; EPERM for all others.
FITTING = {
    "ENOMEM": "brk clone mmap mount mprotect munmap recvfrom sendmsg sendto setns unshare",
    "EMFILE": "dup fcntl openat openat2 socket",
    "EIO": "close getdents64 lseek newfstatat read readlink sendfile statx write",
    "ENOSPC": "mkdir symlink",
}
ERRNO = {name: errno for errno, names in FITTING.items() for name in names.split()}

# What a signal can interrupt (signal(7)); close() and mount() may say so as well.
INTERRUPTIBLE = (
    "close connect mount openat openat2 read recvfrom sendfile sendmsg sendto wait4 write"
).split()

# What never fails (their manuals) is only a place to be killed at.
UNFAILING = "exit_group getpid getppid pause set_tid_address umask".split()

# One line of strace -f: the process, the call, and all of it.
LINE = re.compile(r"^(?P<pid>\d+) +(?P<call>(?P<name>\w+)\(.*)$", re.M)
INJECTED, KILLED = "(INJECTED)", "+++ killed by SIGKILL +++"

# Run as the user: shows all that the frame is to be, then all that the session in it is to be.
LOOK = f"""\
cd {FRAME} || exit 9
stat -c '%A %u %g %s %n' . *
cat policy account
grep -xE '[0-9a-f]{{16}}' id | wc -l
for file in * new; do true 2>/dev/null >$file && echo "can write $file"; done
for folder in /home /tmp /var/tmp /dev/shm; do echo $folder $(ls -A $folder); done
echo processes of $(stat -c %u /proc/[0-9]* 2>/dev/null | sort -u)
cat ~/secret $HIDDEN 2>&1
cat /proc/self/mountinfo
cd
exec {NSSHELL} -c 'cat /proc/self/uid_map /proc/self/gid_map /proc/self/setgroups
grep -E "^(Cap|NoNew)" /proc/self/status; id; hostname; umask; echo /proc/[0-9]*
ls -A /home /tmp ~; cat $HIDDEN 2>&1; true'
"""


@dataclass(frozen=True)
class Call:
    """The n-th time that one of the helper's processes makes this system call, counting from 1."""

    name: str
    n: int
    text: str  # as strace shows it
    child: bool  # made by the process that holds the user namespace

    def __str__(self):
        return f"{self.name} {self.n}{' of the child' if self.child else ''}: {self.text[:100]}"


def calls_of(log):
    """All calls of a log of strace -f but for the helper's own start, in order, the child's last:
    how many those are differs. What strace has no name for it cannot make fail."""
    seen, calls, first = Counter(), [], None
    for line in LINE.finditer(log):
        first = first or line["pid"]
        seen[line["pid"], line["name"]] += 1
        number = seen[line["pid"], line["name"]]
        calls.append(Call(line["name"], number, line["call"], line["pid"] != first))
    known = [call for call in calls[1:] if not call.name.startswith("syscall_0x")]
    return sorted(known, key=lambda call: call.child)


@dataclass
class Outcome:
    """A login with a fault: what pamlogin said, what was left, and what strace saw."""

    what: str
    login: Login
    left: list
    log: str

    @property
    def has_session(self):
        return self.login.pam == SUCCESS


def is_mount(line):
    return re.match(r"\d+ \d+ \d+:\d+ ", line)


def normal_mount(line):
    """A line of mountinfo without its numbers."""
    before, _, after = line.partition(" - ")
    fields = before.split()
    groups = sorted(re.sub(r":\d+", "", group) for group in fields[6:])
    return re.sub(r":\[\d+\]", ":[]", " ".join([*fields[3:6], *groups, "-", after]))


def normal(text):
    """What LOOK printed, without what differs from login to login."""
    return [
        normal_mount(line) if is_mount(line) else line
        for line in text.splitlines()
        if str(HELPER) not in line
    ]


class Faults:
    """Logins of one user, each with one fault."""

    def __init__(self, pam, account, hidden, prefix=()):
        """hidden: a file that the policy hides. prefix: the beginning of every command line."""
        self.prefix = prefix
        self.command = pam.command(account.name, "/bin/sh", "-c", f"export HIDDEN={hidden}\n{LOOK}")
        self.env = {"PATH": os.environ["PATH"], "HOME": account.home}
        self.folder = RUN / "faults"
        self.folder.mkdir()
        self.helper = self.folder / "helper"
        shutil.copy(HELPER, self.helper)
        self.numbers = count()
        self.good = []
        self.calls = []

    def remove(self):
        shutil.rmtree(self.folder)

    def _script(self, options):
        """What takes the helper's place. Its log has the same name, without .sh."""
        path = self.folder / f"{next(self.numbers)}.sh"
        log = path.with_suffix("")
        strace = ["/usr/bin/strace", "-D", "-f", "-qq", "-o", log, *options]
        path.write_text(f"#!/bin/sh\nexec {' '.join(map(str, strace))} {self.helper}\n")
        path.chmod(0o755)
        return path

    def start(self, script="-"):
        """Starts a login, with the script or with the helper as it is installed."""
        return subprocess.Popen(
            [*self.prefix, str(LEAVES), str(script), str(HELPER), *self.command], cwd="/",
            env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, errors="surrogateescape",
        )

    @staticmethod
    def finish(process, what, log=""):
        with process:
            out, err = process.communicate(timeout=60 * PATIENCE)
        lines = err.splitlines(keepends=True)
        left = [line for line in lines if line.startswith("left ")]
        rest = "".join(line for line in lines if not line.startswith("left "))
        return Outcome(what, parse(Result(process.returncode, out, rest)), left, log)

    def login(self, what, *options):
        """A whole login. With options strace has them."""
        if not options:
            return self.finish(self.start(), what)
        script = self._script(options)
        outcome = self.finish(self.start(script), what)
        log = script.with_suffix("")
        outcome.log = log.read_text(errors="replace") if log.exists() else ""
        return outcome

    def record(self):
        """A login without faults: how it ends, and which system calls the helper makes for it."""
        outcome = self.login("no fault", "-a1", "-s200")
        self.good = normal(outcome.login.result.out)
        self.calls = calls_of(outcome.log)
        return outcome

    def inject(self, call, fault):
        """fault: what follows NAME: in strace's inject=."""
        return self.login(
            f"{fault} at {call}", f"-e trace={call.name}",
            f"-e inject={call.name}:{fault}:when={call.n}",
        )

    def inject_all(self, pairs):
        """inject() for each pair of a call and a fault, some at a time. Outcomes in that order."""
        with ThreadPoolExecutor(os.cpu_count() + 1) as pool:
            return list(pool.map(lambda pair: self.inject(*pair), pairs))

    def check(self, outcome):
        """A whole frame or a refused login, and nothing left. Returns whether it was a session."""
        assert not outcome.left, outcome
        if not outcome.has_session:
            assert_denied(outcome.login)
            return False
        login = outcome.login
        assert login.result.rc == 0 and not login.changed and not login.says, outcome
        other = list(unified_diff(self.good, normal(login.result.out), "no fault", "fault", n=0))
        assert not other, (outcome.what, other)
        return True
