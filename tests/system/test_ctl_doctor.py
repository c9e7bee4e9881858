# SPDX-License-Identifier: MIT
"""nsshellctl doctor: what it finds appears with its cause and vanishes with it.

design.md, nsshellctl; promise 1: what could not be looked at is never ok.
"""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

import lib_fuse
from lib_ctl import CTL, FAILED, OK, ctl
from lib_machine import GOOD_STACK, Machine
from lib_process import alive_pids_of, as_root, called, start, wait_until
from lib_settings import HELPER, MODULE, NSSHELL, POLICY, PREFIX

# What udev does for pasta.
WITH_TUN = "mount -t tmpfs none /dev/net && mknod -m 666 /dev/net/tun c 10 200"

HASH = "$6$saltsalt$" + "a" * 86

MISSING = "/nowhere/pam_nsshell.so"


@pytest.fixture
def machine(accounts, policy):
    made = Machine("doctor")
    yield made
    made.remove()


# PAM


@pytest.mark.parametrize("stack, level, text", [
    ("session required pam_limits.so", "warn", "lacks the module"),
    (f"session optional {MODULE}", "fail", "a session that the module refuses goes on"),
    (f"session sufficient {MODULE}", "fail", "a session that the module refuses goes on"),
    (f"session [success=ok default=ignore] {MODULE}", "fail", "refuses goes on"),
    (f"session sufficient pam_permit.so\nsession required {MODULE}", "fail", "left out"),
    (f"session [success=1 default=ignore] pam_permit.so\nsession required {MODULE}", "fail",
     "left out"),
    (f"session [success=done default=bad] pam_permit.so\nsession required {MODULE}", "fail",
     "left out"),
    (f"@include early\nsession required {MODULE}", "fail", "early:1 (sufficient pam_permit.so)"),
    (f"session required {MODULE}\nsession optional pam_systemd.so", "warn", "pam_systemd comes after"),
    (f"session required {MODULE}\nsession required pam_mkhomedir.so", "warn",
     "pam_mkhomedir.so comes after"),
    (f"session required {MODULE}\nsession optional pam_keyinit.so force", "warn",
     "pam_keyinit.so comes after"),
    (f"session required {MODULE} nonsense", "fail", "the argument nonsense"),
    (f"session required {MODULE} timeout=601", "fail", "the argument timeout=601"),
    (f"session required {MODULE} exempt_group=nshnogroup", "warn", "there is no such group"),
    (f"session required {MISSING}", "fail", "not there"),
    ("@include early\n@include missing", "warn", "could not be looked at"),
])
def test_pam(machine, stack, level, text):
    machine.stack("early", "session sufficient pam_permit.so\n")
    good = machine.examine()
    good.has("ok", "pam", "sshd: has the module")
    good.has_not("pam", text)
    machine.stack("sshd", stack + "\n")
    bad = machine.examine()
    bad.has(level, "pam", text)
    bad.has_not("pam", "sshd: has the module")


@pytest.mark.parametrize("stack", [
    f"session [success=ok default=bad] pam_a.so\nsession required {MODULE} timeout=5 debug",
    f"session [default=1] pam_permit.so\nsession requisite pam_deny.so\n-session requisite {MODULE}",
    f"session substack inner\nsession required {MODULE}",
    f"session optional pam_keyinit.so\nsession optional pam_systemd.so\nsession include last",
    f"session required {MODULE}\nsession required {MODULE}",  # as su-l with su in it
])
def test_pam_that_is_right(machine, stack):
    machine.stack("inner", "session sufficient pam_permit.so\n")
    machine.stack("last", f"session [success=ok perm_denied=die default=bad] {MODULE}\n")
    machine.stack("sshd", stack)
    machine.examine().has("ok", "pam", "sshd: has the module")


def test_pam_module_by_its_name(machine):
    """libpam finds it where its own modules are."""
    machine.stack("sshd", "session required pam_nsshell.so")
    found = machine.examine()
    if Path(MODULE).with_name("pam_unix.so").exists():
        found.has("ok", "pam", "sshd: has the module")
    else:
        found.has("warn", "pam", "libpam has its modules elsewhere")


def test_pam_services(machine):
    """Each that has a file is looked at; sudo wants the module first."""
    for service in ("login", "su", "su-l", "cron", "atd", "sudo", "sudo-i", "other"):
        machine.stack(service, "session required pam_limits.so\n")
        machine.examine().has("warn", "pam", f"{service}: lacks the module")
        machine.stack(service, f"session required {MODULE}\nsession required pam_limits.so\n")
        machine.examine().has("ok", "pam", f"{service}: has the module")
    machine.stack("sudo", GOOD_STACK)
    machine.examine().has("warn", "pam", "not the first session line")
    machine.stack("systemd-user", "session required pam_limits.so\n")
    machine.examine().has("ok", "pam", "systemd-user: what systemd --user starts is outside")
    machine.stack("systemd-user", f"session required pam_limits.so\nsession required {MODULE}\n")
    machine.examine().has("ok", "pam", "systemd-user: has the module")


