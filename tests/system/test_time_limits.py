# SPDX-License-Identifier: MIT
"""Limits in time: runtime_max and idle_max, in each lifetime, with and without PAM.

Issue 7: "with warning on the terminal 5 and 1 minutes before, then HUP, TERM, KILL". The clock itself, long times and
sleep are in tests/unit/test_time_limits.c. Most of what is here is waiting, so users of both servers wait side by side.
"""

import contextlib
import os
import signal
import subprocess
import threading
import time

import pexpect
import pytest

from lib_lifetime import Traces
from lib_process import alive, end_ssh, starved, status, wait_until
from lib_services import by_user
from lib_settings import NSSHELL, PATIENCE
from lib_terminal import Terminal

# What ssh says of a far end that was ended by a signal, or of a connection that was lost.
LOST = 255

# The hub waits for so long before it ends what has no shell, and then for so long in all between its signals.
AFTER, STEPS = 10, 6

LIFETIMES = ("session", "user", "linger")


class Client:
    """ssh for a user, by pipes."""

    def __init__(self, server, account, command, folder, *options):
        self.account = account
        self.output = folder / f"{account.name}-{time.monotonic_ns()}"
        argv = server.command(account, f"echo at work; {command}", options=options)
        # Before the session's begin: it takes no less than it is to take.
        self.begin, self.took = time.monotonic(), None
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=output)
        threading.Thread(target=self._note_end, daemon=True).start()
        wait_until(lambda: "at work" in self.text, "the login")

    def _note_end(self):
        """When it is, and not when somebody looks."""
        self.process.wait()
        self.took = time.monotonic() - self.begin

    @property
    def text(self):
        return self.output.read_text(errors="replace")

    @property
    def over(self):
        """Whether it has ended."""
        return self.took is not None

    def type(self):
        self.process.stdin.write(b"x\n")
        self.process.stdin.flush()

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        end_ssh(self.process)


@pytest.fixture
def clients(tmp_path):
    """clients(server, account, command, options...): makes one."""
    with contextlib.ExitStack() as ends:

        def make(server, account, command, *options):
            client = Client(server, account, command, tmp_path, *options)
            ends.callback(client.close)
            return client

        yield make


@pytest.fixture
def users(accounts, policy, framed_sshd, plain_sshd):
    """users(limits): six users with that in their policy: a server, an account and a lifetime each."""
    names = ("nshalice", "nshbob", "nshelse", "nshelse2", "nshdeep", "nshdeep2")

    def make(limits):
        kinds = [(server, kind) for server in (framed_sshd, plain_sshd) for kind in LIFETIMES]
        for name, (server, lifetime) in zip(names, kinds):
            policy.user(name, f"[session]\nlifetime={lifetime}\n{limits}")
            yield server, accounts[name]

    return make


def await_all(clients):
    wait_until(lambda: all([client.over for client in clients]), "the end of all", 60)
    assert {client.process.returncode for client in clients} == {LOST}


def test_runtime_max_at_a_terminal(users, clients):
    """A last line on the terminal, and all is ended, also what does not mind HUP and TERM. The client sees a signal."""
    made, traces = [], []
    for server, account in users("runtime_max=8s"):
        traces.append(Traces(account))
        mess = "(trap '' HUP TERM INT; exec sleep 600) & setsid -f sleep 600; exec sleep 600"
        made.append(clients(server, account, mess, "-tt"))
        traces[-1].note()
    await_all(made)
    for client in made:
        assert "nsshell: this session ends now: runtime_max = 8s" in client.text, client.text
        assert 8 <= client.took < 35 * PATIENCE, client.took
    for trace in traces:
        trace.await_end()


def test_runtime_max_of_a_command(users, clients):
    """Likewise without a terminal, when the shell itself minds nothing but KILL."""
    made = [
        clients(server, account, "trap '' HUP TERM; sleep 600; sleep 600")
        for server, account in users("runtime_max=4s")
    ]
    await_all(made)
    assert all(4 <= client.took < 35 * PATIENCE for client in made), [client.took for client in made]


def test_runtime_max_while_the_outer_process_is_stopped(session, alice, policy):
    """PID 1 tells it of each stop of the shell's. More than it reads keep PID 1 from nothing, and it follows none of
    them when PID 1 is gone."""
    policy.conf(f"[session] runtime_max={9 * PATIENCE}s")
    with session.hold(alice) as held:
        outer, init, shell = held.outer, held.init, held.shell
        with starved(outer):
            os.kill(outer, signal.SIGSTOP)
            # On a busy machine the time is over before that often.
            with contextlib.suppress(ProcessLookupError):
                for _ in range(600):
                    os.kill(shell, signal.SIGSTOP)
                    wait_until(lambda: status(shell).get("State", "T")[0] in "TZ", "the shell to stop")
                    time.sleep(0.001)
                    os.kill(shell, signal.SIGCONT)
            wait_until(lambda: not alive(init), "PID 1 to end", 40)
        with contextlib.suppress(ProcessLookupError):
            os.kill(outer, signal.SIGCONT)
        wait_until(lambda: not alive(outer), "the outer process to end")


