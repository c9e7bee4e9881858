# SPDX-License-Identifier: MIT
"""root = PATH: the session's root is that folder, and the machine's own is not there any more.

nsshell.conf(5), [view] root; design.md, promises 1, 2 and 5. The folder is a debootstrapped Debian.
"""

import os
import shutil
import stat
from pathlib import Path

import pytest

from lib_frame import HeldLogin
from lib_mounts import tmpfs
from lib_process import SHOW_NAMESPACES, as_root, assert_confined
from lib_settings import MARKER, NSSHELL, POLICY, SRV
from lib_terminal import Terminal
from lib_view import Standalone, make_open, snapshot
from lib_walk import without

pytestmark = pytest.mark.usefixtures("nested_userns")

TMP = ("/tmp", "/var/tmp", "/dev/shm", "/run/lock")
DEVICES = {f"/dev/{name}" for name in ("null", "zero", "full", "random", "urandom", "tty", "pts/ptmx")}


@pytest.fixture
def root(shared_root, policy):
    """The policy's root, which no test changes."""
    policy.conf(f"[view] root={shared_root}")
    return shared_root


@pytest.fixture
def changed_root(own_root, policy):
    """Another one, for a test to change."""
    policy.conf(f"[view] root={own_root}")
    return own_root


def test_it_is_the_root(session, alice, root):
    """The folders, the release and the shell are those of the root."""
    lines = session.lines(
        alice, "ls -A /; echo; grep VARIANT_ID /etc/os-release; readlink /proc/$$/exe; echo $SHELL; pwd; "
        "stat -c %d:%i /usr/bin/bash",
    )
    folders, found = lines[:lines.index("")], lines[lines.index("") + 1:]
    assert set(os.listdir(root)) - {"lost+found"} == set(folders)
    shell = (root / "usr/bin/bash").stat()
    assert found == [
        "VARIANT_ID=nsh-root", "/usr/bin/bash", "/bin/bash", alice.home, f"{shell.st_dev}:{shell.st_ino}"]


def test_it_is_a_session(session, alice, root):
    """Namespaces, processes, host name and session folder are as ever."""
    lines = session.lines(alice, f"{SHOW_NAMESPACES}; ps -e -o comm=; hostname; cat /etc/hostname")
    assert_confined("\n".join(lines[:6]))
    assert lines[6:9] == ["nsshell", "bash", "ps"]
    assert lines[9] == lines[10] and lines[9].startswith("nshalice-")


def groups(session):
    """What alice's groups are called: without the PAM module only the own one has a number inside."""
    return {"nshalice", "nogroup" if isinstance(session, Standalone) else "nshteam"}


@pytest.mark.parametrize("uid", ["keep", "root"])
def test_names(session, alice, policy, root, uid):
    """The account and its groups have their names, beside the root's own; the home is theirs."""
    policy.conf(f"[view] root={root}\n[identity] uid={uid}")
    lines = session.lines(
        alice, "id -un; id -Gn; getent passwd nshalice; getent group nshteam nshalice; getent passwd daemon;"
        "wc -l </etc/passwd; stat -c %U ~; ls -l /etc/passwd /etc/group | cut -d ' ' -f 1,3,4",
    )
    own = 1 + len((root / "etc/passwd").read_text().splitlines())
    if uid == "keep":
        assert lines[0] == "nshalice" and set(lines[1].split()) == groups(session)
    else:
        assert lines[0] == "root"
    assert lines[2].split(":")[:4] == ["nshalice", "x", str(alice.uid), str(alice.gid)]
    assert lines[2].split(":")[5] == alice.home
    assert [line.split(":")[0] for line in lines[3:5]] == ["nshteam", "nshalice"]
    assert lines[5].startswith("daemon:") and int(lines[6]) == own
    assert lines[7] == ("nshalice" if uid == "keep" else "root")
    assert [line.split()[0] for line in lines[8:]] in (["-r--r--r--"] * 2, ["-rw-r--r--"] * 2)


def test_no_names_of_the_machine(session, alice, root):
    """Other accounts of the machine are not there."""
    assert session.sh(alice, "getent passwd nshbob; getent group nshguest; ls -A /home").out == "nshalice\n"


