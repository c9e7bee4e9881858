# SPDX-License-Identifier: MIT
"""Mounts that tests make on the machine, and that go with them."""

import os
import pwd
from contextlib import contextmanager
from pathlib import Path

from lib_process import as_root
from lib_settings import RUN, SRV


def command(*argv):
    done = as_root(*argv)
    assert done.rc == 0, (argv, done)


def unmount(path):
    command("umount", "-l", str(path))


@contextmanager
def mounted(path, *argv):
    """mounted(path, "-t", "tmpfs", "none"): mounts it there, and takes it away afterwards."""
    command("mount", *argv, str(path))
    try:
        yield Path(path)
    finally:
        unmount(path)


def tmpfs(path, options="mode=755"):
    return mounted(path, "-t", "tmpfs", "-o", options, "none")


def points():
    """The mount points of the machine, the last one first."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    return [line.split()[4].encode().decode("unicode_escape") for line in reversed(lines)]


def _is_ours(point):
    homes = [entry.pw_dir for entry in pwd.getpwall() if entry.pw_name.startswith("nsh")]
    tops = [str(RUN), str(SRV), *(home for home in homes if home.startswith(("/home/nsh", str(SRV))))]
    return any(point == top or point.startswith(top + os.sep) for top in tops)


def remove_left_over():
    """What a killed run has left mounted: before anything is removed, which could be elsewhere too."""
    for point in points():
        if _is_ours(point):
            unmount(point)
