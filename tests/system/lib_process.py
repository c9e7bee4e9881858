# SPDX-License-Identifier: MIT
"""Starting programs as a test user, waiting for facts, and reading /proc from the host's side."""

import os
import re
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from lib_settings import LOGIN_SHELL, PATIENCE, REFUSED

NAMESPACES = ("user", "pid", "uts", "ipc", "mnt", "cgroup")
PATH = "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"

# Prints the session's namespaces; to be compared with host_namespaces().
SHOW_NAMESPACES = "readlink " + " ".join(f"/proc/self/ns/{name}" for name in NAMESPACES)


@dataclass
class Result:
    """How a program ended. Texts, or bytes when it was started with text=False."""

    rc: int
    out: object
    err: object


def wait_until(predicate, what, seconds=60.0):
    """Polls until predicate() is true and returns its value; fails after that many seconds."""
    seconds *= PATIENCE
    deadline = time.monotonic() + seconds
    while True:
        value = predicate()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds} s: {what}")
        time.sleep(0.005)


def end_ssh(client):
    """Ends a client. Not by SIGTERM: when that comes just before ssh waits for something, ssh waits on."""
    client.kill()
    client.wait()


@contextmanager
def starved(pid):
    """While this lasts the process gets a processor hardly ever: what it is woken for is not the last thing to come."""
    processor = {min(os.sched_getaffinity(0))}
    for thread in map(int, os.listdir(f"/proc/{pid}/task")):
        os.sched_setaffinity(thread, processor)
        os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))
    busy = subprocess.Popen(["/bin/sh", "-c", "while :; do :; done"])
    try:
        os.sched_setaffinity(busy.pid, processor)
        yield
    finally:
        busy.kill()
        busy.wait()


def environment(account, **more):
    """The variables that a login sets, and nothing of the tests' own environment."""
    return {
        "HOME": account.home,
        "USER": account.name,
        "LOGNAME": account.name,
        "SHELL": LOGIN_SHELL,
        "PATH": PATH,
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        **more,
    }


def home_or_root(account):
    return account.home if os.path.isdir(account.home) else "/"


def start(account, *args, program=LOGIN_SHELL, argv0=None, env=None, cwd=None, **popen):
    """Starts program as that user, as sshd would: ids, groups, folder, environment."""
    popen.setdefault("stdin", subprocess.DEVNULL)
    return subprocess.Popen(
        [argv0 or os.path.basename(program), *args],
        executable=program,
        user=account.uid,
        group=account.gid,
        extra_groups=account.groups,
        env=environment(account) if env is None else env,
        cwd=cwd or home_or_root(account),
        **popen,
    )


def run(account, *args, stdin=None, timeout=60, text=True, **how):
    """Runs program as that user to its end and returns a Result."""
    how.setdefault("stdout", subprocess.PIPE)
    how.setdefault("stderr", subprocess.PIPE)
    how["stdin"] = subprocess.DEVNULL if stdin is None else subprocess.PIPE
    if text:
        how.update(encoding="utf-8", errors="surrogateescape")
    with start(account, *args, **how) as process:
        try:
            out, err = process.communicate(stdin, timeout=timeout * PATIENCE)
        except BaseException:
            process.kill()
            raise
    return Result(process.returncode, out, err)


def sh(account, command, *args, **how):
    """The login shell with -c."""
    return run(account, "-c", command, *args, **how)


def as_root(*argv, stdin=None, timeout=60, **how):
    """Runs a program of the machine as root and returns a Result."""
    done = subprocess.run(
        argv, input=stdin, capture_output=True, text=True, timeout=timeout * PATIENCE, check=False,
        stdin=subprocess.DEVNULL if stdin is None else None, **how,
    )
    return Result(done.returncode, done.stdout, done.stderr)


def output_of(account, command, **how):
    """The output of a command that must succeed, without the last newline."""
    result = sh(account, command, **how)
    assert result.rc == 0, f"{command}: {result}"
    return result.out.rstrip("\n")


# What /proc says, seen from the host.


def status(pid):
    """/proc/PID/status as a dictionary; empty when the process is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return {}
    return {key: value.strip() for key, _, value in (l.partition(":") for l in text.splitlines())}


def alive(pid):
    return status(pid).get("State", "Z")[0] not in "ZX"


def children(pid):
    try:
        return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def namespaces(pid="self"):
    return {name: os.readlink(f"/proc/{pid}/ns/{name}") for name in NAMESPACES}


def host_namespaces():
    return list(namespaces().values())


def pids_of(*accounts):
    """All processes, zombies too, whose real user id is that of one of the accounts."""
    uids = {str(account.uid) for account in accounts}
    return [int(entry) for entry in os.listdir("/proc")
            if entry.isdigit() and status(entry).get("Uid", "-1").split()[0] in uids]


def alive_pids_of(*accounts):
    return [pid for pid in pids_of(*accounts) if alive(pid)]


def called(name, account):
    """Those of the account's that are called so."""
    return [pid for pid in alive_pids_of(account) if status(pid).get("Name") == name]