def test_name_resolution(session, alice, root):
    """hosts has the session's name and the root's own lines; resolv.conf is the machine's."""
    lines = session.lines(
        alice, "getent hosts localhost; getent hosts nsh-of-the-root; getent hosts $(hostname); "
        "cat /etc/resolv.conf",
    )
    assert lines[0].split()[1] == "localhost" and lines[1].split()[0] == "127.0.0.1"
    assert lines[2].split()[0] == "127.0.1.1"
    assert lines[3:] == Path("/etc/resolv.conf").read_text().splitlines()
    assert (root / "etc/resolv.conf").read_text() == "# nsh-root\n"


def test_home_and_tmp(session, alice, bob, root, scratch):
    """The home is the account's, with what is mounted in it; /tmp and its like are the session's."""
    with tmpfs(scratch, "mode=777"):
        make_open(scratch / "mounted", "mounted\n")
        with session.hold(alice) as held:
            assert held.ask("cat ~/secret ~/scratch/mounted; ls -A /home").out.split("\n") == [
                "secret of nshalice", "mounted", "nshalice"]
            assert held.ask("echo x >~/scratch/new && echo x >/tmp/new && cat /tmp/new").out == "x"
            for folder in TMP:
                assert held.ask(f"touch {folder}/file && stat -c %a {folder}").out == "1777", folder
        assert (scratch / "new").read_text() == "x\n"
        assert not Path("/tmp/new").exists() and os.listdir(root / "tmp") == []
    assert session.sh(alice, f"ls {bob.home}").rc != 0


def test_tmp_is_that_of_the_connection(framed_sshd, alice, root):
    """With the PAM module /tmp is shared by all of a connection, whatever their root."""
    with framed_sshd.shared_connection(alice) as options:
        assert framed_sshd.ssh(alice, "echo x >/tmp/new; echo x >/var/tmp/new", options=options).rc == 0
        assert framed_sshd.ssh(alice, "cat /tmp/new /var/tmp/new", options=options).out == "x\nx\n"


def test_host_tmp(session, alice, policy, root, outside):
    """tmp = host: it is the machine's in another root too."""
    policy.conf(f"[view]\nroot={root}\ntmp=host")
    assert session.lines(alice, "cat /tmp/nsh-outside; stat -c %a /tmp") == ["outside", "1777"]


def test_runtime_folder(session, alice, root):
    """/run/user has the own folder, if the root has /run/user; /run has nothing of the machine's."""
    result = session.sh(alice, f"stat -c %a:%u /run/user/{alice.uid}; ls /run")
    expected = f"700:{alice.uid}" if (root / "run/user").exists() else ""
    assert result.out.splitlines()[0 if expected else slice(0, 0)] in (expected, []), result
    assert set(result.out.split()) - {expected} <= set(os.listdir(root / "run"))


def test_walk(session, alice, no_nested_userns, root):
    """Devices, and what can be written, are those of the list; all other mounts are read-only."""
    seen = session.walk(alice)
    assert seen.devices == DEVICES
    runtime = {path for path in seen.writable if path == f"/run/user/{alice.uid}"}
    assert without(seen.writable, [alice.home, "/proc/pressure"]) == {*TMP, *runtime}
    assert alice.home in seen.writable and not seen.sockets and not seen.fifos
    writable = {point for point, mount in seen.shown.items() if mount.can_be_written}
    assert without(writable, [alice.home, *TMP, *runtime, "/proc", "/dev/pts", *DEVICES]) == set()


def test_nothing_of_the_machine_is_mounted(session, alice, root):
    """mountinfo has the root, and what was mounted for the session in it, and nothing that it covers."""
    seen = session.walk(alice)
    expected = (
        "/proc", "/dev", *TMP, "/run/user", "/home", "/etc/hosts", "/etc/hostname", "/etc/resolv.conf",
        "/etc/passwd", "/etc/group", "/var/mail", "/var/log", "/run/utmp", str(MARKER), "/usr/lib/nsshell", "/run/nsshell",
    )
    points = [mount.point for mount in seen.mounts]
    assert without(set(points), expected) == {"/"} and points.count("/") == 1
    # Devices are single files of the machine's devtmpfs.
    types = {mount.type for mount in seen.mounts if mount.point not in DEVICES}
    assert not types & {"sysfs", "devtmpfs", "cgroup", "cgroup2"}


