# SPDX-License-Identifier: MIT
"""Undoing the view: what test_view.py does with mount(8), by the newer calls; what lies under a cover;
what the user's own mounts do to the machine and to nsshell; and files by their handles.

mount_namespaces(7); SECURITY.md, "[view] hide", "[view] read_only".
"""

import os
import shutil
import subprocess
from contextlib import contextmanager

import pytest

from lib_attack_tool import IN_OWN, Root, is_value, outcomes, set_security, successful, tool
from lib_frame import HeldLogin, name_of
from lib_process import Held, as_root, wait_until
from lib_settings import FRAME, MARKER, NSSHELL, SRV
from lib_view import Outside

SECRET = "secret of nshbob"
AT = "-100"
# MOVE_MOUNT_F_EMPTY_PATH
ATTACH = f"move_mount @ s= {AT} s={{0}} 4"
# Each in a namespace of the user's own in which /home is covered; {0} is a folder to mount on.
UNCOVER = {
    "copy of the mount": f"open_tree {AT} s=/ 1 , {ATTACH}",
    "copy of the tree": f"open_tree {AT} s=/ 0x8001 , {ATTACH} , umount2 s={{0}}/home 2",
    "away with the cover": "umount2 s=/home 2",
    "moved": f"open_tree {AT} s=/home 0 , {ATTACH}",
    "another root": "pivot_root s={0} s={0}",
    "bind": "mount s=/ s={0} s= 4096 0",
    "private": f"mount_setattr {AT} s=/home 0 x={'00' * 16}00000400 32 , umount2 s=/home 2",
}
LOOK = "cat /home/nshbob/secret {0}/home/nshbob/secret {0}/nshbob/secret 2>/dev/null | grep -q secret"


def each_in_own(attempts):
    """The command that makes each attempt in a namespace of its own, and names those that say "worked" after it."""
    lines = [f"{IN_OWN} sh -c '{attempt}' 2>&1 | grep -q worked && echo '{name}'"
             for name, attempt in attempts.items()]
    return "\n".join([*lines, "true"])


def uncover(folder, cover=""):
    """Makes the calls, and looks then."""
    return each_in_own({name: f"{cover} {tool()} {calls}; {LOOK} && echo worked".format(folder)
                        for name, calls in UNCOVER.items()})


@pytest.fixture
def on():
    """A folder to mount on."""
    folder = SRV / "on"
    folder.mkdir()
    folder.chmod(0o777)
    yield folder
    folder.rmdir()


def test_uncovering(place, alice, policy, on):
    """open_tree(2) without what is mounted below, move_mount(2) and the rest of the newer calls.

    CVE-2013-1957, CVE-2014-5206, CVE-2014-5207 (locks and flags of mounts that a user namespace inherits);
    CVE-2023-2640 and CVE-2023-32629 for what such a namespace then leads to.
    """
    worked = set(Outside().lines(alice, uncover(on, cover="mount -t tmpfs none /home &&")))
    # What has been covered in the same namespace can be uncovered there. A copy of / alone, without the
    # machine's own mounts, is refused there too.
    assert worked >= {"copy of the tree", "away with the cover", "moved", "private"}, worked
    set_security(policy, nested_userns="yes", seccomp="off")
    assert place.lines(alice, uncover(on)) == []


# MOUNT_ATTR_RDONLY taken away: struct mount_attr has attr_set, attr_clr, propagation, userns_fd.
WRITABLE = f"x={'00' * 8}01"
REMOUNT = {
    "attributes": f"mount_setattr {AT} s={{0}} 0 {WRITABLE} 32",
    "attributes of all": f"mount_setattr {AT} s={{0}} 0x8000 {WRITABLE} 32",
    "attributes of a copy": f"open_tree {AT} s={{0}} 1 , mount_setattr @ s= 0x1000 {WRITABLE} 32 , "
                            f"move_mount @0 s= {AT} s={{0}} 4",
    "remount": "mount s= s={0} s= 0x1020 0",
    "remount of the file system": "mount s= s={0} s= 0x20 0",
    "file system": f"fspick {AT} s={{0}} 0 , fsconfig @ 0 s=rw 0 0 , fsconfig @0 7 0 0 0",
}


def make_writable(folder, before=""):
    """Makes the calls, and writes then."""
    return each_in_own({name: f"{before} {tool()} {calls.format(folder)}; echo changed >{folder}/new && echo worked"
                        for name, calls in REMOUNT.items()})


