# SPDX-License-Identifier: MIT
"""What a login over ssh costs, with and without pam_nsshell.

Two private servers, one of which has the module, and two users, of whom one has nsshell as login shell.
Measured is `ssh true` as the client sees it: over a connection that is open already (a new session on
it: the frame is there, nsshell is not), and as a whole login (the frame too).
"""

import subprocess
import time

from lib_borrowed import borrow_user
from lib_login import Sshd

SHELL_USER = "nshbenchsh"
START_SECONDS = 20


class Ways:
    """The ways to log in that are compared, by name."""

    def __init__(self, borrowed, prefix, user):
        plain_user = borrow_user(borrowed, SHELL_USER, "/bin/sh")
        users = [user.pw_name, plain_user.pw_name]
        module = next(prefix.glob("lib/*/security/pam_nsshell.so"))
        plain = Sshd(borrowed, "nsshell-bench-sshd", prefix / "sshd", users, "pam_permit.so")
        framed = Sshd(borrowed, "nsshell-bench-sshd-pam", prefix / "sshd-pam", users, module)
        self.borrowed = borrowed
        # The first is what the others are measured against.
        self.ways = {
            "sh": (plain, plain_user),
            "sh, module": (framed, plain_user),
            "nsshell": (plain, user),
            "nsshell, module": (framed, user),
        }

    def logins(self):
        """A whole login each."""
        return {
            name: [*map(str, sshd.command(user, program="/usr/bin/ssh")), "true"]
            for name, (sshd, user) in self.ways.items()
        }

    def sessions(self):
        """A session each on a connection of its own that stays open."""
        return {name: self._session(*way) for name, way in self.ways.items()}

    def _session(self, sshd, user):
        path = sshd.folder / f"mux-{user.pw_name}"
        options = ("-o", f"ControlPath={path}")
        master = subprocess.Popen(
            sshd.command(user, *options, "-M", "-N"), stdin=subprocess.DEVNULL
        )
        self.borrowed.callback(master.wait)
        self.borrowed.callback(master.terminate)
        deadline = time.monotonic() + START_SECONDS
        while not path.exists():
            if master.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"no connection to {sshd.name} for {user.pw_name}")
            time.sleep(0.02)
        return [*map(str, sshd.command(user, *options, program="/usr/bin/ssh")), "true"]
