# SPDX-License-Identifier: MIT
"""What a user sees inside: a Linux of their own.

design.md, "The shell" and promises 1, 2, 3 and 5; issue 2, "nsshell as the login shell".
"""

import os
import re
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

from lib_accounts import home_at
from lib_frame import HeldLogin
from lib_process import (
    SHOW_NAMESPACES, Held, as_root, assert_confined, assert_refused, environment,
    host_namespaces, namespaces, output_of, run, sh, start, status,
)
from lib_settings import LOGIN_SHELL, MARKER, NSSHELL, SRV
from lib_terminal import Terminal

HOST = os.uname().nodename
HOST_NAME = re.compile(r"(?=.{1,63}$)[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?"
                       r"(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*")


# Namespaces, ids and processes


def test_namespaces(alice):
    """It makes user, PID, UTS, IPC, mount and cgroup namespaces."""
    assert_confined(output_of(alice, SHOW_NAMESPACES))


def test_network_is_the_hosts(alice):
    """Only what the policy asks for: the network stays the host's."""
    assert output_of(alice, "readlink /proc/self/ns/net") == os.readlink("/proc/self/ns/net")


def test_init_is_nsshell_and_the_shell_its_child(alice):
    """PID 1 is ours, the shell is its child."""
    out = output_of(alice, "cat /proc/1/comm; echo $$ $PPID; ps -o comm= -p $$; ps -e -o pid=; :")
    lines = [line.strip() for line in out.splitlines()]
    assert lines[:3] == ["nsshell", "2 1", "bash"]
    assert lines[3:5] == ["1", "2"] and len(lines) == 6


def test_processes_seen_from_outside(alice):
    """outer -> PID 1 -> shell, all of the user's, in that order."""
    with Held(alice) as session:
        assert status(session.init)["NSpid"].split()[-1] == "1"
        assert status(session.shell)["NSpid"].split()[-1] == "2"
        for pid in (session.outer, session.init, session.shell):
            assert status(pid)["Uid"].split() == [str(alice.uid)] * 4
            assert status(pid)["Gid"].split() == [str(alice.gid)] * 4
        assert namespaces(session.outer)["pid"] == namespaces()["pid"]


def test_own_proc(alice):
    """Own /proc: no process of the host is in it."""
    pids = output_of(alice, "cd /proc; echo [0-9]*").split()
    assert pids[:2] == ["1", "2"] and len(pids) <= 3


def test_uid_keep(alice):
    """[identity] uid=keep: the ids inside are those outside."""
    out = output_of(
        alice, "cat /proc/self/uid_map /proc/self/gid_map; cat /proc/self/setgroups; id -u; id -g;"
        "id -un",
    )
    expected = [alice.uid, alice.uid, 1, alice.gid, alice.gid, 1, "deny", alice.uid, alice.gid,
                alice.name]
    assert out.split() == [str(word) for word in expected]


def test_uid_root(alice, policy, scratch):
    """[identity] uid=root: 0 inside, and outside still the user."""
    policy.conf("[identity] uid=root")
    out = output_of(alice, "cat /proc/self/uid_map; id -u; id -un; touch scratch/file")
    assert out.split() == ["0", str(alice.uid), "1", "0", "root"]
    assert (scratch / "file").stat().st_uid == alice.uid
    assert (scratch / "file").stat().st_gid == alice.gid


def test_supplementary_groups(alice, bob):
    """Groups as without nsshell: a file of a supplementary group can be read, another's cannot."""
    for group in ("nshteam", "nshguest"):
        path = SRV / group
        path.write_text(f"for {group}\n")
        shutil.chown(path, 0, group)
        path.chmod(0o640)
    assert sh(alice, f"cat {SRV}/nshteam").out == "for nshteam\n"
    assert sh(alice, f"cat {SRV}/nshguest").rc == 1
    assert sh(bob, f"cat {SRV}/nshguest").out == "for nshguest\n"
    assert sh(bob, f"cat {SRV}/nshteam").rc == 1


def test_groups_cannot_be_dropped(alice):
    """setgroups is denied: nobody gets around a file that a group may not read."""
    assert sh(alice, "perl -e '$) = \"$) $)\"; exit($! ? 1 : 0)'").rc == 1


def test_ipc_is_its_own(alice):
    """System V IPC of the host is not seen."""
    made = as_root("ipcmk", "-M", "4096", "-p", "0666")
    number = made.out.split()[-1]
    try:
        assert number in as_root("ipcs", "-m").out
        assert number not in output_of(alice, "ipcs -m").split()
    finally:
        as_root("ipcrm", "-m", number)


def test_cgroup_path_is_hidden(alice):
    """The cgroup namespace begins where the session is."""
    for line in output_of(alice, "cat /proc/self/cgroup").splitlines():
        assert line.endswith(":/"), line


# Capabilities and PID 1


