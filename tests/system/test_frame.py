# SPDX-License-Identifier: MIT
"""nsshell in the frame: exactly what root made there, nothing else, and nothing that users change.

Issue 3, "nsshell in the frame" and "The module"; design.md, promises 1, 2 and 5.
"""

import os
import re
import shutil
from pathlib import Path

import pytest

from lib_frame import HeldLogin, as_user, inode, map_ids, user_namespace
from lib_pam import PROBE, SERVICE_ERR, assert_denied, assert_session, mount_count, parse
from lib_process import as_root, assert_refused, await_outer, namespaces, run, start, status, wait_until
from lib_settings import FRAME, HELPER, MODULE, NSSHELL, PATIENCE, POLICY, RUN, SRV

pytestmark = pytest.mark.usefixtures("nested_userns")

SHELL = "/bin/sh"
PRIVATE_MOUNTS = ("unshare", "-m", "--propagation", "private")


def in_frame(pam, account, command, **how):
    """The output of a command that runs in the frame without nsshell."""
    return assert_session(pam.login(account.name, SHELL, "-c", command, **how)).rstrip("\n")


def in_session(pam, account, command, **how):
    """The output of a command that nsshell runs in the frame."""
    return assert_session(pam.login(account.name, str(NSSHELL), "-c", command, **how)).rstrip("\n")


@pytest.fixture
def session(pam, alice):
    """A framed session of alice's."""
    with HeldLogin(pam, alice, str(NSSHELL)) as held:
        yield held


@pytest.fixture
def frame(pam, alice):
    """A frame of alice's, and in it a shell that knows nothing of nsshell."""
    with HeldLogin(pam, alice) as held:
        yield held


# nsshell uses what the frame has.


def logged_namespaces(syslog, session_id):
    line = syslog.line_with(f"session={session_id} verdict=confine")
    return dict(re.findall(r"(\w+):(\d+)", re.search(r" namespaces=(\S+)", line)[1]))


def test_the_namespaces_are_those_of_the_frame(session, syslog):
    """The session is in the frame's user namespace, above the frame's mount namespace."""
    logged = logged_namespaces(syslog, session.ask(f"cat {FRAME}/id").out)
    assert {"mnt", "user"} <= set(logged)
    for kind in set(logged) - {"user"}:
        assert inode(session.outer, kind) == int(logged[kind]) != inode("self", kind)
    assert session.ask(f"stat -c %i {FRAME}/user").out == logged["user"]
    for pid in (session.outer, session.init, session.shell):
        assert inode(pid, "user") == int(logged["user"])
    assert inode(session.shell, "mnt") not in (int(logged["mnt"]), inode("self", "mnt"))


def test_the_policy_is_not_read_again(pam, alice, tmp_path):
    """Root traces it all: after nsshell's start nobody opens the policy's folder."""
    log = tmp_path / "log"
    trace = ["strace", "-f", "-qq", "-e", "trace=%file", "-o", str(log)]
    login = pam.login(alice.name, str(NSSHELL), "-c", "true", prefix=trace)
    assert login.pam == 0 and login.result.rc == 0, login
    helper, start_line, nsshell = log.read_text().partition(f'execve("{NSSHELL}"')
    assert start_line and f'"{POLICY}"' in helper
    assert str(POLICY) not in nsshell
    assert f'"{FRAME}/policy"' in nsshell


SHOW = f"{NSSHELL} -c 'hostname; umask; echo \"$ADDED\"'"


@pytest.mark.parametrize(
    "later",
    ["[session] hostname=later\n[shell] umask=077", "[session] confine=deny", "rubbish", None],
    ids=["another policy", "denied", "invalid", "removed"],
)
def test_a_later_policy_has_no_effect(pam, alice, policy, later):
    """What counts is the policy at the time of the login."""
    policy.conf("[session] hostname=first\n[shell] umask=027\n[env] set=ADDED=first")
    with HeldLogin(pam, alice) as held:
        if later is None:
            shutil.rmtree(POLICY)
            POLICY.mkdir()
        else:
            policy.conf(later)
        assert held.ask(SHOW).out == "first\n0027\nfirst"


HOSTILE = "HOME=/ USER=nshbob LOGNAME=nshbob SHELL=/bin/false NSSHELL_SESSION=0123456789abcdef"


@pytest.mark.parametrize("settings", ["", HOSTILE], ids=["none", "hostile"])
def test_nothing_of_the_environment_is_needed(frame, alice, settings):
    got = frame.ask(
        f"cd /tmp; env -i {settings} {NSSHELL} -c '/usr/bin/id; cat /proc/sys/kernel/hostname; "
        f"/usr/bin/stat -c %i /proc/self/ns/user {FRAME}/user; ls -A /home; echo $SHELL'"
    )
    who, hostname, own, theirs, homes, shell = got.out.splitlines()
    assert who.startswith(f"uid={alice.uid}(nshalice) gid={alice.gid}(nshalice) groups=")
    assert "(nshteam)" in who
    assert hostname.startswith("nshalice-") and homes == alice.name and shell == "/bin/bash"
    # stat of the link itself: the number is in its target.
    assert own != theirs
    link = frame.ask(f"{NSSHELL} -c 'readlink /proc/self/ns/user'").out
    assert link == f"user:[{theirs}]"


