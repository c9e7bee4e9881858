# SPDX-License-Identifier: MIT
"""A machine to try administration on: /etc and others are copies, in a mount namespace of its own."""

import json
import os
from pathlib import Path

import lib_sshd
from lib_ctl import CTL, checked
from lib_process import as_root
from lib_services import LEFT_IN_RUN, Place, by_user
from lib_settings import MODULE, NSSHELL, POLICY
from lib_syslog import DEV_LOG

# What a distribution's sshd has in its session lines, as far as it matters here.
GOOD_STACK = f"session required pam_limits.so\nsession required {MODULE}\n"

SSHD_CONFIG = """\
HostKey {key}
UsePAM yes
AcceptEnv LANG LC_*
Subsystem sftp /usr/lib/openssh/sftp-server
"""


class Machine(Place):
    """Everything that nsshellctl changes or asks, but for accounts' homes, is this one's own."""

    def __init__(self, name):
        super().__init__(name)
        self.etc = self.folder / "etc"
        self.must("cp", "-a", "/etc", str(self.etc))
        shells = self.etc / "shells"
        lines = shells.read_text().splitlines(keepends=True)
        shells.write_text("".join(line for line in lines if line != f"{NSSHELL}\n"))
        if POLICY.is_relative_to("/etc"):
            self.bind(POLICY, self.etc / POLICY.relative_to("/etc"))
        self.bind(self.etc, "/etc")
        # Without systemd, whether the machine has it or not.
        self.run_folder = self.show_all_but("/run", {*LEFT_IN_RUN, "systemd", "user"})
        self.run_own = self.run_folder
        self._keep_log()
        (self.run_own / "sshd").mkdir(exist_ok=True)
        self.cron = self.own_folder("/var/spool/cron")
        (self.cron / "crontabs").mkdir()
        self.systemd = self.own_folder("/var/lib/systemd")
        self.key = self.folder / "host_key"
        lib_sshd.make_key(self.key)
        self.stacks = self.folder / "stacks"
        self.stacks.mkdir()
        self.stack("sshd", GOOD_STACK)
        self.config = self.folder / "sshd_config"
        self.sshd("")

    def _keep_log(self):
        """Where it is systemd's socket that programs log to."""
        socket = Path(os.path.realpath(DEV_LOG))
        if not socket.is_relative_to("/run/systemd"):
            return
        copy = self.run_own / socket.relative_to("/run")
        copy.parent.mkdir(parents=True)
        copy.touch()
        self.binds[-2:-2] = [str(socket), str(copy)]

    @staticmethod
    def must(*argv):
        result = as_root(*argv)
        assert result.rc == 0, (argv, result)

    def stack(self, service, text):
        (self.stacks / service).write_text(text)

    def sshd(self, text):
        """What the server's configuration says first; the first counts."""
        self.config.write_text(text + "\n" + SSHD_CONFIG.format(key=self.key))

    def ctl(self, *words, account=None, before="true"):
        """before: what root does in the place first."""
        argv = ["sh", "-c", f'{before} && exec "$@"', "sh", str(CTL), *words]
        return self.run(*(by_user(account, *argv) if account else argv))

    def tool(self, *argv):
        result = self.run(*argv)
        assert result.rc == 0, (argv, result)
        return result.out

    def shell_of(self, name):
        return self.tool("getent", "passwd", name).rstrip("\n").rpartition(":")[2]

    def examine(self, *words, account=None, before="true"):
        """What the doctor finds with the stacks and the configuration of this machine."""
        result = self.ctl("doctor", "--json", f"--pam-folder={self.stacks}",
                          f"--sshd-config={self.config}", *words, account=account, before=before)
        assert not result.err, result
        value = checked("doctor", result.out)
        levels = [finding["level"] for finding in value["findings"]]
        assert value["worst"] == max(levels, key=("ok", "warn", "fail").index)
        assert result.rc == ("ok", "warn", "fail").index(value["worst"])
        for finding in value["findings"]:
            assert (finding["advice"] is None) == (finding["level"] == "ok") or (
                finding["level"] == "warn" and "could not be looked at" in finding["text"]
            ), finding
        return Findings(value["findings"])


class Findings(list):
    """Findings of the doctor."""

    def with_text(self, area, text):
        return [found for found in self if found["area"] == area and text in found["text"]]

    def has(self, level, area, text):
        """One of that level has the text, and none of another level."""
        found = self.with_text(area, text)
        assert found, f"no {area}: {text} among\n{json.dumps(self, indent=1)}"
        assert {one["level"] for one in found} == {level}, found

    def has_not(self, area, text):
        assert not self.with_text(area, text), self.with_text(area, text)
