# SPDX-License-Identifier: MIT
"""Which policy a login gets.

design.md, "The policy" and promise 8; issue 2, "The policy library" as a login sees it.
"""

import os
import re
from collections import Counter
from pathlib import Path

import pytest

from lib_process import SHOW_NAMESPACES, as_root, assert_refused, host_namespaces, output_of, sh
from lib_settings import LOGIN_SHELL, MARKER, POLICY, RUN

HOSTNAME = "[session] hostname="


def name_of(account):
    return output_of(account, "hostname")


# Precedence


def test_later_files_override(alice, policy):
    """nsshell.conf, then match.d in the order of names, then users.d; key by key."""
    policy.conf(f"{HOSTNAME}conf\n[shell] umask=0021")
    assert name_of(alice) == "conf"
    policy.match("20-second.conf", f"[match] user=*\n{HOSTNAME}second")
    policy.match("10-first.conf", f"[match] user=*\n{HOSTNAME}first\n[env] set=NSH_FIRST=yes")
    assert name_of(alice) == "second"
    policy.user(alice.name, f"{HOSTNAME}user")
    assert output_of(alice, "hostname; umask; echo $NSH_FIRST").split() == ["user", "0021", "yes"]


def test_order_is_that_of_bytes(alice, policy):
    """match.d is read in the order of strcmp, not of a locale or of numbers."""
    for name in ("9.conf", "10.conf", "B.conf", "a.conf"):
        policy.match(name, f"[match] user=*\n{HOSTNAME}from-{name[:-5]}")
    assert name_of(alice) == "from-a"
    policy.match_path("a.conf").unlink()
    assert name_of(alice) == "from-B"
    policy.match_path("B.conf").unlink()
    assert name_of(alice) == "from-9"


def test_other_files_are_not_read(alice, policy):
    """Only *.conf in match.d, and of users.d only the own file."""
    policy.conf(f"{HOSTNAME}conf")
    for name in ("10-a.conf~", "10-a.conf.dpkg-old", ".10-a.conf.swp", "README"):
        policy.match(name, "not a policy")
    for name in ("nshbob", "nshalic", "nshalicee", "NSHALICE"):
        policy.user(name, "not a policy")
    assert name_of(alice) == "conf"


def test_files_may_be_absent(alice, policy):
    """match.d, users.d and users.d/NAME.conf may be missing."""
    policy.conf(f"{HOSTNAME}conf")
    (POLICY / "match.d").rmdir()
    (POLICY / "users.d").rmdir()
    assert name_of(alice) == "conf"


def test_missing_policy_is_refused(alice, policy):
    """nsshell.conf may not: without a policy there is no session."""
    policy.conf_path.unlink()
    assert "nsshell.conf" in assert_refused(sh(alice, "echo ran"))["why"]


@pytest.mark.parametrize(
    "name", ["nsh.dot", "nshUPPER_x", "nshmach$", "nsh" + "a" * 29]
)
def test_odd_names_have_their_file(accounts, policy, name):
    """users.d/NAME.conf for a name with dots, capitals, _, $, 32 characters."""
    policy.user(name, f"{HOSTNAME}found")
    assert name_of(accounts[name]) == "found"


def test_changes_hold_for_the_next_login(alice, policy):
    """The policy is read at each login."""
    for number in (1, 2):
        policy.conf(f"{HOSTNAME}number-{number}")
        assert name_of(alice) == f"number-{number}"


# locked


@pytest.mark.parametrize("where", ["match", "user"])
def test_locked(alice, policy, where):
    """A key that an earlier file lists under locked is not overridden by a later one."""
    policy.conf(f"[policy] locked=session.hostname\n{HOSTNAME}locked")
    assert name_of(alice) == "locked"
    if where == "match":
        policy.match("10-a.conf", f"[match] user=*\n{HOSTNAME}other")
    else:
        policy.user(alice.name, f"{HOSTNAME}other")
    assert_not_overridden(alice, "locked")


def test_locked_by_a_match_file(alice, policy):
    """A match.d file can lock for those whom it is for."""
    policy.match("10-a.conf", f"[policy] locked=session.hostname\n[match] user=*\n{HOSTNAME}first")
    policy.match("20-b.conf", f"[match] user=*\n{HOSTNAME}second")
    assert_not_overridden(alice, "first")


def test_locked_default(alice, policy):
    """A key that is locked and not set keeps its default."""
    policy.conf("[policy] locked=session.confine")
    policy.user(alice.name, "[session] confine=no")
    assert_not_overridden(alice, None)


def test_lock_cannot_be_taken_off(alice, policy):
    """A later list does not replace an earlier one."""
    policy.conf(f"[policy] locked=session.hostname\n{HOSTNAME}locked")
    policy.match("10-a.conf", "[policy] locked=\n[match] user=*")
    policy.user(alice.name, f"{HOSTNAME}other")
    assert_not_overridden(alice, "locked")


