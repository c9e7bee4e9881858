# SPDX-License-Identifier: MIT
"""Virtual machines with a real Debian: its kernel, its systemd, its sshd, its AppArmor.

tests/vm/make-machine makes a disk of a release and builds the Debian package in that, in minutes, and the checks take
many minutes more: both go on in the background, beside the other tests; build/vm/RELEASE keeps the disk for later runs until the recipe changes. A machine is started with qemu,
under KVM where that works, and never changes its disk. The package, the system tests and the scripts of tests/vm that run in it are on a
second disk. What they found comes out of its second serial port; tests/vm/guest.sh says how. It resets itself once;
qemu keeps what was written until then.

By hand, as root: tests/system/lib_vm.py RELEASE...
"""

import functools
import hashlib
import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import lib_root
from lib_making import TOP, WITH_US, last_lines, make_folder
from lib_pam import PROBE
from lib_settings import TOOLS
from lib_tree import names_in

RELEASES = ("bookworm", "trixie")

SCRIPTS = TOP / "tests/vm"
FOLDER = TOP / "build/vm"
MAKE_MACHINE = SCRIPTS / "make-machine"
BOOTSTRAP = TOP / "tests/tools/bootstrap.sh"

# Where nsshell-vm.service finds the scripts.
INSIDE = "opt/nsshell-vm"
SUITE = f"{INSIDE}/nsshell"

# With la57 Linux on qemu 7.2 counts writers of a mount that nobody writes. Nor need an emulated processor have machines
# of its own.
EMULATED = "-accel tcg,thread=multi -cpu max,-la57,-svm"
KVM = "-accel kvm -cpu host"

# The firmware runs, finds no disk and says so.
KVM_PROBE = f"""
    qemu-system-x86_64 -M pc {KVM} -m 64 -nodefaults -no-user-config -display none
    -chardev stdio,id=said -device isa-debugcon,iobase=0x402,chardev=said
"""


def _kvm_works():
    """A /dev/kvm does not say so: in a virtual machine it may be for kernels made for it (kvm_pvm). The firmware, and no
    other kernel, may run there all the same."""
    if not any(os.path.exists(f"/sys/module/{module}") for module in ("kvm_intel", "kvm_amd")):
        return False
    argv = ["timeout", "--signal=KILL", "3", *WITH_US, *KVM_PROBE.split()]
    return b"No bootable device" in subprocess.run(argv, capture_output=True, check=False).stdout


# Arguments of pytest's, separated by spaces, for the system tests in each of the machines.
OWN_SUITE = os.environ.get("NSH_VM_SUITE", "").split()


@functools.cache
def has_kvm():
    """Without it a machine takes ten times as long and more."""
    return os.access("/dev/kvm", os.R_OK | os.W_OK) and _kvm_works()


def own_kind():
    """Emulated machines have what tests/system/test_ssh.py needs, others all."""
    return Whole if OWN_SUITE or has_kvm() else Machine


def selected(release):
    """The arguments. By default the machines share the tests: all of them, or emulated one case of each test of one file."""
    share = f"--share={RELEASES.index(release) + 1}/{len(RELEASES)}"
    return OWN_SUITE or [share, *(["tests/system"] if has_kvm() else ["--one-case", "tests/system/test_ssh.py"])]


# For what hangs: on a machine with nothing else to do it is a thirtieth of that, and what else there is comes first.
DISK_SECONDS = 3600

# NVMe, because Debian's kernels have it built in.
QEMU = """
    qemu-system-x86_64 -M pc -smp 2 -nodefaults -no-user-config -display none
    -kernel {folder}/vmlinuz
    -drive id=root,file={folder}/disk.img,format=raw,if=none,snapshot=on
    -device nvme,serial=root,drive=root
    -drive file={folder}/additions.tar,format=raw,if=virtio,readonly=on
    -serial stdio -serial file:{folder}/results -qmp unix:{folder}/qmp,server=on,wait=off
"""
# With programs always at the same place qemu translates each of them once, and not once for each process: a third of the
# time. A tenth is for an emulated processor's mistakes and for pages with old contents, which are no danger to anybody here.
KERNEL = (
    "root=/dev/nvme0n1 rw console=ttyS0 panic=1 apparmor=1 security=apparmor norandmaps mitigations=off init_on_alloc=0"
    " SYSTEMD_COLORS=0 TERM=dumb"
)

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


def is_wanted_by(item, file="test_vm.py"):
    """Whether it is a test of that file, which needs machines."""
    return item.path.name == file


