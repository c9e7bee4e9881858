# SPDX-License-Identifier: MIT
"""What a login over ssh costs, with and without pam_nsshell.

Two private servers, one of which has the module, and users with bash, nsshell and bubblewrap in a script as
login shells. Measured is `ssh true` as the client sees it: over a connection that is open already (a new
session on it: the frame is there, nsshell is not), and as a whole login (the frame too).
"""

import subprocess
import time

from lib_login import Sshd
from lib_setting import PREFIX

START_SECONDS = 20


class Ways:
    """The ways to log in that are compared, by name. stack: where open connections are registered."""

    def __init__(self, setting, stack):
        users = [setting.plain, setting.user, setting.script]
        names = [user.pw_name for user in users]
        module = next(PREFIX.glob("lib/*/security/pam_nsshell.so"))
        plain = Sshd(setting.borrowed, "nsshell-bench-sshd", PREFIX / "sshd", names, "pam_permit.so")
        framed = Sshd(setting.borrowed, "nsshell-bench-sshd-pam", PREFIX / "sshd-pam", names, module)
        self.stack = stack
        # The first is what the others are measured against.
        self.ways = {
            "bash": (plain, setting.plain),
            "bash, module": (framed, setting.plain),
            "nsshell": (plain, setting.user),
            "nsshell, module": (framed, setting.user),
        }
        if "bubblewrap" in setting.programs:
            self.ways["bubblewrap, script"] = (plain, setting.script)

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
        self.stack.callback(master.wait)
        # Not SIGTERM: when it comes just before ssh waits for something, ssh waits on.
        self.stack.callback(master.kill)
        deadline = time.monotonic() + START_SECONDS
        while not path.exists():
            if master.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"no connection to {sshd.name} for {user.pw_name}")
            time.sleep(0.02)
        return [*map(str, sshd.command(user, *options, program="/usr/bin/ssh")), "true"]
