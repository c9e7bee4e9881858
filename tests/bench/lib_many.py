# SPDX-License-Identifier: MIT
"""Many sessions: what each holds, whether the next ones get slower, and how many a second there can be."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lib_borrowed import processes_of
from lib_measure import command, helper, rounds_of, spawn, spread, start, times
from lib_setting import NSSHELL, NSSHELLCTL, SESSIONS, bubblewrap, least_of, share

LAUNCHERS = 2
BLOCKS = 5  # of a second each, the programs in turn
FEW = max(SESSIONS // 20, 1)  # 50 of 1,000
HELD = "echo; read line"

# All that can belong to a session but its processes' own memory. Not the page cache: programs and libraries are
# there once.
PARTS = ("Shmem", "Slab", "KernelStack", "PageTables", "SecPageTables", "Percpu")


def used_by_kernel():
    """KB of memory in use, without what the kernel would give up at once."""
    Path("/proc/sys/vm/drop_caches").write_text("2\n")
    lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return sum(int(lines[part].split()[0]) for part in PARTS if part in lines)


def used_at_rest():
    """The kernel takes its time to free what ended sessions had."""
    last = used_by_kernel()
    for _ in range(15):
        time.sleep(1)
        now = used_by_kernel()
        if abs(now - last) < 256:
            return now
        last = now
    return last


def used_by_processes(user):
    """KB of the memory of a user's processes that is no file's, shared pages in parts."""
    rollups = (Path(f"/proc/{pid}/smaps_rollup").read_text() for pid in processes_of(user.pw_uid))
    return sum(int(line.split()[1]) for text in rollups for line in text.splitlines()
               if line.startswith("Pss_Anon:"))


def rate(argv, user):
    """Sessions a second with LAUNCHERS processes that start one after the other without a pause, for a second."""
    argv = command([argv], user=user, rounds=10**6, seconds=1, pause=0)
    processes = [start(argv, user) for _ in range(LAUNCHERS)]
    with ThreadPoolExecutor() as readers:
        found = readers.map(rounds_of, processes)
        return sum(1e6 * len(rows) / sum(row[0] for row in rows) for rows in found)


def rates(programs, user):
    found = {name: [] for name in programs}
    for _ in range(BLOCKS):
        for name, argv in programs.items():
            time.sleep(0.5)  # what the kernel still cleans up is the last one's
            found[name].append(rate(argv, user))
    return {name: spread(values) for name, values in found.items()}


def held_programs(setting):
    home = setting.user.pw_dir
    programs = {
        "bare": ["/bin/sh", "-c", HELD],
        "least": least_of(setting, "/bin/sh", "sh", "-c", HELD),
        "nsshell": [str(NSSHELL), "-c", HELD],
        # Last, as who comes later finds slabs that are half empty.
        "bubblewrap": [*bubblewrap(home), "/bin/sh", "-c", HELD],
    }
    return {name: argv for name, argv in programs.items() if name in setting.programs}


def held(argv, user):
    return helper("hold", str(SESSIONS), *argv, user=user)


def held_again(argv, user):
    """A tenth of a second is soon over, and the machine may do something else in it."""
    for _ in range(2):
        time.sleep(3)  # the kernel cleans up
        with held(argv, user) as started:
            yield started


def first_and_last(starts):
    first = spread([took for started in starts for took in started[:FEW]])
    last = spread([took for started in starts for took in started[-FEW:]])
    return {"first": first, "last": last, "times_first": times(last, first, "median")}


def hold(setting, name, argv):
    """SESSIONS idle sessions of a program."""
    before = used_at_rest()
    # That has cost the kernel its caches, and the first sessions must not pay for it.
    spawn([setting.programs[name]], setting.user, rounds=share(0.1))
    with held(argv, setting.user) as started:
        time.sleep(3)  # nsshell gives memory back after a second
        figure = {"memory": (used_by_kernel() - before + used_by_processes(setting.user)) / SESSIONS}
        figure["rate"] = rates({name: setting.programs[name]}, setting.user)[name]
        if name == "nsshell":
            rows = spawn([[str(NSSHELLCTL), "list"]], rounds=10)
            figure["list"] = spread([row[0] for row in rows])
    return {**figure, **first_and_last([started, *held_again(argv, setting.user)])}


def many_sessions(setting):
    """Rates with none, then each program with SESSIONS of its own open."""
    held = held_programs(setting)
    alone = rates({name: setting.programs[name] for name in held}, setting.user)
    found = {name: hold(setting, name, argv) for name, argv in held.items()}
    for name, figure in found.items():
        figure["rate_alone"] = alone[name]
        figure["memory_above_shell"] = figure["memory"] - found["bare"]["memory"]
    return found