WAYS_OUT = [
    "ls /proc/1/root/", "cd /proc/1/cwd", "cd " + "../" * 100, "cd /proc/self/root/" + "../" * 50,
    "chroot / true", "cd /proc/self/fd/0", "unshare -Ur chroot /proc/1/root true",
    "unshare -Urm umount -l /", "unshare -Urm umount -Rl /", "unshare -Urm mount --move / /mnt",
    "unshare -Urm nsenter -t 1 -m true", "nsenter -t 1 -m true", "unshare -Urm mount -o remount,bind,rw /",
    "unshare -Urm sh -c 'cd / && pivot_root . tmp && umount -l /tmp'",
    "unshare -Urm sh -c 'mount --rbind / /mnt && cd /mnt && pivot_root . tmp && umount -l tmp; cd /; cd ..'",
    "unshare -Urm sh -c 'umount -l /proc; umount -l /dev; umount -l /home; cd /home/nshbob'",
]


@pytest.mark.parametrize("uid", ["keep", "root"])
def test_no_way_out(session, alice, policy, root, uid):
    """Whatever is tried, / is the same folder afterwards and the machine's files are not found."""
    policy.conf(f"[view] root={root}\n[identity] uid={uid}")
    found = "test -e /opt/nsshell-check -o -e /work -o -e /usr/bin/python3 -o -e /home/nshbob"
    with session.hold(alice) as held:
        for way in WAYS_OUT:
            inner = way.removesuffix("'") + f"; {found} && echo out'" if way.endswith("'") else way
            result = held.ask(f"( {inner}; {found} || test -e opt/nsshell-check -o -e work && echo out )")
            assert "out" not in result.out.split(), (way, result)
        assert held.ask("grep VARIANT /etc/os-release").out == "VARIANT_ID=nsh-root"
    assert Path("/usr/bin/python3").exists() and not (root / "usr/bin/python3").exists()


def test_the_old_device_cannot_be_mounted(session, alice, root):
    """There is no node of it, none can be made, and no file system but those for users is mounted."""
    device = os.stat("/").st_dev
    result = session.sh(
        alice, f"mknod /tmp/disk b {os.major(device)} {os.minor(device)} || echo no; "
        f"unshare -Urm sh -c 'mknod /tmp/disk b {os.major(device)} {os.minor(device)} || echo no; "
        "for type in ext4 xfs btrfs devtmpfs; do mount -t $type /dev/vda /mnt || echo no; done'",
    )
    assert result.out.split() == ["no"] * 6, result


@pytest.mark.parametrize("mounts", [False, True], ids=["plain", "with mounts below"])
def test_it_is_read_only(session, alice, changed_root, mounts):
    """Also a file system that is mounted in it, and what everybody could write to."""
    make_open(changed_root / "opt/open")
    make_open(changed_root / "opt/open/file", "as it was\n")
    before = snapshot(changed_root)
    script = "cat /opt/open/file; echo changed >/opt/open/file; touch /opt/open/new; unshare -Urm sh -c '" \
        "mount -o remount,bind,rw /; mount -o remount,bind,rw /opt/open; umount -l /opt/open; touch /opt/open/new'"
    if not mounts:
        result = session.sh(alice, script)
        assert result.rc != 0 and result.out == "as it was\n", result
        assert snapshot(changed_root) == before
        return
    with tmpfs(changed_root / "opt/open", "mode=777"):
        make_open(changed_root / "opt/open/file", "mounted\n")
        result = session.sh(alice, script)
        assert result.rc != 0 and result.out == "mounted\n", result
        assert os.listdir(changed_root / "opt/open") == ["file"]
        assert (changed_root / "opt/open/file").read_text() == "mounted\n"
    assert snapshot(changed_root) == before


def test_nothing_is_left_in_it(session, alice, root):
    """The folder is not changed by being somebody's root: no mount points, no files."""
    before = snapshot(root)
    points = Path("/proc/self/mountinfo").read_text()
    assert session.sh(alice, "echo x >/tmp/file; touch ~/x; rm ~/x").rc == 0
    assert snapshot(root) == before
    assert Path("/proc/self/mountinfo").read_text() == points