@pytest.mark.parametrize("uid", ["keep", "root"])
def test_no_capabilities(alice, policy, uid):
    """PID 1, the outer process and what the shell starts hold no capability."""
    policy.conf(f"[identity] uid={uid}")
    with Held(alice) as session:
        inside = session.ask("grep -h ^Cap /proc/self/status /proc/1/status").out.splitlines()
        sets = [line.split() for line in inside]
        for pid in (session.outer, session.init, session.shell):
            sets += [[f"{key}:", status(pid)[key]] for key in ("CapPrm", "CapEff", "CapInh")]
    held = [line for line in sets if line[0] != "CapBnd:" and int(line[1], 16)]
    assert not held and len(sets) == 19


@pytest.mark.parametrize("uid", ["keep", "root"])
def test_no_new_privileges(alice, policy, uid):
    """No program inside can get more than the shell has, set-user-id or not."""
    policy.conf(f"[identity] uid={uid}")
    out = output_of(alice, "grep -h NoNewPrivs /proc/self/status /proc/1/status")
    assert out.split() == ["NoNewPrivs:", "1"] * 2


@pytest.mark.parametrize("uid", ["keep", "root"])
@pytest.mark.parametrize(
    "attempt",
    [
        "mount -t tmpfs none /mnt",
        "umount /tmp",
        "umount /proc",
        "mount --bind / /mnt",
        "hostname other",
        "chroot / true",
        f"touch {MARKER}/file",
        "mknod /tmp/null c 1 3",
        "nsenter -t 1 -m true",
        "nsenter -t 1 -U true",
    ],
)
def test_what_needs_a_capability_fails(alice, policy, uid, attempt):
    """Every capability is given up: the user cannot change the session's view."""
    policy.conf(f"[identity] uid={uid}")
    result = sh(alice, f"{attempt}; echo $?")
    assert result.out.strip() not in ("", "0"), result


@pytest.mark.parametrize("uid", ["keep", "root"])
@pytest.mark.parametrize(
    "attempt",
    [
        "strace -o /dev/null -p 1",
        "head -c 1 /proc/1/mem",
        "cat /proc/1/environ",
        "cat /proc/1/maps",
        "ls /proc/1/fd/",
        "ls /proc/1/root/",
        "ls /proc/1/cwd/",
        "readlink /proc/1/exe",
        "readlink /proc/1/ns/user",
        "cat /proc/1/auxv",
        "cat /proc/1/syscall",
    ],
)
def test_init_cannot_be_traced(alice, policy, uid, attempt):
    """PID 1 cannot be ptraced from inside, nor read through what /proc guards the same way."""
    policy.conf(f"[identity] uid={uid}")
    result = sh(alice, f"timeout 20 {attempt}; echo rc=$?")
    assert result.out in ("rc=1\n", "rc=2\n"), result
    assert re.search("ermission denied|not permitted|^$", result.err), result


def test_shell_can_be_traced(alice):
    """The control: strace and gdb work inside on what the user started."""
    result = sh(alice, "sleep 100 & timeout 0.5 strace -o /dev/null -p $!; echo $?; kill $!")
    assert result.out == "124\n", result


# The view


@pytest.mark.parametrize("folder", ["/tmp", "/var/tmp", "/dev/shm"])
def test_private_tmp(alice, folder):
    """Private /tmp, /var/tmp and /dev/shm: neither side sees the other's files."""
    outside = Path(folder, "nsh-outside")
    outside.write_text("outside\n")
    try:
        out = output_of(
            alice, f"ls -A {folder}; echo text > {folder}/nsh-inside && cat {folder}/nsh-inside;"
            f"stat -c %a {folder}",
        )
        assert out.split() == ["text", "1777"]
        assert not Path(folder, "nsh-inside").exists()
    finally:
        outside.unlink()


def test_private_tmp_of_each_session(alice):
    """Two sessions of one user do not share it either."""
    with Held(alice) as one, Held(alice) as two:
        assert one.ask("touch /tmp/one").rc == 0
        assert two.ask("ls -A /tmp").out == ""


def test_private_tmp_runs_no_set_user_id(alice):
    """What is mounted for the session is nosuid and nodev."""
    for folder in ("/tmp", "/var/tmp", "/dev/shm"):
        options = output_of(alice, f"findmnt -n -o OPTIONS {folder}").splitlines()[-1].split(",")
        assert {"nosuid", "nodev"} <= set(options), options


def test_host_tmp(alice, policy):
    """[view] tmp=host."""
    policy.conf("[view] tmp=host")
    outside = Path("/tmp/nsh-outside")
    outside.write_text("outside\n")
    inside = Path("/tmp/nsh-inside")
    try:
        assert sh(alice, "cat /tmp/nsh-outside; echo inside > /tmp/nsh-inside").out == "outside\n"
        assert inside.read_text() == "inside\n"
    finally:
        outside.unlink()
        inside.unlink(missing_ok=True)