def test_pam_that_the_policy_requires(machine, policy, alice):
    policy.conf("[policy] require_pam=yes")
    machine.stack("sshd", "session required pam_limits.so\n")
    (found,) = machine.examine(alice.name).with_text("pam", "sshd: lacks the module")
    assert found["level"] == "fail" and found["advice"].endswith("pam_nsshell.so exempt_group=adm")
    machine.stack("sshd", GOOD_STACK)
    machine.examine(alice.name).has("ok", "pam", "sshd: has the module")


def test_pam_systemd_behind_limits(machine, policy, alice):
    machine.stack("sshd", f"session required {MODULE}\nsession optional pam_systemd.so\n")
    policy.user("nshalice", "[limits] tasks_max=100")
    machine.examine(alice.name).has("fail", "pam", "pam_systemd comes after")


def test_exempt_group(machine, alice, bob):
    machine.stack("sshd", f"session required {MODULE} exempt_group=nshteam\n")
    machine.examine().has("ok", "pam", "exempt_group nshteam: nshalice")
    machine.examine(alice.name).has("warn", "pam", "nshalice is in exempt_group nshteam")
    machine.examine(bob.name).has_not("pam", "never confined")


@pytest.fixture
def locked_root(machine):
    """Root has no password and no key."""
    machine.tool("usermod", "-p", "!", "root")
    passwd = machine.etc / "passwd"
    home = machine.folder / "home_of_root"
    home.mkdir()
    passwd.write_text(passwd.read_text().replace("root:x:0:0:root:/root:", f"root:x:0:0:root:{home}:"))
    (machine.etc / "ssh/sshd_config").write_text(machine.config.read_text())
    return home


NO_WAY = "one error in nsshell.conf refuses everybody"


def test_way_back(machine, locked_root, alice):
    """When the policy cannot be read: members who could log in, by the list or by their primary group, or root."""
    machine.examine().has("warn", "pam", f"sshd: {NO_WAY}: no exempt_group")
    group = machine.etc / "group"
    text = group.read_text()

    def members(*names):
        group.write_text(f"{text}nsh way back:x:4711:{','.join(names)}\n")

    members()
    machine.stack("sshd", f"session required {MODULE} [exempt_group=nsh way back] timeout=5\n")
    (found,) = machine.examine().with_text("pam", NO_WAY)
    assert found["level"] == "warn" and "is in exempt_group nsh way back" in found["text"]
    assert found["advice"] == "gpasswd -a ADMIN nsh way back"
    members("daemon", alice.name)  # who have nologin, and nsshell, which reads the policy itself
    machine.examine().has("warn", "pam", NO_WAY)
    machine.tool("usermod", "-s", "/bin/bash", alice.name)
    found = machine.examine()
    found.has_not("pam", NO_WAY)
    found.has("ok", "pam", "sshd: has the module")
    members("daemon")
    machine.examine().has("warn", "pam", NO_WAY)
    # usermod -g would give the files of the home to that group.
    passwd = machine.etc / "passwd"
    passwd.write_text(passwd.read_text().replace(f":{alice.uid}:{alice.gid}:", f":{alice.uid}:4711:"))
    machine.examine().has_not("pam", NO_WAY)


def test_way_back_of_root(machine, locked_root):
    machine.examine().has("warn", "pam", NO_WAY)
    (locked_root / ".ssh").mkdir()
    (locked_root / ".ssh/authorized_keys").write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBc0\n")
    machine.examine().has_not("pam", NO_WAY)
    config = machine.etc / "ssh/sshd_config"
    config.write_text("PermitRootLogin no\n" + config.read_text())
    machine.examine().has("warn", "pam", NO_WAY)
    machine.tool("usermod", "-p", HASH, "root")
    machine.examine().has_not("pam", NO_WAY)


def test_exempt_from_what_nsshell_needs(machine, policy, alice):
    """nsshell does not know who is exempt."""
    machine.stack("sshd", f"session required {MODULE} exempt_group=nshteam\n")
    machine.examine(alice.name).has("warn", "pam", "confined by nsshell alone")
    policy.user(alice.name, "[limits] tasks_max=100")
    machine.examine(alice.name).has("fail", "pam", "nsshell refuses them without the module: limits.tasks_max needs")
    policy.user(alice.name, "[session] confine=no\n[limits] tasks_max=100")
    machine.examine(alice.name).has("warn", "pam", "and never confined")
    policy.user(alice.name, "[session] confine=deny")
    machine.examine(alice.name).has("fail", "pam", "users.d/nshalice.conf:2: session.confine = deny")


