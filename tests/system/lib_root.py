# SPDX-License-Identifier: MIT
"""A Debian of its own for [view] root: minbase, of the machine's release, with ps.

debootstrap takes a minute, so tests/tools/make-root packs what it has made and build/ keeps the archive
for later runs, until the recipe changes. Each run unpacks it below SRV, where all folders are root's
and everybody can go.
"""

import hashlib
import os
import platform
import shutil
import subprocess
from contextlib import contextmanager

from lib_making import TOP, WITH_US, last_lines, make_folder
from lib_mounts import mounted, tmpfs
from lib_settings import SRV

MAKE_ROOT = TOP / "tests/tools/make-root"
RECIPE = (MAKE_ROOT, TOP / "tests/tools/bootstrap.sh")
FOLDER = TOP / "build/root"

# For what hangs.
SECONDS = 1200


def archive(release=""):
    """The archive of that Debian, the machine's own by default, which is made if it is not there."""
    release = release or platform.freedesktop_os_release()["VERSION_CODENAME"]
    recipe = b"".join(path.read_bytes() for path in RECIPE)
    made = FOLDER / release / f"{hashlib.sha256(recipe).hexdigest()[:16]}.tar"
    if not made.exists():
        _make(release, made)
    return made


def _make(release, made):
    shutil.rmtree(made.parent, ignore_errors=True)
    make_folder(FOLDER)
    make_folder(made.parent)
    log_file = made.parent / "log"
    with open(log_file, "wb") as log:
        done = subprocess.run(
            [*WITH_US, str(MAKE_ROOT), release, str(made.parent / "new"), str(made)], check=False,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=SECONDS,
        )
    assert done.returncode == 0, f"make-root ended with {done.returncode}; {last_lines(log_file)}"


def unpack(name):
    """Unpacks it to a folder of that name below SRV, and returns that. Takes a third of a second."""
    folder = SRV / name
    folder.mkdir(mode=0o755)
    subprocess.run(
        ["tar", "-C", str(folder), "--numeric-owner", "-xpf", str(archive())], check=True,
        stdin=subprocess.DEVNULL, timeout=SECONDS,
    )
    assert os.stat(folder).st_uid == 0 and not folder.stat().st_mode & 0o022
    return folder


@contextmanager
def copy_of(root):
    """An overlay on it, to be changed. Takes a hundredth of a second."""
    folder, layers = SRV / "own-root", SRV / "own-root-layers"
    for path in (folder, layers):
        path.mkdir(mode=0o755)
    with tmpfs(layers):
        for name in ("upper", "work"):
            (layers / name).mkdir()
        options = f"lowerdir={root},upperdir={layers}/upper,workdir={layers}/work,redirect_dir=on"
        with mounted(folder, "-t", "overlay", "-o", options, "none"):
            yield folder
    for path in (folder, layers):
        path.rmdir()
