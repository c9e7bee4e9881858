# SPDX-License-Identifier: MIT
"""What a session sees and can change, compared with lists, and that nothing of it is undone from inside.

nsshell.conf(5), [view]; design.md, promises 1, 2 and 5. The home, the root and /dev have files of their
own (test_view_home.py, test_view_root.py, test_view_dev.py), and so has bad input (test_view_bad.py).
"""

import contextlib
import glob
import os
import shutil
import socket
import stat
import subprocess
from pathlib import Path

import pytest

from lib_accounts import home_at
from lib_ctl import FAILED, ctl
from lib_frame import HeldLogin, name_of
from lib_mounts import command, mounted, tmpfs
from lib_process import as_root, wait_until
from lib_settings import FRAME, MARKER, NSSHELL, POLICY, SRV
from lib_view import Frame, Outside, make_open, snapshot
from lib_walk import is_at_or_below, without

pytestmark = pytest.mark.usefixtures("nested_userns")

# The folders of [view] tmp, beside the own one below /run/user.
TMP = ("/tmp", "/var/tmp", "/dev/shm", "/run/lock", "/run/screen")

DEVICES = {f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty", "pts/ptmx")}

# Where the policy as it comes shows something else than the machine has.
OTHER = ("/dev", "/home", "/proc/sys", "/run/lock", "/run/screen", "/run/user", "/tmp", "/var/mail", "/var/tmp")

# What is mounted for a session, or below what is.
MOUNTED = (
    *OTHER, "/proc", "/etc/hosts", "/etc/hostname", "/run/utmp", "/var/log/wtmp", "/var/log/btmp",
    "/var/log/lastlog", "/var/log/faillog", "/run/systemd/sessions", "/run/systemd/users", "/run/systemd/transient",
    "/run/systemd/seats", "/run/systemd/inhibit", "/run/dbus", "/run/faillock",
    "/var/lib/lastlog", "/var/lib/wtmpdb", "/etc/ssh/ssh_config.d", str(MARKER), str(FRAME),
    *glob.glob("/var/log/[bw]tmp[.-]*"),
)


def runtime_folder(account):
    return Path(f"/run/user/{account.uid}")


def own_folders(account):
    """The folders that the account can write to in any session."""
    return {*TMP, str(runtime_folder(account))}


def plant(folder):
    """One of each kind that everybody can write to."""
    made = {kind: Path(folder, f"nsh-planted-{kind}") for kind in ("folder", "file", "socket", "fifo", "null")}
    made["folder"].mkdir()
    made["file"].touch()
    os.mkfifo(made["fifo"])
    os.mknod(made["null"], stat.S_IFCHR, os.makedev(1, 3))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(made["socket"]))
    for path in made.values():
        path.chmod(0o777)
    return made


@pytest.fixture
def tmp_folders():
    """All folders of [view] tmp are there, as a machine with systemd and screen has them."""
    missing = [Path(path) for path in (*TMP, "/run/user") if not os.path.isdir(path)]
    for path in missing:
        path.mkdir()
        path.chmod(0o755 if path.name == "user" else 0o1777)
    yield
    for path in missing:
        shutil.rmtree(path)