def test_the_other_keys_are_looked_up_in_it(session, alice, policy, changed_root):
    """program, hide, read_only, writable and the second path of bind are paths of the root."""
    for name in ("opt/hidden", "opt/open", "opt/shown", "srv/source"):
        make_open(changed_root / name)
        make_open(changed_root / name / "file", f"{name}\n")
    shutil.copy(changed_root / "bin/dash", changed_root / "opt/shell")
    source = make_open(SRV / "source")
    make_open(source / "file", "from the machine\n")
    policy.conf(
        f"[view]\nroot={changed_root}\nhide=/opt/hidden\nwritable=/opt/open\n"
        f"bind={source}:/opt/shown\nread_only=-/opt/nothing\n[shell] program=/opt/shell"
    )
    try:
        result = session.sh(
            alice, "readlink /proc/$$/exe; cat /opt/hidden/file; cat /opt/open/file /opt/shown/file; "
            "echo changed >/opt/open/file && echo open; echo changed >/opt/shown/file && echo shown; ls -A /opt/hidden",
        )
        assert result.out.splitlines() == [
            "/opt/shell", "opt/open", "from the machine", "open", "shown"], result
        assert (source / "file").read_text() == (changed_root / "opt/open/file").read_text() == "changed\n"
        assert (changed_root / "opt/shown/file").read_text() == "opt/shown\n"
    finally:
        shutil.rmtree(source)


@pytest.mark.parametrize("key, path", [("hide", "/work"), ("read_only", "/opt/nsshell-check"),
                                       ("bind", "/etc:/opt/nsshell-check")])
def test_a_path_of_the_machines(session, alice, policy, root, key, path):
    """What only the machine has is not there."""
    policy.conf(f"[view]\nroot={root}\n{key}={path}")
    session.refusal(alice, f"view.{key}", path.rpartition(":")[2])


def test_a_shell_that_it_has_not(session, alice, policy, root):
    """The machine has it, the root has not: refused by name."""
    assert Path("/usr/bin/zsh").exists()
    policy.conf(f"[view] root={root}\n[shell] program=/usr/bin/zsh")
    session.refusal(alice, "/usr/bin/zsh")


@pytest.mark.ephemeral
def test_with_an_ephemeral_home(session, alice, policy, root):
    """The copy of the home is shown in the root."""
    policy.conf(f"[view]\nroot={root}\nhome=ephemeral")
    before = snapshot(alice.home)
    assert session.lines(alice, "echo x >~/new; cat ~/new ~/secret; rm ~/secret; ls ~") == [
        "x", "secret of nshalice", "new"]
    assert snapshot(alice.home) == before


def test_a_frame_keeps_the_machines_root(pam, alice, root):
    """sshd's own work needs it."""
    with HeldLogin(pam, alice) as held:
        assert held.ask("test -e /usr/bin/python3 && echo machine").out == "machine"
        assert held.ask(f"{NSSHELL} -c 'test -e /usr/bin/python3 || echo root'").out == "root"


def test_a_terminal(alice, root):
    """On a terminal it has its name."""
    with Terminal(alice, [str(NSSHELL)]) as terminal:
        terminal.ready()
        terminal.at_prompt()
        name = terminal.device
        assert terminal.ask("echo $(tty)") == name
        assert terminal.ask("echo x >$(tty)") == "x"
        assert terminal.ask("echo $(ls /dev/pts)").split() == [os.path.basename(name), "ptmx"]


def test_a_terminal_over_ssh(sshd, alice, root):
    """Likewise over ssh, with the window's size."""
    with Terminal(None, sshd.command(alice, options=("-tt",)), env={**os.environ, "TERM": "dumb"}) as terminal:
        terminal.ready()
        terminal.at_prompt()
        assert "/dev/pts/" in terminal.ask("echo $(tty)")
        assert terminal.ask("stty size") == "24 80"


def test_over_ssh(sshd, alice, root):
    """A command, as ssh gives it."""
    assert sshd.ssh(alice, "grep VARIANT /etc/os-release; id -un").out.split() == ["VARIANT_ID=nsh-root", alice.name]


def test_nested(session, alice, root):
    """nsshell is not in this root; what was started knows that it is in a session."""
    assert session.lines(alice, "echo $container; test -n \"$NSSHELL_SESSION\" && echo id") == ["nsshell", "id"]


# Accounts that the root knows too


def edit(path, change):
    path.write_text(change(path.read_text()))


