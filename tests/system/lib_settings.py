# SPDX-License-Identifier: MIT
"""Where things are: the build under test, and the one folder of the tests' own."""

import os
from pathlib import Path

PREFIX = Path(os.environ.get("NSH_PREFIX", "/opt/nsshell-check"))
# Where configuration and state are. The package's are the machine's own.
BASE = Path("/") if PREFIX == Path("/usr") else PREFIX
NSSHELL = PREFIX / "bin/nsshell"
POLICY = BASE / "etc/nsshell"
SAMPLE_POLICY = Path(__file__).resolve().parents[2] / "conf/nsshell.conf"
MARKER = PREFIX / "lib/nsshell/session"
FRAME = BASE / "run/nsshell/session"
STATE = BASE / "var/lib/nsshell"
HELPER = PREFIX / "lib/nsshell/nsshell-session"
MODULE = next(PREFIX.glob("lib/*/security/pam_nsshell.so"), Path("/missing/pam_nsshell.so"))

# Programs for tests, built with nsshell.
TOOLS = Path(__file__).resolve().parents[2] / os.environ.get("NSH_BUILD", "build/check") / "tests/tools"
PAMLOGIN = TOOLS / "pamlogin"

# What the test users have as their login shell. With /bin/bash here the tests that are marked
# "faithful" must pass as well: they say what a login shell does, not what nsshell adds.
LOGIN_SHELL = os.environ.get("NSH_LOGIN_SHELL", str(NSSHELL))
IS_NSSHELL = LOGIN_SHELL == str(NSSHELL)

# Everything that the tests make, except for the users' homes, is below these two.
RUN = Path("/run/nsshell-check")
SRV = Path("/srv/nsshell-check")

# The names of the tests' own PAM services begin with this: the machine's stacks are not used.
SSHD_NAME = "nsshell-check-sshd"
PAM_FOLDER = Path("/etc/pam.d")

# How many times as long as usual a test waits for what hangs: emulated machines are slow, and have the time that is left.
PATIENCE = int(os.environ.get("NSH_PATIENCE", "1"))

# Exit status of nsshell when it had to refuse.
REFUSED = 125
