"""Virtual machines with a real Debian: its kernel, its systemd, its sshd, its AppArmor.

tests/vm/make-disk makes a disk of a release, in minutes, and so in the background; build/vm/RELEASE
keeps it for later runs until the recipe changes. A machine is started with qemu, without KVM, and never
changes its disk. What is installed for the tests and the scripts of tests/vm that run in it are on a
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
from dataclasses import dataclass
from pathlib import Path

from lib_pam import PROBE
from lib_settings import PREFIX, TOOLS

RELEASES = ("bookworm", "trixie")

TOP = Path(__file__).resolve().parents[2]
SCRIPTS = TOP / "tests/vm"
FOLDER = TOP / "build/vm"
MAKE_DISK = SCRIPTS / "make-disk"
RECIPE = (MAKE_DISK, SCRIPTS / "nsshell-vm.service", TOP / "tests/tools/bootstrap.sh")

# Where nsshell-vm.service finds the scripts.
INSIDE = "opt/nsshell-vm"

# For what hangs: on a machine with nothing else to do it is a tenth of that.
DISK_SECONDS = 1200
BOOT_SECONDS = 1800
LINES_SHOWN = 40

# NVMe, because Debian's kernels have it built in. la57 and svm are things that the emulated processor
# need not have; with the first of them Linux on qemu 7.2 counts writers of a mount that nobody writes.
QEMU = """
    qemu-system-x86_64 -M pc -accel tcg,thread=multi -cpu max,-la57,-svm -smp 2 -m 1024
    -nodefaults -no-user-config -display none
    -kernel {folder}/vmlinuz
    -drive id=root,file={folder}/disk.img,format=raw,if=none,snapshot=on
    -device nvme,serial=root,drive=root
    -drive file={folder}/additions.tar,format=raw,if=virtio,readonly=on
    -serial stdio -serial file:{folder}/results
"""
KERNEL = (
    "root=/dev/nvme0n1 rw console=ttyS0 panic=1 apparmor=1 security=apparmor"
    " SYSTEMD_COLORS=0 TERM=dumb"
)

# Ends with the thread that started it, however that ends.
WITH_US = ("setpriv", "--pdeathsig", "KILL", "--")

CHECK = re.compile(r"^check(?:_on (?P<release>\w+))? (?P<name>[\w-]+) ", re.MULTILINE)
RESULT = re.compile(r"(?P<no>not )?ok (?P<name>[\w-]+)(?:: (?P<text>.*))?")


def checks_of(release):
    """The names of all checks that tests/vm has for that release."""
    return [
        match["name"]
        for script in (*sorted(SCRIPTS.glob("checks-*.sh")), SCRIPTS / "after-reset.sh")
        for match in CHECK.finditer(script.read_text())
        if match["release"] in (None, release)
    ]


def wanted_by(items):
    """The releases that the tests of test_vm.py among these need."""
    return sorted(
        {item.callspec.params["results"] for item in items if item.path.name == "test_vm.py"}
    )


def make_folder(path):
    """A folder that belongs to the clone's owner, who can remove it with what root puts there."""
    path.mkdir(parents=True, exist_ok=True)
    os.chown(path, TOP.stat().st_uid, TOP.stat().st_gid)


def libraries_of(program):
    """Those that it is linked with, but for glibc's: the disk has only what Debian needs for itself."""
    listed = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    found = re.findall(r"^\s*(\S+) => (/\S+)", listed, re.MULTILINE)
    return [path for name, path in found if not name.startswith("libc.")]


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


