"""Sandboxes that all of a user's logins share: [session] lifetime, stale, max_sessions.

Issue 7, with real clients; design.md, "Lifetimes" and promises 1, 5, 6 and 7.
"""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

import test_faithful
import test_jobcontrol
import test_ssh
from lib_forward import Connection, connected, sftp
from lib_frame import HeldLogin
from lib_lifetime import (
    JOINS_STALE, LEAVE, NEW_BESIDE, SESSIONS, STALE, Framed, Standalone, Traces, await_none_staying, id_of,
    over_ssh, over_su, runs, staying, where,
)
from lib_pam import assert_denied
from lib_process import Held, as_root, children, sh, status, wait_until
from lib_services import Place, open_to_all
from lib_settings import FRAME, LOGIN_SHELL, NSSHELL
from lib_sshd import WITH_MODULE, Sshd, free_port
from lib_terminal import Terminal
from test_ssh import agent, client, local, terminal  # noqa: F401 (fixtures)

XTERM = {**os.environ, "TERM": "xterm"}


@pytest.fixture(scope="module")
def sshd(accounts, installed_policy, syslog):
    """A framed sshd with both kinds of sftp."""
    started = Sshd(accounts, "-lifetime", WITH_MODULE, "Subsystem internal internal-sftp\n")
    yield started
    started.close()


@pytest.fixture(scope="module")
def place(accounts, installed_policy):
    """Where su and login have the module, and su asks for no password."""
    made = Place("lifetime")
    open_to_all(made, "su", "su-l")
    yield made
    made.remove()


@pytest.fixture(autouse=True)
def none_before():
    """Every test begins without a sandbox that somebody shares."""
    await_none_staying()


@pytest.fixture
def lifetime(policy):
    """lifetime("user", "more=lines"): what the policy says of sessions."""

    def set_to(value, *more, rest=""):
        lines = ("[match] user=*", "[session]", f"lifetime={value}", *more, rest)
        policy.match("50-lifetime.conf", "\n".join(lines))

    return set_to


@pytest.fixture(params=["framed", "standalone"])
def form(request, pam):
    """Logins with PAM, and of nsshell alone."""
    return Framed(pam) if request.param == "framed" else Standalone()


@pytest.fixture
def traces(alice, sshd):
    """What there is before the test."""
    wait_until(lambda: not children(sshd.process.pid), "the end of earlier connections")
    return Traces(alice)


# One sandbox


@pytest.mark.parametrize("network", ["host", "none"])
def test_one_sandbox(sshd, place, lifetime, alice, network):
    """"All of a user's logins, over SSH, su or login, stand in one sandbox: the same processes, /tmp, host name and
    network." Also the same System V and POSIX objects."""
    lifetime("user", rest=f"[network] mode={network}")
    with over_ssh(sshd, alice) as one, over_ssh(sshd, alice) as two, over_su(place, alice) as three:
        one.ask("echo text > /tmp/shared; echo text > /dev/shm/shared; ipcmk -Q; sleep 4711 &")
        for other in (two, three):
            assert where(other) == where(one)
            assert other.ask("cat /tmp/shared /dev/shm/shared").out == "text\ntext"
            assert other.ask("pgrep -f 'sleep 471[1]'").rc == 0
            assert other.ask("ipcs -q").out == one.ask("ipcs -q").out
        with place.terminal("login", "-f", alice.name) as t:
            t.ready()
            t.await_output("echo in-$NSSHELL_SESSION", f"in-{id_of(one)}\r\n")
            t.await_output("cat /tmp/shared", "text\r\n")
            t.sendline("exit")
            t.finish()


def test_one_sandbox_standalone(lifetime, alice):
    """"Standalone (without PAM) has the same lifetimes as far as an unprivileged process can keep them"."""
    lifetime("user", rest="[network] mode=none")
    with Held(alice) as one, Held(alice) as two:
        assert where(one) == where(two)
        one.ask("echo text > /tmp/shared")
        assert two.ask("cat /tmp/shared").out == "text"


def test_users_are_apart(sshd, lifetime, alice, bob):
    """A sandbox is one user's."""
    lifetime("user")
    with over_ssh(sshd, alice) as one, over_ssh(sshd, bob) as other:
        one.ask("umask 0; echo text > /tmp/shared")
        assert not set(where(one)[:4]) & set(where(other)[:4])
        assert other.ask("ls -A /tmp").out == ""
        assert set(other.ask("ps -e -o user=").out.split()) == {bob.name}