# nsshell refuses what is not a frame.


# Only one that is younger than the present one can be mounted, so it is made there.
BIND_MOUNT_NAMESPACE = """\
touch $F/user
unshare -m sleep 600 >/dev/null 2>&1 &
until test $(readlink /proc/$!/ns/mnt) != $(readlink /proc/self/ns/mnt); do :; done
mount --bind /proc/$!/ns/mnt $F/user
kill $!"""
NO_FILES = {"policy": ":", "account": ":", "id": ":", "user": ":"}
BAD_FRAMES = {
    # name: (steps that are replaced, what the reason says)
    "no tmpfs but ramfs": (
        {"mount": "mount -t ramfs -o mode=755 none $F"}, "no file system of a session",
    ),
    "a folder of the machine's": (
        {**NO_FILES, "mount": "mount --bind /usr/share $F", "seal": "mount -o remount,bind,ro $F"},
        "no file system of a session",
    ),
    "the machine's tmpfs": (
        {**NO_FILES, "mount": "mount --bind /dev/shm $F", "seal": "mount -o remount,bind,ro $F"},
        "can be written to",
    ),
    "the user's": ({"mount": "mount -t tmpfs -o mode=755,uid=$OWN none $F"}, "not root's"),
    "another user's": ({"mount": "mount -t tmpfs -o mode=755,uid=$BOB none $F"}, "not root's"),
    "writable for others": ({"mount": "mount -t tmpfs -o mode=757 none $F"}, "can be written to"),
    "writable for a group": ({"mount": "mount -t tmpfs -o mode=775 none $F"}, "can be written to"),
    "sticky": ({"mount": "mount -t tmpfs -o mode=1777 none $F"}, "can be written to"),
    "not sealed": ({"seal": ":"}, "can be written to"),
    "empty": (NO_FILES, ""),
    # the user namespace
    "no user namespace": ({"user": ":"}, "user"),
    "a file for a namespace": ({"user": "touch $F/user"}, "no user namespace"),
    "a folder for a namespace": ({"user": "mkdir $F/user"}, "no user namespace"),
    "a link to a namespace": ({"user": "ln -s /proc/$HOLDER/ns/user $F/user"}, "user"),
    "a fifo for a namespace": ({"user": "mkfifo -m 644 $F/user"}, "no user namespace"),
    "a mount namespace": ({"user": BIND_MOUNT_NAMESPACE}, "no user namespace"),
    "a PID namespace": (
        {"user": "touch $F/user; mount --bind /proc/$HOLDER/ns/pid $F/user"}, "no user namespace",
    ),
    "the machine's user namespace": (
        {"user": "touch $F/user; mount --bind /proc/self/ns/user $F/user"}, "of another user",
    ),
    # the files
    "no policy": ({"policy": ":"}, "policy"),
    "an empty policy": ({"policy": ": >$F/policy"}, "policy"),
    "a policy with an unknown key": (
        {"policy": "(cat $GOOD/policy; echo x=y) >$F/policy"}, "policy",
    ),
    "a policy without a key": ({"policy": "grep -v ^hostname $GOOD/policy >$F/policy"}, "hostname"),
    "a policy of the user's": (
        {"policy": "cp $GOOD/policy $F/; chown $OWN $F/policy"}, "policy",
    ),
    "a link to a policy": ({"policy": "ln -s $GOOD/policy $F/policy"}, "policy"),
    "a fifo for a policy": ({"policy": "mkfifo -m 644 $F/policy"}, "policy"),
    "no account": ({"account": ":"}, "account"),
    "an empty account": ({"account": ": >$F/account"}, "for another user"),
    "rubbish for an account": ({"account": "head -c 300 /dev/urandom >$F/account"}, ""),
    "a large account": ({"account": "head -c 20000 /dev/zero >$F/account"}, "not of its form"),
    "another's account": (
        {"account": "sed s/:$OWN:/:$BOB:/ $GOOD/account >$F/account"}, "for another user",
    ),
    "an account of the user's": (
        {"account": "cp $GOOD/account $F/; chown $OWN $F/account"}, "not root's",
    ),
    "a link to an account": ({"account": "ln -s $GOOD/account $F/account"}, "account"),
    "a fifo for an account": ({"account": "mkfifo -m 644 $F/account"}, "not root's"),
    "no id": ({"id": ":"}, "id"),
    "an empty id": ({"id": ": >$F/id"}, "no id"),
    "a short id": ({"id": "printf 0123456789abcde >$F/id"}, "no id"),
    "a long id": ({"id": "printf 0123456789abcdef0 >$F/id"}, "not of its form"),
    "no digits for an id": ({"id": "printf '../../../etc/pas' >$F/id"}, "no id"),
    "an id of the user's": ({"id": "cp $GOOD/id $F/; chown $OWN $F/id"}, "not root's"),
}

