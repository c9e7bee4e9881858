# SPDX-License-Identifier: MIT
"""Where the time goes: every system call of a start and an end, as the kernel's tracer saw it.

tracefs has an instance of its own for this. A process is named to it before it executes anything, and what it
starts follows by itself. Each event costs about a microsecond, which is in the figures.
"""

import os
import re
import statistics
import subprocess
import time
from collections import Counter, defaultdict
from pathlib import Path

from lib_measure import frame
from lib_setting import become, environment, share

TRACING = Path("/sys/kernel/tracing")
INSTANCE = TRACING / "instances/nsshell-bench"
LINE = re.compile(r".*-(\d+)\s+\[\d+\]\s+\S+\s+([\d.]+): sys_(enter|exit): NR (-?\d+) (.*)")

PR_SET_SECCOMP = 22
MS_NOEXEC_OF_PROC = 0xE  # nosuid, nodev, noexec: no other mount of a session has these three
OUTER, INIT, SHELL_PROCESS = range(3)


def is_call(*names):
    return lambda name, args: name in names


# Each step begins with the first such call, by that process, after the step before it has begun.
STEPS = (
    ("start: streams, terminal, where it stands", OUTER, is_call("rt_sigprocmask")),
    ("account and policy", OUTER, is_call("openat", "openat2")),
    ("plan", OUTER, is_call("close_range")),
    ("namespaces and PID 1", OUTER, is_call("socketpair")),
    ("id maps", INIT, lambda name, args: True),
    ("mounts and files", INIT, is_call("mount", "openat2")),
    ("/proc", INIT, lambda name, args: name == "mount" and args[3:4] == ["e"]),
    ("privileges", INIT, is_call("sethostname", "keyctl", "signalfd4")),
    ("filter", INIT, lambda name, args: name == "prctl" and args[0] == f"{PR_SET_SECCOMP:x}"),
    ("privileges", INIT, is_call("capset")),
    ("the shell's vfork and exec", INIT, is_call("vfork", "clone", "clone3")),
)


def call_names():
    """By number, as the kernel's header has them."""
    text = subprocess.run(["cc", "-E", "-dM", "-"], input="#include <asm/unistd.h>\n", text=True,
                          stdout=subprocess.PIPE, check=True).stdout
    return {int(number): name for name, number in re.findall(r"#define __NR_(\w+) (\d+)", text)}


class Tracer:
    def __init__(self, borrowed):
        self.names = call_names()
        borrowed.promise(str(INSTANCE), self._remove, INSTANCE.exists)
        INSTANCE.mkdir(exist_ok=True)
        self._write("trace_clock", "mono")
        self._write("buffer_size_kb", "4096")
        self._write("options/event-fork", "1")
        self._write("events/raw_syscalls/enable", "1")

    def _write(self, name, text):
        (INSTANCE / name).write_text(text)

    def _remove(self):
        if INSTANCE.exists():
            self._write("tracing_on", "0")
            self._write("events/enable", "0")
            INSTANCE.rmdir()

    def run(self, argv, user):
        """Returns the process's id, its events and when its end was noticed."""
        self._write("trace", "")
        ready, go = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.read(ready, 1)
            null = os.open("/dev/null", os.O_RDWR)
            for fd in range(3):
                os.dup2(null, fd)
            os.chdir(user.pw_dir)
            os.execve(argv[0], argv, environment(user))
        self._write("set_event_pid", str(pid))
        os.write(go, b".")
        _, status = os.waitpid(pid, 0)
        noticed = time.monotonic_ns() / 1000
        os.close(ready)
        os.close(go)
        if status:
            raise SystemExit(f"while tracing: {argv}: wait status {status}")
        time.sleep(0.01)  # for what ends after it
        return pid, list(self._events()), noticed

    def _events(self):
        for line in (INSTANCE / "trace").read_text().splitlines():
            if match := LINE.match(line):
                pid, when, kind, number, rest = match.groups()
                yield Event(int(pid), float(when) * 1e6, kind, self.names.get(int(number), number), rest)


class Event:
    def __init__(self, pid, when, kind, name, rest):
        self.pid, self.when, self.name = pid, when, name
        self.enters = kind == "enter"
        self.rest = rest

    @property
    def args(self):
        return self.rest.strip("()").replace(" ", "").split(",")

    @property
    def executed(self):
        return not self.enters and self.name == "execve" and self.rest == "= 0"