def test_session_is_as_before(form, lifetime, alice):
    """"`session` as before": each login has its own."""
    lifetime("session")
    with form.hold(alice) as one, form.hold(alice) as two:
        assert not set(where(one)[1:4]) & set(where(two)[1:4])
        assert not staying()


# What the connections of one user share


def tmux_line(t, text):
    """Types a line in a terminal and waits until all who are attached can have seen it."""
    t.sendline(f"echo {text}-$((1 + 1))")
    t.expect_exact(f"{text}-2")


@pytest.mark.parametrize("value", ["user", "linger"])
def test_tmux_attach(terminal, lifetime, alice, value):
    """"`tmux attach` from a second connection works": both see what is typed in either."""
    lifetime(value)
    one, two = terminal(alice), terminal(alice)
    for t in (one, two):
        t.ready()
    one.sendline("tmux new-session -s shared")
    one.expect_exact("[shared]")
    tmux_line(one, "first")
    two.sendline("tmux attach -t shared")
    two.expect_exact("first-2")
    tmux_line(two, "second")
    one.expect_exact("second-2")
    two.send("\x02d")
    two.expect_exact("detached")
    tmux_line(one, "third")
    two.ready()
    two.sendline("tmux kill-server; exit 6")
    assert two.finish() == 6
    one.ready()


LISTEN = """\
import socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
print(s.getsockname()[1], flush=True)
while True:
    peer = s.accept()[0]; peer.sendall(b"from inside"); peer.close()
"""


def test_forwarding(sshd, lifetime, alice):
    """"Port forwarding [...] of every connection": -L of the second reaches what listens in the sandbox's own network,
    and what -R of it listens at is reached from the first."""
    lifetime("user", rest="[network] mode=none")
    alice.write("listen.py", LISTEN)
    back = free_port()
    with over_ssh(sshd, alice) as one, over_ssh(sshd, alice) as two:
        one.ask("python3 ~/listen.py > /tmp/port & until [ -s /tmp/port ]; do sleep 0.02; done")
        port, local = int(two.ask("cat /tmp/port").out), free_port()
        with Connection(sshd, alice, "-L", f"{local}:127.0.0.1:{port}", "-R", f"{back}:127.0.0.1:{sshd.port}"):
            with connected(local) as stream:
                assert stream.receive() == b"from inside"
            for held in (one, two):
                hello = held.ask(f"exec 3<>/dev/tcp/127.0.0.1/{back}; head -n 1 <&3")
                assert hello.out.startswith("SSH-2.0"), hello
        # It is the sandbox's network, and not the machine's.
        with pytest.raises(OSError), connected(port):
            pass


@pytest.mark.parametrize("subsystem", ["sftp", "internal"])
def test_sftp_is_in_the_sandbox(sshd, lifetime, alice, subsystem):
    """"internal-sftp of every connection are in the same frame": it sees /tmp, and what it writes there is seen."""
    lifetime("user")
    with over_ssh(sshd, alice) as one:
        one.ask("echo text > /tmp/shared")
        with sftp(sshd, alice, subsystem) as files:
            with files.open("/tmp/shared") as file:
                assert file.read() == b"text\n"
            with files.open("/tmp/written", "w") as file:
                file.write("by sftp")
            assert one.ask("cat /tmp/written").out == "by sftp"


def test_sftp_before_a_shell(sshd, lifetime, alice, traces):
    """A login that has no shell makes a sandbox for all as well."""
    lifetime("user")
    with sftp(sshd, alice, "internal") as files:
        files.open("/tmp/written", "w").close()
        with over_ssh(sshd, alice) as one, over_ssh(sshd, alice) as two:
            assert one.ask("ls /tmp").out == "written"
            assert where(one) == where(two)
            traces.note()
        assert files.listdir("/tmp") == ["written"]
    traces.await_end()


def test_copies_are_in_the_sandbox(sshd, lifetime, alice, tmp_path):
    """scp in both modes, rsync and git of other connections see the shared /tmp."""
    lifetime("user")
    file = tmp_path / "file"
    file.write_text("text\n")
    remote_shell = " ".join(sshd.client("ssh"))
    env = {**os.environ, "GIT_SSH_COMMAND": remote_shell, "HOME": str(tmp_path), "GIT_CONFIG_NOSYSTEM": "1"}
    with over_ssh(sshd, alice) as one:
        for name, argv in {
            "scp": sshd.client("scp", "-q"), "scp -O": sshd.client("scp", "-O", "-q"),
            "rsync": ["rsync", "-e", remote_shell],
        }.items():
            assert as_root(*argv, str(file), sshd.remote(alice, "/tmp/file")).rc == 0, name
            assert one.ask("cat /tmp/file; rm /tmp/file").out == "text", name
        one.ask("git init -q /tmp/repo && cd /tmp/repo && echo text > file && git add file &&"
                " git -c user.name=n -c user.email=n@localhost commit -q -m first")
        result = as_root("git", "clone", "-q", sshd.remote(alice, "/tmp/repo"), str(tmp_path / "clone"), env=env)
        assert result.rc == 0, result
    assert (tmp_path / "clone/file").read_text() == "text\n"