class Machine:
    """One release: making its disk in the background, starting it. With a name and packages of its own it is another
    disk than that of the checks."""

    seconds = BOOT_SECONDS

    def __init__(self, release, name=None, packages=()):
        self.release = release
        self.packages = packages
        self.folder = FOLDER / (name or release)
        self.unfinished = self.folder.with_suffix(".new")
        self.log = self.folder.with_suffix(".log")
        self.maker = None
        self.alive = None

    def _key(self):
        recipe = b"".join(path.read_bytes() for path in RECIPE)
        words = " ".join((self.release, *self.packages))
        return hashlib.sha256(words.encode() + recipe).hexdigest()

    def _is_made(self):
        key = self.folder / "key"
        return key.exists() and key.read_text() == self._key()

    def start_making(self):
        """Begins to make the disk, unless it is there."""
        if self._is_made():
            return
        for folder in (self.folder, self.unfinished):
            shutil.rmtree(folder, ignore_errors=True)
        make_folder(FOLDER)
        make_folder(self.unfinished)
        (self.unfinished / "key").write_text(self._key())
        # All that it starts has the pipe's other end: when nobody has it any more, all have ended.
        self.alive, theirs = os.pipe()
        with open(self.log, "wb") as log:
            self.maker = subprocess.Popen(
                [*WITH_US, "chrt", "--idle", "0", str(MAKE_DISK), self.release, str(self.unfinished),
                 *self.packages],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=(theirs,),
            )
        os.close(theirs)

    def finish_making(self):
        """Waits until the disk is there."""
        if self.maker is None:
            return
        try:
            self.maker.wait(DISK_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        rc = self._end_maker()
        assert rc == 0, f"make-disk {self.release} ended with {rc}; {last_lines(self.log)}"
        self.unfinished.rename(self.folder)

    def _end_maker(self):
        """Returns its exit status when all that it started has ended."""
        self.maker.kill()
        rc = self.maker.wait()
        os.read(self.alive, 1)
        os.close(self.alive)
        self.maker = None
        return rc

    def boot(self):
        """Starts the machine, waits until it switches itself off, and returns the Results."""
        self._pack_additions()
        console, results = (self.folder / name for name in ("console.log", "results"))
        results.unlink(missing_ok=True)
        with open(console, "wb") as log:
            qemu = subprocess.Popen(
                [*WITH_US, *QEMU.format(folder=self.folder).split(), "-append", KERNEL],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        try:
            self._await_end(qemu, console)
        finally:
            qemu.kill()
            qemu.wait()
        return Results.read(results, console)

    def _await_end(self, qemu, console):
        """Until it is switched off. After a panic it would start again and again. What is then missing in the
        results tells."""
        deadline = time.monotonic() + self.seconds
        while qemu.poll() is None and time.monotonic() < deadline:
            if b"Kernel panic" in console.read_bytes():
                return
            time.sleep(1)

    def _pack_additions(self):
        with tarfile.open(self.folder / "additions.tar", "w") as tar:
            tar.add(PREFIX)
            for library in libraries_of(PREFIX / "bin/nsshellctl"):
                tar.add(os.path.realpath(library), library)
            for tool in ("load", "wayout"):
                tar.add(TOOLS / tool, f"{INSIDE}/{tool}")
            for script in SCRIPTS.glob("*.sh"):
                tar.add(script, f"{INSIDE}/{script.name}")
            for name, text in (("probe", PROBE), ("prefix", str(PREFIX))):
                told = tarfile.TarInfo(f"{INSIDE}/{name}")
                told.size = len(text)
                tar.addfile(told, io.BytesIO(text.encode()))

    def close(self):
        """Ends the making, if it goes on, and removes what it has made so far."""
        if self.maker is not None:
            self._end_maker()
        shutil.rmtree(self.unfinished, ignore_errors=True)


class Machines(dict):
    """Machines by release. Their disks are made in the background as long as this is entered."""

    def __init__(self, releases):
        super().__init__((release, Machine(release)) for release in releases)

    def __enter__(self):
        for machine in self.values():
            machine.start_making()
        return self

    def __exit__(self, *_):
        for machine in self.values():
            machine.close()


def try_out(machine):
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
    missing = set(checks_of(machine.release)) - set(results.checks)
    if missing or not results.is_complete:
        print(f"no result: {sorted(missing)}; {last_lines(results.console)}")
    return results.is_complete and not missing and all(ok for ok, _ in results.checks.values())


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with Machines(sys.argv[1:] or RELEASES) as machines:
        return 0 if all([try_out(machine) for machine in machines.values()]) else 1


if __name__ == "__main__":
    sys.exit(main())