def kill_all_of(accounts):
    """Ends what a failed test has left behind: processes of test users, by their ids. The next test finds none of them, but
    for what hangs in the kernel."""
    deadline = time.monotonic() + 10 * PATIENCE
    while (left := alive_pids_of(*accounts)) and time.monotonic() < deadline:
        for pid in left:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)


def open_files(pid):
    """What a process has open, by its numbers. It may be closing some of it."""
    found = {}
    for name in os.listdir(f"/proc/{pid}/fd"):
        with suppress(FileNotFoundError):
            found[int(name)] = os.readlink(f"/proc/{pid}/fd/{name}")
    return found


def await_outer(pid):
    """A session's shell runs before its outer process has given up all that it has. After that it waits."""
    wait_until(lambda: Path(f"/proc/{pid}/wchan").read_text().startswith("poll"), "the outer process to wait")


def work_of(pid):
    """What a process has had so far: ticks of processor time, and how often it has gone to sleep."""
    fields = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12]), int(status(pid)["voluntary_ctxt_switches"])


def assert_idle(pids, rest=2, seconds=5):
    """Processes that only wait do so without a clock that wakes them up. rest: until then they may still do something."""
    time.sleep(rest * PATIENCE)
    before = {pid: work_of(pid) for pid in pids}
    time.sleep(seconds)
    for pid, (ticks, sleeps) in before.items():
        now = work_of(pid)
        assert now[0] - ticks <= 1 and now[1] - sleeps <= 2, (status(pid)["Name"], (ticks, sleeps), now)


class Held:
    """A login shell that reads commands from its stdin and is kept open: a session to look at."""

    MARK = "@@end "

    def __init__(self, account, *args, **how):
        self.account = account
        self.process = start(
            account, *args, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, **how,
        )
        self.ask("true")

    def ask(self, command):
        """Runs a command in the session. Returns a Result with stdout and stderr together."""
        line = f"{{ {command}\n}} </dev/null 2>&1; printf '\\n{self.MARK}%d\\n' $?\n"
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()
        lines = []
        for raw in self.process.stdout:
            text = raw.decode(errors="surrogateescape")
            if text.startswith(self.MARK):
                return Result(int(text[len(self.MARK):]), "".join(lines).strip("\n"), "")
            lines.append(text)
        raise AssertionError(f"{command}: the shell ended: {''.join(lines)}")

    def tell(self, command):
        """Gives the shell a command without waiting for anything."""
        self.process.stdin.write(f"{command}\n".encode())
        self.process.stdin.flush()

    @property
    def outer(self):
        return self.process.pid

    @property
    def init(self):
        """The host's id of the session's PID 1."""
        (init,) = children(self.outer)
        return init

    @property
    def shell(self):
        """The host's id of the session's shell."""
        (shell,) = children(self.init)
        return shell

    def close(self):
        """Ends the session in the ordinary way and returns the exit status."""
        self.process.stdin.close()
        rc = self.process.wait(timeout=60 * PATIENCE)
        self.process.stdout.close()
        return rc

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            try:
                self.process.stdin.close()
                self.process.wait(timeout=5 * PATIENCE)
            except (BrokenPipeError, subprocess.TimeoutExpired):
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()


class HeldProgram(Held):
    """Likewise the shell at the far end of some other program, which is run as root."""

    def __init__(self, account, argv, **popen):
        self.account = account
        self.process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **popen
        )
        self.ask("true")


# What is asserted again and again.

REFUSAL = re.compile(r"nsshell: no session: (?P<why>.+) \[incident (?P<incident>[0-9a-f]{16})\]\n")


def assert_refused(result):
    """One line on stderr, nothing on stdout, 125. Returns the line's match."""
    assert result.rc == REFUSED, result
    assert result.out == "", result
    match = REFUSAL.fullmatch(result.err)
    assert match, result
    return match


def assert_confined(lines):
    """lines: what SHOW_NAMESPACES printed inside."""
    inside = lines.split()
    assert len(inside) == len(NAMESPACES), lines
    for name, ours, theirs in zip(NAMESPACES, host_namespaces(), inside):
        assert theirs.startswith(f"{name}:["), lines
        assert ours != theirs, f"{name} namespace is the host's"