@pytest.fixture
def kept():
    folder = SRV / "kept"
    folder.mkdir()
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def test_writing(place, alice, policy, kept):
    """mount_setattr(2), fspick(2): what is read-only stays so, as does nsshell's own file system.

    CVE-2014-5206; CVE-2022-0185 is in fsconfig(2).
    """
    bind = f"mount --bind {kept} {kept} && mount -o remount,bind,ro {kept} &&"
    worked = set(Outside().lines(alice, make_writable(kept, before=bind)))
    assert worked >= {"attributes", "attributes of all", "attributes of a copy", "remount"}, worked
    (kept / "new").unlink()
    set_security(policy, f"[view] read_only={kept}", nested_userns="yes", seccomp="off")
    for folder in (kept, *([] if place.sh(alice, f"test -e {MARKER}/policy").rc else [MARKER])):
        assert place.lines(alice, make_writable(folder)) == []
    assert not (kept / "new").exists()


WITHOUT_A_NAMESPACE = {
    "mount": "mount s=none s={0} s=tmpfs 0 0",
    "bind": "mount s=/ s={0} s= 4096 0",
    "umount": "umount2 s=/home 2",
    "fsopen": "fsopen s=tmpfs 0",
    "fspick": f"fspick {AT} s=/home 0",
    "open_tree": f"open_tree {AT} s=/ 1",
    "move_mount": f"open_tree {AT} s=/home 0 , {ATTACH}",
    "mount_setattr": f"mount_setattr {AT} s=/home 0 {WRITABLE} 32",
    "pivot_root": "pivot_root s=/ s=/",
    "chroot": "chroot s={0}",
    "unshare": "unshare 0x00020000",
    "setns": "openat -100 s=/proc/self/ns/mnt 0 , setns @ 0",
}


@pytest.mark.parametrize("uid", ["keep", "root"])
@pytest.mark.parametrize("seccomp", ["default", "off"])
def test_no_power_over_the_session(session, alice, policy, on, uid, seccomp):
    """The shell cannot mount, by any call, whatever its user id is called: nsshell has given it up.

    namespaces(7); the first thing that every program of this kind has to get right.
    """
    attempts = {name: calls.format(on) for name, calls in WITHOUT_A_NAMESPACE.items()}
    able = successful(outcomes(Root(), alice, attempts))
    assert able >= {"mount", "bind", "fsopen", "open_tree", "chroot", "unshare"}, able
    set_security(policy, f"[identity] uid={uid}", seccomp=seccomp)
    assert successful(outcomes(session, alice, attempts)) == set()


# Propagation


@contextmanager
def shared_machine():
    """A mount namespace with everything shared, as systemd has it. Yields the number of its process."""
    argv = ["unshare", "-m", "--propagation", "shared", "sleep", "600"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL) as process:
        wait_until(lambda: name_of(process.pid) == "sleep", "unshare")
        try:
            yield process.pid
        finally:
            process.kill()


MOUNT_EVERYWHERE = """
for folder in {0} /tmp /home /srv /mnt; do
	mount --make-rshared /; mount -t tmpfs nsh-attack $folder; mount --bind / $folder
done 2>/dev/null
echo tried
"""


@pytest.mark.parametrize("program", ["/bin/sh", str(NSSHELL)], ids=["frame", "session"])
def test_propagation(pam, alice, policy, on, program):
    """Mounts of the user's do not come out into the machine, even where it shares all of its own.

    mount_namespaces(7), "shared subtrees"; CVE-2021-30465 begins with mounts that land elsewhere.
    """
    set_security(policy, nested_userns="yes", seccomp="off")
    attack = MOUNT_EVERYWHERE.format(on)
    with shared_machine() as machine:
        enter = ("nsenter", "-t", str(machine), "-m", "--wd=/")
        table = f"/proc/{machine}/mountinfo"
        with open(table, encoding="utf-8") as file:
            before = file.read()
        with HeldLogin(pam, alice, program, prefix=enter) as held:
            for how in ("", IN_OWN, f"{IN_OWN} --propagation shared"):
                result = held.ask(f"{how} sh -c '{attack}'")
                assert result.out.endswith("tried"), result
            with open(table, encoding="utf-8") as file:
                assert file.read() == before
        # The control.
        as_root(*enter, "mount", "-t", "tmpfs", "nsh-attack", str(on))
        with open(table, encoding="utf-8") as file:
            assert "nsh-attack" in file.read()


# What nsshell relies on


COVERED = [str(MARKER), str(FRAME), "/proc", "/run", os.path.dirname(MARKER), os.path.dirname(FRAME), "/etc"]