def test_homes(alice, bob):
    """Other users' homes hidden, its own not. The homes of others are readable for everybody."""
    assert Path(bob.home, "secret").stat().st_mode & 0o004
    assert output_of(alice, "ls -A /home") == alice.name
    assert output_of(alice, "cat ~/secret") == "secret of nshalice"
    assert sh(alice, f"cat {bob.home}/secret").rc != 0
    assert sh(alice, f"cd {bob.home}").rc != 0


def test_own_home_is_the_real_one(alice, scratch):
    """What is written to the home is there afterwards."""
    assert sh(alice, "echo text > ~/scratch/file").rc == 0
    assert (scratch / "file").read_text() == "text\n"


def test_nothing_can_be_put_beside_the_home(alice):
    """The folder over /home holds the own home and nothing more."""
    assert sh(alice, "mkdir /home/other").rc != 0
    assert sh(alice, "rmdir ~ || mv ~ /home/other").rc != 0


def test_home_below_a_folder_in_home(accounts):
    """A home two folders down is seen, its neighbours are not."""
    deep, neighbour = accounts["nshdeep"], accounts["nshdeep2"]
    assert output_of(deep, "pwd; cat secret") == f"{deep.home}\nsecret of nshdeep"
    assert sh(deep, f"cat {neighbour.home}/secret").rc != 0
    assert "nshalice" not in output_of(deep, "ls -A /home")


def test_home_elsewhere(accounts, policy):
    """A home that is not below `homes` stays; with its folder in the list, others' vanish."""
    own, other = accounts["nshelse"], accounts["nshelse2"]
    assert output_of(own, "cat ~/secret; ls -A /home") == "secret of nshelse"
    assert sh(own, f"cat {other.home}/secret").rc == 0
    policy.conf(f"[view] homes=/home,{SRV}/homes")
    assert output_of(own, "cat ~/secret; ls -A /home") == "secret of nshelse"
    assert output_of(own, f"ls -A {SRV}/homes") == own.name
    assert sh(own, f"cat {other.home}/secret").rc != 0


def test_homes_empty(alice, policy, bob):
    """[view] homes= hides no home."""
    policy.conf("[view] homes=")
    assert output_of(alice, f"cat {bob.home}/secret") == "secret of nshbob"


@pytest.fixture
def hidden():
    """A folder with a file, and a file, that only a policy hides. Readable for everybody."""
    top = SRV / "hidden"
    (top / "folder").mkdir(parents=True)
    for name in ("folder/inner", "file"):
        (top / name).write_text("not for you\n")
    yield top
    shutil.rmtree(top)


def look_at(account, top, before=""):
    return sh(account, f"{before} cat {top}/folder/inner {top}/file; ls -lA {top}/folder")


def test_hide(alice, policy, hidden):
    """[view] hide: a file and a folder."""
    assert look_at(alice, hidden).out.count("not for you") == 2
    policy.conf(f"[view] hide={hidden}/file,{hidden}/folder")
    result = look_at(alice, hidden)
    assert "not for you" not in result.out and "inner" not in result.out
    assert sh(alice, f"echo text > {hidden}/folder/new").rc != 0


@pytest.mark.parametrize(
    "way", ["unshare -Urm umount -l", "unshare -Urm umount", "unshare -Urmpf --mount-proc umount"]
)
def test_hidden_stays_hidden_in_an_own_namespace(alice, policy, nested_userns, hidden, bob, way):
    """A user namespace of the user's own does not uncover anything."""
    policy.conf(f"[view] hide={hidden}/file,{hidden}/folder")
    for path in (f"{hidden}/file", f"{hidden}/folder", "/home", "/proc"):
        script = f"umount -l {path}; cat {hidden}/file {hidden}/folder/inner {bob.home}/secret"
        result = sh(alice, f"{way.rpartition(' umount')[0]} sh -c '{script}'")
        assert "not for you" not in result.out and "secret" not in result.out, result


def test_hide_what_is_missing(alice, policy):
    """What is to be hidden and is not there: refused, because the policy may mean another path."""
    policy.conf(f"[view] hide={SRV}/nothing")
    assert f"{SRV}/nothing" in assert_refused(sh(alice, "echo ran"))["why"]


def test_hide_what_may_be_missing(alice, policy, hidden):
    """A leading - : may be absent; when it is there it is hidden."""
    policy.conf(f"[view] hide=-{SRV}/nothing,-{hidden}/file")
    result = look_at(alice, hidden)
    assert result.out.count("not for you") == 1


def test_hide_through_a_link(alice, policy, hidden):
    """A link as the path to hide: refused, or it hides what the link leads to."""
    link = hidden / "link"
    link.symlink_to(hidden / "file")
    policy.conf(f"[view] hide={link}")
    result = sh(alice, f"cat {link} {hidden}/file")
    assert result.rc == 125 or "not for you" not in result.out, result