def test_a_made_up_frame_that_is_right(fake, holder):
    """So that with the others below, what was changed is the only reason."""
    result = fake.run({}, HOLDER=holder)
    assert (result.rc, result.out, result.err) == (0, "ran\n", "")


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_a_frame_that_is_not_right(fake, holder, name):
    """Refused with 125, nothing run, and the reason says what is wrong and with which folder."""
    changes, words = BAD_FRAMES[name]
    why = assert_refused(fake.run(changes, HOLDER=holder))["why"]
    assert str(FRAME) in why and words in why, why


def test_a_user_namespace_of_another_user(fake, bob):
    with user_namespace(bob, "-U") as pid:
        map_ids(pid, fake.alice)
        assert "of another user" in assert_refused(fake.run({}, HOLDER=pid))["why"]


def test_a_user_namespace_below_another(fake):
    """Of the right owner, but who made it was in a user namespace of their own."""
    with user_namespace(fake.alice, "-Uc", "unshare", "-U") as pid:
        assert "from elsewhere" in assert_refused(fake.run({}, HOLDER=pid))["why"]


def test_a_user_namespace_without_a_map(fake):
    """Not what root makes: refused before anything of the session is there."""
    with user_namespace(fake.alice, "-U") as pid:
        assert_refused(fake.run({}, HOLDER=pid))


def test_the_frame_of_another_user(frame, bob):
    """Root starts nsshell as bob in alice's frame."""
    result = frame.enter(*as_user(bob, str(NSSHELL), "-c", "echo ran"))
    assert f"{FRAME}: is for another user" in assert_refused(result)["why"]


WITH_NETWORK = "sed 's/^mode = host/mode = none/' $GOOD/policy >$F/policy"


@pytest.mark.parametrize(
    "network, says",
    [
        ("touch $F/network; mount --bind /proc/self/ns/net $F/network", None),
        (":", "is not for the network"),
        ("touch $F/network", "is not for the network"),
        ("ln -s /proc/self/ns/net $F/network", "is not for the network"),
        ("touch $F/network; mount --bind /proc/self/ns/uts $F/network", "is not for the network"),
        ("touch $F/network; mount --bind /proc/$HOLDER/ns/net $F/network", "is not for the network"),
    ],
    ids=["own", "none", "a file", "a link", "a UTS namespace", "another one"],
)
def test_the_frames_network_is_that_of_the_process(fake, network, says):
    """A login that something has moved to another network than the policy's is refused."""
    with user_namespace(fake.alice, "-Umn") as pid:
        map_ids(pid, fake.alice)
        assert os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")
        result = fake.run({"policy": f"{WITH_NETWORK}\ngrep -qx 'mode = none' $F/policy\n{network}"}, HOLDER=pid)
    if says is None:
        assert (result.rc, result.out) == (0, "ran\n"), result
    else:
        assert f"{FRAME}: {says}" in assert_refused(result)["why"]


def test_a_frame_without_a_network_needs_none(fake, holder):
    """With mode = host nobody looks."""
    assert fake.run({"id": "cp $GOOD/id $F/; touch $F/network"}, HOLDER=holder).out == "ran\n"


# A user can neither make nor change a frame.

# Below a folder $D of the user's. None of them may succeed.
ATTEMPTS = [
    # as the user is
    f"umount {FRAME}", f"umount -l {FRAME}", "umount /home", "umount /tmp", "umount -l /proc",
    f"umount {FRAME}/user", f"mount -t tmpfs none {FRAME}", f"mount --bind $D {FRAME}",
    f"mount -o remount,rw {FRAME}", f"mount -o remount,bind,rw {FRAME}",
    f"touch {FRAME}/new", f"echo >{FRAME}/policy", f"rm -f {FRAME}/id", f"chmod 777 {FRAME}",
    f"chmod 777 {FRAME}/policy", f"chown $(id -u) {FRAME}/policy", f"mv {FRAME} {FRAME}.old",
    f"mv {FRAME} $D/frame", f"rmdir {FRAME}", f"ln $D/file {FRAME}/link",
    f"ln {FRAME}/policy $D/policy", f"ln -sf $D {FRAME}", "mv /home/$(id -un) /home/other",
    "touch /home/new", "mkdir /home/nshbob",
    # to the machine's view
    "nsenter -t 1 -m true", "nsenter --mount=/proc/1/ns/mnt true", "ls /proc/1/root/",
    "ls /proc/1/cwd/", "cd /proc/1/root", "cat /proc/1/mounts", "chroot / true", "unshare -m true",
    "pivot_root . .",
    # with all the power of a user namespace of one's own
    *(f"unshare -Urm umount {path}" for path in (
        FRAME, f"{FRAME}/user", "/home", "/home/$(id -un)", "/tmp", "/var/tmp", "/dev/shm", "/proc",
    )),
    *(f"unshare -Urm umount -l {path}" for path in (FRAME, "/home", "/tmp", "/proc")),
    f"unshare -Urm mount -o remount,rw {FRAME}", f"unshare -Urm mount -o remount,bind,rw {FRAME}",
    "unshare -Urm mount --bind / $D/folder", "unshare -Urm mount --bind /home $D/folder",
    f"unshare -Urm mount --move {FRAME} $D/folder", "unshare -Urm mount --move /home $D/folder",
    "unshare -Urm sh -c 'mount --rbind / $D/folder && umount $D/folder/home'",
    "unshare -Urm sh -c 'mount --rbind / $D/folder && umount -l $D/folder/home'",
    "unshare -Urm sh -c 'mount --rbind / $D/folder && mount --move $D/folder/home $D/folder'",
    "unshare -Urm sh -c 'mount -t overlay -o lowerdir=/:/usr none $D/folder && "
    "test -e $D/folder/home/nshbob'",
    "unshare -Urm sh -c 'mount --rbind / $D/folder && cd $D/folder && pivot_root . tmp && "
    "umount -l /tmp && test -e /tmp/nsh-outside'",
    "unshare -Urm mount -t proc proc $D/folder", "unshare -Urm mount -t sysfs sysfs $D/folder",
    "unshare -Ur nsenter -t 1 -m true", "unshare -Ur nsenter --mount=/proc/1/ns/mnt true",
    "unshare -Ur chroot / ls /tmp/nsh-outside", f"unshare -Ur touch {FRAME}/new",
    "unshare -Urpf --mount-proc ls /proc/1/root/tmp/nsh-outside",
    "unshare -Urm nsenter -t $$ -m true",
    # into the frame's user namespace, which is the user's own
    *(f"nsenter --preserve-credentials --user={FRAME}/user unshare -m umount {path}" for path in (
        FRAME, "/home", "/tmp", "/proc",
    )),
    f"nsenter --preserve-credentials --user={FRAME}/user umount {FRAME}",
    f"nsenter --preserve-credentials --user={FRAME}/user unshare -m mount --bind / $D/folder",
    f"nsenter --preserve-credentials --user={FRAME}/user nsenter --mount=/proc/1/ns/mnt true",
]

