# SPDX-License-Identifier: MIT
"""nsshellctl kill: what is left afterwards is nothing, and nothing else has been touched."""

import signal
import subprocess
import time

import pytest

from lib_ctl import CTL, FAILED, OK, WARN, ctl
from lib_frame import HeldLogin, as_user
from lib_machine import Machine
from lib_process import Held, alive, alive_pids_of, as_root, start, status, wait_until
from lib_sessions import await_sessions, held, ids, only, sessions
from lib_settings import FRAME, LOGIN_SHELL, NSSHELL, PATIENCE
from lib_terminal import Terminal

IN_GROUP = """
mount -t tmpfs -o mode=755 none $1 && cd $1 && printf %s 0123456789abcdef >id && printf /nshkept >cgroup &&
printf '%s:x:%s:0::/:/bin/sh\\n' $2 $3 >account && mount -o remount,bind,ro $1 && cd / && shift 3 && exec "$@"
"""
WITH_GROUP = """
mount -t tmpfs none /sys/fs/cgroup && mkdir /sys/fs/cgroup/nshkept && echo $1 >/sys/fs/cgroup/nshkept/cgroup.procs &&
shift && exec "$@"
"""


def kill(*words, **how):
    result = ctl("kill", *words, **how)
    assert not result.out, result
    return result


def await_none_of(account):
    """A process that is about to end stands in no session any more."""
    wait_until(lambda: not alive_pids_of(account), "the end of the user's processes")


def test_by_id(session, alice):
    place = session.hold(alice)
    bystander = start(alice, "600", program="/bin/sleep")
    pids = only()["pids"]
    assert kill(only()["id"][:8]).rc == OK
    assert sessions() == []
    wait_until(lambda: not any(alive(pid) for pid in pids if pid != place.process.pid), "the end of its processes")
    assert alive(bystander.pid)
    bystander.kill()
    bystander.wait()
    place.close()


def test_there_is_none(alice):
    for which in ("nshalice", "0123456789abcdef", "", "root"):
        result = kill(which)
        assert result.rc == WARN and "no such session" in result.err
    assert kill().rc == FAILED and kill("x", "--timeout=-1").rc == FAILED
    assert kill("x", "--signal", "NONSENSE").rc == FAILED


def test_a_name_that_an_id_begins_with(alice, accounts):
    """Whoever has no session is nobody else's."""
    machine = Machine("kill")
    try:
        # Of seven ids one does.
        for _ in range(200):
            with held(alice) as other:
                name = only()["id"][:2]
                if name.isalpha():
                    machine.tool("useradd", "-M", "-N", "-s", "/bin/sh", name)
                    result = machine.ctl("kill", name)
                    assert result.rc == WARN and f"{name} has no session" in result.err
                    assert other.ask("true").rc == 0
                    return
        raise AssertionError("no id begins with two letters")
    finally:
        machine.remove()


def test_of_a_user(alice, bob, pam):
    own = [Held(alice), HeldLogin(pam, alice, str(NSSHELL))]
    with held(bob) as other:
        assert len(sessions()) == 3
        assert kill(alice.name).rc == OK
        assert only()["user"] == bob.name and other.ask("true").rc == 0
    for place in own:
        place.close()


def test_users_end_their_own(alice, bob):
    with held(bob) as other:
        theirs = only()["id"]
        result = kill(theirs, account=alice)
        assert result.rc == WARN and "no such session" in result.err
        assert kill(bob.name, account=alice).rc == WARN
        with held(alice) as inside:
            assert inside.ask(f"{CTL} kill {theirs}").rc == WARN
            assert inside.ask(f"{CTL} kill {bob.name}").rc == WARN
            own = only(account=alice)["id"]
            assert kill(own, account=alice).rc == OK
        assert ids() == {theirs} and other.ask("true").rc == 0


def test_clean_end_of_an_interactive_shell(alice):
    """bash at its prompt does not care for TERM. It ends by HUP, and does what it does then."""
    with Terminal(alice, [LOGIN_SHELL]) as terminal:
        terminal.at_prompt()
        terminal.ask("trap 'echo bye >~/bye' EXIT")
        begin = time.monotonic()
        assert kill(alice.name, "--timeout", "25").rc == OK
        assert time.monotonic() - begin < 25
        assert alice.path("bye").read_text() == "bye\n"
        alice.path("bye").unlink()


@pytest.mark.parametrize("stopped", [False, True])
def test_what_does_not_want_to_end(session, alice, stopped):
    place = session.hold(alice)
    place.tell("trap '' TERM HUP INT; setsid sh -c \"trap '' TERM HUP; sleep 200; sleep 201\" & sleep 1")
    wait_until(lambda: len(only()["pids"]) > 4, "the children")
    if stopped:
        place.tell("kill -STOP $!")
    begin = time.monotonic()
    assert kill(alice.name, "--timeout", "1").rc == OK
    assert 0.9 < time.monotonic() - begin < 20 * PATIENCE
    assert alive_pids_of(alice) == [] or sessions() == []
    place.close()


