# SPDX-License-Identifier: MIT
"""Faults in the session helper: each either a whole frame or a refused login, and nothing left.

Issue 3, "Tests" ("faults injected at every system call that the helper makes") and "Nothing left"
("after SIGKILL of the helper at any point"); design.md, promises 1 and 7.
"""

import os
import re
import signal
import time

import pytest

from lib_faults import ERRNO, INJECTED, INTERRUPTIBLE, KILLED, UNFAILING, Faults
from lib_pam import DENIAL, assert_denied
from lib_process import children
from lib_settings import HELPER, PATIENCE, SRV

# A series is split, because all of it takes longer than one test may.
PARTS = 4
parts = pytest.mark.parametrize("part", range(PARTS))

# What a session can do without: its line in the log and the time zone of it, the start's random
# bytes, what is closed behind everything, what libc asks for without a need, what saves to read all of mountinfo, and
# leaving the caller's priorities.
NEEDLESS = re.compile(
    r'statx\(AT_FDCWD, "/proc"|listmount|statmount|'
    r'sched_setscheduler|setpriority|ioprio_set|openat\(.*oom_score_adj|write\(\d+, "0", 1\)|'
    r"getrandom|socket|connect|sendto|set_robust_list|rseq|prlimit64|readlink|lseek"
    r'|(openat|read|newfstatat)\(.*("/etc/localtime"|"TZif2)'
)

# What a session cannot do without, and so was refused when it failed.
NEEDED = set(
    "capget capset clone kill mkdir mount openat2 prctl recvfrom sendmsg setgroups setns "
    "setresgid setresuid statx uname unshare write".split()
)


@pytest.fixture
def hidden(accounts):
    path = SRV / "hidden"
    path.write_text("hidden\n")
    yield path
    path.unlink()


@pytest.fixture
def all_files(policy, pam, alice, hidden):
    """A policy in which every file has its say, so that one that is passed over is noticed."""
    pam.service("nshcheck", f"timeout={15 * PATIENCE}")
    policy.conf(f"[view]\nhide={hidden}\n[policy]\nlocked=shell.program\n")
    policy.match(
        "50-team.conf",
        "[match]\ngroup=nshteam\nservice=nshcheck\nsource=192.0.2.0/24\n[shell]\numask=027\n",
    )
    policy.user(alice.name, "[session]\nhostname=faulty-%u\n[identity]\nsubids=yes\n[security]\nnested_userns=yes\n")
    return policy


@pytest.fixture
def make_faults(pam, alice, all_files, syslog, hidden):
    """make_faults(prefix=...): the login without a fault has been recorded."""
    made = []

    def make(**how):
        made.append(Faults(pam, alice, hidden, **how))
        return made[-1], made[-1].record()

    yield make
    for faults in made:
        faults.remove()


@pytest.fixture
def faults(make_faults):
    made, good = make_faults()
    assert made.check(good)
    return made


def part_of(items, part):
    return list(items)[part::PARTS]


def can_fail(faults):
    return [call for call in faults.calls if call.name not in UNFAILING]


def assert_logged(outcomes, syslog):
    """Of every refused login the log has a line with the id that the user was told."""
    for outcome in outcomes:
        if not outcome.has_session:
            syslog.line_with(DENIAL.fullmatch(outcome.login.says[0])["incident"])


def test_the_login_without_a_fault(faults):
    """What the others are compared with is a whole frame, and strace has seen all of the work."""
    text = "\n".join(faults.good)
    for line in (
        "/home nshalice", "/tmp", "secret of nshalice", "faulty-nshalice", "0027", "deny",
        f"cat: {SRV}/hidden: Permission denied",
    ):
        assert line in faults.good, line
    assert "can write" not in text and "\nhidden\n" not in text
    assert {call.name for call in faults.calls} >= NEEDED
    # How far the child gets before it is killed differs: it may not even begin.
    assert [call.name for call in faults.calls if call.child][:1] in ([], ["prctl"])


@parts
def test_a_call_that_fails(faults, syslog, part):
    """Every call once: refused, unless the session can do without what it was for."""
    calls = part_of(can_fail(faults), part)
    outcomes = faults.inject_all((c, f"error={ERRNO.get(c.name, 'EPERM')}") for c in calls)
    sessions = [faults.check(outcome) for outcome in outcomes]
    for call, outcome, session in zip(calls, outcomes, sessions):
        assert INJECTED in outcome.log, outcome
        assert session or not NEEDLESS.match(call.text), outcome
        assert not session or call.name not in NEEDED or NEEDLESS.match(call.text), outcome
    assert_logged(outcomes, syslog)
    print(f"{len(sessions)} calls failed: {sum(sessions)} sessions")