# So that what fails does not fail because it never could work.
WORKS = [
    "unshare -Urm mount -t tmpfs none $D/folder", "unshare -Urm mount --rbind / $D/folder",
    "unshare -Urm mount -t tmpfs none /home", f"unshare -Urm mount -t tmpfs none {FRAME}",
    "unshare -Ur chroot / true", "unshare -Urpf --mount-proc test -e /proc/1/root",
    f"nsenter --preserve-credentials --user={FRAME}/user unshare -m mount -t tmpfs none $D/folder",
    "unshare -Urm sh -c 'mount --rbind / $D/folder && cd $D/folder && pivot_root . tmp'",
]


@pytest.mark.parametrize("where", ["the frame", "another user namespace"])
def test_a_user_cannot_change_the_frame(pam, alice, policy, scratch, outside, where):
    """With the user's own power, and with that over a user namespace, nothing is uncovered."""
    # So that nsenter has power over the frame's user namespace; with uid=keep its exec loses it.
    policy.conf("[identity] uid=root")
    (scratch / "folder").mkdir()
    (scratch / "file").touch()
    for path in scratch.iterdir():
        os.chown(path, alice.uid, alice.gid)
    shell = (SHELL,) if where == "the frame" else ("/usr/bin/unshare", "-U", "-c", SHELL)
    with HeldLogin(pam, alice, *shell) as held:
        before = held.ask("cat /proc/self/mountinfo").out
        held.ask(f"export D={scratch}; cd $D")
        for command in WORKS if where == "the frame" else []:
            assert held.ask(command).rc == 0, command
        for command in ATTEMPTS:
            result = held.ask(command)
            # 126 and 127: no such program.
            assert result.rc not in (0, 126, 127), (command, result)
        assert held.ask("cat /proc/self/mountinfo").out == before
        assert not held.ask("ls /tmp/nsh-outside /home/nshbob").out.startswith("/")
    assert in_frame(pam, alice, PROBE) == "framed"


# What a user who makes a frame up needs no root for.
USERS_FRAME = f"""\
mount -t tmpfs -o mode=755 none {FRAME} && cp $GOOD/policy $GOOD/account $GOOD/id {FRAME} &&
touch {FRAME}/user && mount --bind /proc/self/ns/user {FRAME}/user &&
mount -o remount,bind,ro {FRAME} && exec {NSSHELL} -c 'echo ran'
"""


@pytest.mark.parametrize("mapped", ["-r", "-c"], ids=["as root there", "as the user there"])
@pytest.mark.parametrize("framed", [False, True], ids=["outside", "in a frame"])
def test_a_frame_that_a_user_made_up(pam, fake, mapped, framed):
    """In a user namespace of their own a user can mount what they like on the frame's folder."""
    command = ["/usr/bin/unshare", "-Um", mapped, "--keep-caps", SHELL, "-c"]
    script = f"GOOD={fake.good}; {USERS_FRAME}"
    if framed:
        result = pam.login(fake.alice.name, *command, script).result
    else:
        result = run(fake.alice, *command[1:], script, program=command[0])
    assert_refused(result)


# /proc