def test_hide_below_the_own_home(alice, policy, scratch):
    """Also below the own home, where the user can write: no link there redirects it."""
    alice.write("scratch/file", "not for you\n")
    policy.conf(f"[view] hide={scratch}/file")
    assert "not for you" not in sh(alice, f"cat {scratch}/file").out
    (scratch / "file").unlink()
    (scratch / "file").symlink_to("/etc/passwd")
    result = sh(alice, "grep -c root /etc/passwd")
    assert result.rc == 125 or result.out != "0\n"


SPECIAL = ["/etc/hosts", "/etc/hostname", "/etc/passwd", "/proc/version", "/proc/sys", "/dev/pts",
           "/tmp/nsh-special", "/dev/shm/nsh-special", "/home", "/home/nshalice",
           "/home/nshalice/secret", "/home/nshbob", "/home/nshbob/secret", "/etc", "/usr/bin/env",
           "/bin/bash", str(MARKER), str(MARKER.parent), "/sys", "/srv"]


@pytest.mark.parametrize("tmp", ["private", "host"])
@pytest.mark.parametrize("path", SPECIAL)
def test_hide_special_places(alice, policy, path, tmp):
    """What nsshell itself covers or needs can be hidden as well, or is refused."""
    made = Path(path) if path.endswith("nsh-special") else None
    if made:
        made.write_text("text\n")
    policy.conf(f"[view]\nhide={path}\ntmp={tmp}")
    try:
        result = sh(
            alice, f"{SHOW_NAMESPACES}; echo -- $(cat {path}; ls -A {path} | grep -vx {path});"
            "cat ~/secret",
        )
    finally:
        if made:
            made.unlink()
    if result.rc in (125, 126, 127):
        assert result.out == "", result
        return
    namespaces_seen, _, seen = result.out.partition("--")
    assert_confined(namespaces_seen)
    seen, _, secret = seen.partition("\n")
    # The session's own name, and the empty place of the own home, are not what was hidden.
    allowed = {"/etc/hostname": f"nshalice-{HOST}", "/home": "nshalice"}
    assert seen.strip() in ("", allowed.get(path)), result
    assert bool(secret) != f"{alice.home}/secret".startswith(path), result


def test_homes_through_a_link(accounts, policy):
    """A link as the folder of homes hides what it leads to, or is refused."""
    own, other = accounts["nshelse"], accounts["nshelse2"]
    link = SRV / "link"
    link.symlink_to("homes")
    policy.conf(f"[view] homes={link}")
    try:
        result = sh(own, f"cat ~/secret; cat {other.home}/secret {link}/nshelse2/secret")
    finally:
        link.unlink()
    assert result.rc == 125 or result.out == "secret of nshelse\n", result


def test_home_through_a_link(accounts, policy):
    """An account whose home is a link to the real one: its own is seen, others' are not."""
    own, other = accounts["nshelse"], accounts["nshelse2"]
    link = SRV / "link"
    link.symlink_to("homes")
    policy.conf(f"[view] homes={SRV}/homes")
    try:
        with home_at(own, link / "nshelse"):
            result = sh(own, f"cat {link}/nshelse/secret {own.home}/secret; cat {other.home}/secret")
    finally:
        link.unlink()
    assert result.out == "secret of nshelse\n" * 2, result


def test_homes_in_homes(accounts, policy):
    """A folder of homes in another one."""
    deep, neighbour = accounts["nshdeep"], accounts["nshdeep2"]
    policy.conf("[view] homes=/home/nshdepartment,/home")
    assert output_of(deep, "cat secret; ls -A ..") == "secret of nshdeep\nnshdeep"
    assert sh(deep, f"cat {neighbour.home}/secret /home/nshalice/secret").out == ""
    assert "nshdeep" not in output_of(accounts["nshalice"], "ls -A /home /home/nshdepartment; :")


def test_other_primary_group(alice):
    """Started with another of the user's groups as its own, as sg(1) and newgrp(1) do."""
    team = alice.groups[0] if alice.groups[0] != alice.gid else alice.groups[1]
    path = alice.path("nsh-group")
    result = run(
        alice, "nshteam", "-c", f"{NSSHELL} -c 'id -g; touch {path}'", program="/usr/bin/sg"
    )
    try:
        assert result.out == f"{team}\n", result
        assert path.stat().st_gid == team
    finally:
        path.unlink(missing_ok=True)


# Host name


def check_host_name(account):
    """The name, and that all who are asked for it agree."""
    name = output_of(account, "hostname")
    assert HOST_NAME.fullmatch(name), name
    assert output_of(account, "uname -n; cat /etc/hostname; hostname -f").split() == [name] * 3
    for database in ("hosts", "ahosts"):
        found = output_of(account, f"timeout 10 getent {database} $(hostname)").split()
        assert found[0] == "127.0.1.1" and name in found
    address, *names = output_of(account, "head -n 1 /etc/hosts").split()
    assert address == "127.0.1.1" and names in ([name], [name, name.partition(".")[0]])
    return name