def test_at_once(session, alice):
    place = session.hold(alice)
    place.tell("trap '' TERM HUP; while :; do sleep 1; done")
    begin = time.monotonic()
    assert kill(alice.name, "--signal", "KILL", "--timeout", "25").rc == OK
    assert time.monotonic() - begin < 25 and sessions() == []
    place.close()


@pytest.mark.parametrize("shell", [str(NSSHELL), "/bin/sh"], ids=["session", "frame"])
def test_fork_bomb(pam, alice, shell):
    """In the frame alone there is no PID namespace whose end would end all."""
    place = HeldLogin(pam, alice, shell)
    script = "trap '' TERM HUP; b() { sleep 0.05; b & b & }; ulimit -u 150; b; wait"
    place.tell(f"bash -c \"{script}\" >/dev/null 2>&1")
    wait_until(lambda: len(only()["pids"]) > 30, "the bomb", 30)
    assert kill(alice.name, "--timeout", "1").rc == OK
    assert sessions() == []
    await_none_of(alice)
    place.close()


def test_interrupted(pam, alice):
    """Whoever ends it between SIGSTOP and SIGKILL leaves no login that stands still."""
    place = HeldLogin(pam, alice, "/bin/sh")
    pids = only()["pids"]
    wait_until(lambda: all(status(pid)["State"][0] == "S" for pid in pids), "all to sleep")
    result = as_root("strace", "-qq", "-o", "/dev/null", "-e", "inject=pidfd_send_signal:signal=SIGTERM:when=1",
                     str(CTL), "kill", "--signal", "KILL", alice.name)
    assert result.rc == -signal.SIGTERM, result
    wait_until(lambda: sessions() == [], "the session's end")
    await_none_of(alice)
    place.close()


def test_connection_ends(framed_sshd, alice):
    """sshd's monitor, the server and another's connection are left alone; the client's connection ends."""
    server = framed_sshd.process.pid
    for words in (["sleep 60"], ["-N"]):
        options = ("-N",) if words == ["-N"] else ()
        client = subprocess.Popen(
            framed_sshd.command(alice, *([] if options else words), options=options),
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        (found,) = await_sessions(1)
        if not options:
            wait_until(lambda: only()["shells"], "the shell")
        # Else sshd's monitor stands in it alone, and has yet to start what is the user's.
        wait_until(lambda: alive_pids_of(alice), "sshd's process of the user's")
        assert kill(found["id"]).rc == OK
        assert client.wait(timeout=60 * PATIENCE) != 0
        assert sessions() == [] and alive(server)
        await_none_of(alice)
    assert framed_sshd.ssh(alice, "echo on").out == "on\n"


def test_multiplexed(framed_sshd, alice):
    with framed_sshd.shared_connection(alice) as options:
        clients = [
            subprocess.Popen(framed_sshd.command(alice, "sleep 60", options=options),
                             stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(3)
        ]
        wait_until(lambda: len(only()["shells"]) == 3, "the shells")
        assert kill(alice.name).rc == OK and sessions() == []
        for client in clients:
            assert client.wait(timeout=60 * PATIENCE) != 0


def test_root_is_left_alone(pam, alice):
    """What root does in a frame is no process of the user's: it is told of, and not ended."""
    place = HeldLogin(pam, alice, "/bin/sh")
    root = subprocess.Popen(["nsenter", "-t", str(place.outer), "-m", "sleep", str(15 * PATIENCE)])
    wait_until(lambda: root.pid in only()["pids"], "nsenter")
    result = kill(alice.name, "--timeout", "1")
    assert result.rc == FAILED and f"process {root.pid} (sleep, user id 0)" in result.err
    assert root.poll() is None
    root.send_signal(signal.SIGKILL)
    root.wait()
    place.close()


def test_control_group_that_stays(pam, alice):
    """What another PAM module has begun before the login had its frame is in its control group all the same."""
    frame = [str(FRAME), alice.name, str(alice.uid), *as_user(alice, "sleep", "60")]
    with subprocess.Popen(["unshare", "-m", "sh", "-c", IN_GROUP, "-", *frame]) as login, \
            start(alice, "60", program="/bin/sleep") as daemon:
        session = only()
        result = as_root("unshare", "-m", "sh", "-c", WITH_GROUP, "-", str(daemon.pid),
                         str(CTL), "kill", session["id"], "--timeout", "1")
        assert result.rc == FAILED and "session 0123456789abcdef is not gone: control group /nshkept" in result.err
        assert sessions() == [] and login.wait() and daemon.poll() is None
        daemon.kill()