@parts
def test_a_call_that_is_interrupted(faults, part):
    """EINTR where a signal can give it: no half a frame, and no endless loop."""
    calls = part_of((c for c in faults.calls if c.name in INTERRUPTIBLE), part)
    outcomes = faults.inject_all((call, "error=EINTR") for call in calls)
    sessions = [faults.check(outcome) for outcome in outcomes]
    assert all(INJECTED in outcome.log for outcome in outcomes)
    print(f"{len(sessions)} calls interrupted: {sum(sessions)} sessions")


@parts
def test_killed_at_a_call(faults, syslog, part):
    """SIGKILL at every call, up to the last. What the helper's death takes along is all of it."""
    calls = part_of(faults.calls, part)
    outcomes = faults.inject_all((call, "signal=KILL") for call in calls)
    for call, outcome in zip(calls, outcomes):
        session = faults.check(outcome)
        assert call.child or (KILLED in outcome.log and not session), outcome
    assert_logged(outcomes, syslog)


# A login that is to be refused, and no failing call may be the reason that it is not.

def deny_in_match(policy, _):
    policy.match("60-deny.conf", "[match]\ngroup=nshteam\n[session]\nconfine=deny\n")


def deny_by_user(policy, account):
    policy.user(account.name, "[session]\nconfine=deny\n")


COVER_PROC = 'mount --bind /dev/null /proc/version && exec "$@"'
REFUSED = {
    "denied in match.d": (deny_in_match, ()),
    "denied in users.d": (deny_by_user, ()),
    "proc is covered": (lambda *_: None, ("/usr/bin/unshare", "-m", "sh", "-c", COVER_PROC, "-")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refused_login_stays_refused(make_faults, all_files, alice, case):
    """Whatever fails, the answer is still no."""
    change, prefix = REFUSED[case]
    change(all_files, alice)
    faults, good = make_faults(prefix=prefix)
    assert_denied(good.login)
    calls = can_fail(faults)
    outcomes = faults.inject_all((c, f"error={ERRNO.get(c.name, 'EPERM')}") for c in calls)
    assert not [outcome.what for outcome in outcomes if outcome.has_session]
    assert not any(faults.check(outcome) for outcome in outcomes)


# The helper's own time is a few milliseconds; these are spread over it and some more.
TIMES, LONGEST = 100, 0.010


def find_helper(process):
    """A handle on a login's helper, as soon as there is one; None when the login was faster. It does not sleep in
    between: a helper can be gone in less time than that."""
    while process.poll() is None:
        helpers = [pid for login in children(process.pid) for pid in children(login)]
        for handle in filter(None, map(handle_of_helper, helpers)):
            return handle
    return None


def handle_of_helper(pid):
    """A pidfd, so that nobody else can be killed; None when that is not, or no longer, a helper."""
    try:
        handle = os.pidfd_open(pid)
        if os.readlink(f"/proc/{pid}/exe") == str(HELPER):
            return handle
        os.close(handle)
    except OSError:
        pass
    return None


def kill_after(process, seconds):
    """Kills the helper of a login so long after it was seen first, if it is still there."""
    handle = find_helper(process)
    if handle is None:
        return
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        pass
    try:
        signal.pidfd_send_signal(handle, signal.SIGKILL)
    except ProcessLookupError:
        pass
    os.close(handle)


def test_killed_at_any_time(faults, syslog):
    """SIGKILL of the helper at times that nobody chose, also in the middle of a system call."""
    started, outcomes = [], []
    for seconds in (LONGEST * i / TIMES for i in range(TIMES)):
        process = faults.start()
        kill_after(process, seconds)
        started.append((process, f"killed after {seconds * 1000:.2f} ms"))
        # The probe of one login runs while the next begins, but not those of all at once.
        if len(started) == 4:
            outcomes += [faults.finish(*one) for one in started]
            started = []
    sessions = [faults.check(outcome) for outcome in outcomes]
    assert sum(sessions) < TIMES
    assert_logged(outcomes, syslog)
    print(f"{TIMES} helpers: {sum(sessions)} sessions")