def test_agent_of_a_later_login(sshd, lifetime, alice, agent):
    """The agent that a later connection forwards works in its shell. The first has none."""
    lifetime("user")
    with over_ssh(sshd, alice) as one:
        result = sshd.ssh(alice, "echo $NSSHELL_SESSION; ssh-add -l", options=("-A",), env=agent)
        assert result.rc == 0 and "client_key" in result.out, result
        assert result.out.split()[0] == id_of(one)
        assert one.ask("echo $SSH_AUTH_SOCK").out == ""


def test_shells_of_one_connection(sshd, lifetime, alice):
    """Several sessions of one connection stand in the sandbox that other connections stand in."""
    lifetime("user")
    with over_ssh(sshd, alice) as one, sshd.shared_connection(alice) as options:
        with over_ssh(sshd, alice, *options) as two, over_ssh(sshd, alice, *options) as three:
            assert where(one) == where(two) == where(three)


# Who comes and who leaves


def test_the_first_leaves(form, lifetime, alice):
    """"The first login makes it, the last one ends it": when the first leaves, what it has left running goes on, the
    second is undisturbed, and a third joins."""
    lifetime("user")
    with form.hold(alice) as one, form.hold(alice) as two:
        left = {name: one.ask(command).out for name, command in LEAVE.items()}
        before = where(two)
        two.ask("sleep 4712 & echo text > /tmp/text")
        assert one.close() == 0
        assert {name: runs(two, pid) for name, pid in left.items()} == dict.fromkeys(left, True)
        assert where(two) == before
        with form.hold(alice) as three:
            assert where(three) == before
            assert three.ask("cat /tmp/text; pgrep -f 'sleep 471[2]' >/dev/null; echo $?").out == "text\n0"


@pytest.mark.parametrize("value", ["user", "linger"])
def test_the_last_leaves(form, lifetime, alice, traces, value):
    """The last one's end is that of everything, also of what nohup and setsid have begun and what ignores all signals;
    nothing is left. A lingering one ends when it holds nothing."""
    lifetime(value)
    with form.hold(alice) as one, form.hold(alice) as two:
        if value == "user":
            for command in LEAVE.values():
                assert two.ask(command).rc == 0
        two.ask("echo text > /tmp/text; echo text > /dev/shm/text; mkfifo /var/tmp/fifo")
        traces.note()
        one.close()
        assert two.ask("cat /tmp/text").out == "text"
        two.close()
    traces.await_end()


def test_ssh_ends_all(sshd, lifetime, alice, traces):
    """The same over ssh, with sftp as the last."""
    lifetime("user")
    with over_ssh(sshd, alice) as one:
        left = one.ask(LEAVE["nohup"]).out
        with sftp(sshd, alice) as files:
            one.ask("echo text > /tmp/text")
            traces.note()
            one.close()
            with files.open("/tmp/text") as file:
                assert file.read() == b"text\n"
            with over_ssh(sshd, alice) as two:
                assert runs(two, left)
    traces.await_end()


def test_killed_logins(sshd, lifetime, alice, traces):
    """SIGKILL for sshd's processes of a login is its end like any other."""
    lifetime("user")
    with over_ssh(sshd, alice) as one:
        with over_ssh(sshd, alice) as two:
            pid = one.ask(LEAVE["setsid"]).out
            traces.note()
            (monitor,) = [pid for pid in children(sshd.process.pid) if pid not in monitors_of(one, sshd)]
            for victim in (*children(monitor), monitor):
                os.kill(victim, signal.SIGKILL)
            two.process.wait(timeout=30)
            assert runs(one, pid)
    traces.await_end()


def monitors_of(held, sshd):
    """sshd's process of root's that serves a login, known by the client's port."""
    port = held.ask("echo $SSH_CLIENT").out.split()[1]
    return [
        monitor for monitor in children(sshd.process.pid) for user in children(monitor)
        for pid in children(user) if f"127.0.0.1 {port} ".encode() in environment_of(pid)
    ]


def environment_of(pid):
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""