def test_proc_shows_the_own_processes_only(frame, bob):
    """In the frame, without nsshell: no other users' processes, not by their number either."""
    with start(bob, "600", program="/bin/sleep") as other:
        assert frame.ask("stat -c %u /proc/[0-9]* | sort -u").out == str(frame.account.uid)
        for pid in (1, os.getpid(), other.pid, frame.process.pid):
            assert frame.ask(f"ls /proc/{pid}/").rc == 2, pid
            assert frame.ask(f"kill -0 {pid}").rc != 0
        assert str(other.pid) not in frame.ask("ps ax -o pid=").out.split()
        other.kill()


def test_another_proc_shows_no_more(frame):
    """One that the user mounts over a PID namespace of their own shows that namespace."""
    for command in ("ls /proc", "ps ax -o comm="):
        shown = frame.ask(f"unshare -Urpf --mount-proc {command}").out.split()
        assert "1" in shown or shown == ["ps"], shown
        assert not {name for name in shown if name.isdigit()} - {"1", "2"}, shown


def test_no_proc_of_the_machine_is_left_below(frame):
    """The user cannot uncover the /proc that the frame's own covers."""
    for command in ("umount /proc", "umount -l /proc", "mount -t proc proc /proc"):
        assert frame.ask(f"unshare -Urm {command}").rc == 32
    assert frame.ask("ls -d /proc/1").rc == 2


def test_own_processes_outside_are_no_door_for_a_session(pam, alice, outside):
    """A process of the same user's that stands outside of every frame (of an older login, say) has
    files in the frame's /proc, and what it sees is the machine: pam_nsshell(8) says so. In a session,
    which has a PID namespace, it has no number."""
    look = "ls -d /proc/{0}/root/tmp/nsh-outside /proc/{0}/cwd/nshbob 2>/dev/null; true"
    with start(alice, "600", program="/bin/sleep", cwd="/home") as process:
        seen = in_session(pam, alice, look.format(process.pid))
        process.kill()
    assert seen == ""


# What is hidden.


@pytest.fixture
def secrets(policy):
    """A file, a folder and something below /proc, hidden from everybody."""
    folder = SRV / "secrets"
    (folder / "inner").mkdir(parents=True)
    for path in (SRV / "secret", folder / "inner/file"):
        path.write_text("secret\n")
    hidden = [SRV / "secret", folder, "/proc/version", "/proc/sys/kernel"]
    policy.conf(f"[view] hide={', '.join(map(str, hidden))}, -/nonexistent")
    yield (SRV / "secret", folder / "inner/file", "/proc/version", "/proc/sys/kernel/osrelease")
    shutil.rmtree(folder)
    (SRV / "secret").unlink()


def test_hidden_from_all_in_the_frame(pam, alice, secrets):
    """Also from what runs there without nsshell."""
    for where in (in_frame, in_session):
        for path in secrets:
            assert where(pam, alice, f"cat {path} 2>/dev/null || echo no") == "no", path
        assert where(pam, alice, f"ls {secrets[1].parents[1]} 2>/dev/null || echo no") == "no"
    for path in secrets:
        assert Path(path).read_text()


def test_hidden_from_sftp(make_sshd, alice, secrets, tmp_path):
    """sshd's own sftp has no nsshell at all: the frame hides it."""
    server = make_sshd(config="ForceCommand internal-sftp\n")
    batch = "".join(f"-get {path} {tmp_path}/got\n-ls {path}\n" for path in secrets)
    done = as_root(
        *server.client("sftp"), "-b", "-", f"{alice.name}@{server.HOST}", stdin=batch + "pwd\n"
    )
    assert f"Remote working directory: {alice.home}" in done.out, done
    got = tmp_path / "got"
    assert not got.exists() or got.read_bytes() == b"", got.read_text()


@pytest.mark.parametrize("program", [SHELL, str(NSSHELL)], ids=["frame", "session"])
def test_hidden_is_not_uncovered(pam, alice, secrets, program):
    """Not with power over a user namespace, and not in a /proc of the user's own PID namespace."""
    with HeldLogin(pam, alice, program) as held:
        for path in secrets[:2]:
            for option in ("", "-l"):
                assert held.ask(f"unshare -Urm umount {option} {path}").rc == 32
        assert held.ask(f"unshare -Urm mount --bind {SRV} /mnt").rc == 32
        # In the frame alone a new /proc is possible, as it must be for the session: nsshell.conf(5).
        for path in secrets[2:] if program == str(NSSHELL) else ():
            assert held.ask(f"unshare -Urpf --mount-proc cat {path}").rc != 0, path


# The session's own processes, seen from the machine.


def powers(pid):
    shown = status(pid)
    return {
        name: int(shown[name], 16) for name in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd")
    }