def wanted_by(items, file="test_vm.py"):
    """The releases that the tests of that file among these need."""
    return sorted({item.callspec.params["results"] for item in items if is_wanted_by(item, file)})


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
    options = "-m 1024"
    # The other tests, which wait most of the time, come first.
    in_background = ("chrt", "--idle", "0")
    boot_seconds = 4800
    at_once = len(RELEASES)

    def __init__(self, release):
        self.release = release
        self.folder = self.place / f"{self.kind}{release}"
        self.unfinished = self.place / f"{self.kind}{release}.new"
        self.log = self.place / f"{self.kind}{release}.log"
        self.results = self.folder / "results"
        self.maker = None
        self.alive = None
        self.running = None
        self.may_start = threading.Lock()
        self.is_made = threading.Event()
        self.is_given_up = False

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
        try:
            self.finish_making()
        finally:
            self.is_made.set()
        return self.boot()

    @contextmanager
    def at_rest(self):
        """For another thread than the one that runs it: waits until all is there, and within this it does not go on."""
        with self.may_start:
            self.is_made.wait()
            self._tell("stop")
            try:
                yield
            finally:
                self._tell("cont")

    def _tell(self, command):
        """By SIGSTOP its clocks would not stop, and all that waits in it would have waited too long afterwards."""
        with socket.socket(socket.AF_UNIX) as qemu, suppress(ConnectionError):
            while (runs := self._is_running()) and qemu.connect_ex(str(self.folder / "qmp")):
                time.sleep(0.05)
            if not runs:
                return
            qemu.sendall(b'{"execute": "qmp_capabilities"} {"execute": "%s"}' % command.encode())
            said = b""
            while said.count(b'"return"') < 2 and (more := qemu.recv(4096)):
                said += more

    def _is_running(self):
        return self.running is not None and self.running.poll() is None

    def boot(self):
        """Starts the machine, waits until it switches itself off, and returns the Results."""
        with tarfile.open(self.folder / "additions.tar", "w") as tar:
            self.add(tar)
        console = self.folder / "console.log"
        self.results.unlink(missing_ok=True)
        with open(console, "wb") as log, self.may_start:
            self.running = subprocess.Popen(
                [*WITH_US, *self.in_background, *self.command()], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        try:
            self._await_end(console)
        finally:
            self.running.kill()
            self.running.wait()
        return Results.read(self.results, console)

    def command(self):
        """What is the running machine."""
        processor = KVM if has_kvm() else EMULATED
        options = f"{QEMU.format(folder=self.folder)} {processor} {self.options}"
        return [*options.split(), "-append", KERNEL]

    def _await_end(self, console):
        """Until it is switched off. After a panic it would start again and again. What is then missing in the
        results tells."""
        deadline = time.monotonic() + self.boot_seconds
        while self.running.poll() is None and time.monotonic() < deadline and not self.is_given_up:
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

    def give_up(self):
        """Another thread that waits for the machine need not wait any longer."""
        self.is_given_up = True
        maker = self.maker
        if maker is not None:
            maker.kill()

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
    options = "-m 2048"
    boot_seconds = 8 * 3600

    def add(self, tar):
        super().add(tar)
        root = lib_root.archive(self.release)
        tar.add(root, f"{SUITE}/{root.relative_to(TOP)}")


class Machines(dict):
    """Machines by release. Their disks are made, and function(machine) is called for each, in the background as long as
    this is entered; as many side by side as the kind allows."""

    def __init__(self, releases, function, make=None):
        """make(release) is a Machine, by default that of the system tests."""
        super().__init__((release, (make or own_kind())(release)) for release in releases)
        self.function = function
        self.pool = ThreadPoolExecutor(min((machine.at_once for machine in self.values()), default=1))
        self.returned = {}

    def __enter__(self):
        for machine in self.values():
            machine.start_making()
        self.returned = {
            release: self.pool.submit(self.function, machine) for release, machine in self.items()
        }
        return self

    def __exit__(self, *_):
        for machine in self.values():
            machine.give_up()
        self.pool.shutdown(cancel_futures=True)
        for machine in self.values():
            machine.close()

    @contextmanager
    def at_rest(self):
        """None of them goes on within this."""
        with ExitStack() as stack:
            for machine in self.values():
                stack.enter_context(machine.at_rest())
            yield

    def all_returned(self):
        """Waits, and is what the function returned, by release."""
        return {release: returned.result() for release, returned in self.returned.items()}


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


def main(make=None, checks=checks_of):
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with Machines(sys.argv[1:] or RELEASES, lambda machine: try_out(machine, checks), make) as machines:
        return 0 if all(machines.all_returned().values()) else 1


if __name__ == "__main__":
    sys.exit(main())
