# SPDX-License-Identifier: MIT
"""A home that root may not read: as on NFS with root squash, but stricter.

bindfs, which the user runs, shows a folder of theirs on the home. Without allow_other the kernel lets
nobody in but processes all of whose user and group ids are the user's; root, too, gets EACCES.
"""

import os
import signal
import subprocess
from contextlib import contextmanager
from pathlib import Path

from lib_mounts import command, tmpfs, unmount
from lib_process import called, starved, start, wait_until
from lib_settings import PATIENCE, SRV

PROGRAM = "/usr/bin/bindfs"
DEVICE = Path("/dev/fuse")
OPTIONS = ("-f", "--no-allow-other")


def root_may_read(path):
    try:
        os.listdir(path)
    except PermissionError:
        return False
    return True


@contextmanager
def home_of(account):
    """Mounts it on the account's home. Yields the folder behind it, which has what the home has."""
    behind = SRV / f"behind-{account.name}"
    command("cp", "-a", account.home, str(behind))
    # FUSE wants an empty folder of the user's.
    options = f"mode=755,uid={account.uid},gid={account.gid}"
    try:
        with device_for_all(), tmpfs(account.home, options), running(account, behind):
            yield behind
    finally:
        command("rm", "-rf", str(behind))


@contextmanager
def silent_home_of(account):
    """One whose server takes a question and then stops: who waits for the answer cannot be killed."""
    with home_of(account):
        (server,) = called("bindfs", account)
        with starved(server):
            os.kill(server, signal.SIGSTOP)
            try:
                yield
            finally:
                os.kill(server, signal.SIGCONT)


@contextmanager
def device_for_all():
    """As udev has it on every Debian, and containers and machines without udev do not."""
    mode = DEVICE.stat().st_mode
    DEVICE.chmod(0o666)
    try:
        yield
    finally:
        DEVICE.chmod(mode)


@contextmanager
def running(account, behind):
    process = start(
        account, *OPTIONS, str(behind), account.home, program=PROGRAM, cwd="/",
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )
    try:
        wait_until(
            lambda: process.poll() is not None or not root_may_read(account.home), "bindfs"
        )
        assert process.poll() is None, process.stderr.read()
        yield
    finally:
        if process.poll() is None:
            unmount(account.home)
            process.wait(timeout=60 * PATIENCE)
        process.stderr.close()