@pytest.mark.parametrize("text, line", [
    ("[match]\nsource=10.0.0.0/8\n[view] hide=/usr/games", "match.d/10-a.conf:2: match.source: cannot be told"),
    ("[match]\nservice=cron\n[session] confine=deny", "match.d/10-a.conf:2: match.service: cannot be told"),
    ("[match]\ngroup=nshteam\nservice=sshd\n[view] tmp=host", "match.d/10-a.conf:3: match.service: cannot be told"),
])
def test_exempt_from_what_nsshell_cannot_tell(machine, policy, alice, bob, text, line):
    machine.stack("sshd", f"session required {MODULE} exempt_group=nshteam\n")
    policy.match("10-a.conf", text)
    machine.examine(alice.name).has("fail", "pam", line)
    machine.examine(bob.name).has_not("pam", line)
    policy.match("10-a.conf", text.replace("[match]", "[match]\nuser=nshbob", 1))
    machine.examine(alice.name).has("warn", "pam", "confined by nsshell alone")


# sshd


@pytest.mark.parametrize("config, level, text", [
    ("UsePAM no", "fail", "UsePAM no"),
    ("PermitUserEnvironment yes", "warn", "PermitUserEnvironment is not no"),
    ("PermitUserEnvironment LD_*", "warn", "~/.ssh/rc"),
    ("AcceptEnv *", "warn", "AcceptEnv *"),
    ("AcceptEnv FOO LD_*", "warn", "AcceptEnv LD_*"),
    ("AcceptEnv BASH_ENV", "warn", "AcceptEnv BASH_ENV"),
    ("ChrootDirectory /srv", "fail", "ChrootDirectory /srv"),
    ("Match User nshalice\nChrootDirectory /srv\nMatch all", "fail", "ChrootDirectory /srv"),
    ("ForceCommand internal-sftp", "ok", "ForceCommand internal-sftp"),
])
def test_sshd(machine, alice, config, level, text):
    machine.examine(alice.name).has_not("sshd", text)
    machine.sshd(config)
    machine.examine(alice.name).has(level, "sshd", text)


def test_sshd_for_another_user(machine, bob):
    machine.sshd("Match User nshalice\nChrootDirectory /srv\nMatch all")
    machine.examine(bob.name).has_not("sshd", "ChrootDirectory")


def test_sshd_rc(machine, alice):
    machine.sshd("PermitUserEnvironment yes\nPermitUserRC no")
    found = machine.examine(alice.name)
    found.has("warn", "sshd", "PermitUserEnvironment is not no")
    found.has_not("sshd", "~/.ssh/rc")


@pytest.mark.parametrize("keyword, word", [
    ("AllowTcpForwarding", "fail"), ("PermitTunnel", "fail"),
    ("AllowStreamLocalForwarding", "warn"), ("X11Forwarding", "warn"),
    ("AllowAgentForwarding", "warn"),
])
def test_forwarding_without_the_module(machine, policy, alice, keyword, word):
    off = "\n".join(f"{name} no" for name in (
        "AllowTcpForwarding", "PermitTunnel", "AllowStreamLocalForwarding", "X11Forwarding",
        "AllowAgentForwarding") if name != keyword)
    machine.sshd(f"{keyword} yes\n{off}")
    machine.examine(alice.name).has("ok", "sshd", "forwarding is confined")
    machine.stack("sshd", "session required pam_limits.so\n")
    machine.examine(alice.name).has("warn", "sshd", f"{keyword} is not no")
    policy.user("nshalice", "[network] mode=none")
    machine.examine(alice.name).has(word, "sshd", f"{keyword} is not no")
    machine.sshd(f"{keyword} no\n{off}")
    machine.examine(alice.name).has("ok", "sshd", "forwarding is off")


def test_internal_sftp(machine):
    machine.sshd("Subsystem sftp internal-sftp")
    machine.config.write_text(machine.config.read_text().replace(
        "Subsystem sftp /usr/lib/openssh/sftp-server\n", ""))
    machine.examine().has("ok", "sshd", "internal-sftp is confined")
    machine.stack("sshd", "session required pam_limits.so\n")
    machine.examine().has("warn", "sshd", "internal-sftp is not confined")


def test_internal_sftp_by_a_key(machine):
    """sshd runs it itself for a key that the user has made so, whatever the Subsystem is."""
    text = 'whose key has command="internal-sftp"'
    machine.examine().has_not("sshd", text)
    machine.stack("sshd", "session required pam_limits.so\n")
    machine.examine().has("warn", "sshd", text)
    machine.sshd("ForceCommand /bin/true")
    machine.examine().has_not("sshd", text)
    machine.sshd("ForceCommand internal-sftp")
    machine.examine().has("warn", "sshd", "ForceCommand internal-sftp: not confined")


def test_a_home_that_does_not_answer(machine, alice):
    """Its file system is the user's, and what waits for it cannot be killed: nobody waits for that."""
    with lib_fuse.silent_home_of(alice):
        machine.examine(alice.name).has("warn", "keys", "could not be looked at")


