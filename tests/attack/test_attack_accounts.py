# SPDX-License-Identifier: MIT
"""Accounts that change while their users are logged in, or in the middle of a login.

What was decided for a name and is carried out for a number, or the other way round: CVE-2019-14287 (sudo and
user ids that have no account), user ids that are given away again
while processes of the former owner run. design.md, promise 1.
"""

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import pytest

from lib_accounts import Account
from lib_frame import HeldLogin
from lib_pam import SUCCESS, assert_denied
from lib_process import SHOW_NAMESPACES, Held, assert_confined, assert_refused, kill_all_of, run
from lib_settings import LOGIN_SHELL, NSSHELL, RUN

PASSWD = Path("/etc/passwd")
NAMES = ("nshpasser", "nshpasser2")
OTHER_UID = 64_321


def delete_users():
    for name in NAMES:
        subprocess.run(["userdel", "-f", name], check=False, capture_output=True)
        subprocess.run(["groupdel", name], check=False, capture_output=True)
        shutil.rmtree(f"/home/{name}", ignore_errors=True)


@pytest.fixture
def passer(accounts):
    """A user for one test."""
    delete_users()
    subprocess.run(["useradd", "-m", "-s", LOGIN_SHELL, "-G", "nshteam", NAMES[0]], check=True)
    account = Account.of(NAMES[0])
    os.chmod(account.home, 0o755)
    other = Account(account.name, OTHER_UID, account.gid, account.home, account.groups)
    yield account
    kill_all_of([account, other])
    delete_users()


def change_line(name, change):
    """Rewrites the line of an account as vipw does: usermod asks for its processes to be gone."""
    lines = PASSWD.read_text().splitlines()
    new = [":".join(change(line.split(":"))) if line.startswith(f"{name}:") else line for line in lines]
    beside = PASSWD.with_name("passwd.nshnew")
    shutil.copy2(PASSWD, beside)
    beside.write_text("\n".join(new) + "\n")
    beside.rename(PASSWD)


def with_uid(uid):
    return lambda fields: [*fields[:2], str(uid), *fields[3:]]


def with_name(name):
    return lambda fields: [name, *fields[1:]]


@pytest.fixture(params=["standalone", "framed"])
def held(request, passer, pam):
    """A session that is open while the account changes."""
    made = Held(passer) if request.param == "standalone" else HeldLogin(pam, passer, str(NSSHELL))
    with made as session:
        yield session


def assert_goes_on(held, account):
    """The session is what it was: confined, with the old number, without others' homes and files."""
    assert_confined(held.ask(SHOW_NAMESPACES).out)
    assert held.ask("id -u").out == str(account.uid)
    assert held.ask("ls -A /home").out == account.name
    assert held.ask("cat /tmp/nsh-outside").rc == 1
    assert held.ask("grep -E '^Cap(Prm|Eff)' /proc/self/status").out.count("0000000000000000") == 2


def framed_login(pam, name, command):
    return pam.login(name, str(NSSHELL), "-c", command)


def test_an_account_that_is_removed(held, passer, pam, outside):
    """The open session goes on; there is no new one, by the name or by the number."""
    change_line(passer.name, lambda fields: ["nshpasser-gone", "x", str(OTHER_UID), *fields[3:]])
    try:
        assert_goes_on(held, passer)
        assert f"user id {passer.uid}" in assert_refused(run(passer, "-c", "echo ran"))["why"]
        login = framed_login(pam, passer.name, "echo ran")
        assert login.pam != SUCCESS and login.result.out == "", login
    finally:
        change_line("nshpasser-gone", lambda fields: [passer.name, "x", str(passer.uid), *fields[3:]])
    assert run(passer, "-c", "echo ran").out == "ran\n"


def test_an_account_with_another_user_id(held, passer, pam, outside):
    """A new session is of the new number; the old one goes on with the old, and each is by itself."""
    change_line(passer.name, with_uid(OTHER_UID))
    assert_goes_on(held, passer)
    held.ask("echo old >/tmp/old")
    login = framed_login(pam, passer.name, f"{SHOW_NAMESPACES}; id -u; ls /tmp; set -- /proc/[0-9]*; echo $#")
    *links, uid, processes = login.result.out.split()
    assert_confined("\n".join(links))
    # nsshell and the shell.
    assert (uid, processes) == (str(OTHER_UID), "2"), login
    new = Account(passer.name, OTHER_UID, passer.gid, passer.home, passer.groups)
    assert run(new, "-c", "id -u; ls /tmp").out == f"{OTHER_UID}\n"


