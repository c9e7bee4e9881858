# SPDX-License-Identifier: MIT
"""A system call of nsshell's own start that fails, one after the other, in both forms.

What the user can bring about by limits, by full disks or by kernel memory is a part of what strace can
bring about. A start that goes on after a failed step is how sandboxes fall open: pam_namespace, the
unchecked setuid(2) of CVE-2006-2607 and many others. The session helper has system/test_faults.py.
design.md, promise 1.
"""

import os
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from lib_attack_look import LOOKED, is_session
from lib_faults import ERRNO, INTERRUPTIBLE, LINE, UNFAILING
from lib_settings import REFUSED, RUN

STRACE = "/usr/bin/strace"
# The C library's own beginning, and what never fails with the arguments that it has here. A close(2) of
# strace's that fails leaves the file open, as no kernel does.
NEEDLESS = set(
    "arch_prctl brk close close_range exit exit_group rseq rt_sigprocmask set_robust_list wait4".split()
)

TRIES = 20


class Tracer:
    """Logins under strace, which the user runs, in a folder for its logs."""

    def __init__(self, look, good):
        self.look, self.good = look, good
        self.folder = RUN / "traces"
        self.folder.mkdir()
        os.chown(self.folder, look.account.uid, look.account.gid)
        self.numbers = count()
        whole, log = self.run("trace=all")
        self.lines = set(whole.out.splitlines())
        self.calls = self.calls_of(log)

    def run(self, *options):
        log = self.folder / str(next(self.numbers))
        told = [part for option in options for part in ("-e", option)]
        result = self.look(before=(STRACE, "-f", "-qq", "-s200", "-o", str(log), *told), timeout=60)
        return result, log.read_text(errors="replace")

    @staticmethod
    def calls_of(log):
        """Name and number of every call that a process makes before it is the shell."""
        seen, ended, calls = {}, set(), {}
        for line in LINE.finditer(log):
            pid, name = line["pid"], line["name"]
            counts = seen.setdefault(pid, Counter())
            # The first is nsshell's own; of the second strace may not be able to read the words.
            if name == "execve" and len(seen) > 1:
                ended.add(pid)
            counts[name] += 1
            if pid not in ended and name not in UNFAILING and name not in NEEDLESS:
                calls.setdefault((name, counts[name]), line["call"])
        return calls

    def is_session(self, result):
        """Likewise. The outer process gives up what it has while the shell runs already: where it cannot, the session, which
        is as asked, ends in the midst of what it says."""
        if result.rc == REFUSED and "no session" in result.err:
            assert set(result.out.splitlines()[:-1]) <= self.lines, result
            return False
        return is_session(self.good, result)

    def inject(self, call, fault):
        """Whether there was a session as asked; or what was wrong. How often a process that waits has to
        read depends on what happens at the same time: the last calls are not in every run."""
        name, number = call
        try:
            for _ in range(TRIES):
                result, log = self.run(f"trace={name}", f"inject={name}:{fault}:when={number}")
                came = self.is_session(result)
                if "INJECTED" in log:
                    return came
                assert came, result
            raise AssertionError(f"not made in {TRIES} runs: {log}")
        except (AssertionError, subprocess.TimeoutExpired) as wrong:
            return f"{fault} at {call} {self.calls[call]}: {wrong}"

    def inject_all(self, calls, fault):
        """The calls that there was a session in spite of, as they were made. Nothing may be wrong."""
        with ThreadPoolExecutor(os.cpu_count() + 1) as pool:
            outcomes = list(pool.map(lambda call: self.inject(call, fault(call)), calls))
        wrong = [outcome for outcome in outcomes if isinstance(outcome, str)]
        assert not wrong, "\n".join(wrong)
        went_on = [call for call, outcome in zip(calls, outcomes) if outcome]
        print(f"{len(calls)} calls: {len(went_on)} sessions in spite of")
        print(*(self.calls[call] for call in went_on), sep="\n")
        return went_on


@pytest.fixture
def tracer(look, good):
    made = Tracer(look, good)
    yield made
    for log in made.folder.iterdir():
        log.unlink()
    made.folder.rmdir()


def test_a_traced_login_is_the_same(tracer, good):
    """So that only the fault is the reason, and that what is meant to fail is there to fail."""
    result, log = tracer.run("trace=execve")
    assert result.rc == LOOKED and is_session(good, result)
    assert log.count("execve(") >= 2
    names = {name for name, _ in tracer.calls}
    assert names >= set("clone mount prctl capset setns move_mount".split()) - (
        set() if hasattr(tracer.look, "pam") else {"setns"}
    )


# Without these there is no session of any kind.
NEEDED = set("capset clone faccessat2 mount move_mount open_tree setns sethostname umount2".split())

PARTS = 3


@pytest.mark.parametrize("part", range(PARTS))
def test_every_call_that_fails(tracer, part):
    """Each once, with the error that fits: the whole session or none."""
    calls = list(tracer.calls)[part::PARTS]
    went_on = tracer.inject_all(calls, lambda call: f"error={ERRNO.get(call[0], 'EPERM')}")
    assert not [call for call in went_on if call[0] in NEEDED]


def test_every_call_that_is_interrupted(tracer):
    """EINTR where a signal of the user's can bring it about."""
    calls = [call for call in tracer.calls if call[0] in INTERRUPTIBLE]
    tracer.inject_all(calls, lambda call: "error=EINTR")


def test_calls_that_lie(tracer):
    """A call that says it has done its work and has not: the counterpart, which must be noticed. Without
    the mounts that hide there would be another view."""
    lies = [call for call in tracer.calls if call[0] in ("mount", "move_mount")]
    noticed = [call for call in lies if tracer.inject(call, "retval=0") is not True]
    assert len(noticed) > len(lies) / 2, (noticed, lies)