def test_pam_service_of_sshd(machine, policy):
    """PAMServiceName, which OpenSSH has from 9.8 on."""
    sshd = machine.folder / "sshd"
    sshd.write_text("#!/bin/sh\necho usepam yes; echo pamservicename nsh-other\n")
    sshd.chmod(0o755)
    policy.conf("[policy] require_pam=yes")
    machine.stack("sshd", "session required pam_limits.so\n")
    machine.stack("nsh-other", f"session required {MODULE}\n")
    found = machine.examine(f"--sshd={sshd}")
    found.has("ok", "pam", "nsh-other: has the module")
    found.has_not("pam", "sshd: lacks the module")
    found.has("ok", "sshd", "forwarding is confined")
    machine.stack("nsh-other", "session required pam_limits.so\n")
    found = machine.examine(f"--sshd={sshd}")
    found.has("fail", "pam", "nsh-other: lacks the module")
    found.has_not("sshd", "forwarding is confined")


def test_sshd_that_cannot_be_asked(machine):
    machine.sshd("Nonsense yes")
    machine.examine().has("warn", "sshd", "could not be looked at")
    machine.examine("--sshd=/nowhere/sshd").has("ok", "sshd", "not installed")


# What is installed, and the policy


def test_shells(machine):
    machine.examine().has("warn", "shells", "is not in /etc/shells")
    with open(machine.etc / "shells", "a", encoding="ascii") as shells:
        shells.write(f"{NSSHELL}\n")
    machine.examine().has("ok", "shells", "is in /etc/shells")


def test_nothing_to_complain_of(machine):
    """Exit status 0, and --quiet says nothing then."""
    machine.tool("usermod", "-p", HASH, "root")
    with open(machine.etc / "shells", "a", encoding="ascii") as shells:
        shells.write(f"{NSSHELL}\n")
    result = machine.ctl("doctor", "--quiet", f"--pam-folder={machine.stacks}",
                         f"--sshd-config={machine.config}")
    assert (result.rc, result.out, result.err) == (OK, "", ""), result


def test_quiet(machine):
    machine.sshd("UsePAM no")
    result = machine.ctl("doctor", "-q", f"--sshd-config={machine.config}")
    assert result.rc == FAILED
    lines = [line for line in result.out.splitlines() if not line.startswith("      -> ")]
    assert {line.split()[0] for line in lines} == {"warn", "fail"}
    assert len(lines) * 2 == len(result.out.splitlines())


@pytest.mark.parametrize("mode", [0o4755, 0o2755, 0o775, 0o757, 0o700])
def test_installed_files(machine, mode):
    machine.examine().has_not("files", f"{HELPER}:")
    HELPER.chmod(mode)
    try:
        machine.examine().has("fail", "files", f"{HELPER}:")
    finally:
        HELPER.chmod(0o755)
    machine.examine().has("ok", "files", "are there and root's")


def test_nsshell_that_can_be_read(machine):
    """Its processes could be looked into while they start, and changed."""
    machine.examine().has_not("files", f"{NSSHELL}:")
    NSSHELL.chmod(0o755)
    try:
        machine.examine().has("fail", "files", f"{NSSHELL}: can be read by users")
    finally:
        NSSHELL.chmod(0o711)


def test_folder_above(machine):
    machine.examine().has_not("files", f"{PREFIX}/lib is not root's")
    (PREFIX / "lib").chmod(0o777)
    try:
        machine.examine().has("fail", "files", f"{PREFIX}/lib is not root's")
    finally:
        (PREFIX / "lib").chmod(0o755)


def test_policy_parent(machine, alice):
    """A folder above the policy's that others can write is as good as the policy."""
    machine.examine().has_not("policy", "can be replaced")
    POLICY.parent.chmod(0o1777)
    try:
        machine.examine().has("fail", "policy", f"{POLICY.parent} is not root's")
    finally:
        POLICY.parent.chmod(0o755)
    os.chown(POLICY.parent, alice.uid, 0)
    try:
        machine.examine().has("fail", "policy", f"{POLICY.parent} is not root's")
    finally:
        os.chown(POLICY.parent, 0, 0)


def test_policy_that_users_cannot_read(machine, policy, alice, bob):
    own = policy.user("nshalice", "[shell] umask=022")
    machine.examine().has_not("policy", "cannot read it")
    own.chmod(0o600)
    machine.examine(alice.name).has("fail", "policy", "nshalice cannot read it, and nsshell without the PAM module")
    machine.examine(bob.name).has_not("policy", "cannot read it")
    policy.conf_path.chmod(0o600)
    machine.examine().has("fail", "policy", "users cannot read it")
    policy.conf("[policy] require_pam=yes").chmod(0o600)
    machine.examine(alice.name).has("warn", "policy", "nshalice cannot read it")


def test_policy_that_is_gone(machine, policy):
    policy.conf_path.unlink()
    (found,) = [one for one in machine.examine() if one["area"] == "policy"]
    assert "No such file" in found["text"] and "install its nsshell.conf again" in found["advice"], found
    shutil.rmtree(POLICY)
    (found,) = [one for one in machine.examine() if one["area"] == "policy"]
    assert "No such file" in found["text"] and "install its nsshell.conf again" in found["advice"], found


