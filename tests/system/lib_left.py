# SPDX-License-Identifier: MIT
"""What a session could leave on the machine, and counting it."""

import os
import re
import time
from pathlib import Path

from lib_process import pids_of, status
from lib_settings import FRAME, MARKER, PATIENCE, RUN

KINDS = ("cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts")


def all_pids():
    return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]


def namespaces():
    """All namespaces that a process is in, has a file of open, or that are mounted somewhere."""
    found = set(re.findall(r"(\w+:\[\d+\])", Path("/proc/self/mountinfo").read_text()))
    for pid in all_pids():
        for folder in ("ns", "fd"):
            found |= set(namespace_links(f"/proc/{pid}/{folder}"))
    return found


def namespace_links(folder):
    try:
        names = os.listdir(folder)
    except OSError:
        return
    for name in names:
        try:
            link = os.readlink(f"{folder}/{name}")
        except OSError:
            continue
        if re.fullmatch(r"(" + "|".join(KINDS) + r"):\[\d+\]", link):
            yield link


def empty_cgroups():
    """Those that nobody is in. Others come and go with what else the machine does."""
    found = set()
    for folder, inner, names in os.walk("/sys/fs/cgroup"):
        if not inner and "cgroup.procs" in names and not in_cgroup(folder):
            found.add(folder)
    return found


def in_cgroup(folder):
    try:
        return Path(folder, "cgroup.procs").read_text()
    except OSError:
        return "gone"


def files():
    """What is in the folders where something of a session's could be."""
    folders = map(Path, ("/run", "/tmp", "/var/tmp", "/dev/shm", RUN, FRAME, MARKER))
    return {str(path) for folder in folders if folder.is_dir() for path in folder.iterdir()}


class Machine:
    """The machine at one moment."""

    def __init__(self, accounts):
        self.accounts = accounts
        self.found = self.look()

    def look(self):
        return {
            "process": {
                f"{pid} {status(pid).get('Name')}"
                for account in self.accounts for pid in pids_of(account)
            },
            "helper": {pid for pid in all_pids() if status(pid).get("Name") == "nsshell-session"},
            "mount": set(Path("/proc/self/mountinfo").read_text().splitlines()),
            "namespace": namespaces(),
            "cgroup": empty_cgroups(),
            "file": files(),
        }

    def left(self):
        """What is there now and was not before, without the kinds of which nothing is."""
        now = self.look()
        new = {kind: now[kind] - before for kind, before in self.found.items()}
        return {kind: things for kind, things in new.items() if things}


def assert_nothing_left(machine, seconds=20):
    """The kernel takes a moment to free namespaces, and PID 1 one second to end what hangs on."""
    deadline = time.monotonic() + seconds * PATIENCE
    while machine.left():
        assert time.monotonic() < deadline, machine.left()
        time.sleep(0.02)


# The kernel's own account. Memory in KiB, all else in pieces.

SLABS = (
    "cred_jar", "files_cache", "filp", "inode_cache", "mm_struct", "mnt_cache", "net_namespace", "nsproxy", "pid",
    "pid_namespace", "proc_inode_cache", "shmem_inode_cache", "signal_cache", "sock_inode_cache",
    "task_struct", "user_namespace", "uts_namespace",
)


def memory():
    lines = (line.partition(":") for line in Path("/proc/meminfo").read_text().splitlines())
    sizes = {name: int(rest.split()[0]) for name, _, rest in lines}
    return {
        # Without the programs' own: those that a session left would be counted as processes.
        "memory in use": sizes["MemTotal"] - sizes["MemAvailable"] - sizes["AnonPages"],
        **{name: sizes[name] for name in ("Slab", "SUnreclaim", "Percpu", "Shmem")},
    }


def slabs():
    """Objects of the kernel's. Which kinds it counts apart differs from machine to machine."""
    lines = (line.split() for line in Path("/proc/slabinfo").read_text().splitlines()[2:])
    return {fields[0]: int(fields[1]) for fields in lines if fields[0] in SLABS}


def inodes_of(folder):
    disk = os.statvfs(folder)
    return disk.f_files - disk.f_ffree


FOLDERS = ("/", "/run", "/dev/shm", "/tmp")


def figures():
    """What is in use, after the kernel was asked to free what it only keeps."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3\n")
    return {
        **memory(),
        **slabs(),
        **{f"inodes of {folder}": inodes_of(folder) for folder in FOLDERS},
        "open files": int(Path("/proc/sys/fs/file-nr").read_text().split()[0]),
        "mounts": len(Path("/proc/self/mountinfo").read_text().splitlines()),
        "namespaces": len(namespaces()),
        "processes": len(all_pids()),
    }