@pytest.mark.parametrize(
    "line", ["nshalice:x:4711:4711::/nonexistent:/bin/false", "other:x:{uid}:{gid}::/nonexistent:/bin/sh",
             "root:x:{uid}:0::/:/bin/sh"],
    ids=["the name", "the id", "root with the id"],
)
@pytest.mark.parametrize("where", ["first", "last"])
def test_an_account_that_it_has_otherwise(session, alice, changed_root, line, where):
    """The session's account is the machine's, whatever the root has under its name or its id."""
    line = line.format(uid=alice.uid, gid=alice.gid) + "\n"
    edit(changed_root / "etc/passwd", lambda text: line + text if where == "first" else text + line)
    lines = session.lines(alice, "id -un; id -u; getent passwd nshalice; echo ~nshalice")
    assert lines[:2] == [alice.name, str(alice.uid)]
    assert lines[2].split(":")[2:6:3] == [str(alice.uid), alice.home] and lines[3] == alice.home


@pytest.mark.parametrize("line", ["nshteam:x:4711:", "other:x:{gid}:daemon"], ids=["the name", "the id"])
def test_a_group_that_it_has_otherwise(session, alice, changed_root, line):
    """Likewise groups."""
    edit(changed_root / "etc/group", lambda text: line.format(gid=alice.gid) + "\n" + text)
    assert set(session.lines(alice, "id -Gn")[0].split()) == groups(session)


@pytest.mark.parametrize("kind", ["missing", "link", "dangling link", "link upwards", "loop", "folder", "fifo", "empty",
                                  "no newline", "binary"])
def test_its_files_for_names(session, alice, changed_root, kind):
    """Whatever stands in their place: a session in which the machine's own files are not changed or shown,
    or a refusal that says which."""
    machines = snapshot("/etc")
    for name in ("hosts", "hostname", "resolv.conf", "passwd", "group"):
        path, away = changed_root / "etc" / name, changed_root / "etc/away"
        path.rename(away)
        make_odd(path, kind)
        before = snapshot(changed_root / "etc")
        result = session.sh(alice, "id -u; pwd; cat /etc/shadow /etc/gshadow")
        assert snapshot("/etc") == machines and snapshot(changed_root / "etc") == before, name
        if result.rc == 125:
            session.refusal(alice, f"/etc/{name}")
        else:
            assert result.out.splitlines()[:2] == [str(alice.uid), alice.home], (name, result)
            assert "root:" not in result.out
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        away.rename(path)


def make_odd(path, kind):
    targets = {"link": "../opt/target", "dangling link": "/run/systemd/nothing", "loop": path.name,
               "link upwards": "../../../../../../etc/passwd"}
    if kind == "link":
        (path.parents[1] / "opt/target").write_text("127.0.0.1 linked\n")
    if kind in targets:
        path.symlink_to(targets[kind])
    elif kind == "folder":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path, 0o644)
    elif kind != "missing":
        path.write_bytes({"empty": b"", "no newline": b"x:x:4711:", "binary": bytes(range(256)) * 20}[kind])


# Roots that are none


def remove_folder(name):
    def change(root):
        path = root / name
        path.unlink() if path.is_symlink() else shutil.rmtree(path)
    return change


def replace_with_file(name):
    def change(root):
        remove_folder(name)(root)
        (root / name).write_text("")
    return change


@pytest.mark.parametrize("name", ["proc", "dev", "tmp", "home"])
@pytest.mark.parametrize("change", [remove_folder, replace_with_file], ids=["missing", "a file"])
def test_a_folder_that_it_must_have(session, alice, changed_root, name, change):
    """Refused with its name, and nothing is made in the root."""
    change(name)(changed_root)
    before = set(os.listdir(changed_root))
    session.refusal(alice, f"/{name}")
    assert set(os.listdir(changed_root)) == before


@pytest.mark.parametrize("target", ["/opt/{0}", "../opt/{0}", "../../../../../opt/{0}", "/etc", "/{0}", "/nothing"])
def test_a_folder_that_is_a_link(session, alice, changed_root, target):
    """Links in the root lead to places in the root: a right view, or a refusal."""
    machines = {path: snapshot(path) for path in ("/etc", str(POLICY))}
    for name in ("proc", "dev", "tmp", "home", "etc", "var/tmp"):
        folder, real = changed_root / name, changed_root / "opt" / name
        real.parent.mkdir(exist_ok=True)
        folder.rename(real)
        folder.symlink_to(target.format(name))
        before = snapshot(changed_root)
        result = session.sh(
            alice, "id -u; cat ~/secret; test -e /home/nshbob -o -e /usr/bin/python3 -o -e /etc/ssh/sshd_config"
            " && echo machine; ls /proc/1/status; echo end",
        )
        assert snapshot(changed_root) == before
        if result.rc == 0:
            assert result.out.splitlines() == [
                str(alice.uid), "secret of nshalice", "/proc/1/status", "end"], (name, result)
        else:
            session.refusal(alice)
        folder.unlink()
        real.rename(folder)
    assert {path: snapshot(path) for path in machines} == machines