def test_policy_error(machine, policy, alice, bob):
    """Only whom it concerns."""
    policy.user("nshalice", "[view]\ntmpp = private")
    machine.examine(alice.name).has("fail", "policy", "users.d/nshalice.conf:2: view.tmpp")
    machine.examine(bob.name).has("ok", "policy", "valid for nshbob")
    machine.examine().has("ok", "policy", "valid for users in general")


# Namespaces, by trying them


def test_namespaces(machine, alice):
    found = machine.examine(alice.name)
    found.has("ok", "namespaces", "a session as through the PAM module was made for nshalice")
    found.has("ok", "namespaces", "users can make them")


def test_session_of_this_policy(machine, policy, alice):
    """The whole session is tried: with what this user's policy asks for."""
    policy.user("nshalice", "[shell] program=/bin/false")
    machine.examine(alice.name).has("fail", "namespaces", "no session as through the PAM module")
    policy.user("nshalice", "[view] hide=/nowhere/at/all")
    machine.examine(alice.name).has("fail", "namespaces", "/nowhere/at/all")
    policy.user("nshalice", "[network] mode=nat")
    machine.examine(alice.name, before=WITH_TUN).has("ok", "namespaces", "was made for nshalice")


REFUSED = "a login of nshalice without the PAM module would be refused"


@pytest.mark.parametrize("where, text, why", [
    ("own", "[identity] subids=yes\n[security] nested_userns=yes", "identity.subids = yes needs pam_nsshell"),
    ("own", "[view] hide=/nowhere/at/all", "/nowhere/at/all"),
    ("own", "[session] max_sessions=1\n[view] hide=/nowhere/at/all", "/nowhere/at/all"),
    ("match", "[match]\nuser=nshalice\nsource=10.0.0.0/8", "cannot be told for a login without the PAM module"),
])
def test_login_without_the_module(machine, policy, alice, where, text, why):
    """Where sshd lacks it the user would be refused, whatever the module could do."""
    machine.stack("sshd", "session required pam_limits.so\n")
    machine.examine(alice.name).has("ok", "pam", "nshalice without the PAM module has a session")
    if where == "own":
        policy.user("nshalice", text)
    else:
        policy.match("10-a.conf", text)
    (found,) = machine.examine(alice.name).with_text("pam", REFUSED)
    assert found["level"] == "fail" and why in found["text"]
    machine.stack("sshd", GOOD_STACK)
    machine.examine(alice.name).has_not("pam", REFUSED)


@pytest.mark.parametrize("policy_text", ["[session] max_sessions=1", "[session] lifetime=linger"])
def test_login_that_a_hub_would_count(machine, policy, alice, policy_text):
    """It is planned, and no sandbox is left of it."""
    policy.user("nshalice", policy_text)
    machine.stack("sshd", "session required pam_limits.so\n")
    machine.examine(alice.name).has("ok", "pam", "nshalice without the PAM module has a session")
    wait_until(lambda: not alive_pids_of(alice), "the end of the session that was tried")


@pytest.mark.parametrize("policy_text", ["", "[session] max_sessions=1"])
def test_machine_that_forbids_them(machine, policy, alice, policy_text):
    """In a chroot the kernel gives users no user namespaces, and nsshell refuses to make a frame."""
    root = machine.folder / "chroot"
    root.mkdir()
    policy.user("nshalice", policy_text)
    machine.stack("sshd", "session required pam_limits.so\n")
    words = f"{CTL} doctor -q --pam-folder={machine.stacks} nshalice"
    result = machine.run("sh", "-c", f"mount --rbind / {root} && chroot {root} {words}")
    assert result.rc == FAILED, result
    assert f"fail  pam: {REFUSED}" in result.out
    assert "fail  namespaces: no session as through the PAM module" in result.out
    assert "warn  namespaces: users cannot make them" in result.out


@pytest.mark.parametrize("profile, level", [("nsshell (unconfined)", "ok"), ("nsshell-session (unconfined)", "warn")])
def test_namespaces_that_apparmor_grants(machine, profile, level):
    """Where AppArmor keeps users from making them nsshell can, by the package's profile. Here a chroot keeps them from it."""
    root = machine.folder / "chroot"
    root.mkdir()
    result = machine.run("sh", "-c", f"""
        mount -t tmpfs none /proc/sys/kernel && mount -t tmpfs none /sys/kernel/security || exit
        echo 1 >/proc/sys/kernel/apparmor_restrict_unprivileged_userns
        mkdir /sys/kernel/security/apparmor
        printf '%s\\n' 'sshd (complain)' '{profile}' >/sys/kernel/security/apparmor/profiles
        mount --rbind / {root} && chroot {root} {CTL} doctor""")
    assert f"\n{level:<6}kernel: kernel.apparmor_restrict_unprivileged_userns = 1" in result.out, result
    assert f"\n{level:<6}namespaces: users cannot make them" in result.out, result