def test_host_name(alice):
    """The host name from the sample policy's template; /etc/hostname and /etc/hosts agree."""
    before = Path("/etc/hosts").read_text(encoding="utf-8")
    assert check_host_name(alice) == f"nshalice-{HOST}"[:63]
    assert socket.gethostname() == HOST
    assert Path("/etc/hosts").read_text(encoding="utf-8") == before


@pytest.mark.parametrize("path", ["/etc/hosts", "/etc/hostname"])
def test_host_files_cannot_be_written(alice, path):
    """They are the session's, readable as everywhere, and nobody's to change."""
    result = sh(alice, f"stat -c %a {path}; echo x >> {path}; chmod 666 {path}; rm -f {path}")
    assert result.out in ("444\n", "644\n") and result.err.count(path) == 3, result


def test_hosts_keeps_its_other_lines(alice):
    """Only a line is added to /etc/hosts."""
    lines = output_of(alice, "cat /etc/hosts").split("\n")
    assert lines[1:] == Path("/etc/hosts").read_text(encoding="utf-8").rstrip("\n").split("\n")


def test_hosts_with_the_machines_name(alice, policy):
    """What the machine is called it says itself: its address is no loopback's."""
    policy.conf("[session] hostname=%h")
    assert output_of(alice, "hostname") == HOST
    assert output_of(alice, "cat /etc/hosts") == Path("/etc/hosts").read_text(encoding="utf-8").rstrip("\n")


def test_bus_that_is_not_there(alice, policy):
    """A program that is told of one does not start its own."""
    bus = f"unix:path=/run/user/{alice.uid}/bus"
    env = environment(alice, DBUS_SESSION_BUS_ADDRESS=bus)
    assert output_of(alice, "echo ${DBUS_SESSION_BUS_ADDRESS-none}", env=env) == "none"
    policy.conf("[view] tmp=host")
    assert output_of(alice, "echo ${DBUS_SESSION_BUS_ADDRESS-none}", env=env) == bus


def test_sudo_finds_the_host(pam, alice):
    """No "unable to resolve host" from root's in the frame, where the host name is the session's. In the session itself
    sudo has no power and gives up before it asks. With a name that no file has, it does tell."""
    with HeldLogin(pam, alice) as frame:
        there = ("nsenter", "-t", str(frame.outer), "-m", "-u")
        assert as_root(*there, "hostname").out.startswith(f"{alice.name}-")
        result = as_root(*there, "sudo", "-n", "true")
        assert (result.rc, result.err) == (0, ""), result
        other = as_root(*there, "unshare", "-u", "sh", "-c", "hostname nsh-nobody; sudo -n true")
        assert "unable to resolve host nsh-nobody" in other.err, other


@pytest.mark.parametrize(
    "template, expected",
    [
        ("lab", "lab"),
        ("%u.%i", "nshalice.{uid}"),
        ("%g-%u", "nshalice-nshalice"),
        ("a%%b", "a-b"),
        ("-%u-", "nshalice"),
        ("%u_x y", "nshalice-x-y"),
        ("%u" * 10, "nshalice" * 7 + "nshalic"),
    ],
)
def test_host_name_template(alice, policy, template, expected):
    """The policy's template, made valid, at most 63 characters."""
    policy.conf(f"[session] hostname={template}")
    assert check_host_name(alice) == expected.format(uid=alice.uid)


@pytest.mark.parametrize(
    "name", ["nsh.dot", "nshUPPER_x", "nshmach$", "nsh" + "a" * 29]
)
def test_host_name_of_odd_users(accounts, policy, name):
    """A user name with dots, capitals, _, $, 32 characters: logs in, and the name is valid."""
    check_host_name(accounts[name])
    policy.conf("[session] hostname=%u.%u.%u")
    check_host_name(accounts[name])
    assert output_of(accounts[name], "id -un; pwd; ls -A /home").split() == [
        name, accounts[name].home, name]


@pytest.mark.parametrize("home", ["missing", "empty"])
def test_user_without_home(accounts, home):
    """A user without a home: the session begins in / and no other home is seen."""
    account = accounts["nshnohome" if home == "missing" else "nshemptyhome"]
    if home == "empty":
        as_root("usermod", "-d", "", account.name)
    result = sh(account, f"pwd; ls -A /home; {SHOW_NAMESPACES}", cwd="/")
    if result.rc == 125:
        assert_refused(result)
    else:
        first, *rest = result.out.splitlines()
        assert (result.rc, first) == (0, "/"), result
        assert_confined("\n".join(rest))


# Environment, folder, umask, login shell


def test_session_variables(alice, accounts):
    """container=nsshell and NSSHELL_SESSION are set, SHELL is the real shell."""
    out = output_of(alice, f"echo $container $NSSHELL_SESSION $SHELL; cat {MARKER}/id").split()
    assert out[0] == "nsshell"
    assert re.fullmatch("[0-9a-f]{16}", out[1])
    assert out[2] == "/bin/bash"
    assert out[3] == out[1]
    assert output_of(accounts["nshbob"], "echo $NSSHELL_SESSION") != out[1]