@pytest.mark.parametrize("subids", ["no", "yes"])
def test_no_powers_are_left(pam, alice, policy, subids):
    """PID 1 and the outer process have no capability, gain none, and do not show their memory."""
    policy.conf(f"[identity] subids={subids}")
    policy.user(alice.name, "[security] seccomp=default")
    with HeldLogin(pam, alice, str(NSSHELL)) as held:
        await_outer(held.outer)
        for pid in (held.outer, held.init):
            assert not any(powers(pid).values()), powers(pid)
            shown = status(pid)
            assert (shown["NoNewPrivs"], shown["Seccomp"]) == ("1", "2")
            assert shown["Uid"].split() == [str(alice.uid)] * 4
            # Not dumpable: its files in /proc are root's.
            assert os.stat(f"/proc/{pid}/environ").st_uid == 0
        shown = status(held.shell)
        assert (shown["NoNewPrivs"], shown["Seccomp"]) == ("1", "2")
        if subids == "no":
            assert not any(powers(held.shell).values())


# Where a tracer could stand, and what it gets of another's memory.
TRACE = "strace -p {pid} -o /dev/null -e trace=none"
PEEK = (
    "cat /proc/{pid}/environ", "ls /proc/{pid}/fd", "ls /proc/{pid}/root/", "cat /proc/{pid}/maps",
)


@pytest.mark.parametrize("where", ["frame", "session", "outside"])
def test_outer_and_init_cannot_be_traced(pam, alice, session, where):
    """Not by another login of the same user, however that one is confined or not."""
    commands = [TRACE, *PEEK]
    await_outer(session.outer)
    # Who may trace does so until it is ended, which is 124.
    script = "\n".join(
        f"timeout 20 {command.format(pid=pid)} >/dev/null 2>&1; case $? in 0 | 124) echo '{command} of {pid}';; esac"
        for pid in (session.outer, session.init) for command in commands
    )
    script += "\ntrue"
    run_there = {
        "frame": lambda: in_frame(pam, alice, script),
        "session": lambda: in_session(pam, alice, script),
        "outside": lambda: run(alice, "-c", script, program=SHELL).out,
    }[where]
    assert run_there().strip() == ""


def test_a_process_that_is_not_hidden_can_be_traced(alice):
    """So that the test above can fail: an ordinary process of the same user."""
    with start(alice, "600", program="/bin/sleep") as process:
        for command, code in ((TRACE, 124), *((command, 0) for command in PEEK)):
            seconds = PATIENCE if code else 20 * PATIENCE
            script = f"timeout {seconds} {command.format(pid=process.pid)} >/dev/null"
            assert run(alice, "-c", script, program=SHELL).rc == code, command
        process.kill()


def test_init_cannot_be_traced_from_inside(session):
    session.ask("true")
    for command in (TRACE, *PEEK):
        assert session.ask(f"timeout 20 {command.format(pid=1)}").rc not in (0, 124, 127), command


def test_nothing_of_the_helper_is_left(pam, alice):
    """With a session open: no process of the helper's, no mount, and not one namespace too many."""
    mounts, before = mount_count(), all_namespaces()
    with HeldLogin(pam, alice, str(NSSHELL)) as held:
        expected = {*namespaces(held.outer).values(), *namespaces(held.init).values()}
        # Others can have some of their own for a moment.
        wait_until(lambda: all_namespaces() - before == expected - before, "these namespaces, and no others")
        assert not processes_named("nsshell-session")
        assert mount_count() == mounts


def all_namespaces():
    found = set()
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            found |= set(namespaces(entry).values())
        except OSError:
            pass
    return found


def processes_named(name):
    return [
        entry for entry in filter(str.isdigit, os.listdir("/proc"))
        if status(entry).get("Name") == name
    ]


# The module, where no frame can be made.


def reason(syslog, match):
    """The reason that the log gives for a refused login."""
    line = syslog.line_with(f"session={match['incident']} verdict=deny")
    return re.search(r'reason="(.*)"', line)[1]


def test_a_service_with_threads(pam, alice, syslog):
    """It cannot join a mount namespace, and the log says so."""
    login = pam.login(alice.name, env={"PAMLOGIN_THREAD": "1"})
    assert "several threads" in reason(syslog, assert_denied(login))


def test_a_service_in_a_chroot(pam, alice, syslog):
    """A frame would lead it out of there. Everything that it needs is in the chroot."""
    root = RUN / "chroot"
    root.mkdir()
    enter = f"mount --rbind / {root} && exec chroot {root} \"$@\""
    try:
        login = pam.login(alice.name, prefix=(*PRIVATE_MOUNTS, SHELL, "-c", enter, "-"))
        assert "chroot" in reason(syslog, assert_denied(login))
    finally:
        root.rmdir()


@pytest.mark.parametrize("user", ["nshalice", "nshbob"])
def test_a_service_in_a_frame(pam, frame, user, syslog):
    """A frame in a frame would be half of each: a service of root's there gets no session."""
    done = frame.enter(*pam.command(user), cwd="/")
    login = parse(done)
    assert "in the frame of a session already" in reason(syslog, assert_denied(login))


def test_opened_twice_it_is_one_frame(pam, alice, outside):
    """A stack that has the module twice, and a service that opens a session twice."""
    pam.service("nshcheck", after=f"session required {MODULE}\n")
    assert in_frame(pam, alice, PROBE, env={"PAMLOGIN_TWICE": "1"}) == "framed"