def test_no_folder_at_all(session, alice, policy, shared_root):
    """A path that is not there, that is a file, a fifo, a device: refused by name."""
    fifo = SRV / "fifo"
    os.mkfifo(fifo)
    try:
        for path in (SRV / "nothing", shared_root / "etc/os-release", shared_root / "etc/debian_version", fifo,
                     Path("/dev/null")):
            policy.conf(f"[view] root={path}")
            session.refusal(alice, "view.root", path)
    finally:
        fifo.unlink()


def test_an_optional_root(session, alice, policy, shared_root):
    """There is no session without its root, so it cannot be optional."""
    for value in (f"-{shared_root}", "", f"{shared_root}/", f"{shared_root}/../root", "srv"):
        policy.conf(f"[view] root={value}")
        session.refusal(alice, "view.root")


def test_a_root_that_the_user_could_replace(session, alice, bob, policy, scratch, shared_root):
    """In the own home, in a folder that everybody can write, through a link of the user's: refused."""
    open_folder = make_open(SRV / "everybody")
    (open_folder / "root").mkdir()
    (scratch / "root").mkdir()
    link = open_folder / "link"
    link.symlink_to(shared_root)
    os.lchown(link, bob.uid, bob.gid)
    try:
        for path in (scratch / "root", Path(alice.home), open_folder / "root", link):
            policy.conf(f"[view] root={path}")
            session.refusal(alice, "view.root")
    finally:
        shutil.rmtree(open_folder)


def test_a_root_that_is_the_users(session, alice, policy, changed_root):
    """Its own folder the user's, or writable for them: they could replace what is needed in it."""
    os.chown(changed_root, alice.uid, alice.gid)
    session.refusal(alice, "view.root")
    os.chown(changed_root, 0, 0)
    changed_root.chmod(0o777)
    session.refusal(alice, "view.root")
    changed_root.chmod(0o755)
    assert session.sh(alice, "true").rc == 0


def test_a_root_through_a_link_of_roots(session, alice, policy, shared_root):
    """One of root's leads to it."""
    link = SRV / "link-to-root"
    link.symlink_to("root")
    try:
        policy.conf(f"[view] root={link}")
        assert session.lines(alice, "grep VARIANT /etc/os-release") == ["VARIANT_ID=nsh-root"]
    finally:
        link.unlink()


def test_a_root_that_is_a_mount(session, alice, policy, shared_root):
    """Its own file system, as a disk for it is."""
    with tmpfs(changed := make_open(SRV / "mounted-root")):
        as_root("cp", "-a", f"{shared_root}/.", str(changed))
        assert stat.S_IMODE(changed.stat().st_mode) == 0o755
        policy.conf(f"[view] root={changed}")
        assert session.lines(alice, "grep VARIANT /etc/os-release; ls -A /home") == [
            "VARIANT_ID=nsh-root", alice.name]
    changed.rmdir()


@pytest.mark.parametrize("path", ["/", "/home", "/proc", "/dev", "/tmp", "/sys", "/usr", str(MARKER)])
def test_folders_of_the_machines_as_root(session, alice, policy, path, outside):
    """/ is the machine's root, as by default; what is no Debian is refused."""
    policy.conf(f"[view] root={path}")
    if path == "/":
        assert session.lines(alice, "ls -A /home; test -e /tmp/nsh-outside || echo private") == [
            alice.name, "private"]
    else:
        session.refusal(alice)


@pytest.mark.parametrize("name", ["nshdeep", "nshelse", "nshnohome"])
def test_other_homes(session, accounts, policy, changed_root, name):
    """A home further down needs the folder that holds it; an account without one begins in /."""
    account = accounts[name]
    if name != "nshnohome":
        Path(str(changed_root) + os.path.dirname(account.home)).mkdir(parents=True, exist_ok=True)
        assert session.lines(account, "pwd; cat ~/secret") == [account.home, f"secret of {name}"]
    else:
        assert session.lines(account, "pwd; grep VARIANT /etc/os-release") == ["/", "VARIANT_ID=nsh-root"]