class Start:
    """One traced start. skip: what executes before the program itself."""

    def __init__(self, traced, skip):
        self.outer, events, self.noticed = traced
        executed = [i for i, event in enumerate(events) if event.pid == self.outer and event.executed]
        first = executed[skip]
        # When the program's own execve began.
        self.began = max(event.when for event in events[:first]
                         if event.pid == self.outer and event.enters and event.name == "execve")
        self.events = events[first + 1:]
        last = max((i for i, event in enumerate(events) if event.executed), key=lambda i: events[i].when)
        self.shell = events[last].pid
        self.shell_there = events[last].when
        self.shell_ends = next((event.when for event in events[last:] if event.pid == self.shell
                                and event.name == "exit_group"), self.noticed)

    def calls(self):
        """All that was entered but for the shell's own."""
        return [event for event in self.events if event.enters
                and not (event.pid == self.shell and event.when > self.shell_there)]

    def init(self):
        return next((event.pid for event in self.events if event.pid not in (self.outer, self.shell)), None)

    def first(self, after, pid, fits):
        return next((event.when for event in self.events if event.pid == pid and event.when > after and fits(event)),
                    self.noticed)

    def ending(self):
        """Microseconds of the end by who is at work: a wait is over when its system call returns."""
        returns, exits = lambda event: not event.enters, lambda event: event.enters and event.name == "exit_group"
        init = self.first(self.shell_ends, self.init(), returns)
        outer = self.first(init, self.outer, returns)
        gone = self.first(outer, self.outer, exits)
        return {
            "the shell's exit, until PID 1 runs": init - self.shell_ends,
            "PID 1, until the outer process runs": outer - init,
            "the outer process": gone - outer,
            "its exit, until its parent runs": self.noticed - gone,
        }

    def steps(self):
        """Microseconds by step."""
        who = {OUTER: self.outer, INIT: self.init()}
        begins = [("exec and C library", self.began)]
        for name, process, fits in STEPS:
            after = begins[-1][1]
            found = next((event.when for event in self.events if event.enters and event.when > after
                          and event.pid == who[process] and event.when < self.shell_there
                          and fits(event.name, event.args)), None)
            if found:
                begins.append((name, found))
        begins += [("the shell itself", self.shell_there), ("the end", self.shell_ends),
                   (None, self.noticed)]
        times = defaultdict(float)
        for (name, when), (_, following) in zip(begins, begins[1:]):
            times[name] += following - when
        return times

    def spent(self):
        """Microseconds and number of each system call, the shell's own excepted."""
        entered, times, counts = {}, Counter(), Counter()
        for event in self.events:
            if event.pid == self.shell and event.when > self.shell_there:
                continue
            if event.enters:
                entered[event.pid] = event
                counts[event.name] += 1
            elif event.pid in entered and entered[event.pid].name == event.name:
                times[event.name] += event.when - entered.pop(event.pid).when
        return times, counts


WAITING = ("poll", "ppoll", "wait4", "waitid", "read", "recvfrom", "vfork", "epoll_wait")


def medians(dicts):
    names = dict.fromkeys(name for one in dicts for name in one)
    return {name: statistics.median(one.get(name, 0) for one in dicts) for name in names}


def figures(starts):
    spent = [start.spent() for start in starts]
    times = medians([{name: us for name, us in times.items() if name not in WAITING}
                     for times, _ in spent])
    counts = medians([counts for _, counts in spent])
    dear = sorted(times, key=times.get, reverse=True)[:10]
    return {
        "runs": len(starts),
        "calls": statistics.median(len(start.calls()) for start in starts),
        "dearest": {name: {"us": times[name], "calls": counts[name]} for name in dear},
    }


def is_there():
    return (TRACING / "instances").is_dir()


def find_tracer(borrowed):
    """Whether the kernel has one. Where nobody has mounted it, it is for as long as it is needed."""
    if is_there():
        return True
    borrowed.promise(str(TRACING), lambda: subprocess.run(["umount", TRACING], check=False, stderr=subprocess.DEVNULL),
                     is_there)
    subprocess.run(["mount", "-t", "tracefs", "none", TRACING], check=False, stderr=subprocess.DEVNULL)
    return is_there()


def tracing(setting):
    """System calls of least, bubblewrap and nsshell; of nsshell, standalone and in a frame, also the steps."""
    if not find_tracer(setting.borrowed):
        return {}
    tracer = Tracer(setting.borrowed)
    found = {}
    with frame(setting.user) as where:
        programs = {name: ((), setting.programs[name]) for name in ("least", "bubblewrap", "nsshell")
                    if name in setting.programs}
        programs["nsshell, in a frame"] = (where, setting.programs["nsshell"])
        runs = {name: [] for name in programs}
        for _ in range(min(share(0.06), 30) + 1):
            for name, (place, argv) in programs.items():
                command = [*place, *become(setting.user), *argv]
                runs[name].append(Start(tracer.run(command, setting.user), 1 + bool(place)))
    for name, starts in runs.items():
        found[name] = figures(starts[1:])
        if name != "bubblewrap":
            found[name]["ending"] = medians([start.ending() for start in starts[1:]])
        if name.startswith("nsshell"):
            found[name]["steps"] = medians([start.steps() for start in starts[1:]])
    return found