def test_the_order_of_signals(framed_sshd, alice, policy, scratch):
    """HUP first, then TERM, for who ends at neither."""
    policy.conf("[session]\nlifetime=session\nruntime_max=3s")
    log = scratch / "log"
    trap = f"trap 'echo HUP >>{log}' HUP; trap 'echo TERM >>{log}' TERM; while :; do sleep 0.1; done"

    def has_both():
        log.unlink(missing_ok=True)
        assert framed_sshd.ssh(alice, trap).rc == LOST
        signals = log.read_text().split() if log.exists() else []
        assert not signals or signals[0] == "HUP", signals
        return "TERM" in signals

    # On a busy machine the time between two of them can be too short to say so.
    wait_until(has_both, "both signals")


def test_runtime_max_counts_for_the_sandbox(framed_sshd, alice, policy, clients):
    """Who comes later has what is left: the time is the sandbox's."""
    policy.conf(f"[session]\nlifetime=user\nruntime_max={14 * PATIENCE}s")
    first = clients(framed_sshd, alice, "sleep 600")
    time.sleep(5 * PATIENCE)
    second = clients(framed_sshd, alice, "sleep 600")
    await_all([first, second])
    assert first.took >= 14 * PATIENCE > second.took, (first.took, second.took)


def test_warning_one_minute_before(framed_sshd, plain_sshd, alice, bob, policy, clients):
    """On the terminal of every login."""
    # It comes when all have begun.
    policy.conf("[session]\nlifetime=user\nruntime_max=80s")
    policy.user(bob.name, "[session] lifetime=session")
    made = [
        clients(server, account, "sleep 600", "-tt")
        for server, account in ((framed_sshd, alice), (framed_sshd, alice), (plain_sshd, bob))
    ]
    for client in made:
        wait_until(lambda client=client: "ends in" in client.text, "the warning")
        assert "nsshell: this session ends in 1 minute: runtime_max = 80s" in client.text
        assert not client.over


def test_runtime_max_of_what_has_no_shell(make_sshd, alice, bob, policy):
    """With PAM the hub ends the logins that have no shell of nsshell's: forwarding alone, and sshd's own sftp."""
    policy.conf("[session] runtime_max=2s")
    policy.user(bob.name, "[session] lifetime=user")
    server = make_sshd(config="ForceCommand internal-sftp\n")
    traces = [Traces(alice), Traces(bob)]
    begin = time.monotonic()
    connections = [
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
        for account in (alice, bob)
        for argv in (
            server.command(account, options=("-N",)),
            server.command(account, "sftp", options=("-s",)),
        )
    ]
    for connection in connections:
        assert connection.wait(timeout=60 * PATIENCE) == LOST
        connection.stdin.close()
        assert 2 + AFTER <= time.monotonic() - begin < 2 + AFTER + STEPS + 15 * PATIENCE
    for trace in traces:
        trace.await_end()


IDLE = 20
TMUX = "tmux new-session -d -s idle cat; tmux send-keys -t idle x Enter"


def test_idle_on_a_terminal_of_another_user(alice, policy):
    """su(1) leaves the terminal to who has it: the session is ended all the same, without a word on it."""
    policy.user(alice.name, f"[session]\nidle_max={IDLE}s")
    begin = time.monotonic()
    terminal = Terminal(None, by_user(alice, str(NSSHELL), "-c", "tty; sleep 600"))
    terminal.expect(r"/dev/\S+\r\n")
    terminal.expect(pexpect.EOF, timeout=IDLE + 30)
    assert time.monotonic() - begin > IDLE - 1


def test_idle_max(framed_sshd, plain_sshd, accounts, policy, clients):
    """No input on any terminal of a session ends it: with PAM and without, also while something is printed. Input does
    not, also that of a tmux which nobody is attached to; and who has no terminal does not fail to type."""
    silent, printing, typing, tmux, command = (
        accounts[name] for name in ("nshalice", "nshbob", "nshelse", "nshelse2", "nshdeep")
    )
    lifetimes = {silent: "session", printing: "user", typing: "user", tmux: "linger", command: "user"}
    for account, lifetime in lifetimes.items():
        policy.user(account.name, f"[session]\nlifetime={lifetime}\nidle_max={IDLE}s")
    assert plain_sshd.ssh(tmux, TMUX).rc == 0
    begin = time.monotonic()
    job = clients(framed_sshd, command, "sleep 600")
    at_work = clients(framed_sshd, typing, "cat", "-tt")
    ending = [
        clients(framed_sshd, silent, "sleep 600", "-tt"),
        clients(plain_sshd, printing, "while :; do echo output; sleep 1; done", "-tt"),
    ]
    # The kernel notes input once in eight seconds, and it is looked at every two.
    while not all([one.over for one in ending]) or time.monotonic() - begin < IDLE + 8 + 6:
        assert time.monotonic() - begin < 3 * IDLE, [one.text for one in ending]
        at_work.type()
        assert plain_sshd.ssh(tmux, "tmux send-keys -t idle x Enter").rc == 0
        time.sleep(1)
    for one in ending:
        assert f"nsshell: this session ends now: idle_max = {IDLE}s" in one.text
        assert one.took > IDLE - 1, one.took
    assert not at_work.over and not job.over
    assert plain_sshd.ssh(tmux, "tmux kill-server").rc == 0