def test_session_folder(alice, policy):
    """The resolved policy is there to read, in INI form, and nobody can write it."""
    policy.conf("[session] hostname=from-%u")
    text = output_of(alice, f"cat {MARKER}/policy")
    assert re.search(r"\[session\][^\[]*hostname *= *from-%u", text), text
    result = sh(alice, f"cd {MARKER}; for f in policy x id; do echo x > $PWD/$f; done; rm -f *; ls")
    assert {"id", "policy"} <= set(result.out.split()) and "x" not in result.out.split()
    assert result.err.count("nsshell/session") >= 3
    assert not list(MARKER.iterdir())


def test_environment_is_kept(alice):
    """Locale and SSH_* as without nsshell; only the three variables are added or changed."""
    env = environment(alice, SSH_CONNECTION="a b c d", LC_TIME="C.UTF-8", SSH_ORIGINAL_COMMAND="x")
    inside = dict(line.split("=", 1) for line in sh(alice, "env", env=env).out.splitlines())
    plain = run(alice, "-c", "env", env=env, program="/bin/bash", argv0="bash").out.splitlines()
    expected = dict(line.split("=", 1) for line in plain)
    changed = {name for name in inside | expected if inside.get(name) != expected.get(name)}
    assert changed == {"container", "NSSHELL_SESSION", "SHELL"}


def variables(account, **more):
    lines = sh(account, "env", env=environment(account, **more)).out.splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_env_set(alice, policy):
    """[env] set."""
    policy.conf("[env] set=NSH_A=one two, NSH_B=x=y, NSH_C=")
    seen = variables(alice, NSH_B="from outside")
    assert [seen[name] for name in ("NSH_A", "NSH_B", "NSH_C")] == ["one two", "x=y", ""]


def test_env_unset(alice, policy):
    """[env] unset: names, and all with a beginning."""
    policy.conf("[env] unset=NSH_A, NSH_B*")
    seen = variables(alice, NSH_A="1", NSH_AA="2", NSH_B="3", NSH_BB="4")
    assert {name for name in seen if name.startswith("NSH_")} == {"NSH_AA"}


def test_env_keep(alice, policy):
    """[env] keep: only those cross the border."""
    policy.conf("[env] keep=HOME, PATH, NSH_B*")
    seen = variables(alice, NSH_A="1", NSH_B="3", NSH_BB="4")
    assert {name for name in seen if name.startswith("NSH_")} == {"NSH_B", "NSH_BB"}
    assert "LANG" not in seen and seen["HOME"] == alice.home
    assert seen["container"] == "nsshell" and seen["SHELL"] == "/bin/bash"


@pytest.mark.parametrize(
    "argv0, arguments", [("-nsshell", []), ("-su", []), ("-", []), ("nsshell", ["-l"]),
                         ("nsshell", ["--login"])]
)
def test_login_shell(alice, argv0, arguments):
    """A login shell where it was asked for one: `-nsshell`, `-su`, -l, --login."""
    alice.write(".bash_profile", "FROM_PROFILE=yes\n")
    try:
        result = run(
            alice, *arguments, argv0=argv0, stdin="shopt -q login_shell; echo $? $0 $FROM_PROFILE\n"
        )
    finally:
        alice.path(".bash_profile").unlink()
    assert result.out.split() == ["0", "-bash", "yes"], result


@pytest.mark.parametrize("argv0, arguments", [("nsshell", []), ("/x/y/nsshell", []), ("", [])])
def test_no_login_shell(alice, argv0, arguments):
    """And none where it was not."""
    result = subprocess.run(
        [argv0, *arguments], executable=LOGIN_SHELL, input="shopt -q login_shell; echo $? $0\n",
        capture_output=True, text=True, check=False, user=alice.uid, group=alice.gid,
        extra_groups=alice.groups, env=environment(alice), cwd=alice.home, timeout=60,
    )
    assert result.stdout.split() == ["1", "bash"], result


def test_login_shell_with_a_command(alice):
    """`sudo -i -u USER cmd` starts -nsshell with -c."""
    result = run(alice, "-c", "shopt -q login_shell; echo $? $0", argv0="-nsshell")
    assert result.out.split() == ["0", "-bash"]


@pytest.mark.parametrize(
    "program, question",
    [
        ("/bin/dash", "echo $0"),
        ("/bin/zsh", "[[ -o login ]] && echo -login"),
        ("/bin/ksh", "echo $0"),
        ("/bin/tcsh", "if ($?loginsh) echo -login"),
        ("/usr/bin/fish", "status is-login; and echo -login"),
    ],
)
def test_login_shell_of_other_programs(alice, policy, program, question):
    """[shell] program: another shell is a login shell too, and SHELL names it."""
    policy.conf(f"[shell] program={program}")
    result = run(alice, argv0="-nsshell", stdin=f"{question}\necho $SHELL\n")
    first, shell = result.out.split()[-2:]
    assert first.startswith("-") and shell == program, result


