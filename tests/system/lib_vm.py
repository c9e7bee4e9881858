# SPDX-License-Identifier: MIT
"""Virtual machines with a real Debian: its kernel, its systemd, its sshd, its AppArmor.

tests/vm/make-machine makes a disk of a release and builds the Debian package in that, in minutes, and so in
the background; build/vm/RELEASE keeps the disk for later runs until the recipe changes. A machine is started with qemu,
without KVM, and never changes its disk. The package, the system tests and the scripts of tests/vm that run in it are on a
second disk. What they found comes out of its second serial port; tests/vm/guest.sh says how. It resets itself once;
qemu keeps what was written until then.

By hand, as root: tests/system/lib_vm.py RELEASE...
"""

import hashlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from lib_pam import PROBE
from lib_settings import TOOLS
from lib_tree import names_in

RELEASES = ("bookworm", "trixie")

TOP = Path(__file__).resolve().parents[2]
SCRIPTS = TOP / "tests/vm"
FOLDER = TOP / "build/vm"
MAKE_MACHINE = SCRIPTS / "make-machine"
BOOTSTRAP = TOP / "tests/tools/bootstrap.sh"

# Where nsshell-vm.service finds the scripts.
INSIDE = "opt/nsshell-vm"
SUITE = f"{INSIDE}/nsshell"

# Of the system tests, as emulated machines take ten times as long and more: one case of each test of this
# file, each in one of the releases. NSH_VM_SUITE has other arguments of pytest's, separated by spaces, for all of them:
# tests/system is all, and takes hours.
OWN_SUITE = os.environ.get("NSH_VM_SUITE", "").split()


def selected(release):
    """Arguments of pytest's."""
    share = f"--share={RELEASES.index(release) + 1}/{len(RELEASES)}"
    return OWN_SUITE or ["--one-case", share, "tests/system/test_ssh.py"]


# For what hangs: on a machine with nothing else to do it is a tenth of that.
DISK_SECONDS = 1200
LINES_SHOWN = 40

# NVMe, because Debian's kernels have it built in. With la57 Linux on qemu 7.2 counts writers of a mount that nobody
# writes.
QEMU = """
    qemu-system-x86_64 -M pc -accel tcg,thread=multi -smp 2
    -nodefaults -no-user-config -display none
    -kernel {folder}/vmlinuz
    -drive id=root,file={folder}/disk.img,format=raw,if=none,snapshot=on
    -device nvme,serial=root,drive=root
    -drive file={folder}/additions.tar,format=raw,if=virtio,readonly=on
    -serial stdio -serial file:{folder}/results
"""
# With programs always at the same place qemu translates each of them once, and not once for each process: a third of the
# time. A tenth is for an emulated processor's mistakes and for pages with old contents, which are no danger to anybody here.
KERNEL = (
    "root=/dev/nvme0n1 rw console=ttyS0 panic=1 apparmor=1 security=apparmor norandmaps mitigations=off init_on_alloc=0"
    " SYSTEMD_COLORS=0 TERM=dumb"
)

# Ends with the thread that started it, however that ends.
WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")

CHECK = re.compile(r"^check(?:_on (?P<release>\w+))? (?P<name>[\w-]+) ", re.MULTILINE)
RESULT = re.compile(r"(?P<no>not )?ok (?P<name>[\w-]+)(?:: (?P<text>.*))?")


def checks_in(scripts, release):
    """The names of all checks that the scripts have for that release."""
    return [
        match["name"]
        for script in scripts
        for match in CHECK.finditer(script.read_text())
        if match["release"] in (None, release)
    ]


def checks_of(release):
    """Those of tests/vm."""
    return checks_in((*sorted(SCRIPTS.glob("checks-*.sh")), SCRIPTS / "after-reset.sh"), release)


def cases(checks):
    """Release and check of each test that asks for one; checks(release) are the names."""
    return [(release, check) for release in RELEASES for check in checks(release)]