@pytest.fixture
def runtime(alice, tmp_folders):
    """alice's runtime folder on the machine, as systemd-logind makes it."""
    path = runtime_folder(alice)
    path.mkdir(mode=0o700)
    os.chown(path, alice.uid, alice.gid)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def open_folder():
    """A folder below SRV with one of each kind that everybody can write to."""
    folder = make_open(SRV / "open")
    plant(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def planted(runtime, bob, open_folder):
    """Things of the machine's, of all kinds and writable for everybody, where sessions have their own."""
    folders = (*TMP, str(runtime), bob.home, "/dev")
    made = [path for folder in folders for path in plant(folder).values()]
    yield open_folder
    for path in made:
        path.rmdir() if path.is_dir() else path.unlink()


# The lists


def test_walk_of_a_session(session, alice, no_nested_userns, planted):
    """Devices, and what can be written, are those of the list; the rest is what the user finds on the
    machine too, and nothing of it is where the session has its own."""
    machine, seen = Outside().walk(alice), session.walk(alice)
    covered = (*OTHER, alice.home)
    assert seen.devices == DEVICES | without(machine.devices, covered)
    assert seen.writable >= own_folders(alice)
    assert without(seen.writable, [alice.home]) - own_folders(alice) <= without(machine.writable, covered)
    for kind in ("sockets", "fifos"):
        assert getattr(seen, kind) <= without(getattr(machine, kind), covered), kind
    # So that the walks can see something.
    shown = {path for path in seen.all if "nsh-planted" in path}
    assert shown == {str(path) for path in planted.iterdir()}
    assert len([path for path in machine.all if "nsh-planted" in path]) > 5 * len(shown)


def test_mounts_of_a_session(session, alice, tmp_folders):
    """Nothing is mounted that the machine has not, but in the places of the list."""
    seen = session.walk(alice).shown.keys()
    new = seen - Outside().walk(alice).shown.keys()
    assert {"/home/nshalice", str(MARKER)} <= new
    assert "/tmp" in seen  # on Debian 13 also outside
    assert without(new, MOUNTED) == set()


def test_walk_of_a_read_only_session(session, alice, policy, no_nested_userns, planted):
    """read_only = system: the home, the folders of tmp, what `writable` names, and nothing else."""
    planted.chmod(0o755)
    policy.conf(f"[view]\nread_only=system\nwritable={planted}/nsh-planted-folder")
    machine, seen = Outside().walk(alice), session.walk(alice)
    named = str(planted / "nsh-planted-folder")
    own = {*own_folders(alice), named}
    in_proc = seen.writable - without(seen.writable, ["/proc"])
    assert in_proc <= without(machine.writable, ["/proc/sys"])
    assert without(seen.writable, [alice.home, "/proc"]) == own
    assert {alice.home, f"{alice.home}/secret"} <= seen.writable
    assert seen.devices == DEVICES | without(machine.devices, OTHER)
    # In nsfs there is nothing but the one file that is shown.
    writable = {point for point, mount in seen.shown.items() if mount.can_be_written and mount.type != "nsfs"}
    assert without(writable, [alice.home, *own, "/run/user", "/proc", "/dev/pts", *DEVICES]) == set()


@pytest.mark.parametrize("setting", ["", "read_only=system"], ids=["default", "read-only"])
def test_walk_of_a_frame(pam, syslog, alice, policy, planted, setting):
    """sshd's own work has the machine's devices; what can be written is as in a session."""
    policy.conf(f"[view]\n{setting}")
    machine, seen = Outside().walk(alice), Frame(pam, syslog).walk(alice)
    private = (*own_folders(alice), "/home")
    assert seen.devices == without(machine.devices, private)
    rest = without(seen.writable, ["/proc", *private])
    assert seen.writable - rest >= own_folders(alice)
    expected = without(machine.writable, ["/proc", *private])
    # sshd and login change the owners of devices, so /dev is not read-only.
    assert rest == (expected - without(expected, ["/dev"]) if setting else expected)
    assert seen.sockets == without(machine.sockets, private)
    # Of the machine's own things only those in /dev, which sshd needs as it is.
    assert {os.path.dirname(path) for path in seen.all if "nsh-planted" in path} == {"/dev", str(planted)}


# read_only and writable


@pytest.fixture
def tree():
    """a/b/c/d below SRV/tree: folders of root's, each with a file that everybody can write to."""
    top = SRV / "tree"
    (top / "a/b/c/d").mkdir(parents=True)
    for folder in (".", "a", "a/b", "a/b/c", "a/b/c/d"):
        make_open(top / folder / "file", "as it was\n")
    yield top
    shutil.rmtree(top)


# Each of them changes what it is done to.
CHANGES = [
    "echo changed >{0}/file", "echo changed >>{0}/file", ": >{0}/new", "mkdir {0}/new", "rm -f {0}/file",
    "mv {0}/file {0}/moved", "ln {0}/file {0}/link", "ln -s x {0}/link", "mkfifo {0}/fifo",
    "truncate -s 0 {0}/file", "touch {0}/file", "touch {0}", "python3 -c 'import os; os.open(\"{0}/file\", 2)'",
]


def changed_by(place, account, folders):
    """Which of the folders could be written to: those of which a file took a line."""
    script = "".join(f"echo changed 2>/dev/null >>{folder}/file && echo {folder}\n" for folder in folders)
    return set(place.lines(account, f"{{ {script}}} 2>/dev/null; true"))


def test_read_only(place, alice, policy, tree):
    """A folder and all below it, in every way of changing it; a file; their neighbours stay."""
    for folder in ("a/b", "a/b/c/d"):
        (tree / folder).chmod(0o777)
    policy.conf(f"[view] read_only={tree}/a/b, {tree}/file")
    before = snapshot(tree / "a/b")
    for folder in (f"{tree}/a/b", f"{tree}/a/b/c/d"):
        for change in CHANGES:
            result = place.sh(alice, change.format(folder))
            assert result.rc != 0 and "Read-only" in result.err, (change, result)
    assert place.sh(alice, f"echo changed >{tree}/file").rc != 0
    assert snapshot(tree / "a/b") == before and (tree / "file").read_text() == "as it was\n"
    assert place.sh(alice, f"echo changed >{tree}/a/file").rc == 0
    assert (tree / "a/file").read_text() == "changed\n"
    assert place.sh(alice, f"cat {tree}/a/b/c/file").out == "as it was\n"


def test_changes_change(place, alice, policy, tree):
    """So that the test above can fail: without the policy each of them works."""
    for change in CHANGES:
        folder = make_open(SRV / "tree/try")
        make_open(folder / "file", "as it was\n")
        result = place.sh(alice, change.format(folder))
        assert result.rc == 0, (change, result)
        shutil.rmtree(folder)


@pytest.mark.parametrize("order", ["outer first", "inner first"])
def test_the_inner_path_counts(place, alice, policy, tree, order):
    """read_only and writable in each other, four deep, in any order of the list."""
    step = 1 if order == "outer first" else -1
    read_only, writable = [f"{tree}", f"{tree}/a/b"], [f"{tree}/a", f"{tree}/a/b/c"]
    policy.conf(f"[view]\nread_only={','.join(read_only[::step])}\nwritable={','.join(writable[::step])}")
    folders = [f"{tree}", f"{tree}/a", f"{tree}/a/b", f"{tree}/a/b/c", f"{tree}/a/b/c/d"]
    assert changed_by(place, alice, folders) == {folders[1], folders[3], folders[4]}


def test_writable_alone_changes_nothing(place, alice, policy, tree):
    """It opens nothing that is closed for other reasons, and closes nothing."""
    (tree / "a/file").chmod(0o644)
    policy.conf(f"[view] writable={tree}/a")
    assert changed_by(place, alice, [f"{tree}", f"{tree}/a", f"{tree}/a/b"]) == {f"{tree}", f"{tree}/a/b"}


def test_read_only_file_in_a_writable_folder(place, alice, policy, tree):
    """A single file is held, if its folders are not the user's to write."""
    (tree / "a/b").chmod(0o777)
    policy.conf(f"[view]\nread_only=system, {tree}/a/b/file\nwritable={tree}/a")
    # Everybody's folders: the user could put another file in its place.
    place.refusal(alice, "view.read_only", f"{tree}/a/b/file")
    folders = [f"{tree}", f"{tree}/a", f"{tree}/a/b", f"{tree}/a/b/c"]
    (tree / "a/b").chmod(0o755)
    assert changed_by(place, alice, folders) == {f"{tree}/a", f"{tree}/a/b/c"}


@pytest.mark.parametrize("key", ["read_only", "writable", "hide", "bind"])
def test_what_may_be_missing(place, alice, policy, tree, key):
    """A path that is not there is refused by name, and passed over with a leading "-"."""
    rest = f":{tree}/a" if key == "bind" else ""
    policy.conf(f"[view] {key}={tree}/nothing{rest}")
    place.refusal(alice, f"view.{key}", f"{tree}/nothing")
    policy.conf(f"[view] {key}=-{tree}/nothing{rest}")
    assert place.lines(alice, f"cat {tree}/a/file") == ["as it was"]


@pytest.mark.parametrize("key", ["read_only", "hide", "bind"])
def test_what_may_be_missing_and_is_there(place, alice, policy, tree, key):
    """With a leading "-" it holds as well."""
    rest = f":{tree}/a:ro" if key == "bind" else ""
    policy.conf(f"[view] {key}=-{tree}/a{rest}")
    assert place.sh(alice, f"echo changed >{tree}/a/file").rc != 0


# Mounts below


@pytest.fixture
def nested(tree):
    """A file system of the machine's on a/b/c, with a file that everybody can write to, and another one
    in that."""
    with tmpfs(tree / "a/b/c") as outer:
        make_open(outer / "file", "mounted\n")
        (outer / "inner").mkdir()
        with tmpfs(outer / "inner") as inner:
            make_open(inner / "file", "mounted\n")
            yield tree


MOUNTS = ("a/b/c", "a/b/c/inner")


def test_read_only_with_mounts_below(place, alice, policy, nested):
    """What is mounted below is read-only with it, and stays writable where `writable` says so."""
    folders = [f"{nested}/{name}" for name in ("a", "a/b", *MOUNTS)]
    policy.conf(f"[view] read_only={nested}/a/b")
    assert changed_by(place, alice, folders) == {f"{nested}/a"}
    policy.conf(f"[view]\nread_only={nested}/a\nwritable={nested}/a/b/c/inner")
    assert changed_by(place, alice, folders) == {f"{nested}/a/b/c/inner"}
    policy.conf("[view] read_only=system")
    assert changed_by(place, alice, folders) == set()
    policy.conf(f"[view]\nread_only=system\nwritable={nested}/a/b")
    assert changed_by(place, alice, folders) == set(folders[1:])


def test_hide_with_mounts_below(place, alice, policy, nested):
    """They are covered with it; a mount itself can be hidden too."""
    policy.conf(f"[view] hide={nested}/a/b")
    for name in MOUNTS:
        assert place.sh(alice, f"cat {nested}/{name}/file").rc != 0
    policy.conf(f"[view] hide={nested}/a/b/c/inner")
    assert place.lines(alice, f"cat {nested}/a/b/c/file; ls -A {nested}/a/b/c/inner 2>/dev/null; true") == [
        "mounted"]


def test_bind_with_mounts_below(place, alice, policy, nested):
    """SOURCE is shown with what is mounted in it, and :ro goes for that too."""
    target = nested / "target"
    target.mkdir()
    folders = [f"{target}", f"{target}/c", f"{target}/c/inner"]
    policy.conf(f"[view] bind={nested}/a/b:{target}")
    assert place.lines(alice, f"cat {' '.join(f'{f}/file' for f in folders)}") == [
        "as it was", "mounted", "mounted"]
    assert changed_by(place, alice, folders) == set(folders)
    policy.conf(f"[view] bind={nested}/a/b:{target}:ro")
    assert changed_by(place, alice, folders) == set()
    # The source itself is as it was.
    assert changed_by(place, alice, [f"{nested}/a/b/c/inner"])


# bind


@pytest.fixture
def shares(tree):
    """SRV/tree with an empty folder and a file to show something on."""
    (tree / "folder").mkdir()
    make_open(tree / "file-target", "a target\n")
    return tree


def test_bind_a_folder(place, alice, policy, shares):
    """It is shown there and is the same folder; both sides see what is written."""
    policy.conf(f"[view] bind={shares}/a/b:{shares}/folder")
    assert changed_by(place, alice, [f"{shares}/folder", f"{shares}/folder/c"]) == {
        f"{shares}/folder", f"{shares}/folder/c"}
    assert (shares / "a/b/c/file").read_text() == "as it was\nchanged\n"
    assert os.listdir(shares / "folder") == []


def test_bind_a_file(place, alice, policy, shares):
    """Likewise a file; with :ro it can only be read."""
    policy.conf(f"[view] bind={shares}/file:{shares}/file-target")
    assert place.lines(alice, f"echo changed >>{shares}/file-target; cat {shares}/file-target") == [
        "as it was", "changed"]
    policy.conf(f"[view] bind={shares}/file:{shares}/file-target:ro")
    result = place.sh(alice, f"cat {shares}/file-target; echo again >{shares}/file-target")
    assert result.rc != 0 and result.out == "as it was\nchanged\n", result
    assert (shares / "file-target").read_text() == "a target\n"


@pytest.mark.parametrize("source, target", [("file", "folder"), ("a", "file-target"), ("fifo", "folder")])
def test_bind_of_another_kind(place, alice, policy, shares, source, target):
    """A file on a folder, a folder on a file: refused, with both in the reason."""
    os.mkfifo(shares / "fifo")
    policy.conf(f"[view] bind={shares}/{source}:{shares}/{target}")
    place.refusal(alice, "view.bind", f"{shares}/{target}")


def test_bind_on_what_is_missing(place, alice, policy, shares):
    """PATH must be there, also where a leading "-" admits that SOURCE is not."""
    for optional in ("", "-"):
        policy.conf(f"[view] bind={optional}{shares}/a:{shares}/nothing")
        place.refusal(alice, "view.bind", f"{shares}/nothing")
    assert not (shares / "nothing").exists()


def test_bind_of_what_the_session_does_not_see(place, alice, bob, policy, shares):
    """SOURCE is the machine's: a folder of another home, or of the machine's /tmp."""
    shared, outside = Path(bob.home, "shared"), Path("/tmp/nsh-source")
    for path in (shared, outside):
        make_open(path)
        (path / "text").write_text("shown\n")
    try:
        policy.conf(f"[view] bind={shared}:{shares}/folder:ro")
        assert place.lines(alice, f"cat {shares}/folder/text; ls -A /home") == ["shown", alice.name]
        policy.conf(f"[view] bind={outside}:{shares}/folder:ro")
        # /tmp is sticky, and the folder is root's.
        assert place.lines(alice, f"cat {shares}/folder/text; ls -A /tmp") == ["shown"]
    finally:
        for path in (shared, outside):
            shutil.rmtree(path)


@pytest.mark.parametrize("key", ["hide", "read_only", "bind source", "bind target"])
def test_what_the_user_could_replace(place, alice, policy, scratch, shares, key):
    """A path in the own home, or in a folder that the user may write to, cannot be held."""
    alice.write("scratch/folder/file", "own\n")
    (shares / "a/b/c").chmod(0o777)
    for path in (scratch / "folder", shares / "a/b/c/d"):
        shown = {"bind source": f"{path}:{shares}/folder", "bind target": f"{shares}/folder:{path}"}
        policy.conf(f"[view] {key.partition(' ')[0]}={shown.get(key, path)}")
        place.refusal(alice, str(path))


def test_the_inner_path_counts_with_bind(place, alice, policy, shares):
    """What is bound into something read-only can be written, and what is read-only in it cannot."""
    (shares / "folder/c/d").mkdir(parents=True)
    policy.conf(
        f"[view]\nbind={shares}/a/b:{shares}/folder\nread_only={shares}, {shares}/folder/c\n"
        f"writable={shares}/folder/c/d"
    )
    folders = [f"{shares}/folder", f"{shares}/folder/c", f"{shares}/folder/c/d", f"{shares}/a/b"]
    assert changed_by(place, alice, folders) == {folders[0], folders[2]}


def test_bind_in_bind(place, alice, policy, shares):
    """The inner one of two is shown in the outer one, in any order of the list."""
    (shares / "folder/b").mkdir()
    (shares / "a/b/c/file").write_text("inner\n")
    binds = [f"{shares}/a:{shares}/folder:ro", f"{shares}/a/b/c:{shares}/folder/b"]
    for items in (binds, binds[::-1]):
        policy.conf(f"[view] bind={', '.join(items)}")
        assert place.lines(alice, f"cat {shares}/folder/file {shares}/folder/b/file") == ["as it was", "inner"]
        assert changed_by(place, alice, [f"{shares}/folder", f"{shares}/folder/b/d"]) == {
            f"{shares}/folder/b/d"}


@pytest.mark.parametrize("other", ["bind", "read_only", "writable", "inner bind"])
def test_hidden_is_hidden(place, alice, policy, shares, other):
    """Whatever another key says of the same path, or of one in it."""
    hidden, says = {
        "bind": (f"{shares}/folder", f"bind={shares}/a:{shares}/folder"),
        "read_only": (f"{shares}/a", f"read_only={shares}/a"),
        "writable": (f"{shares}/a", f"read_only=system\nwritable={shares}/a"),
        "inner bind": (f"{shares}/a", f"bind={shares}/folder:{shares}/a/b"),
    }[other]
    policy.conf(f"[view]\nhide={hidden}\n{says}")
    result = place.sh(alice, f"cat {hidden}/file {hidden}/b/file; ls -A {hidden}; echo x >{hidden}/new")
    assert result.rc != 0 and result.out == "", result
    assert changed_by(place, alice, [f"{hidden}/b", f"{hidden}/b/c/d"]) == set()


# Undoing


# What is mounted at {0} is taken away, made writable, gone round.
UNDO = [
    "umount {0}", "umount -l {0}", "umount -R {0}", "mount -o remount,rw {0}", "mount -o remount,bind,rw {0}",
    "mount -o remount,bind,rw /", "mount --move {0} $D", "mount --make-rprivate / && umount -l {0}",
    "mount --bind {0} $D && mount -o remount,bind,rw $D && echo undone >>$D/file && cat $D/file",
    "mount --rbind / $D && umount -l $D{0}", "mount --rbind / $D && mount -o remount,bind,rw $D{0}",
    "mount --bind / $D && cat $D{0}/file && echo undone >>$D{0}/file",
    "mount --bind {1} $D && cat $D/{2}/file; echo undone >>$D/{2}/file",
    "mount -t overlay -o lowerdir={1} none $D && cat $D/{2}/file",
    "mount -t tmpfs none {0} && umount {0} && umount -l {0}",
    "mount --rbind / $D && cd $D && pivot_root . tmp && umount -l /tmp",
    "umount -l /", "umount -Rl /", "umount -l {1}",
]
OWN_NAMESPACES = ["unshare -Urm", "unshare -Ucm --keep-caps", "unshare -Urmpf"]


def undo(hidden, read_only):
    """All attempts on both paths, each in a namespace of its own, and what they lead to."""
    look = f"cat {hidden}/file {hidden}/b/file; echo undone >>{read_only}/file; rm -f {read_only}/b/file"
    for path in (hidden, read_only):
        for attempt in UNDO:
            tried = attempt.format(path, os.path.dirname(path), os.path.basename(path))
            for way in ("", *OWN_NAMESPACES):
                yield f"timeout 5 {way} sh -c '{tried}; {look}' 2>/dev/null"


@pytest.mark.parametrize("system", [False, True], ids=["listed", "system"])
def test_nothing_is_undone(place, alice, policy, scratch, system):
    """Not with the user's own power, and not with all of it over a namespace of the user's own."""
    tops = [make_open(SRV / f"undo/{name}") for name in ("hidden", "kept")]
    try:
        for top in tops:
            make_open(top / "b")
            for folder in (top, top / "b"):
                make_open(folder / "file", "as it was\n")
        os.chmod(SRV / "undo", 0o755)
        before = snapshot(SRV / "undo")
        policy.conf(f"[view]\nhide={tops[0]}\nread_only={'system' if system else tops[1]}")
        with place.hold(alice) as held:
            held.ask(f"D={scratch}/on; export D; mkdir $D")
            # The control: mounting as such works there.
            for way in OWN_NAMESPACES:
                assert held.ask(f"{way} mount -t tmpfs none $D").rc == 0, way
                assert held.ask(f"{way} mount -t tmpfs none {tops[1]}").rc == 0, way
            result = held.ask("\n".join(undo(*tops)))
            assert "as it was" not in result.out.replace("undone", "as it was"), result
        assert snapshot(SRV / "undo") == before
    finally:
        shutil.rmtree(SRV / "undo")


# Homes that lie around other things


@pytest.fixture
def students(alice, bob):
    """A folder of homes in alice's home, which is root's as far as that goes; with a home in it."""
    folder = alice.path("students")
    (folder / "bob").mkdir(parents=True)
    (folder / "bob/file").write_text("bob's\n")
    os.chown(alice.home, 0, 0)
    yield folder
    shutil.rmtree(folder)
    os.chown(alice.home, alice.uid, alice.gid)


@pytest.mark.parametrize("system", ["", "read_only=system"], ids=["default", "read-only"])
@pytest.mark.parametrize("homes", ["/home, {0}", "{0}, /home", "{0}"])
def test_a_folder_of_homes_in_the_home(place, alice, policy, students, homes, system):
    """It is covered all the same, as the home is shown before."""
    policy.conf(f"[view]\nhomes={homes.format(students)}\n{system}")
    result = place.sh(alice, f"cat ~/secret; ls -A {students}; cat {students}/bob/file")
    assert result.out == f"secret of {alice.name}\n" and "No such file" in result.err, result


@pytest.mark.parametrize("home", ["keep", "ephemeral"])
def test_a_home_in_a_read_only_folder(place, alice, policy, home):
    """What the session has of its own there is not meant, unless it is named itself."""
    policy.conf(f"[view]\nhomes=\nhome={home}\nread_only=/home")
    result = place.sh(alice, f"touch ~/new && ls ~/new; touch {SRV}/homes/x /home/x; grep -c ' /home ' /proc/self/mountinfo")
    assert result.out == f"{alice.home}/new\n1\n" and "Read-only" in result.err, result
    assert alice.path("new").exists() == (home == "keep")
    policy.conf(f"[view]\nhomes=\nhome={home}\nread_only=/home, {alice.home}")
    result = place.sh(alice, "touch ~/newer")
    assert result.rc != 0 and "Read-only" in result.err, result


@pytest.mark.parametrize("home", ["{0}/", "//home//{1}", "/home/./{1}/."])
@pytest.mark.parametrize("system", ["", "read_only=system"], ids=["default", "read-only"])
def test_a_home_with_slashes(place, alice, policy, home, system):
    """It is the same home, however the account database has it."""
    policy.conf(f"[view]\n{system}")
    name = home.format(alice.home, alice.name)
    with home_at(alice, name):
        assert place.lines(alice, f"cat {name}/secret; touch {name}/new; ls -A /home") == [
            f"secret of {alice.name}", alice.name]
        assert alice.path("new").exists()


@pytest.mark.parametrize("keys", ["tmp=host\nread_only=system", "homes=\nwritable={0}", "homes=\nread_only=system\nbind={0}:{0}"])
def test_an_ephemeral_home_in_what_is_shown(place, alice, policy, keys):
    """It is shown on top of that."""
    top = Path("/tmp/nsh-top" if "tmp" in keys else f"{SRV}/nsh-top")
    home = top / "home"
    home.mkdir(parents=True)
    os.chown(home, alice.uid, alice.gid)
    policy.conf(f"[view]\nhome=ephemeral\n{keys.format(top)}")
    try:
        with home_at(alice, home):
            assert place.lines(alice, f"echo x >{home}/new; cat {home}/new") == ["x"]
            assert os.listdir(home) == []
    finally:
        shutil.rmtree(top)


# Places that the session has folders of its own in


@pytest.mark.parametrize("text, words", [
    ("[view] bind=/dev/null:/dev/tty0", ("view.bind", "/dev/tty0", "view.dev = minimal")),
    ("[view] writable=/dev/null", ("view.writable", "/dev/null", "view.dev = minimal")),
    ("[view] read_only=/proc/sys", ("view.read_only", "/proc/sys", "session's own")),
    ("[view] bind={0}/a:/var/mail", ("view.bind", "/var/mail", "view.others = hidden")),
    ("[view] read_only=/sys/kernel\n[network] mode=none", ("view.read_only", "/sys/kernel", "network")),
], ids=["device", "writable device", "proc", "mail", "sys"])
def test_in_a_folder_of_the_sessions_own(session, alice, policy, shares, text, words):
    """It would not hold: there is no session, and "nsshellctl check" says it too."""
    policy.conf(text.format(shares))
    session.refusal(alice, *words)
    result = ctl("check", POLICY)
    assert result.rc == FAILED and all(word in result.out for word in words), result


def test_hidden_in_a_folder_of_the_sessions_own(place, alice, policy):
    """Hiding comes last."""
    policy.conf("[view] hide=/sys/kernel, /var/mail, /dev/full\n[network] mode=none")
    result = place.sh(alice, "ls /sys/class/net; ls /sys/kernel; ls /var/mail; cat /dev/full")
    assert result.out == "lo\n" and result.err.count("Permission denied") == 3, result


def test_where_the_machines_own_is_shown(session, alice, policy, shares):
    """Otherwise the same can be asked for."""
    policy.conf(f"[view]\ndev=host\nothers=host\nbind=/dev/null:/dev/zero, {shares}/a:/var/mail\nhide=/sys/kernel")
    assert session.lines(alice, "stat -c %t:%T /dev/zero; ls /var/mail; ls /sys/kernel 2>/dev/null || echo hidden") == [
        "1:3", *sorted(os.listdir(shares / "a")), "hidden"]


# What the machine mounts later


@pytest.fixture
def shared_machine():
    """A mount namespace with everything shared, as systemd has the machine's: the beginning of a command
    that runs in it."""
    argv = ["unshare", "-m", "--propagation", "shared", "sleep", "600"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as process:
        wait_until(lambda: name_of(process.pid) == "sleep", "unshare")
        yield ("nsenter", "-t", str(process.pid), "-m", "--wd=/")
        process.kill()


@pytest.mark.parametrize("program", ["/bin/sh", str(NSSHELL)], ids=["frame", "session"])
@pytest.mark.parametrize("system", [False, True], ids=["default", "read-only"])
def test_what_is_mounted_later(pam, alice, policy, scratch, shared_machine, program, system):
    """It is seen, as in a login without nsshell; with read_only = system only in the home, because
    elsewhere it could be written."""
    policy.conf(f"[view] read_only={'system' if system else ''}")
    folders = [make_open(SRV / "later"), make_open(scratch / "later")]
    try:
        with HeldLogin(pam, alice, program, prefix=shared_machine) as held:
            for folder in folders:
                command(*shared_machine, "mount", "-t", "tmpfs", "-o", "mode=777", "none", str(folder))
                command(*shared_machine, "touch", f"{folder}/new")
            assert held.ask(f"ls {folders[1]}; touch {folders[1]}/mine").out == "new"
            assert held.ask(f"ls {folders[0]}").out == ("" if system else "new")
    finally:
        folders[0].rmdir()


# sshd's own work


def test_internal_sftp(make_sshd, alice, policy, shares, tmp_path):
    """sshd's sftp, which starts no program, has the lists too."""
    (shares / "a/b").chmod(0o777)
    policy.conf(
        f"[view]\nhide={shares}/file\nread_only=system\nwritable={shares}/a/b\n"
        f"bind={shares}/a:{shares}/folder:ro"
    )
    server = make_sshd(config="ForceCommand internal-sftp\n")
    (tmp_path / "file").write_text("sent\n")
    batch = "".join(
        f"-{line}\n" for line in (
            f"get {shares}/file {tmp_path}/hidden", f"put {tmp_path}/file {shares}/a/new",
            f"put {tmp_path}/file {shares}/a/b/new", f"put {tmp_path}/file {shares}/folder/b/new-too",
            f"get {shares}/folder/file {tmp_path}/bound", f"put {tmp_path}/file /tmp/new", "ls /tmp", "ls /home",
            f"put {tmp_path}/file {alice.home}/nsh-new",
        )
    )
    done = as_root(*server.client("sftp"), "-b", "-", f"{alice.name}@{server.HOST}", stdin=batch)
    own = alice.path("nsh-new")
    assert own.read_text() == "sent\n", done
    own.unlink()
    assert "/tmp/new" in done.out and f"/home/{alice.name}" in done.out and "nshbob" not in done.out, done
    assert not (tmp_path / "hidden").exists() or (tmp_path / "hidden").read_text() == ""
    assert (tmp_path / "bound").read_text() == "as it was\n"
    assert (shares / "a/b/new").exists() and not (shares / "a/new").exists()
    assert not (shares / "a/b/new-too").exists() and not Path("/tmp/new").exists()


# tmp


def test_runtime_folder(session, alice, runtime):
    """/run/user has the own folder and nothing in it: the machine's, and the socket of systemd --user
    there, are not reached."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(runtime / "bus"))
        listener.listen()
        os.chown(runtime / "bus", alice.uid, alice.gid)
        connect = "import socket; socket.socket(1).connect(\"{}/bus\")".format(runtime)
        assert Outside().sh(alice, f"python3 -c '{connect}'").rc == 0
        result = session.sh(
            alice, f"cd {runtime} && stat -c '%a %u %g' . && ls -A . && ls /run/user; touch it; ls;"
            f"touch ../new; python3 -c '{connect}'",
        )
    assert result.out.split() == ["700", str(alice.uid), str(alice.gid), str(alice.uid), "it"], result
    assert result.rc != 0 and "No such file" in result.err and os.listdir(runtime) == ["bus"]


def test_runtime_folder_that_the_machine_has_not(session, alice, tmp_folders):
    """Where nobody made one, as with cron, the session has one all the same."""
    assert not runtime_folder(alice).exists()
    assert session.lines(alice, f"stat -c '%a %U' {runtime_folder(alice)}; ls /run/user") == [
        f"700 {alice.name}", str(alice.uid)]
    assert not runtime_folder(alice).exists()


def test_programs_use_the_tmp_folders(session, alice, tmp_folders, scratch):
    """screen, which is particular about owners and modes, and locks as serial programs make them."""
    assert session.lines(
        alice, f"export HOME={scratch}; screen -dmS nsh sh -c 'tty >/tmp/tty; sleep 60';"
        "until test -s /tmp/tty; do sleep 0.05; done; cat /tmp/tty; screen -ls | grep -c '[0-9][.]nsh';"
        "screen -S nsh -X quit; echo $$ >/run/lock/LCK..ttyS0; ls /run/lock",
    )[1:] == ["1", "LCK..ttyS0"]
    assert not Path("/run/lock/LCK..ttyS0").exists()


def test_what_cannot_be_executed_outside(place, alice):
    """Where the machine mounts a folder for everybody noexec, the session's own is noexec."""
    folder = "/run/lock"
    script = f"for f in {folder} /tmp; do echo echo ran in $f >$f/x; chmod +x $f/x; $f/x; done; true"
    assert place.sh(alice, script).out == f"ran in {folder}\nran in /tmp\n"
    with mounted(folder, "--bind", folder):
        command("mount", "-o", "remount,bind,noexec", folder)
        assert place.sh(alice, script).out == "ran in /tmp\n"


def test_host_tmp(place, alice, policy, runtime):
    """tmp = host: all of these folders are the machine's."""
    policy.conf("[view] tmp=host")
    folders = (*TMP, str(runtime))
    made = [Path(folder, "nsh-of-the-machine") for folder in folders]
    for path in made:
        path.touch()
    try:
        assert place.lines(alice, f"ls {' '.join(map(str, made))}") == sorted(map(str, made))
    finally:
        for path in made:
            path.unlink()


@pytest.mark.parametrize("home", ["keep", "ephemeral"])
def test_host_tmp_of_a_read_only_system(place, alice, policy, home):
    """They are written to as ever; what is named itself is read-only."""
    policy.conf(f"[view]\ntmp=host\nread_only=system\nhome={home}")
    names = " ".join(f"{folder}/nsh-of-the-session" for folder in ("/tmp", "/var/tmp", "/dev/shm"))
    made = [Path(name) for name in names.split()]
    try:
        result = place.sh(alice, f"touch {names} ~/new && ls {names}; touch /usr/x")
        assert sorted(result.out.split()) == sorted(names.split()) and "Read-only" in result.err, result
        assert all(path.exists() for path in made) and alice.path("new").exists() == (home == "keep")
        policy.conf(f"[view]\ntmp=host\nread_only=system, /var/tmp\nhome={home}")
        result = place.sh(alice, f"echo x >>{made[0]} && echo x >>{made[1]}")
        assert result.rc != 0 and made[0].read_text() == "x\n" and made[1].read_text() == "", result
    finally:
        for path in made:
            path.unlink(missing_ok=True)


# Names in the file system that the kernel makes


PROC = "import os, sys\n" r'''
def readable(top):
    for folder, folders, files in os.walk(top):
        if folder == "/proc":
            folders[:] = [name for name in folders if not name.isdigit()]
        for name in files:
            path = os.path.join(folder, name)
            if os.path.islink(path):
                continue
            try:
                fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            except OSError:
                continue
            try:
                os.read(fd, 1)
            except OSError:
                continue
            finally:
                os.close(fd)
            print(path)
readable(sys.argv[1])
'''


@pytest.fixture
def reader():
    """A program that prints which files below a folder give something to read."""
    path = SRV / "reader.py"
    path.write_text(PROC)
    yield lambda place, account, top: set(place.lines(account, f"python3 -B {path} {top}"))
    path.unlink()


@pytest.mark.parametrize("top", ["/proc", "/sys"])
@pytest.mark.parametrize("uid", ["keep", "root"])
def test_no_more_can_be_read(session, alice, policy, reader, uid, top):
    """What /proc and /sys give in a session is what they give the same user outside."""
    policy.conf(f"[identity] uid={uid}")
    machine, seen = reader(Outside(), alice, top), reader(session, alice, top)
    assert len(seen) > 20 and seen <= machine


KEYS = r"""
import ctypes, sys
libc = ctypes.CDLL(None)
# add_key(2), keyctl_setperm(3): a key in the keyring of the user that everybody can see
key = libc.syscall(248, b"user", b"nsh-key", b"secret", 6, -4)
libc.syscall(250, 5, key, 0x3f3f3f3f)
print(key)
"""


def test_logs_and_keys(session, alice, bob):
    """The kernel's log is not for users, and /proc/keys shows no keys of others'."""
    run = session.sh(alice, "dmesg; cat /proc/kmsg; cat /dev/kmsg; cat /proc/keys /proc/key-users >/dev/null")
    assert run.out == "", run
    made = Outside().sh(bob, f"python3 -c '{KEYS}'; cat /proc/keys")
    assert "nsh-key" in made.out, made
    assert "nsh-key" not in session.sh(alice, "cat /proc/keys").out


FIND_SYSCTLS = "find /proc/sys -type f -writable 2>/dev/null; true"


@pytest.mark.parametrize("uid", ["keep", "root"])
def test_sysctls_cannot_be_written(session, alice, policy, no_nested_userns, uid):
    """No file of /proc/sys, also as user id 0 inside."""
    policy.conf(f"[identity] uid={uid}")
    assert session.lines(alice, FIND_SYSCTLS) == []
    # Outside, a network namespace of one's own has many.
    assert len(Outside().lines(alice, f"unshare -Urn {FIND_SYSCTLS}")) > 100


# What belongs to a namespace, or to a user in one; all other files are the machine's.
OWN_SYSCTLS = ("/proc/sys/user/", "/proc/sys/net/", "/proc/sys/fs/mqueue/", "/proc/sys/kernel/ns_last_pid", "/proc/sys/kernel/pid_max",
               "/proc/sys/kernel/shm", "/proc/sys/kernel/msg", "/proc/sys/kernel/sem", "/proc/sys/kernel/auto_msgmni",
               "/proc/sys/kernel/hostname", "/proc/sys/kernel/domainname")
NESTED_WAYS = ["", "unshare -Ur", "unshare -Urm", "unshare -Urn", "unshare -Urui", "unshare -Urmnuipf --mount-proc"]


@pytest.mark.parametrize("uid", ["keep", "root"])
def test_sysctls_of_nested_namespaces(session, alice, policy, uid):
    """With nested_userns = yes those of the session's and the user's own namespaces can, and no other. (The
    kernel lets nobody map user id 0 once more.)"""
    policy.conf(f"[identity] uid={uid}")
    for way in NESTED_WAYS:
        seen = session.lines(alice, f"{way} sh -c '{FIND_SYSCTLS}'; true")
        assert [path for path in seen if not path.startswith(OWN_SYSCTLS)] == [], way


WRITES = [
    "/proc/sys/user/max_user_namespaces", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/hostname",
    "/proc/sys/kernel/ns_last_pid", "/proc/sys/fs/mqueue/msg_max", "/proc/sys/kernel/shmmax", "/proc/sysrq-trigger",
]


@pytest.mark.parametrize("uid", ["keep", "root"])
def test_what_is_written_to_sysctls(session, alice, policy, no_nested_userns, uid):
    """Opening them for writing fails, and after remounting and uncovering /proc as well."""
    policy.conf(f"[identity] uid={uid}")
    tries = "; ".join(f"echo 1 >{path} && echo {path}" for path in WRITES)
    for before in (":", "mount -o remount,rw /proc", "mount -o remount,bind,rw /proc/sys", "umount -l /proc/sys",
                   "umount -l /proc"):
        result = session.sh(alice, f"{before}; {tries}")
        assert result.out == "", (before, result)


def test_own_proc_in_an_own_pid_namespace(session, alice, policy):
    """A /proc that the user mounts over a PID namespace of their own shows and opens no more: nothing of
    the machine's can be written through it."""
    script = "find /proc/sys -type f -writable; ls /proc | grep -x [0-9]*"
    seen = session.sh(alice, f"unshare -Urpf --mount-proc sh -c '{script}'").out.split()
    machine = Outside().sh(alice, f"unshare -Urpf --mount-proc sh -c '{script}'").out.split()
    assert set(seen) <= set(machine) | {"1", "2", "3", "4"}


# Others


@pytest.fixture
def records():
    """Records of a login of somebody else's in all of the machine's files of them."""
    made = RecordFiles()
    yield made
    made.restore()


class RecordFiles:
    """utmp(5) and lastlog(8): a record of nsh-someone's is added, or the file is made for it."""

    PATHS = ("/run/utmp", "/var/log/wtmp", "/var/log/btmp", "/var/log/wtmp.1", "/var/log/btmp-20260101")
    SOMEONE = 0

    def __init__(self):
        self.before = {path: self._read(path) for path in (*self.PATHS, "/var/log/lastlog")}
        for path in self.PATHS:
            self._append(path, self._utmp())
        self._write_lastlog()

    @staticmethod
    def _read(path):
        return Path(path).read_bytes() if os.path.exists(path) else None

    @staticmethod
    def _utmp():
        """struct utmp: a login (type 7) on a terminal that is nobody's."""
        record = bytearray(384)
        record[0:2] = (7).to_bytes(2, "little")
        record[4:8] = os.getpid().to_bytes(4, "little")
        for at, text in ((8, b"pts/99"), (40, b"99"), (44, b"nsh-someone"), (76, b"192.0.2.99")):
            record[at:at + len(text)] = text
        record[340:344] = (1700000000).to_bytes(4, "little")
        return bytes(record)

    def _append(self, path, record):
        with open(path, "ab") as file:
            file.write(record)
        if self.before[path] is None:
            command("chown", "root:utmp", path)
            os.chmod(path, 0o664)

    def _write_lastlog(self):
        """The record of the user id 0: struct lastlog is time, line and host."""
        path = "/var/log/lastlog"
        if self.before[path] is None:
            self._append(path, b"")
        with open(path, "r+b") as file:
            file.write((1700000000).to_bytes(4, "little") + b"pts/99".ljust(32, b"\0")
                       + b"nsh-someone".ljust(256, b"\0"))

    def restore(self):
        for path, text in self.before.items():
            if text is None:
                os.unlink(path)
            else:
                with open(path, "r+b") as file:
                    file.write(text)
                    file.truncate(len(text))


# With a file named, who does not ask whether the processes are there.
# Debian 13 has neither last nor lastlog.
LAST = "! command -v last >/dev/null || last -w"
SHOW_OTHERS = (
    f"who /run/utmp; {LAST}; ! command -v lastlog >/dev/null || lastlog -u 0;"
    " cat /run/utmp /var/log/wtmp /var/log/wtmp.1 /var/log/lastlog | strings; true"
)


def test_records_of_others(session, alice, policy, records):
    """who and last work and are empty; with others = host they show what they show everywhere."""
    shown = Outside().sh(alice, SHOW_OTHERS).out
    assert shown.count("nsh-someone") >= 4, shown
    result = session.sh(alice, SHOW_OTHERS)
    assert result.rc == 0 and result.err == "", result
    assert "nsh-someone" not in result.out and "nshbob" not in result.out, result
    assert session.lines(alice, "who") == []
    assert [line for line in session.lines(alice, LAST) if line and "begins" not in line] == []
    assert session.sh(alice, "lastb | grep nsh-someone").out == ""
    sizes = session.lines(alice, f"stat -c %s {' '.join(RecordFiles.PATHS)} /var/log/lastlog")
    assert sizes == ["0"] * 6
    policy.conf("[view] others=host")
    assert session.sh(alice, SHOW_OTHERS).out.count("nsh-someone") == shown.count("nsh-someone")


# Folders that tell of others, and a file. Not every machine has them: they differ by release, and with systemd.
OTHERS_FOLDERS = (
    "/run/systemd/sessions", "/run/systemd/users", "/run/systemd/transient", "/run/systemd/seats",
    "/run/systemd/inhibit", "/run/dbus", "/run/faillock",
    "/var/lib/lastlog", "/var/lib/wtmpdb",
)
FAILLOG = "/var/log/faillog"


@pytest.fixture
def other_records():
    """Something of nsh-someone's in each of them, for all to read; what was not there goes again."""
    with contextlib.ExitStack() as stack:
        for folder in map(Path, OTHERS_FOLDERS):
            for part in [*reversed(folder.parents), folder]:
                if not part.exists():
                    part.mkdir(mode=0o755)
                    stack.callback(part.rmdir)
            file = folder / "nsh-someone"
            file.write_text("nsh-someone\n")
            file.chmod(0o644)
            stack.callback(file.unlink)
        kept = Path(FAILLOG).read_bytes() if os.path.exists(FAILLOG) else None
        stack.callback(lambda: os.unlink(FAILLOG) if kept is None else Path(FAILLOG).write_bytes(kept))
        with open(FAILLOG, "a", encoding="ascii") as file:
            file.write("nsh-someone\n")
        yield


def test_other_records_of_others(session, alice, policy, other_records):
    """What systemd, logind and PAM modules note of others' logins is hidden, and with others = host it is not."""
    show = (
        f"for f in {' '.join(OTHERS_FOLDERS)}; do echo $f $(ls -A $f) $(cat $f/nsh-someone 2>&1); done;"
        f" echo {FAILLOG} $(stat -c %s {FAILLOG}) $(cat {FAILLOG} | strings)"
    )
    shown = Outside().lines(alice, show)
    assert all("nsh-someone nsh-someone" in line for line in shown[:-1]) and "nsh-someone" in shown[-1], shown
    hidden = session.lines(alice, show)
    for path, line in zip(OTHERS_FOLDERS, hidden):
        assert line == f"{path} cat: {path}/nsh-someone: No such file or directory", line
    assert hidden[-1] == f"{FAILLOG} 0", hidden
    policy.conf("[view] others=host")
    assert session.lines(alice, show) == shown


@pytest.mark.parametrize("key", ["", "read_only=system"], ids=["default", "read-only"])
def test_records_of_sshd(sshd, alice, policy, records, key):
    """sshd's own records of a login arrive on the machine."""
    policy.conf(f"[view]\n{key}")
    size = os.path.getsize("/var/log/wtmp")
    assert sshd.ssh(alice, "true", options=("-tt",)).rc == 0
    new = Path("/var/log/wtmp").read_bytes()[size:]
    assert b"nshalice" in new
    assert b"127.0.0.1" in Path("/var/log/lastlog").read_bytes()[alice.uid * 292:(alice.uid + 1) * 292]


@pytest.fixture
def mail(alice, bob):
    """Mailboxes of both. The folder is there already on every Debian."""
    boxes = [Path("/var/mail", account.name) for account in (alice, bob)]
    for box, account in zip(boxes, (alice, bob)):
        box.unlink(missing_ok=True)
        box.write_text(f"From someone\n\nfor {account.name}\n")
        shutil.chown(box, account.uid, "mail")
        box.chmod(0o660)
    # For all to read, so that only the view can be why it is not seen.
    boxes[1].chmod(0o666)
    yield boxes[0]
    for box in boxes:
        if box.is_dir() and not box.is_symlink():
            shutil.rmtree(box)
        else:
            box.unlink(missing_ok=True)


def test_mail(session, alice, bob, policy, mail):
    """Of /var/mail there is the own mailbox, for reading and writing, and what is delivered arrives."""
    with session.hold(alice) as held:
        assert held.ask("ls -A /var/mail/; ls -A /var/spool/mail/").out.split() == [alice.name] * 2
        assert held.ask(f"tail -n 1 /var/mail/{alice.name}").out == f"for {alice.name}"
        assert held.ask(f"cat /var/mail/{bob.name}").rc != 0
        with open(mail, "a", encoding="ascii") as box:
            box.write("delivered\n")
        assert held.ask(f"tail -n 1 /var/mail/{alice.name}; echo read >>/var/mail/{alice.name}").out == "delivered"
    assert mail.read_text().splitlines()[-1] == "read"
    policy.conf("[view] others=host")
    assert bob.name in session.lines(alice, "ls -A /var/mail/")


def box_is_missing(box, _):
    box.unlink()


def box_is_a_link(box, other):
    box.unlink()
    box.symlink_to(other)


def box_is_a_users_link(box, other):
    box_is_a_link(box, other)
    os.lchown(box, 64123, 64123)


def box_is_a_hard_link(box, other):
    box.unlink()
    os.link(other, box)


def box_is_a_fifo(box, _):
    box.unlink()
    os.mkfifo(box, 0o666)


def box_is_a_folder(box, _):
    box.unlink()
    box.mkdir()
    (box / "cur").mkdir()


@pytest.mark.parametrize("change", [
    box_is_missing, box_is_a_link, box_is_a_users_link, box_is_a_hard_link, box_is_a_fifo, box_is_a_folder,
])
def test_other_mailboxes(session, alice, bob, mail, change):
    """Whatever stands there in the place of the own mailbox: there is a session, and nobody's mail."""
    change(mail, mail.with_name(bob.name))
    result = session.sh(alice, f"ls -A /var/mail/; timeout 1 cat /var/mail/*; cat /var/mail/{bob.name}; true")
    assert result.rc == 0 and result.out.splitlines()[:1] in ([], [alice.name]), result
    if change is not box_is_a_hard_link:
        # A second name of the same file is the same file.
        assert f"for {bob.name}" not in result.out, result


def test_the_control_of_mail(alice, bob, mail):
    """So that the above can fail: outside, all is seen."""
    assert Outside().lines(alice, f"tail -n 1 /var/mail/{bob.name}") == [f"for {bob.name}"]


def test_at_or_below():
    """What the lists are compared with."""
    assert is_at_or_below("/a/b", ["/a"]) and is_at_or_below("/a", ["/a"]) and is_at_or_below("/a", ["/"])
    assert not is_at_or_below("/ab", ["/a"])