def test_umask(alice, policy):
    """[shell] umask = keep, and a number."""
    assert output_of(alice, "umask", umask=0o027) == "0027"
    policy.conf("[shell] umask=0077")
    assert output_of(alice, "umask; touch /tmp/a; stat -c %a /tmp/a", umask=0o022).split() == [
        "0077", "600"]
    policy.conf("[shell] umask=002")
    assert output_of(alice, "umask", umask=0o077) == "0002"


@pytest.mark.parametrize("cwd", ["/", "/usr/share/doc", "/tmp", "/proc", "/dev", "/etc/ssh"])
def test_folder_is_kept(alice, cwd):
    """Current folder as without nsshell."""
    result = sh(alice, "pwd; pwd -P; readlink /proc/self/cwd", cwd=cwd)
    assert result.out.split() == [cwd] * 3 and result.err == "", result


def test_folder_is_the_home(alice, scratch):
    """Below the home, which is another mount inside."""
    result = sh(alice, "pwd; cd ..; cat secret", cwd=scratch)
    assert result.out.split("\n")[:2] == [str(scratch), "secret of nshalice"], result


@pytest.fixture(params=["home", "tmp", "hidden"])
def unseen_folder(request, bob, policy):
    """A folder of the host that the session does not see."""
    path = {"home": Path(bob.home), "tmp": Path("/tmp/nsh-folder/inner"),
            "hidden": SRV / "hidden/inner"}[request.param]
    if request.param == "home":
        yield path
        return
    path.mkdir(parents=True)
    (path / "secret").write_text("secret\n")
    if request.param == "hidden":
        policy.conf(f"[view] hide={path.parent}")
    yield path
    shutil.rmtree(path.parent)


def test_folder_that_is_not_seen(alice, unseen_folder):
    """No current folder crosses: it is looked up by name inside, or it is / with one line."""
    result = sh(alice, "pwd -P; ls; cd ..; pwd -P; ls; cat secret ../secret", cwd=unseen_folder)
    folders = [line for line in result.out.split("\n") if line.startswith("/")]
    assert folders == ["/", "/"], result
    assert "secret" not in result.out
    first = result.err.splitlines()[0]
    assert first.startswith("nsshell: ") and str(unseen_folder) in first


def test_parent_of_an_inherited_folder(alice):
    """`cd ..` from an inherited folder does not reach the host."""
    with Held(alice, cwd="/usr/share") as session:
        host_root = os.stat("/proc/self/root/home").st_ino
        out = session.ask("cd ../..; ls -A home; stat -c %i home; ls -A tmp").out.split()
        assert out[0] == alice.name and out[1] != str(host_root) and len(out) == 2


# confine = no, uid 0, nested


def test_confine_no(alice, policy):
    """confine = no: the real shell, directly, nothing else."""
    policy.conf("[session] confine=no")
    with Held(alice) as session:
        assert session.ask(SHOW_NAMESPACES).out.split() == host_namespaces()
        assert session.ask("echo $$").out == str(session.outer)
        assert session.ask("echo $container$NSSHELL_SESSION").out == ""
        assert os.readlink(f"/proc/{session.outer}/exe").endswith("bash")
    result = run(alice, argv0="-nsshell", stdin="shopt -q login_shell; echo $? $0\n")
    assert result.out.split() == ["0", "-bash"]
    assert sh(alice, "exit 77").rc == 77


@pytest.mark.parametrize("confine", ["auto", "yes"])
def test_confine(alice, policy, confine):
    """auto and yes both confine who runs nsshell."""
    policy.conf(f"[session] confine={confine}")
    assert_confined(output_of(alice, SHOW_NAMESPACES))


@pytest.mark.parametrize("text", ["[session] confine=yes", "not a policy"])
def test_root_is_never_confined(policy, text):
    """User id 0 is never confined, whatever the policy says."""
    policy.conf(text)
    result = as_root(NSSHELL, "-c", SHOW_NAMESPACES)
    assert result.out.split() == host_namespaces(), result


@pytest.mark.parametrize("way", ["", "exec ", "env -i ", "env -u NSSHELL_SESSION -u container "])
def test_nested(alice, way):
    """nsshell started inside a session is that shell and nothing more."""
    command = f"{SHOW_NAMESPACES}; echo $$; ps -o comm= -p $$; exit 3"
    with Held(alice) as session:
        session.ask("export SHELL=/wrong")
        outside = session.ask(SHOW_NAMESPACES).out.split()
        result = session.ask(f"( {way}{NSSHELL} -c '{command}' )")
        *inside, pid, name = result.out.split()
        assert (result.rc, inside, name) == (3, outside, "bash")
        assert int(pid) > 2


def test_nested_login_shell(alice):
    """As a login shell too: what tmux and screen start in a new window."""
    question = "shopt -q login_shell; echo $? $0; ps -e -o comm="
    out = output_of(alice, f"echo '{question}' | exec -a -nsshell {NSSHELL}").split()
    assert out[:2] == ["0", "-bash"]
    assert out.count("nsshell") == 1


