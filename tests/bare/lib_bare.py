# SPDX-License-Identifier: MIT
"""Virtual machines with nothing on them but Debian, git and sudo, in which a newcomer types what the README says.

They are lib_vm's, with a network; what is installed there comes from where this machine's packages come from. The
repository is a bundle of this tree, which the newcomer clones.

By hand, as root: tests/bare/lib_bare.py RELEASE...
"""

import os
import re
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "system"), str(HERE.parent / "dist")]

import lib_vm  # noqa: E402
from lib_dist import TOP, Place  # noqa: E402

# All tests take hours in a machine within a machine; without FULL it is the checks of another file.
IS_FULL = os.environ.get("NSH_FULL") == "1"
CHECKS = HERE / ("checks-all.sh" if IS_FULL else "checks-some.sh")
CHECK_SECONDS = 6 * 3600 if IS_FULL else 3600

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
    kind = "bare-"
    recipe = HERE / "disk.sh"
    options = "-m 3072 -cpu max,-la57,-svm -nic user,model=virtio-net-pci"
    in_background = ()
    boot_seconds = 2 * CHECK_SECONDS

    def add(self, tar):
        for path in (HERE / "guest.sh", lib_vm.SCRIPTS / "report.sh"):
            tar.add(path, f"{lib_vm.INSIDE}/{path.name}")
        tar.add(CHECKS, f"{lib_vm.INSIDE}/checks.sh")
        for name, text in (
            ("seconds", str(CHECK_SECONDS)),
            ("type-demo", typing("demo")),
            ("type-unit-and-lint", typing("check", "export KINDS='unit lint'")),
            ("type-ssh", typing("check", "export T=test_ssh")),
            ("type-all-tests", typing("check")),
        ):
            lib_vm.add_text(tar, name, text)
        with tempfile.TemporaryDirectory() as folder:
            place = Place(Path(folder))
            place.git(place.repository("nsshell"), "bundle", "create", "--quiet", "../bundle", "HEAD", "main")
            tar.add(Path(folder) / "bundle", f"{lib_vm.INSIDE}/nsshell.bundle")


if __name__ == "__main__":
    sys.exit(lib_vm.main(Bare, checks_of))
