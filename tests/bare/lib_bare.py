# SPDX-License-Identifier: MIT
"""Machines with nothing on them but Debian, git and sudo, on which a newcomer types what the README says.

There are two kinds. A root is a Debian with processes, mounts and a host name of its own (tests/tools/inside): it runs as
fast as this machine does, with its kernel and on its network, and without systemd. With NSH_VM=1 they are lib_vm's
virtual machines, with a network. What is installed there comes from where this machine's packages come from. The
repository is a bundle of this tree, which the newcomer clones.

By hand, as root: tests/bare/lib_bare.py RELEASE...
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "system"), str(HERE.parent / "dist")]

import lib_vm  # noqa: E402
from lib_dist import TOP, Place  # noqa: E402

# All tests take hours in a machine within a machine; without FULL it is the checks of another file.
IS_FULL = os.environ.get("NSH_FULL") == "1"
IS_VIRTUAL = os.environ.get("NSH_VM") == "1"
NEWCOMER = HERE / "newcomer.sh"
INSIDE = lib_vm.TOP / "tests/tools/inside"
CHECKS = HERE / ("checks-all.sh" if IS_FULL else "checks-some.sh")

# What depends on the release most: programs that others wrote, and a clone below /home.
SOME_TESTS = "test_ssh or test_network or test_frame or test_attack_input"

COMMANDS = re.compile(r"^    (?P<line>sudo apt-get .*&& make (?P<goal>\w+)\b.*)$", re.MULTILINE)


def commands():
    """The two lines of the README, as they stand there, by what they make."""
    text = (TOP / "README.md").read_text()
    part = text.split("\n## Two commands\n")[1].split("\n## ")[0]
    found = {match["goal"]: match["line"] for match in COMMANDS.finditer(part)}
    assert list(found) == ["demo", "check"], found
    return found


def typing(goal, environment=""):
    """What the newcomer types after the login."""
    return f"cd nsshell\n{environment}\n{commands()[goal]}\n"


def checks_of(release):
    return lib_vm.checks_in([CHECKS], release)


class Bare(lib_vm.Machine):
    """What both kinds have in common."""

    in_background = ()
    check_seconds = 0

    def add(self, tar):
        for path in (HERE / "guest.sh", lib_vm.SCRIPTS / "report.sh"):
            tar.add(path, f"{lib_vm.INSIDE}/{path.name}")
        tar.add(CHECKS, f"{lib_vm.INSIDE}/checks.sh")
        for name, text in (
            ("seconds", str(self.check_seconds)),
            ("type-demo", typing("demo")),
            ("type-unit-and-lint", typing("check", "export KINDS='unit lint'")),
            ("type-system", typing("check", f"export T='{SOME_TESTS}'")),
            ("type-all-tests", typing("check")),
        ):
            lib_vm.add_text(tar, name, text)
        with tempfile.TemporaryDirectory() as folder:
            place = Place(Path(folder))
            place.git(place.repository("nsshell"), "bundle", "create", "--quiet", "../bundle", "HEAD", "main")
            tar.add(Path(folder) / "bundle", f"{lib_vm.INSIDE}/nsshell.bundle")


class Virtual(Bare):
    kind = "bare-"
    recipe = HERE / "disk.sh"
    made_by = (*Bare.made_by, NEWCOMER)
    options = "-m 3072 -nic user,model=virtio-net-pci"
    check_seconds = 6 * 3600 if IS_FULL else 3600
    boot_seconds = 2 * check_seconds
    at_once = 1  # each has as many processors as there are


class Root(Bare):
    """It is unpacked anew for each run, and removed afterwards."""

    place = lib_vm.TOP / "build/bare"
    made_with = HERE / "make-root"
    recipe = HERE / "root.sh"
    made_by = (made_with, lib_vm.BOOTSTRAP, NEWCOMER)
    check_seconds = 3600 if IS_FULL else 900
    boot_seconds = 2 * check_seconds
    at_once = 1  # they have the machine's network, and in it the names of the hubs of users with the same id

    def __init__(self, release):
        super().__init__(release)
        self.root = self.folder / "root"
        self.results = self.root / "run/results"

    def boot(self):
        if self.root.exists():
            shutil.rmtree(self.root)
        self.root.mkdir()
        self._unpack("root.tar")
        shutil.copy("/etc/resolv.conf", self.root / "etc")
        try:
            return super().boot()
        finally:
            shutil.rmtree(self.root, ignore_errors=True)

    def command(self):
        self._unpack("additions.tar")
        return [INSIDE, self.root, "nsshell-bare", "results=/run/results", f"/{lib_vm.INSIDE}/guest.sh"]

    def _unpack(self, name):
        argv = ["tar", "-C", self.root, "--numeric-owner", "-xpf", self.folder / name]
        subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)


KIND = Virtual if IS_VIRTUAL else Root

if __name__ == "__main__":
    sys.exit(lib_vm.main(KIND, checks_of))