def test_nested_uses_the_sessions_shell(alice, policy):
    """The policy's shell, not bash by chance, and not what the environment says."""
    policy.conf("[shell] program=/bin/dash")
    name = output_of(alice, f"SHELL=/bin/bash {NSSHELL} -c 'readlink /proc/$$/exe; :'")
    assert name.endswith("dash")


def test_nested_when_the_policy_has_broken(alice, policy):
    """A policy that breaks during a session does not end what runs in it."""
    with Held(alice) as session:
        policy.conf("[nonsense]")
        result = session.ask(f"{NSSHELL} -c 'echo still; exit 6'")
        assert (result.rc, result.out) == (6, "still")
        assert_refused(sh(alice, "echo ran"))


def test_tmux_window(alice):
    """A new tmux window whose shell is nsshell is the session's shell."""
    out = output_of(
        alice, f"export SHELL={NSSHELL} TERM=screen;"
        "tmux -f /dev/null new-session -d"
        f" 'exec {NSSHELL} -c \"{SHOW_NAMESPACES} > /tmp/new; mv /tmp/new /tmp/window\"';"
        f"until [ -e /tmp/window ]; do sleep 0.02; done; {SHOW_NAMESPACES}; cat /tmp/window",
    ).split()
    half = len(out) // 2
    assert out[:half] == out[half:] and half == 6


def test_vim_shell(alice):
    """vim's :sh with shell=nsshell is the session's shell."""
    env = environment(alice, TERM="xterm")
    with Terminal(alice, [str(NSSHELL), "-c", f"vim --cmd 'set shell={NSSHELL}'"], env=env) as vim:
        vim.send(":sh\r")
        vim.at_prompt()
        assert vim.ask("echo $(pgrep -c nsshell) $(cat /proc/1/comm)").count("1 nsshell") == 1
        vim.sendline("exit")
        vim.send("\r:q!\r")
        assert vim.finish() == 0


# Nobody outside can make it believe that it is inside


def test_forged_environment(alice):
    """The environment decides nothing: it is told apart by a fact of the kernel."""
    env = environment(alice, container="nsshell", NSSHELL_SESSION="0123456789abcdef")
    result = sh(alice, f"{SHOW_NAMESPACES}; echo $NSSHELL_SESSION", env=env)
    *inside, session = result.out.split()
    assert_confined("\n".join(inside))
    assert session != "0123456789abcdef"


FORGED_SESSION = f"""
mount -t tmpfs none {MARKER} || exit 99
echo 0123456789abcdef > {MARKER}/id
printf '[shell]\\nprogram=/bin/bash\\n' > {MARKER}/policy
chmod 444 {MARKER}/*
mount -o remount,ro {MARKER} || exit 99
"""


def test_forged_session_reaches_no_login(alice):
    """A session folder forged in a namespace of the user's own changes no login of anybody."""
    script = FORGED_SESSION + "echo forged; exec cat"
    with start(alice, "-Ucm", "--keep-caps", "sh", "-c", script, program="/usr/bin/unshare",
               stdin=subprocess.PIPE, stdout=subprocess.PIPE) as forger:
        assert forger.stdout.readline() == b"forged\n"
        assert_confined(output_of(alice, SHOW_NAMESPACES))
        forger.stdin.close()


def test_forged_root(alice):
    """User id 0 of a user namespace of the user's own is not the machine's root."""
    result = run(alice, "-Ur", str(NSSHELL), "-c", "echo ran", program="/usr/bin/unshare")
    assert_refused(result)


def test_forged_init(alice, scratch):
    """A program called nsshell as PID 1 of the user's own namespace: not believed."""
    shutil.copy("/bin/sh", scratch / "nsshell")
    script = f"readlink /proc/self/ns/pid; {NSSHELL} -c 'readlink /proc/self/ns/pid'; exit $?"
    result = run(
        alice, "-Ucpf", "--mount-proc", str(scratch / "nsshell"), "-c", script,
        program="/usr/bin/unshare",
    )
    forged, *after = result.out.split()
    assert result.rc == 125 or after[0] != forged, result


def test_forged_user(alice, bob, policy):
    """It finds who it is by uid: USER, LOGNAME and HOME of another change nothing."""
    policy.user(alice.name, "[session] hostname=for-alice")
    policy.user(bob.name, "[session] confine=no")
    env = environment(alice, USER=bob.name, LOGNAME=bob.name, HOME=bob.home)
    result = sh(alice, "hostname; ls -A /home", env=env)
    assert result.out.split() == ["for-alice", alice.name], result


def test_version_and_help(alice):
    """--help and --version alone are its own; they need no session."""
    for option in ("--version", "--help"):
        result = run(alice, option)
        assert result.rc == 0 and "nsshell" in result.out, result
    assert sh(alice, 'echo "$1"', "name", "--version").out == "--version\n"