def test_a_user_id_that_is_given_away(held, passer, pam, policy, outside):
    """The number belongs to another name by now: a new session has that name's policy, sees nothing of the
    former owner's session, and that one nothing of it."""
    subprocess.run(["useradd", "-m", "-o", "-u", str(passer.uid), "-s", LOGIN_SHELL, NAMES[1]], check=True)
    change_line(passer.name, with_uid(OTHER_UID))
    policy.user(NAMES[1], "[shell] umask=0021")
    policy.user(passer.name, "[shell] umask=0000")
    new = Account.of(NAMES[1])
    held.ask("echo old >/tmp/old; sleep 600 & ")
    look = "umask; ls -A /home; ls /tmp; set -- /proc/[0-9]*; echo $#"
    expected = ["0021", new.name, "2"]
    assert run(new, "-c", look).out.split() == expected
    login = framed_login(pam, new.name, look)
    assert login.result.out.split() == expected, login
    assert_goes_on(held, passer)


def test_two_names_for_one_user_id(passer, pam, policy):
    """With the module the name that logs in decides; without it the first name of the number, as with id(1).
    Never a mixture of both."""
    subprocess.run(["useradd", "-m", "-o", "-u", str(passer.uid), "-s", LOGIN_SHELL, NAMES[1]], check=True)
    for name, mask in zip(NAMES, ("0021", "0025")):
        policy.user(name, f"[shell]\numask={mask}\n[session]\nhostname={name}\n")
    look = "umask; hostname; ls -A /home"
    for name, mask in zip(NAMES, ("0021", "0025")):
        assert framed_login(pam, name, look).result.out.split() == [mask, name, name]
    assert run(passer, "-c", look).out.split() == ["0021", NAMES[0], NAMES[0]]


# In the middle of a login


CHANGE = """#!/bin/sh
sed -i 's/^{name}:x:{old}:/{name}:x:{new}:/' /etc/passwd
"""


@pytest.fixture
def changes(passer):
    """A line of the PAM stack that gives the account another number."""
    script = RUN / "change-account"
    script.write_text(CHANGE.format(name=passer.name, old=passer.uid, new=OTHER_UID))
    script.chmod(0o755)
    yield f"session required pam_exec.so {script}\n"
    script.unlink()


def test_another_user_id_before_the_frame(passer, pam, changes, outside):
    """The frame is for the number that the account has when it is made."""
    pam.service("nshcheck", before=changes)
    login = framed_login(pam, passer.name, f"{SHOW_NAMESPACES}; id -u")
    *links, uid = login.result.out.split()
    assert_confined("\n".join(links))
    assert uid == str(OTHER_UID)


def test_another_user_id_after_the_frame(passer, pam, changes, outside):
    """Then the service becomes somebody whom the frame is not for: there is no session."""
    pam.service("nshcheck", after=changes)
    login = framed_login(pam, passer.name, "echo ran")
    assert login.pam == SUCCESS and pwd.getpwnam(passer.name).pw_uid == OTHER_UID
    assert "is for another user" in assert_refused(login.result)["why"]


def test_a_group_that_is_lost_in_the_middle(passer, pam, policy, outside):
    """A policy for a group: the login that has begun is of the groups that it had when its frame was made."""
    policy.match("50-team.conf", "[match] group=nshteam\n[shell] umask=0021")
    assert framed_login(pam, passer.name, "umask").result.out == "0021\n"
    script = RUN / "leave-group"
    script.write_text(f"#!/bin/sh\ngpasswd -d {passer.name} nshteam >/dev/null\n")
    script.chmod(0o755)
    try:
        pam.service("nshcheck", after=f"session required pam_exec.so {script}\n")
        assert framed_login(pam, passer.name, "umask; id -Gn").result.out.split() == ["0021", passer.name]
    finally:
        script.unlink()
    pam.service("nshcheck")
    assert framed_login(pam, passer.name, "umask").result.out != "0021\n"
    # Without the module the process's groups count: these it was started with.
    assert run(passer, "-c", "umask").out == "0021\n"


def test_a_shell_that_is_changed_while_logged_in(held, passer, pam, policy, outside):
    """chsh(1) by the user is for those whom the policy confines in any case: no session, not an open one."""
    change_line(passer.name, lambda fields: [*fields[:6], "/bin/bash"])
    policy.conf("[session] confine=yes")
    assert_denied(pam.login(passer.name, "/bin/bash", "-c", "echo ran"))
    assert_goes_on(held, passer)
    policy.conf("[session] confine=auto")
    # The counterpart: by default those are confined whose shell is nsshell.
    assert pam.login(passer.name, "/bin/bash", "-c", "cat /tmp/nsh-outside").result.out == "outside\n"
