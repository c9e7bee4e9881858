# SPDX-License-Identifier: MIT
"""What makes a Debian, in the background or not, and what it leaves in build/."""

import os
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
LINES_SHOWN = 40

# Ends with the thread that started it, however that ends.
WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")


def make_folder(path):
    """A folder that belongs to the clone's owner, who can remove it with what root puts there."""
    path.mkdir(parents=True, exist_ok=True)
    os.chown(path, TOP.stat().st_uid, TOP.stat().st_gid)


def last_lines(path):
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    return f"{path} ends with:\n" + "\n".join(lines[-LINES_SHOWN:])