def test_covered_proc(machine):
    """What a container covers in /proc keeps the kernel from giving sessions a new one."""
    result = machine.run("sh", "-c", f"mount -t tmpfs none /proc/fs && {CTL} doctor -q")
    assert result.rc == FAILED, result
    assert "fail  proc: /proc/fs covers a part of /proc" in result.out
    assert "fail  namespaces: no session as through the PAM module" in result.out
    machine.examine().has("ok", "proc", "nothing covers")


def test_proc_in_another_place(machine, policy, alice):
    """That of a chroot, say, which the session sees as the machine does."""
    place = machine.folder / "proc"
    place.mkdir()

    def said(options="rw"):
        done = machine.run("sh", "-c", f"mount -t proc -o {options} none {place} && {CTL} doctor {alice.name}")
        return [line for line in done.out.splitlines() if " proc: " in line]

    assert said() == [f"warn  proc: {place} shows sessions the processes of everybody"]
    assert said("hidepid=invisible") == ["ok    proc: nothing covers a part of /proc"]
    policy.conf(f"[view] hide = -{place}")
    assert said() == ["ok    proc: nothing covers a part of /proc"]


# The user


def test_account(machine, accounts, policy, alice):
    found = machine.examine(alice.name)
    found.has("ok", "account", "nshalice has user id")
    found.has("ok", "login", "the login shell is nsshell")
    found.has("ok", "home", "is the user's")
    found.has("ok", "shell", "/bin/bash is there")
    policy.user("nshalice", "[session] confine=no")
    machine.examine(alice.name).has("warn", "login", "confine = no: never confined")
    policy.user("nshalice", "[shell] program=/nowhere/shell")
    machine.examine(alice.name).has("fail", "shell", "shell.program /nowhere/shell")
    machine.examine("nshelse").has("warn", "home", "is in none of view.homes")
    policy.conf("[view] homes=/home, /srv/nsshell-check/homes")
    machine.examine("nshelse").has("ok", "home", "is in one of view.homes")
    policy.conf("[view] homes=/home/a /srv/nsshell-check/homes")  # one path
    machine.examine("nshelse").has("warn", "home", "is in none of view.homes")
    machine.examine("nshnohome").has("warn", "home", "No such file")


def test_left_alone_by_the_service(machine, policy, alice):
    """nsshell then has no frame that tells it."""
    policy.match("10-a.conf", "[match] service=sshd\n[session] confine=no")
    machine.examine(alice.name).has("fail", "login", "match.d/10-a.conf:2: match.service: cannot be told")
    machine.tool("usermod", "-s", "/bin/sh", alice.name)
    machine.examine(alice.name).has("warn", "login", "confine = no: never confined")


def test_login_shell(machine, policy, alice):
    machine.tool("usermod", "-s", "/bin/sh", alice.name)
    machine.examine(alice.name).has("warn", "login", "the login shell is /bin/sh: logins are not")
    policy.user("nshalice", "[session] confine=yes")
    machine.examine(alice.name).has("warn", "login", "logins are refused")
    machine.tool("usermod", "-s", "/usr/sbin/nologin", alice.name)
    machine.examine(alice.name).has("ok", "login", "runs nothing")


def test_two_accounts_with_one_id(machine, alice):
    """The name service, asked by the name, and nsshell, which knows the id alone."""
    machine.tool("useradd", "-o", "-u", str(alice.uid), "-M", "-N", "nshtwin")
    machine.examine("nshtwin").has("fail", "account", "is nshalice")


def test_root(machine):
    machine.examine("root").has("fail", "account", "user id 0 is never confined")


def test_home_of_another(machine, alice, bob):
    os.chown(alice.home, bob.uid, bob.gid)
    try:
        machine.examine(alice.name).has("warn", "home", f"it belongs to user id {bob.uid}")
    finally:
        os.chown(alice.home, alice.uid, alice.gid)


def test_subids(machine, policy, alice):
    def subids(text):
        for name in ("subuid", "subgid"):
            (machine.etc / name).write_text(text)
        return machine.examine(alice.name)

    assert not [found for found in subids("") if found["area"] == "subids"]
    policy.user("nshalice", "[identity] subids=yes\n[security] nested_userns=yes")
    subids("").has("warn", "subids", "has no range for nshalice")
    subids("nshalice:500000:65536\nnshbob:565536:65536\n").has("ok", "subids", "nobody else has")
    subids("nshalice:500000:65536\nnshbob:565535:65536\n").has("fail", "subids", "nshbob's")
    many = "".join(f"nsh{first}:{first}:1\n" for first in range(1000000, 1060000))
    subids(f"nshalice:500000:65536\n{many}").has("ok", "subids", "nobody else has")
    subids(f"nshalice:500000:65536\n{many}nshbob:565535:65536\n").has("fail", "subids", "nshbob's")
    subids(f"nshalice:{alice.uid}:100\n").has("fail", "subids", "the account nsh")
    subids("nshalice:nonsense\n").has("fail", "subids", "subuid")