def test_with_child_signals_ignored(pam, alice, outside):
    """The helper is waited for all the same, and SIGCHLD is ignored again afterwards."""
    assert in_frame(pam, alice, PROBE, env={"PAMLOGIN_DEAF": "1"}) == "framed"
    assert in_session(pam, alice, "echo works", env={"PAMLOGIN_DEAF": "1"}) == "works"


# The helper, when it is not what it should be.

PROTOCOL = re.search(
    r"#define NSH_PROTOCOL (0x[0-9a-f]+)u",
    Path(__file__).resolve().parents[2].joinpath("pam_module/protocol.h").read_text(),
)[1]
ANSWER = f"""\
#!/usr/bin/python3
import array, os, signal, socket, struct, time
s = socket.socket(fileno=3)
s.recv(1 << 20)
def answer(verdict=3, protocol={PROTOCOL}, id=b"0123456789abcdef", text=b"", more=b""):
    return struct.pack("<II17s128s", protocol, verdict, id, text).ljust(156, b"\\0") + more
def send(data, *fds):
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
    s.sendmsg([data], rights if fds else [])
mnt, uts, net = (os.open(f"/proc/self/ns/{{name}}", os.O_RDONLY) for name in ("mnt", "uts", "net"))
"""

# The kernel's word for an end of the socket's where something was not read.
NO_ANSWER = "without an answer|receive the answer: Connection reset"

# The kernel has one word, EINVAL, for what is not the namespace that it should be and for a service with threads.
NOT_JOINED = "cannot join a mount namespace"

# Else whether the request can still be sent depends on who is faster.
READ = "#!/bin/sh\ndd bs=64k count=1 <&3 >/dev/null 2>&1\n"

# What a program in the helper's place does, and what the reason in the log says (a pattern).
HELPERS = {
    "ends at once": (READ, NO_ANSWER),
    "fails": (READ + "exit 1\n", NO_ANSWER),
    "is killed": (READ + "kill -KILL $$\n", NO_ANSWER),
    "cannot be executed": ("rubbish", "start the session helper"),
    "has no interpreter": ("#!/nonexistent\n", "start the session helper"),
    "does nothing": ("#!/bin/sh\nexec sleep 60\n", "in time"),
    "is stopped": ("#!/bin/sh\nkill -STOP $$\n", "in time"),
    "hangs and lets go of the socket": (READ + "exec 3>&-\nexec sleep 60\n", NO_ANSWER),
    "answers rubbish": (READ + "echo rubbish >&3\n", "answer that is none"),
    "answers too much": (READ + "exec head -c 100000 /dev/zero >&3\n", "answer that is none"),
    "answers with zeros": (READ + "exec head -c 156 /dev/zero >&3\n", "answer that is none"),
    "answers with half a message": (
        ANSWER + "send(answer()[:100], mnt, uts, net)", "answer that is none",
    ),
    "confines without a frame": (ANSWER + "send(answer())", "answer that is none"),
    "confines with half a frame": (ANSWER + "send(answer(), mnt, uts)", "answer that is none"),
    "confines with more than a frame": (
        ANSWER + "send(answer(), mnt, uts, net, mnt)", "answer that is none",
    ),
    "confines with many fds": (ANSWER + "send(answer(), *[mnt] * 200)", "answer that is none"),
    "ignores with a frame": (ANSWER + "send(answer(1), mnt, uts, net)", "answer that is none"),
    "denies with a frame": (ANSWER + "send(answer(2), mnt, uts, net)", "answer that is none"),
    "has another verdict": (ANSWER + "send(answer(4), mnt, uts, net)", "answer that is none"),
    "has no verdict": (ANSWER + "send(answer(0))", "answer that is none"),
    "has another protocol": (ANSWER + "send(answer(1, 0x6e736800))", "answer that is none"),
    "has no id": (ANSWER + "send(answer(1, id=b''))", "answer that is none"),
    "has an id without an end": (ANSWER + "send(answer(1, id=b'0' * 17))", "answer that is none"),
    "has text that acts on terminals": (
        ANSWER + "send(answer(2, text=b'\\x1b[2J'))", "answer that is none",
    ),
    "has text without an end": (ANSWER + "send(answer(2, text=b'x' * 128))", "answer that is none"),
    "says more than the answer": (ANSWER + "send(answer(1, more=b'x'))", "more than an answer"),
    "says more later": (
        ANSWER + "send(answer(1)); time.sleep(0.1); send(b'x')", "more than an answer",
    ),
    "allows and fails": (ANSWER + "send(answer(1)); os._exit(1)", "did not end well"),
    "allows and is killed": (
        ANSWER + "send(answer(1)); os.kill(os.getpid(), 9)", "did not end well",
    ),
    "allows and hangs": (ANSWER + "send(answer(1)); time.sleep(60)", "did not end in time"),
    "allows, lets go and hangs": (
        ANSWER + "send(answer(1)); os.close(3); time.sleep(60)", "did not end in time",
    ),
    "has a file for the first namespace": (
        ANSWER + "send(answer(), os.open('/dev/null', 0), uts, net)", NOT_JOINED,
    ),
    "has a file for the second": (ANSWER + "send(answer(), mnt, os.open('/dev/null', 0), net)", NOT_JOINED),
    "has a file for the third": (ANSWER + "send(answer(), mnt, uts, os.open('/dev/null', 0))", NOT_JOINED),
    "has another kind of namespace": (ANSWER + "send(answer(), net, uts, net)", NOT_JOINED),
    "has them in the wrong order": (ANSWER + "send(answer(), uts, mnt, net)", NOT_JOINED),
}

