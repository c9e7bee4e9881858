# SPDX-License-Identifier: MIT
"""Limits that make a step of the start fail half way.

Whoever starts a program chooses its resource limits, and the kernel then fails calls that never fail
else: the many "setuid() fails under RLIMIT_NPROC and nobody looks" (cron, CVE-2006-2607; Android's zygote,
"rage against the cage"), pam_namespace that went on after a failed unshare, and
firejail's "no sandbox, running without one". design.md, promise 1: a session as asked, or none.
"""

import resource

import pytest

from lib_attack_look import PROGRAM, facts_of, is_session
from lib_pam import SUCCESS

KIB = 1024

# Every limit with every value that can matter, in the limit's own unit.
FEW = (0, 1, 2, 3, 4, 8, 64)
SWEEPS = {
    "RLIMIT_AS": range(0, 3072 * KIB, 12 * KIB),
    "RLIMIT_CORE": (0, 1, resource.RLIM_INFINITY),
    "RLIMIT_CPU": (0, 1),
    "RLIMIT_DATA": range(0, 768 * KIB, 4 * KIB),
    "RLIMIT_FSIZE": (*range(0, 4096, 48), 1 << 16),
    "RLIMIT_MEMLOCK": (0, 1, 4096),
    "RLIMIT_MSGQUEUE": (0, 1, 4096),
    "RLIMIT_NICE": (0,),
    "RLIMIT_NOFILE": range(0, 40),
    # The user's processes elsewhere count too.
    "RLIMIT_NPROC": (*range(0, 20), 4096),
    "RLIMIT_RSS": (0, 1, 1 << 16),
    "RLIMIT_RTPRIO": (0,),
    "RLIMIT_RTTIME": (0, 1, 1000, 100_000),
    "RLIMIT_SIGPENDING": FEW,
    "RLIMIT_STACK": range(0, 512 * KIB, 8 * KIB),
}
# Below these the service itself, which is linked dynamically, is not even started.
FRAMED_SWEEPS = {
    **SWEEPS,
    "RLIMIT_AS": range(2048 * KIB, 12288 * KIB, 48 * KIB),
}


def limit(name, soft, hard=None):
    number = getattr(resource, name)
    return lambda: resource.setrlimit(number, (soft, soft if hard is None else hard))


def sweep(look, good, name, values):
    """How many logins were sessions, and how many were none."""
    counts = {True: 0, False: 0}
    for value in values:
        try:
            result = look(preexec=limit(name, value), timeout=20)
        except OSError:
            # The kernel let nothing run at all.
            counts[False] += 1
            continue
        counts[is_session(good, result, (name, value))] += 1
    return counts


# What a start needs some of. The others only have to change nothing.
NEEDED = {"RLIMIT_AS", "RLIMIT_DATA", "RLIMIT_FSIZE", "RLIMIT_NOFILE", "RLIMIT_STACK"}


@pytest.mark.parametrize("name", SWEEPS)
def test_every_value_of_a_limit(look, good, name):
    """The whole session or none, whatever is left of whatever there is a limit for."""
    sweeps = FRAMED_SWEEPS if hasattr(look, "pam") else SWEEPS
    counts = sweep(look, good, name, sweeps[name])
    print(f"{name}: {counts[True]} sessions, {counts[False]} refused")
    assert counts[True], "no value is enough"
    assert counts[False] or name not in NEEDED, "no value is too small"


# A login shell as others are made of scripts: what could not be made is left out.
FALLS_OPEN = """#!/bin/sh
/usr/bin/unshare -Um --map-current-user sh -c 'mount -t tmpfs none /tmp && exec {look} "$@"' - "$@" ||
	exec {look} "$@"
"""


def test_a_shell_that_falls_open_is_noticed(lookers, look, good):
    """So that the sweep can fail: what runs without the namespaces is not taken for a session."""
    script = PROGRAM.with_name("falls-open")
    script.write_text(FALLS_OPEN.format(look=PROGRAM))
    script.chmod(0o755)
    try:
        with pytest.raises(AssertionError):
            is_session(good, look(program=str(script)))
    finally:
        script.unlink()
    seen = lookers.outside()
    assert good.differences(seen).keys() >= {"namespaces", "mounts", "folders", "opened", "hostname", "umask"}
    assert facts_of(look().out) == good


@pytest.mark.parametrize("name, value", [("RLIMIT_FSIZE", 0), ("RLIMIT_NOFILE", 12)])
def test_the_helper_has_limits_of_its_own(pam, alice, name, value):
    """Under su(1) they are the caller's, and what the helper asks of the account would fail by them, in ways
    that can look like an answer."""
    hard = resource.getrlimit(getattr(resource, name))[1]
    login = pam.login(alice.name, "/bin/true", popen={"preexec_fn": limit(name, value, hard)})
    assert login.pam == SUCCESS, login