def test_limits(machine, policy, alice):
    policy.user("nshalice", "[limits] tasks_max=100")
    machine.examine(alice.name).has_not("limits", "needs the PAM module")
    machine.stack("sshd", "session required pam_limits.so\n")
    machine.examine(alice.name).has("fail", "limits", "limits.tasks_max needs the PAM module")


def test_nat(machine, policy, alice):
    assert not [found for found in machine.examine(alice.name) if found["area"] == "network"]
    policy.user("nshalice", "[network] mode=nat")
    machine.examine(alice.name, before=WITH_TUN).has("ok", "network", "/usr/bin/pasta")
    closed = machine.examine(alice.name, before=f"{WITH_TUN} && chmod 600 /dev/net/tun")
    closed.has("fail", "network", "/dev/net/tun cannot be opened by nshalice")
    machine.examine(alice.name, before=WITH_TUN).has_not("network", "/dev/net/tun")
    machine.own_file("/usr/bin/pasta", "#!/bin/sh\nexit 3\n", 0o755)
    machine.examine(alice.name).has("fail", "network", "/usr/bin/pasta")


# Ways around


def test_cron(machine, alice):
    machine.examine(alice.name).has("warn", "cron", "nshalice may have jobs run outside")
    crontab = machine.cron / "crontabs/nshalice"
    crontab.write_text("@daily true\n")
    machine.examine(alice.name).has("warn", "cron", "nshalice has jobs")
    machine.stack("cron", GOOD_STACK)
    machine.examine(alice.name).has("ok", "cron", "its jobs are in the frame")
    (machine.stacks / "cron").unlink()
    crontab.unlink()
    (machine.etc / "cron.deny").write_text("nshbob\nnshalice\n")
    machine.examine(alice.name).has("ok", "cron", "may have no jobs")
    (machine.etc / "cron.allow").write_text("nshalice\n")
    machine.examine(alice.name).has("warn", "cron", "may have jobs run outside")
    (machine.etc / "cron.allow").write_text("nshalice2\nxnshalice\n")
    machine.examine(alice.name).has("ok", "cron", "may have no jobs")


def test_at(machine, alice):
    machine.examine(alice.name).has("ok", "at", "not installed")
    atd = machine.own_folder("/usr/local/sbin")  # not one of the folders of the system's programs
    (atd / "atd").touch(mode=0o755)
    machine.examine(alice.name).has("ok", "at", "not installed")


def test_linger(machine, alice):
    machine.examine(alice.name).has_not("systemd", "lingers")
    (machine.systemd / "linger").mkdir()
    (machine.systemd / "linger/nshalice").touch()
    machine.examine(alice.name).has("warn", "systemd", "nshalice lingers")


def test_user_manager(machine, policy, alice):
    (machine.run_own / "systemd").mkdir(exist_ok=True)
    (machine.run_own / "systemd/system").mkdir(exist_ok=True)
    machine.examine(alice.name).has("ok", "systemd", "no linger")
    policy.user("nshalice", "[view] tmp=host")
    machine.examine(alice.name).has("warn", "systemd", "view.tmp = host")
    (machine.run_own / f"user/{alice.uid}/systemd").mkdir(parents=True)
    machine.examine(alice.name).has("warn", "systemd", "systemd --user runs for nshalice")


def test_processes(machine, alice):
    machine.examine(alice.name).has("ok", "processes", "none of nshalice's is outside")
    with start(alice, "60", program="/bin/sleep") as sleeping:
        machine.examine(alice.name).has("warn", "processes", f"outside of every session ({sleeping.pid})")
        sleeping.kill()
    with start(alice, "-c", "sleep 60; :") as session:
        wait_until(lambda: called("sleep", alice), "the session")
        found = machine.examine(alice.name)
        session.kill()
    found.has("ok", "processes", "none of nshalice's is outside")


def test_processes_with_many_mounts(machine, alice):
    """More than a file of mounts that is read whole may have."""
    mount = "for i in $(seq 400); do mount -t tmpfs $(printf %03500d 0) /mnt || exit; done"
    with start(alice, "-c", "sleep 60; :") as session:
        (inside,) = wait_until(lambda: called("sleep", alice), "the session")
        result = as_root("nsenter", "-t", str(inside), "-m", "sh", "-c", mount)
        assert result.rc == 0 and len(Path(f"/proc/{inside}/mountinfo").read_bytes()) > 1 << 20, result
        found = machine.examine(alice.name)
        session.kill()
    found.has("ok", "processes", "none of nshalice's is outside")


@pytest.mark.parametrize("group", ["disk", "shadow", "adm", "sudo", "root"])
def test_groups(machine, alice, group):
    machine.examine(alice.name).has("ok", "groups", "in none that is as good as root")
    machine.tool("gpasswd", "-a", alice.name, group)
    machine.examine(alice.name).has("warn", "groups", f"nshalice is in {group}")