def assert_not_overridden(account, hostname):
    result = sh(account, f"{SHOW_NAMESPACES}; hostname")
    if result.rc == 125:
        assert "locked" in assert_refused(result)["why"]
        return
    *inside, name = result.out.split()
    assert name == (hostname or name), result
    assert set(inside).isdisjoint(host_namespaces())


# Whom a match.d file is for


@pytest.mark.parametrize(
    "match, alice_meant, bob_meant",
    [
        ("user=nshalice", True, False),
        ("user=nshbob, nshalice", True, True),
        ("user=*", True, True),
        ("user=*, !nshbob", True, False),
        ("user=!nshbob, *", True, False),
        ("user=nsh", False, False),
        ("user=NSHALICE", False, False),
        ("group=nshteam", True, False),
        ("group=nshalice", True, False),
        ("group=nshteam, nshguest", True, True),
        ("group=*, !nshteam", False, True),
        ("user=nshalice\ngroup=nshteam", True, False),
        ("user=nshalice\ngroup=nshguest", False, False),
        ("user=*\ngroup=nshguest", False, True),
        ("user=nobody-of-this-name", False, False),
    ],
)
def test_match(alice, bob, policy, match, alice_meant, bob_meant):
    """[match] user and group: comma lists, ! to exclude, * for all, both keys must match."""
    policy.conf(f"{HOSTNAME}conf")
    policy.match("10-a.conf", f"[match]\n{match}\n{HOSTNAME}meant")
    assert (name_of(alice) == "meant", name_of(bob) == "meant") == (alice_meant, bob_meant)


def test_match_goes_by_the_process(alice, policy):
    """A group is one that the login has: dropping it from the environment is no way out."""
    policy.match("10-a.conf", f"[match] group=nshteam\n{HOSTNAME}team")
    assert output_of(alice, "hostname", env={"USER": "nshbob", "PATH": "/bin"}) == "team"


# What a login costs


def count_system_calls(account, log):
    """System calls of a whole login by name and, for those that open files, by path."""
    done = as_root(
        "strace", "-f", "-qq", "-o", str(log), "-e", "trace=%file,%desc,%memory,%process",
        "-u", account.name, LOGIN_SHELL, "-c", "exit 0", cwd="/",
    )
    assert done.rc == 0, done
    names, opened = Counter(), []
    for line in log.read_text(errors="replace").splitlines():
        call = re.match(r"\d+ +(\w+)\((?:AT_FDCWD, |\d+, )?(?:\"([^\"]*)\")?", line)
        if not call:
            continue
        names[call[1]] += 1
        if call[1] == "openat":
            opened.append(call[2])
    # How often these are called depends on which process runs first.
    for name in ("poll", "ppoll", "wait4", "waitid", "read", "write", "restart_syscall", "exit"):
        names.pop(name, None)
    return names, sorted(opened)


def test_cost_does_not_grow_with_users(alice, policy):
    """With 100,000 files in users.d a login makes the same system calls as with one."""
    policy.user(alice.name, f"{HOSTNAME}mine")
    # Who waits for longer than a second makes some more: several logins, of which that is not said of all.
    one = [count_system_calls(alice, RUN / "trace") for _ in range(3)]
    folder = os.open(policy.user_path("nshother").parent, os.O_RDONLY)
    for number in range(100_000):
        os.close(os.open(f"nshother{number}.conf", os.O_CREAT | os.O_WRONLY, 0o644, dir_fd=folder))
    os.close(folder)
    assert len(os.listdir(POLICY / "users.d")) > 100_000
    assert name_of(alice) == "mine"
    assert any(count_system_calls(alice, RUN / "trace") in one for _ in range(5))


def test_own_file_is_one_open(alice, bob, policy):
    """users.d/NAME.conf: one open(), and no other file of that folder, which is never listed."""
    policy.user(alice.name, f"{HOSTNAME}mine")
    policy.user(bob.name, f"{HOSTNAME}his")
    _, opened = count_system_calls(alice, RUN / "trace")
    assert len([path for path in opened if path and path.endswith("nshalice.conf")]) == 1
    assert not [path for path in opened if path and "nshbob" in path]


# What the session says about it


def test_resolved_policy(alice, policy):
    """The session's folder holds the resolved policy in the same INI form."""
    policy.conf(f"{HOSTNAME}conf\n[env] set=NSH_A=1")
    policy.user(alice.name, "[shell] umask=0027")
    text = output_of(alice, f"cat {MARKER}/policy")
    assert re.search(r"(?m)^hostname *= *conf$", text)
    assert re.search(r"(?m)^umask *= *0?027$", text)
    assert re.search(r"(?m)^set *= *NSH_A=1$", text)
    assert not Path(MARKER, "policy").exists()
