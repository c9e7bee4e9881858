"""Where things are: the build under test, and the one folder of the tests' own."""

import os
from pathlib import Path

PREFIX = Path(os.environ.get("NSH_PREFIX", "/opt/nsshell-check"))
NSSHELL = PREFIX / "bin/nsshell"
POLICY = PREFIX / "etc/nsshell"
SAMPLE_POLICY = Path(__file__).resolve().parents[2] / "conf/nsshell.conf"
MARKER = PREFIX / "lib/nsshell/session"

# What the test users have as their login shell. With /bin/bash here the tests that are marked
# "faithful" must pass as well: they say what a login shell does, not what nsshell adds.
LOGIN_SHELL = os.environ.get("NSH_LOGIN_SHELL", str(NSSHELL))
IS_NSSHELL = LOGIN_SHELL == str(NSSHELL)

# Everything that the tests make, except for the users' homes, is below these two.
RUN = Path("/run/nsshell-check")
SRV = Path("/srv/nsshell-check")

# The file's name is the name of its PAM service: the machine's own sshd stack is not used.
SSHD_NAME = "nsshell-check-sshd"
PAM_FILE = Path("/etc/pam.d") / SSHD_NAME

# Exit status of nsshell when it had to refuse.
REFUSED = 125