@pytest.mark.parametrize("covered", COVERED)
def test_covering_what_nsshell_asks(session, alice, policy, covered):
    """In a namespace of their own users can cover what tells nsshell that it is in a session, in a
    frame, or what the policy is: what it then starts sees no more than they did.

    CVE-2022-31214 (firejail --join): a made-up sandbox that a program with more rights believes in.
    """
    set_security(policy, nested_userns="yes", seccomp="off")
    look = f"-c 'cat /home/nshbob/secret; ls -A /home /tmp; kill -0 {os.getpid()} && echo killed'"
    assert "nshbob" in Outside().sh(alice, f"/bin/bash {look}").out
    script = alice.write("attack", f"""
        mount -t tmpfs -o mode=755 none {covered}; mkdir -p {MARKER} {FRAME}
        cp /etc/hostname {FRAME}/policy; {NSSHELL} {look}
        umount -l {covered}; {NSSHELL} {look}; echo tried""", 0o755)
    for how in ("", IN_OWN, "unshare -Urmpf"):
        result = session.sh(alice, f"{how} /bin/sh {script}")
        assert result.out.endswith("tried\n"), result
        assert SECRET not in result.out and "nshbob" not in result.out and "killed" not in result.out, result
    script.unlink()


# chroot


def test_chroot(session, alice, policy, own_root):
    """With [view] root nothing of the machine's root is left to be reached by chroot(2) in a chroot.

    The oldest of all; chroot(2) itself tells it.
    """
    shutil.copy(tool(), own_root / "bin/wayout")
    up = "s=" + "/".join([".."] * 20)
    escape = f"/bin/wayout openat -100 s=/ 0 , chroot s=/tmp , fchdir @0 , chroot {up} -- /bin/ls -d {SRV}"
    assert Root.sh(None, f"chroot {own_root} {escape}").out.split()[-1] == str(SRV)
    set_security(policy, f"[view] root={own_root}", nested_userns="yes", seccomp="off")
    for how in ("", "unshare -Ur", IN_OWN, "unshare -Urmpf"):
        result = session.sh(alice, f"cd /; {how} {escape}")
        assert str(SRV) not in result.out and ("chroot" in result.out or not how), result


# Handles


HANDLE = "name_to_handle_at {} s={} o=80000000 o= {}"


def handle_of(account, path):
    """What name_to_handle_at(2) says of a file outside, as hexadecimal."""
    result = Outside().sh(account, f"{tool()} {HANDLE.format(AT, path, 0)}")
    assert result.rc == 0, result
    return result.out.split()[2]


def test_handles_of_files(session, alice, bob, policy):
    """open_by_handle_at(2) opens files that no path leads to.

    "shocker" (docker 0.11); CVE-2014-3519 (OpenVZ).
    """
    secret = f"{bob.home}/secret"
    handle = handle_of(alice, secret)
    opening = {"open": f"openat -100 s={alice.home} 0 , open_by_handle_at @ x={handle} 0"}
    assert successful(outcomes(Root(), alice, opening)) == {"open"}
    for nested in ("no", "yes"):
        set_security(policy, nested_userns=nested, seccomp="off")
        assert successful(outcomes(session, alice, opening)) == set()
    result = session.sh(alice, f"{IN_OWN} sh -c '{tool()} {opening['open']}'")
    assert not is_value(result.out.split()[-1]), result


# FD_NSFS_ROOT, FD_PIDFS_ROOT
NSFS, PIDFS = -10003, -10002


@pytest.mark.parametrize("name", ["mnt", "pid", "user", "uts", "ipc", "cgroup"])
def test_handles_of_namespaces(session, alice, policy, name):
    """Since Linux 6.18 namespaces have handles that anybody in them can open: those of the machine are
    not opened inside.

    open_by_handle_at(2), nsfs.
    """
    text = Outside().sh(alice, f"{tool()} openat -100 s=/proc/self/ns/{name} 0 , {HANDLE.format('@', '', 0x1000)}").out
    handle = text.split()[4] if "name_to_handle_at 0" in text else "00"
    opening = {"open": f"open_by_handle_at {NSFS} x={handle} 0"}
    if "EOPNOTSUPP" not in text:
        assert successful(outcomes(Outside(), alice, opening)) == {"open"}, text
    set_security(policy, nested_userns="yes", seccomp="off")
    assert successful(outcomes(session, alice, opening)) == set()
    result = session.sh(alice, f"{IN_OWN} sh -c '{tool()} {opening['open']}'")
    assert not is_value(result.out.split()[-1]), result


def test_handles_of_processes(session, alice, policy):
    """Since Linux 6.14 processes have handles too.

    open_by_handle_at(2), pidfs.
    """
    with Held(alice, program="/bin/bash") as plain:
        text = plain.ask(f"{tool()} pidfd_open $$ 0 , {HANDLE.format('@', '', 0x1000)}").out
        handle = text.split()[4] if "name_to_handle_at 0" in text else "00"
        opening = {"open": f"open_by_handle_at {PIDFS} x={handle} 0"}
        if "EOPNOTSUPP" not in text:
            assert successful(outcomes(Outside(), alice, opening)) == {"open"}, text
        set_security(policy, seccomp="off")
        assert successful(outcomes(session, alice, opening)) == set()