def wanted_by(items, file="test_vm.py"):
    """The releases that the tests of that file among these need."""
    return sorted({item.callspec.params["results"] for item in items if item.path.name == file})


def make_folder(path):
    """A folder that belongs to the clone's owner, who can remove it with what root puts there."""
    path.mkdir(parents=True, exist_ok=True)
    os.chown(path, TOP.stat().st_uid, TOP.stat().st_gid)


def last_lines(path):
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    return f"{path} ends with:\n" + "\n".join(lines[-LINES_SHOWN:])


@dataclass
class Results:
    """What the checks of a machine said. checks: name to (ok, text). notes: what they told beside."""

    checks: dict
    notes: list
    is_complete: bool
    console: Path

    @classmethod
    def read(cls, path, console):
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        found = [match for match in map(RESULT.fullmatch, lines) if match]
        return cls(
            checks={match["name"]: (not match["no"], match["text"] or "") for match in found},
            notes=[line[2:] for line in lines if line.startswith("# ")],
            is_complete="done" in lines,
            console=console,
        )

    def assert_ok(self, name):
        assert name in self.checks, f"{name}: no result; {last_lines(self.console)}"
        ok, text = self.checks[name]
        assert ok, f"{name}: {text}\n{self.said(name)}"

    def said(self, name):
        """What the failed check wrote; guest.sh begins its lines with the name."""
        lines = self.console.read_text(errors="replace").splitlines()
        return "\n".join(line for line in lines if f"{name}: " in line)


def add_text(tar, name, text):
    """A file for the scripts in the machine."""
    told = tarfile.TarInfo(f"{INSIDE}/{name}")
    told.size = len(text.encode())
    tar.addfile(told, io.BytesIO(text.encode()))