# What a file in the helper's place is.
FILES = {
    "missing": ("rm $H", "look up the session helper"),
    "not root's": ("chown $BOB $H", "only root can write to"),
    "writable for a group": ("chmod 775 $H", "only root can write to"),
    "writable for others": ("chmod 757 $H", "only root can write to"),
    "a link": ("mv $H $H.real; ln -s $H.real $H", "not a regular file"),
    "a folder": ("rm $H; mkdir $H", "not a regular file"),
    "a fifo": ("rm $H; mkfifo $H", "not a regular file"),
    "a device": ("rm $H; mknod $H c 1 3", "not a regular file"),
    "not executable": ("chmod 644 $H", "start the session helper"),
}


class OtherHelper:
    """Another folder in the place of the helper's, for one login at a time."""

    def __init__(self, pam, bob):
        self.pam, self.bob = pam, bob
        self.folder = RUN / "other-helper"
        shutil.copytree(HELPER.parent, self.folder)
        self.helper = self.folder / HELPER.name

    def wait_for(self, seconds):
        """How long the module does."""
        self.pam.service("nshcheck", f"timeout={seconds * PATIENCE} exempt_group=nshguest")

    def write(self, text):
        self.helper.write_text(text)
        self.helper.chmod(0o755)

    def change(self, script):
        done = as_root(SHELL, "-ec", script, env={"H": str(self.helper), "BOB": str(self.bob.uid)})
        assert done.rc == 0, done

    def login(self, user, *argv, **how):
        cover = f'mount --bind {self.folder} {HELPER.parent} && exec "$@"'
        prefix = (*PRIVATE_MOUNTS, SHELL, "-c", cover, "-")
        return self.pam.login(user, *argv, prefix=prefix, popen={"cwd": "/"}, **how)


@pytest.fixture
def other_helper(pam, bob):
    other = OtherHelper(pam, bob)
    other.wait_for(60)
    yield other
    shutil.rmtree(other.folder)


def assert_only_the_others(other_helper, syslog, alice, words):
    """alice gets no session, the log says why; root and the members of exempt_group get one."""
    match = assert_denied(other_helper.login(alice.name))
    why = reason(syslog, match)
    assert re.search(words, why), why
    for user in ("root", "nshbob"):
        login = other_helper.login(user, SHELL, "-c", "echo in")
        assert assert_session(login) == "in\n"
    assert not processes_named("nsshell-session") and not processes_named(HELPER.name[:15])


def test_the_other_helper_can_be_right(other_helper, alice, outside):
    """With the installed file in that place there is a session, so it is not the place."""
    assert assert_session(other_helper.login(alice.name, SHELL, "-c", PROBE)) == "framed\n"


@pytest.mark.parametrize("name", HELPERS)
def test_a_helper_that_misbehaves(other_helper, syslog, alice, name):
    text, words = HELPERS[name]
    other_helper.write(text)
    if "in time" in words:
        # Enough for python3 to start, where it has to say something first.
        other_helper.wait_for(8)
    assert_only_the_others(other_helper, syslog, alice, words)


@pytest.mark.parametrize("name", FILES)
def test_a_helper_that_is_not_to_be_trusted(other_helper, syslog, alice, name):
    script, words = FILES[name]
    other_helper.change(script)
    assert_only_the_others(other_helper, syslog, alice, words)


# The module's arguments.


@pytest.mark.parametrize("argument", [
    "unknown", "debug=yes", "Debug", "exempt_group", "exempt_group=", "timeout", "timeout=",
    "timeout=0", "timeout=-1", "timeout=601", "timeout=1000", "timeout=1s", "timeout=0x10", "=",
])
def test_an_argument_that_is_not_valid(pam, alice, syslog, argument):
    """An error, for everybody but those who are let in always."""
    pam.service("nshcheck", f"exempt_group=nshguest {argument}")
    match = assert_denied(pam.login(alice.name), code=SERVICE_ERR)
    why = reason(syslog, match)
    assert argument in why and "argument" in why
    for user in ("root", "nshbob"):
        assert assert_session(pam.login(user, SHELL, "-c", "echo in")) == "in\n"


def test_arguments_that_are_valid(pam, alice, outside, syslog):
    pam.service("nshcheck", "debug timeout=600 exempt_group=nshguest")
    assert in_frame(pam, alice, PROBE) == "framed"
    assert "joined the frame" in syslog.line_with("joined the frame")


def test_an_exempt_group_that_does_not_exist(pam, alice, outside):
    """Nobody is in it."""
    pam.service("nshcheck", "exempt_group=nshnobody")
    assert in_frame(pam, alice, PROBE) == "framed"
