# SPDX-License-Identifier: MIT
"""What machine it is, whether it is idle, and whether the comparison on it is a fair one."""

import os
import platform
import subprocess
import time
from pathlib import Path

from lib_measure import percentile, spawn
from lib_setting import NSSHELL, become, environment, least_of, least_true, share


def first_line(*argv):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          stderr=subprocess.STDOUT, check=False)
    return (done.stdout.splitlines() or ["?"])[0]


def busy():
    """The part of its time that the machine spends on other things, within two seconds."""
    def times():
        words = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
        return [int(word) for word in words]

    before = times()
    time.sleep(2)
    spent = [after - one for one, after in zip(before, times())]
    return 1 - (spent[3] + spent[4]) / max(sum(spent), 1)  # idle, and waiting for a disk


def machine(setting):
    known = {
        "nsshell": (NSSHELL, "--version"), "bubblewrap": ("/usr/bin/bwrap", "--version"),
        "unshare": ("/usr/bin/unshare", "--version"), "firejail": ("/usr/bin/firejail", "--version"),
        "podman": ("/usr/bin/podman", "--version"),
    }
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line]
    return {
        "date": time.strftime("%Y-%m-%d"),
        "kernel": platform.release(),
        "cores": os.cpu_count(),
        "cpu": cpu[0].split(": ")[1] if cpu else platform.machine(),
        "libc": " ".join(platform.libc_ver()),
        "least_libc": setting.libc,
        "busy": busy(),
        "versions": {name: first_line(*argv) for name, argv in known.items() if name in setting.programs},
        "left_out": setting.left_out,
        "mounts": compare_mounts(setting),
    }


def mounts_of(argv, user):
    """Where, what kind and with which flags: all that a program's shell sees."""
    text = subprocess.run([*become(user), *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                          check=True, cwd=user.pw_dir, env=environment(user)).stdout
    lines = [line.split() for line in text.splitlines()]
    return sorted(f"{words[4]} {words[words.index('-') + 1]} {words[5]}" for words in lines)


def compare_mounts(setting):
    """The least program must do what nsshell does."""
    shown = "/proc/self/mountinfo"
    ours = mounts_of([NSSHELL, "-c", f"cat {shown}"], setting.user)
    least = mounts_of(least_of(setting, "/bin/cat", "cat", shown), setting.user)
    return {"nsshell": len(ours), "least": len(least), "differ": sorted({*ours} ^ {*least})}


def choose_libc(setting):
    """The C library with which the least program is fastest, by the rounds that met the least else."""
    names = list(setting.leasts)
    rows = spawn([least_true(setting, name) for name in names], setting.user, rounds=share(0.3))
    setting.libc = min(names, key=lambda name: percentile([row[names.index(name)] for row in rows], 0.1))
