# SPDX-License-Identifier: MIT
"""Limits of a control group: refused where the machine or the login cannot be held to them.

nsshell.conf(5), [limits] memory_max, tasks_max and cpu_max; design.md, promise 1. That they are set, and
what they are good for, is in tests/vm: this machine need not have cgroup v2.
"""


import pytest

from lib_pam import assert_denied, assert_session
from lib_process import assert_refused, run
from lib_settings import NSSHELL, PREFIX

LIMITS = {"memory_max": "200M", "tasks_max": "64", "cpu_max": "50%"}
each_limit = pytest.mark.parametrize("key, value", LIMITS.items())

# For a service that sees no control groups, in a mount namespace of its own.
WITHOUT_TREE = (
    "unshare", "-m", "--propagation", "private", "sh", "-c",
    "grep -o ' /sys/fs/cgroup[^ ]*' /proc/self/mountinfo | tac | xargs -n 1 umount -l; exec \"$@\"", "-",
)


@each_limit
def test_refused_without_cgroups(pam, alice, policy, syslog, key, value):
    policy.conf(f"[limits] {key}={value}")
    denial = assert_denied(pam.login(alice.name, prefix=WITHOUT_TREE))
    assert "cannot hold this account to its limits" in denial["why"]
    line = syslog.line_with(f"session={denial['incident']} verdict=deny")
    assert f'reason="limits.{key}: this machine has no cgroup v2"' in line
    assert " cgroup=" not in line


def test_without_limits_no_cgroups_are_needed(pam, alice, policy):
    policy.conf("[limits] nofile=64")
    assert_session(pam.login(alice.name, prefix=WITHOUT_TREE))


@each_limit
def test_refused_standalone(plain_sshd, alice, policy, key, value):
    policy.conf(f"[limits] {key}={value}")
    why = assert_refused(plain_sshd.ssh(alice, "echo ran"))["why"]
    assert f"limits.{key} needs pam_nsshell" in why


def test_without_limits_nothing_is_done_for_them(pam, alice, tmp_path):
    """No program of systemd's, and no look at control groups."""
    log = tmp_path / "log"
    trace = ["strace", "-f", "-qq", "-e", "trace=%file,%process", "-o", str(log)]
    assert_session(pam.login(alice.name, "/bin/true", prefix=trace))
    traced = log.read_text()
    assert "nsshell-session" in traced
    assert "cgroup" not in traced and "nsshell-scope" not in traced


WITH_LIMIT = "sed 's/^tasks_max = keep/tasks_max = 64/' $GOOD/policy >$F/policy"
OWN_GROUP = "sed -n s/^0:://p /proc/self/cgroup | tr -d '\\n' >$F/cgroup"


@pytest.mark.parametrize(
    "group, says",
    [
        (OWN_GROUP, None),
        ("printf /nsshell/other >$F/cgroup", "pam_nsshell has to stand behind pam_systemd"),
        ("printf %sx $(sed -n s/^0:://p /proc/self/cgroup) >$F/cgroup", "behind pam_systemd"),
        (":", "/cgroup"),
        ("mkdir $F/cgroup", "a file that is not root's"),
    ],
    ids=["own", "other", "longer", "none", "folder"],
)
def test_the_frames_group_is_that_of_the_process(fake, holder, group, says):
    """A login that something has moved away from its limits is refused."""
    result = fake.run({"policy": f"{WITH_LIMIT}\n{group}"}, HOLDER=holder)
    if says is None:
        assert (result.rc, result.out) == (0, "ran\n"), result
    else:
        assert says in assert_refused(result)["why"]


def test_the_scope_program_is_not_for_people(alice):
    """Nobody gets anything from it."""
    program = str(PREFIX / "lib/nsshell/nsshell-scope")
    for arguments in ([], ["1"], ["1", "0", "x", "0", "0", "-1"], ["1", "", "x", "0", "0", "0"]):
        result = run(alice, *arguments, program=program)
        assert result.rc == 2 and "see pam_nsshell(8)" in result.err
