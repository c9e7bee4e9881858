# SPDX-License-Identifier: MIT
"""What belongs to nsshell's tree, and not to what was built or left in it."""

import subprocess


def names_in(folder):
    """The tree's own files, as packaging/tracked knows them."""
    done = subprocess.run([folder / "packaging/tracked"], check=True, stdout=subprocess.PIPE, text=True)
    return sorted(name for name in done.stdout.split("\0") if name)