def test_sudo(machine, policy, alice):
    machine.examine(alice.name).has("ok", "sudo", "nshalice may run nothing")
    rule = machine.etc / "sudoers.d/nshalice"
    rule.write_text("nshalice ALL=(root) /usr/bin/id\n")
    rule.chmod(0o440)
    machine.examine(alice.name).has("warn", "sudo", "not in sessions")
    policy.user("nshalice", "[security] no_new_privs=no")
    machine.examine(alice.name).has("warn", "sudo", "not in sessions, where sudo gains nothing")
    rule.unlink()
    machine.examine(alice.name).has("ok", "sudo", "nshalice may run nothing")


def test_sockets(machine, policy, alice, bob):
    """Whoever can connect can become root. What the policy hides is not reached."""
    machine.examine(alice.name).has("ok", "sockets", "none of a container engine's")
    folder = machine.run_own / "podman"
    folder.mkdir()
    with socket.socket(socket.AF_UNIX) as engine:
        engine.bind(str(folder / "podman.sock"))
        os.chmod(folder / "podman.sock", 0o660)
        os.chown(folder / "podman.sock", 0, alice.gid)
        machine.examine(alice.name).has("warn", "sockets", "/run/podman/podman.sock")
        machine.examine(bob.name).has("ok", "sockets", "none of a container engine's")
        policy.user("nshalice", "[view] hide=-/run/podman/podman.sock")
        machine.examine(alice.name).has("ok", "sockets", "none of a container engine's")
        for path in ("-/run/podman/podman", "-/nowhere /run/podman"):
            policy.user("nshalice", f"[view] hide={path}")
            machine.examine(alice.name).has("warn", "sockets", "/run/podman/podman.sock")


def test_keys(machine, alice):
    machine.examine(alice.name).has_not("keys", "authorized_keys")
    keys = alice.write(".ssh/authorized_keys", 'command="x",environment="A=b" ssh-ed25519 AAAA\n')
    try:
        machine.examine(alice.name).has("ok", "keys", "command=")
        machine.examine(alice.name).has("ok", "keys", "environment=")
    finally:
        keys.unlink()


def test_hostile_home(machine, alice):
    """A FIFO in the place of what root looks for is not waited for, and a link is not root's to follow."""
    ssh = alice.path(".ssh")
    ssh.mkdir(exist_ok=True)
    keys = ssh / "authorized_keys"
    os.mkfifo(keys)
    os.chown(keys, alice.uid, alice.gid)
    try:
        machine.examine(alice.name).has_not("keys", "authorized_keys")
        keys.unlink()
        secret = machine.folder / "secret"
        secret.write_text('command="x"\n')
        secret.chmod(0o600)
        keys.symlink_to(secret)
        machine.examine(alice.name).has_not("keys", "authorized_keys")
    finally:
        keys.unlink()


# For users


def test_as_a_user(machine, alice, bob):
    """What only root can see is a warning."""
    with open(machine.etc / "shells", "a", encoding="ascii") as shells:
        shells.write(f"{NSSHELL}\n")
    machine.stack("cron", "session required pam_limits.so\n")
    found = machine.examine(alice.name, account=alice)
    for area, text in (
        ("namespaces", "a session through the PAM module"), ("sudo", "its rules"),
        ("cron", "crontabs"), ("processes", "where the user's are"), ("sshd", "its configuration"),
    ):
        found.has("warn", area, f"{text} could not be looked at" if area != "cron" else "could not")
    found.has("ok", "namespaces", "users can make them")
    found.has("ok", "home", "is the user's")
    others = machine.examine(bob.name, account=alice)
    for area in ("home", "sockets", "keys"):
        others.has("warn", area, "could not be looked at")


def test_text(alice):
    """Each line has its level, and what to do stands below it."""
    lines = ctl("doctor", alice.name).out.splitlines()
    for line, following in zip(lines, lines[1:] + [""]):
        level = line.split()[0]
        assert level in ("ok", "warn", "fail", "->"), line
        if level == "fail":
            assert following.startswith("      -> "), line
    assert lines[0].startswith("ok    kernel: Linux ")
    areas = [line.split()[1] for line in lines if not line.startswith(" ")]
    assert areas.index("account:") > areas.index("sshd:") > areas.index("pam:")


def test_unknown_user():
    result = ctl("doctor", "nshnobodyatall")
    assert result.rc == FAILED and "no account is called" in result.err


def test_nothing_is_left(machine, policy, alice):
    """The sessions that were tried are gone, with their mounts."""
    policy.user("nshalice", "[network] mode=nat")
    mounts = subprocess.run(["findmnt", "-rn"], capture_output=True, text=True, check=True).stdout
    machine.examine(alice.name, before=WITH_TUN).has("ok", "namespaces", "was made for nshalice")
    wait_until(lambda: not alive_pids_of(alice), "the end of the session that was tried")
    after = subprocess.run(["findmnt", "-rn"], capture_output=True, text=True, check=True).stdout
    assert mounts == after