class Machine:
    """One release: making its disk in the background, starting it."""

    # What tells one kind of machine from another.
    place = FOLDER
    kind = ""
    made_with = SCRIPTS / "make-disk"
    made_by = (made_with, SCRIPTS / "nsshell-vm.service", BOOTSTRAP)
    recipe = SCRIPTS / "disk.sh"
    options = "-m 1024 -cpu max,-la57,-svm"  # nor need an emulated processor have machines of its own
    in_background = ("chrt", "--idle", "0")
    boot_seconds = 3000
    at_once = len(RELEASES)

    def __init__(self, release):
        self.release = release
        self.folder = self.place / f"{self.kind}{release}"
        self.unfinished = self.place / f"{self.kind}{release}.new"
        self.log = self.place / f"{self.kind}{release}.log"
        self.results = self.folder / "results"
        self.maker = None
        self.alive = None

    def _key(self):
        recipe = b"".join(path.read_bytes() for path in (*self.made_by, self.recipe))
        return hashlib.sha256(self.release.encode() + recipe).hexdigest()

    def start_making(self):
        """Begins to make the disk, unless it is there, and the package."""
        make_folder(self.place)
        # All that it starts has the pipe's other end: when nobody has it any more, all have ended.
        self.alive, theirs = os.pipe()
        with open(self.log, "wb") as log:
            self.maker = subprocess.Popen(
                [*WITH_US, *self.in_background, MAKE_MACHINE, self.made_with, self.recipe, self.release, self.folder,
                 self._key()],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(theirs,),
            )
        os.close(theirs)

    def finish_making(self):
        """Waits until all is there."""
        if self.maker is None:
            return
        try:
            self.maker.wait(DISK_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        rc = self._end_maker()
        assert rc == 0, f"make-machine {self.release} ended with {rc}; {last_lines(self.log)}"

    def _end_maker(self):
        """Returns its exit status when all that it started has ended."""
        self.maker.kill()
        rc = self.maker.wait()
        os.read(self.alive, 1)
        os.close(self.alive)
        self.maker = None
        return rc

    def run(self):
        """Waits until all is there, and boots."""
        self.finish_making()
        return self.boot()

    def boot(self):
        """Starts the machine, waits until it switches itself off, and returns the Results."""
        with tarfile.open(self.folder / "additions.tar", "w") as tar:
            self.add(tar)
        console = self.folder / "console.log"
        self.results.unlink(missing_ok=True)
        with open(console, "wb") as log:
            running = subprocess.Popen(
                [*WITH_US, *self.command()], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        try:
            self._await_end(running, console)
        finally:
            running.kill()
            running.wait()
        return Results.read(self.results, console)

    def command(self):
        """What is the running machine."""
        return [*QEMU.format(folder=self.folder).split(), *self.options.split(), "-append", KERNEL]

    def _await_end(self, running, console):
        """Until it is switched off. After a panic it would start again and again. What is then missing in the
        results tells."""
        deadline = time.monotonic() + self.boot_seconds
        while running.poll() is None and time.monotonic() < deadline:
            if b"Kernel panic" in console.read_bytes():
                return
            time.sleep(1)

    def add(self, tar):
        """What the machine finds on its second disk."""
        for package in (self.folder / "package").iterdir():
            tar.add(package, f"{INSIDE}/{package.name}")
        for script in SCRIPTS.glob("*.sh"):
            tar.add(script, f"{INSIDE}/{script.name}")
        for name in names_in(TOP):
            tar.add(TOP / name, f"{SUITE}/{name}")
        tar.add(TOOLS, f"{SUITE}/build/check/tests/tools")
        add_text(tar, "probe", PROBE)
        add_text(tar, "suite", "\n".join(selected(self.release)) + "\n")

    def close(self):
        """Ends the making, if it goes on, and removes what it has made so far."""
        if self.maker is not None:
            self._end_maker()
        shutil.rmtree(self.unfinished, ignore_errors=True)


class Whole(Machine):
    """One that has all that the system tests run."""

    kind = "suite-"
    made_by = (*Machine.made_by, Machine.recipe, *(TOP / f"packaging/{name}.txt" for name in ("ssh", "system")))
    recipe = SCRIPTS / "disk-suite.sh"
    options = "-m 2048 -cpu max,-la57,-svm"
    boot_seconds = 8 * 3600


KIND = Whole if OWN_SUITE else Machine


class Machines(dict):
    """Machines by release. Their disks are made in the background as long as this is entered."""

    def __init__(self, releases, kind=KIND):
        super().__init__((release, kind(release)) for release in releases)
        self.at_once = kind.at_once

    def __enter__(self):
        for machine in self.values():
            machine.start_making()
        return self

    def __exit__(self, *_):
        for machine in self.values():
            machine.close()

    def each(self, function):
        """What function(machine) returns, by release; as many side by side as the kind allows."""
        with ThreadPoolExecutor(self.at_once) as pool:
            return dict(zip(self, pool.map(function, self.values())))


def try_out(machine, checks):
    """Makes and starts a machine and prints what it says. Returns whether all checks are ok."""
    start = time.monotonic()
    machine.finish_making()
    made = time.monotonic()
    results = machine.boot()
    print(f"{machine.release}: disk {made - start:.0f} s, run {time.monotonic() - made:.0f} s")
    for name, (ok, text) in results.checks.items():
        print(f"{'ok' if ok else 'not ok'} {name} {text}".rstrip())
    for note in results.notes:
        print(f"# {note}")
    missing = set(checks(machine.release)) - set(results.checks)
    if missing or not results.is_complete:
        print(f"no result: {sorted(missing)}; {last_lines(results.console)}")
    return results.is_complete and not missing and all(ok for ok, _ in results.checks.values())


def main(kind=KIND, checks=checks_of):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with Machines(sys.argv[1:] or RELEASES, kind) as machines:
        return 0 if all(machines.each(lambda machine: try_out(machine, checks)).values()) else 1


if __name__ == "__main__":
    sys.exit(main())
