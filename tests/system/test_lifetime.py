# SPDX-License-Identifier: MIT
"""Sandboxes that all of a user's logins share: [session] lifetime, stale, max_sessions.

Issue 7, with real clients; design.md, "Lifetimes" and promises 1, 5, 6 and 7.
"""

import contextlib
import inspect
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

import test_faithful
import test_jobcontrol
import test_ssh
from lib_ctl import OK, ctl
from lib_forward import Connection, connected, sftp
from lib_lifetime import (
    JOINS_STALE, LEAVE, NEW_BESIDE, SESSIONS, STALE, Framed, Standalone, Traces, await_none_staying,
    first_process, hub, id_of, outer_process, over_ssh, over_su, runs, staying, where,
)
from lib_pam import DENIAL
from lib_process import (
    Held, alive_pids_of, as_root, assert_idle, await_outer, called, children, open_files, sh, status, wait_until,
)
from lib_services import Place, open_to_all
from lib_settings import FRAME, LOGIN_SHELL, NSSHELL, PATIENCE
from lib_sshd import WITH_MODULE, Sshd, free_port
from lib_terminal import Terminal

# Fixtures of the tests that are run in a joined sandbox here as well.
agent, client, local, terminal = test_ssh.agent, test_ssh.client, test_ssh.local, test_ssh.terminal

# sshd's exit status for a session without a PAM session.
NO_SESSION = 254


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


@pytest.fixture
def greeted(alice):
    """alice is told what services have to tell."""
    alice.path(".hushlogin").unlink()
    yield
    alice.write(".hushlogin", "")


# One sandbox


@pytest.mark.parametrize("network", ["host", "none"])
def test_one_sandbox(sshd, place, lifetime, alice, network):
    """"All of a user's logins, over SSH, su or login, stand in one sandbox: the same processes, /tmp, host name and
    network." Also the same System V and POSIX objects."""
    lifetime("user", rest=f"[network] mode={network}")
    with over_ssh(sshd, alice) as one, over_ssh(sshd, alice) as two, over_su(place, alice) as three:
        one.ask("echo text > /tmp/shared; echo text > /dev/shm/shared; ipcmk -Q; sleep 4711 >/dev/null 2>&1 &")
        for other in (two, three):
            assert where(other) == where(one)
            assert other.ask("cat /tmp/shared /dev/shm/shared").out == "text\ntext"
            wait_until(lambda other=other: other.ask("pgrep -f 'sleep 471[1]'").rc == 0, "sleep")
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
    one.sendline("tmux new-session -s shared \\; set assume-paste-time 0")
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
        one.ask("python3 ~/listen.py > /tmp/port 2>/dev/null & until [ -s /tmp/port ]; do sleep 0.02; done")
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
        two.ask("sleep 4712 >/dev/null 2>&1 & echo text > /tmp/text")
        wait_until(lambda: two.ask("pgrep -f 'sleep 471[2]'").rc == 0, "sleep")
        assert one.close() == 0
        for name, pid in left.items():
            wait_until(lambda pid=pid: runs(two, pid), name)
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
        wait_until(lambda: runs(one, left), "sleep")
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
            wait_until(lambda: runs(one, pid), "sleep")
            traces.note()
            monitor = monitor_of(two, sshd)
            for victim in (*children(monitor), monitor):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
            two.process.wait(timeout=30)
            assert runs(one, pid)
    traces.await_end()


def monitor_of(held, sshd):
    """sshd's process of root's that serves a login, known by what it hands to the shell."""
    port = held.ask("echo $SSH_CLIENT").out.split()[1]
    client = f"SSH_CLIENT=127.0.0.1 {port} ".encode()
    (monitor,) = [
        monitor for monitor in children(sshd.process.pid) for user in children(monitor)
        if any(client in environment_of(outer) for outer in children(user))
    ]
    return monitor


def environment_of(pid):
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


# It lingers


def test_linger(form, lifetime, alice, traces):
    """"It stays when the last login leaves [...]. A later login comes back into it", and finds what it has left."""
    lifetime("linger")
    with form.hold(alice) as one:
        before = where(one)
        left = one.ask(f"echo text > /tmp/text; {LEAVE['nohup']}").out
        wait_until(lambda: runs(one, left), "sleep")
    with form.hold(alice) as two:
        assert where(two) == before
        assert runs(two, left) and two.ask("cat /tmp/text").out == "text"
        traces.note()
        two.ask(f"kill {left}")
    traces.await_end()


def test_linger_until_it_is_empty(form, lifetime, alice, traces):
    """"Until it holds no process but ours": it ends soon after the last one has, with nobody there. That one may also
    be what a login has begun and a later one would have been the parent of."""
    lifetime("linger")
    fifo = alice.path("fifo")
    os.mkfifo(fifo)
    os.chown(fifo, alice.uid, alice.gid)
    with form.hold(alice) as one, form.hold(alice) as two:
        for held in (one, two):
            held.ask(f"nohup setsid sh -c ': < {fifo}' >/dev/null 2>&1 &")
        traces.note()
    # Longer than it takes PID 1 to look again.
    time.sleep(2.5)
    assert len(staying()) == 3
    # Held open, for the one that has not got so far.
    with open(fifo, "wb"):
        traces.await_end()


def test_linger_max(form, lifetime, alice, traces):
    """"Until `linger_max` has passed": counted from when the last login leaves, and not while there is one."""
    most = 8 * PATIENCE
    lifetime("linger", f"linger_max={most}s")
    with form.hold(alice) as one:
        left = one.ask(LEAVE["nohup"]).out
    with form.hold(alice) as two:
        traces.note()
        time.sleep(1.3 * most)
        assert runs(two, left)
        # Before it leaves: when that is seen some of the time may be over.
        begin = time.monotonic()
    time.sleep(0.4 * most)
    assert len(staying()) == 3
    await_none_staying()
    assert 0.9 * most < time.monotonic() - begin < 30 * PATIENCE
    traces.await_end()


def test_linger_until_it_is_killed(form, lifetime, alice, traces):
    """"Until `nsshellctl kill`"."""
    lifetime("linger")
    with form.hold(alice) as one:
        one.ask(LEAVE["nohup"])
        traces.note()
    result = ctl("kill", alice.name)
    assert result.rc == OK, result
    traces.await_end()


def test_linger_over_a_restart_of_sshd(make_sshd, lifetime, alice):
    """"A later login, also after sshd was restarted, comes back into it": tmux and screen go on and are attached to."""
    lifetime("linger")
    server = make_sshd()
    traces = Traces(alice)
    with over_ssh(server, alice) as one:
        before = where(one)
        assert one.ask("tmux new-session -d -s lasting 'echo from-$((1 + 1)); exec cat'").rc == 0
        assert one.ask("export SCREENDIR=~/.screen; mkdir -pm 700 ~/.screen; screen -dmS lasting sleep 600").rc == 0
    wait_until(lambda: not children(server.process.pid), "the end of the connection")
    server.restart()
    with over_ssh(server, alice) as two:
        assert where(two) == before
        # Who has started it need not have waited for its socket.
        wait_until(lambda: two.ask("SCREENDIR=~/.screen screen -S lasting -X quit").rc == 0, "screen")
        argv = server.command(alice, "tmux attach -t lasting", options=("-tt",))
        with Terminal(None, argv, env={**os.environ, "TERM": "xterm"}) as t:
            t.expect_exact("from-2")
            t.sendline("typed")
            t.expect("typed.*typed")
            traces.note()
            assert two.ask("tmux kill-server").rc == 0
            t.finish()
    traces.await_end()


# Another policy than the sandbox's

OLD, NEW = "[view] tmp_size=16M", "[view] tmp_size=32M"
SIZE = "stat -f -c '%b %S' /tmp; echo $NSSHELL_SESSION"
SIZES = {OLD: "4096 4096", NEW: "8192 4096"}


def size_of(held):
    return held.ask(SIZE).out.splitlines()[0]


@pytest.mark.parametrize("value", ["user", "linger"])
def test_stale_join(form, lifetime, alice, value):
    """stale = join: it joins the sandbox that there is, and is told."""
    lifetime(value, "stale=join", rest=OLD)
    with form.hold(alice) as one:
        lifetime(value, "stale=join", rest=NEW)
        said, result = form.run(alice, SIZE)
        assert result.out.splitlines() == [SIZES[OLD], id_of(one)]
        assert said.startswith(JOINS_STALE) == isinstance(form, Framed)
        lifetime(value, "stale=join", rest=OLD)
        assert form.run(alice, "exit 3")[1].rc == 3
        assert form.run(alice, "true")[0] == ""


@pytest.mark.parametrize("value", ["user", "linger"])
def test_stale_refuse(form, lifetime, alice, value):
    """stale = refuse: as long as the sandbox lives a login with another policy is refused, and then it is let in."""
    lifetime(value, "stale=refuse", rest=OLD)
    with form.hold(alice) as one:
        lifetime(value, "stale=refuse", rest=NEW)
        assert form.refusal(alice) == STALE
        assert one.ask("echo here").out == "here"
    await_none_staying()
    assert form.refusal(alice) == ""
    assert form.run(alice, SIZE)[1].out.splitlines()[0] == SIZES[NEW]


@pytest.mark.parametrize("value", ["user", "linger"])
def test_stale_new(form, lifetime, alice, traces, value):
    """stale = new: it makes a second one beside it and is told; who comes later joins that one. With the old policy
    back it is the first one that they join."""
    lifetime(value, "stale=new", rest=OLD)
    with form.hold(alice) as one:
        lifetime(value, "stale=new", rest=NEW)
        said, result = form.run(alice, SIZE)
        assert result.out.splitlines()[0] == SIZES[NEW] != size_of(one)
        assert said.startswith(NEW_BESIDE) == isinstance(form, Framed)
        with form.hold(alice) as two:
            assert size_of(two) == SIZES[NEW]
            said, result = form.run(alice, SIZE)
            assert (said, result.out.splitlines()) == ("", [SIZES[NEW], id_of(two)])
            lifetime(value, "stale=new", rest=OLD)
            with form.hold(alice) as three:
                sizes = [size_of(held) for held in (one, two, three)]
                assert sizes == [SIZES[OLD], SIZES[NEW], SIZES[OLD]] and id_of(three) == id_of(one)
                assert three.ask("echo x > /tmp/x; ls /tmp").out == "x"
            assert [size_of(held) for held in (one, two)] == [SIZES[OLD], SIZES[NEW]]
            traces.note()
    traces.await_end()


@pytest.mark.parametrize("line", ["contact=the office", "max_sessions=9", "linger_max=1h", "stale=join"])
def test_not_stale(form, lifetime, alice, line):
    """What is of the login and not of the sandbox makes it no other policy."""
    lifetime("user", *(["stale=refuse"] if "stale" not in line else []))
    with form.hold(alice) as one:
        lifetime("user", line, *(["stale=refuse"] if "stale" not in line else []))
        said, result = form.run(alice, "echo $NSSHELL_SESSION")
        assert (said, result.out.strip()) == ("", id_of(one))


@pytest.mark.parametrize("stale, told", [("join", JOINS_STALE), ("new", NEW_BESIDE)])
def test_stale_is_told_at_a_terminal(sshd, lifetime, terminal, alice, greeted, stale, told):
    """"The next login is told which of the two it gets": ssh with a terminal shows it to who wants to be greeted."""
    lifetime("user", f"stale={stale}", rest=OLD)
    with over_ssh(sshd, alice):
        lifetime("user", f"stale={stale}", rest=NEW)
        t = terminal(alice)
        t.expect_exact(told)
        t.ready()


@pytest.mark.parametrize("stale, told", [("join", JOINS_STALE), ("new", NEW_BESIDE)])
def test_stale_is_told_standalone(lifetime, alice, stale, told):
    """Likewise by nsshell alone."""
    lifetime("user", f"stale={stale}", rest=OLD)
    with Held(alice):
        lifetime("user", f"stale={stale}", rest=NEW)
        with Terminal(alice, [LOGIN_SHELL, "-c", "exit 4"]) as t:
            t.expect_exact(told)
            assert t.finish() == 4


def test_stale_is_refused_over_ssh(sshd, lifetime, alice, syslog):
    """The sentence for the user, sshd's exit status, and the reason in the log."""
    lifetime("user", "stale=refuse", rest=OLD)
    with over_ssh(sshd, alice) as one:
        lifetime("user", "stale=refuse", rest=NEW)
        result = sshd.ssh(alice, "echo ran")
        match = DENIAL.search(result.out + result.err)
        assert result.rc == NO_SESSION and match and match["why"] == STALE, result
        line = syslog.line_with(f"session={match['incident']} verdict=deny")
        assert "kind=stale" in line and id_of(one) in line


# As many as there may be


@pytest.mark.parametrize("value", ["session", "user", "linger"])
def test_max_sessions(form, lifetime, alice, bob, value):
    """max_sessions = 2: the third login is refused with the sentence; when one has left it is let in. Others' logins do
    not count."""
    lifetime(value, "max_sessions=2")
    with form.hold(alice) as one, form.hold(alice) as two:
        assert [form.refusal(alice) for _ in range(3)] == [SESSIONS] * 3
        assert form.refusal(bob) == ""
        one.close()
        wait_until(lambda: form.refusal(alice) == "", "there is room again")
        with form.hold(alice) as three:
            assert form.refusal(alice) == SESSIONS
            assert two.ask("echo here").out == three.ask("echo here").out == "here"


def test_max_sessions_over_ssh(sshd, lifetime, alice):
    """Over ssh: connections count, and not their sessions; an sftp is a connection like others."""
    lifetime("session", "max_sessions=2")
    with sshd.shared_connection(alice) as options:
        with over_ssh(sshd, alice, *options), over_ssh(sshd, alice, *options) as two:
            assert sshd.ssh(alice, "echo ran", options=options).out == "ran\n"
            with sftp(sshd, alice, "internal") as files:
                assert files.listdir("/tmp") == []
                result = sshd.ssh(alice, "echo ran")
                match = DENIAL.search(result.out + result.err)
                assert result.rc == NO_SESSION and match and match["why"] == SESSIONS, result
                assert two.ask("echo here").out == "here"
            wait_until(lambda: sshd.ssh(alice, "echo ran").out == "ran\n", "there is room again")


def test_a_session_that_outlives_its_connection(sshd, lifetime, alice):
    """Where there is no terminal a shell goes on when the connection is lost, and counts until it ends."""
    lifetime("session", "max_sessions=1")
    client = subprocess.Popen(sshd.command(alice, "exec sleep 1000"), stdin=subprocess.DEVNULL)
    wait_until(lambda: called("sleep", alice), "the shell")
    client.kill()
    client.wait()
    wait_until(
        lambda: not [pid for pid in alive_pids_of(alice) if status(pid).get("Name", "").startswith("sshd")], "sshd's end"
    )
    result = sshd.ssh(alice, "echo ran")
    match = DENIAL.search(result.out + result.err)
    assert result.rc == NO_SESSION and match and match["why"] == SESSIONS, result
    assert ctl("kill", alice.name).rc == OK
    wait_until(lambda: sshd.ssh(alice, "echo ran").out == "ran\n", "there is room again")


@pytest.mark.parametrize("value", ["session", "user"])
def test_one_after_the_other_in_frames(form, lifetime, alice, value):
    """The same with the module: what is left of a session when its shell has ended is in nobody's way."""
    lifetime(value, "max_sessions=1")
    assert [form.refusal(alice) for _ in range(30)] == [""] * 30


@pytest.mark.parametrize("value", ["session", "user"])
def test_one_after_the_other(lifetime, alice, value):
    """max_sessions = 1: who comes when the one before has ended is let in, always."""
    lifetime(value, "max_sessions=1")
    assert [sh(alice, "exit 5").rc for _ in range(100)] == [5] * 100


# A joined shell is what one in a sandbox of its own is


@pytest.fixture
def joined(request, policy, alice, sshd):
    """alice's logins join a sandbox that another one of hers has made, whatever else the policy says by then."""
    policy.user(alice.name, "[session]\nlifetime=user\nstale=join")
    hold = over_ssh(sshd, alice) if request.param == "framed" else Held(alice)
    with hold as held:
        yield held
        assert held.ask("echo here").out == "here"


@pytest.fixture
def outer_shell(alice):
    """For tests of job control: an interactive shell that logins are started from."""
    with test_jobcontrol.caller(alice) as t:
        yield t


# Tests of a session of its own, and for what is a parameter of theirs the value here.
STANDALONE = [
    *((test_faithful.test_death_by_signal, {"name": name}) for name in ("HUP", "INT", "QUIT", "KILL", "SEGV", "RTMAX")),
    (test_faithful.test_not_found_and_not_executable, {"command": "no-such-program", "rc": 127}),
    (test_faithful.test_binary_clean_both_ways, {}),
    (test_faithful.test_binary_clean_stderr, {}),
    (test_faithful.test_half_close_of_output, {"stream": "stdout", "fd": 1}),
    (test_faithful.test_half_close_of_input, {}),
    (test_faithful.test_sockets_as_stdio, {}),
    (test_faithful.test_reader_goes_away, {}),
    (test_faithful.test_arguments, {}),
    (test_faithful.test_what_is_inherited, {}),
    (test_faithful.test_ignored_and_blocked_signals_are_inherited, {}),
    (test_faithful.test_signal_to_outer_process, {}),
    (test_faithful.test_signal_to_process_group, {}),
    (test_faithful.test_signal_kills_the_shell, {}),
    (test_faithful.test_signal_is_handled_in_the_shell, {}),
    (test_jobcontrol.test_ctrl_c, {"shell": "/bin/bash"}),
    (test_jobcontrol.test_ctrl_z_fg_bg, {"shell": "/bin/bash"}),
    (test_jobcontrol.test_ctrl_z_fg_bg, {"shell": "/bin/zsh"}),
    (test_jobcontrol.test_background_job_that_reads, {"shell": "/bin/bash"}),
    (test_jobcontrol.test_window_resize, {}),
    (test_jobcontrol.test_command_with_the_terminal, {}),
    (test_jobcontrol.test_vim, {}),
    (test_jobcontrol.test_less, {}),
    (test_jobcontrol.test_caller_ctrl_c, {}),
    (test_jobcontrol.test_caller_ctrl_z_fg, {"command": "cat; :"}),
    (test_jobcontrol.test_caller_ctrl_z_bg, {}),
    (test_jobcontrol.test_caller_pipe_into_less, {}),
    (test_jobcontrol.test_caller_quits_less_before_the_end, {}),
    (test_jobcontrol.test_caller_background_output, {}),
    (test_jobcontrol.test_caller_background_input, {"command": "read -r x < /dev/tty; echo got-$x"}),
    (test_jobcontrol.test_caller_inner_shell, {}),
    (test_jobcontrol.test_caller_suspend, {}),
    (test_jobcontrol.test_caller_after_a_killed_shell_with_a_job, {}),
    (test_jobcontrol.test_script_ctrl_c, {"command": "sleep 1000; :"}),
    (test_jobcontrol.test_script_ctrl_z, {"command": "read -r x; sleep 1000; :"}),
    (test_jobcontrol.test_terminal_settings, {"script": True}),
    (test_jobcontrol.test_terminal_that_stops_writers, {}),
    (test_jobcontrol.test_keys_arrive_once, {}),
    (test_jobcontrol.test_new_terminal_inside, {}),
]
OVER_SSH = [
    (test_ssh.test_command, {}),
    (test_ssh.test_exit_codes, {}),
    (test_ssh.test_exit_signal, {}),
    (test_ssh.test_binary_clean, {}),
    (test_ssh.test_terminal_for_a_command, {}),
    (test_ssh.test_window_resize, {}),
    (test_ssh.test_scp, {"mode": ["-O"]}),
    (test_ssh.test_sftp, {}),
    (test_ssh.test_rsync, {}),
    (test_ssh.test_git, {}),
    (test_ssh.test_vim, {}),
    (test_ssh.test_tmux, {}),
    (test_ssh.test_agent_forwarding, {}),
    (test_ssh.test_paramiko_command, {}),
    (test_ssh.test_paramiko_terminal, {}),
    (test_ssh.test_parallel_sessions_of_a_library, {}),
    (test_ssh.test_ssh_rc, {}),
]


def name_of(value):
    return value.__name__ if callable(value) else None


def run_test(test, values, request):
    names = inspect.signature(test).parameters
    test(**{name: values[name] if name in values else request.getfixturevalue(name) for name in names})


@pytest.mark.parametrize("joined", ["standalone"], indirect=True)
@pytest.mark.parametrize("test, values", STANDALONE, ids=name_of)
def test_faithful_joined(joined, request, test, values):
    """"In a shared sandbox a joined shell's exit code, signal, terminal and job control are as faithful as in an own
    one": what test_faithful.py and test_jobcontrol.py say of those."""
    run_test(test, values, request)


@pytest.mark.parametrize("joined", ["framed"], indirect=True)
@pytest.mark.parametrize("test, values", OVER_SSH, ids=name_of)
def test_faithful_joined_over_ssh(joined, request, test, values):
    """Likewise through sshd: what test_ssh.py says of those."""
    run_test(test, values, request)


def test_terminal_of_a_joined_login(sshd, lifetime, terminal, alice):
    """tty(1), SSH_TTY, what mesg(1) does, and stty: each login has its own terminal by a name that is right inside."""
    lifetime("user")
    names = []
    one, two = terminal(alice), terminal(alice)
    for t in (one, two):
        t.ready()
        t.sendline('echo at-$(tty)-$SSH_TTY-$(ps -o tty= -p $$)')
        t.expect(r"at-(/dev/login\d+)-(\S+)-(\S+)\r\n")
        assert t.match[2] == t.match[1], t.match
        names.append(t.match[1])
        t.sendline(
            "chmod g+w $(tty); stat -c %a-%U $(tty); chmod g-w $(tty); stat -c %a $(tty); stty size;"
            ' test -w /dev/tty && echo wr""itable'
        )
        t.expect_exact(f"620-{alice.name}\r\n")
        t.expect_exact("600\r\n")
        t.expect_exact("24 80\r\nwritable\r\n")
    assert names[0] != names[1]
    one.sendline(f"echo from-one > {names[1]}")
    two.expect_exact("from-one")
    two.sendline("exit 3")
    assert two.finish() == 3
    # sshd has the terminal open for a moment longer than the client is there.
    wait_until(lambda: len(children(sshd.process.pid)) == 1, "the end of its connection")
    again = terminal(alice)
    again.ready()
    again.await_output("tty", f"{names[1]}\r\n")
    # It has the number of the one that is gone.
    again.await_output("stty -F $(tty) size", "24 80\r\n")


def test_places_of_terminals_that_are_held(form, lifetime, terminal, alice):
    """Where users may make user namespaces they get at the lock: later logins come in, without a name for the terminal."""
    lifetime("user", rest="[security] nested_userns=yes")
    with form.hold(alice) as held:
        held.tell("unshare -r flock /dev/.login sleep 1000 &")
        wait_until(lambda: held.ask("pgrep -x sleep").rc == 0, "flock")
        # By the same way, or it is another sandbox.
        command = "echo at-$(tty)-; pkill -x sleep"
        t = terminal(alice, command) if isinstance(form, Framed) else Terminal(alice, [LOGIN_SHELL, "-c", command])
        t.expect(r"at-([^$\r\n]+)-\r\n")
        assert not t.match[1].startswith("/dev/login"), t.match
        t.close()


def test_lost_connection_of_a_joined_login(sshd, lifetime, terminal, alice, scratch):
    """A connection that is lost is a SIGHUP for its shell, and for nobody else."""
    lifetime("user")
    with over_ssh(sshd, alice) as held:
        left = held.ask(LEAVE["nohup"]).out
        wait_until(lambda: runs(held, left), "sleep")
        t = terminal(alice)
        t.ready()
        t.sendline(f"trap 'echo hup >> {scratch}/log; exit' HUP; echo $(id -un)-ready; sleep 1000 & wait")
        t.expect_exact("nshalice-ready")
        os.kill(t.pid, signal.SIGKILL)
        log = scratch / "log"
        wait_until(lambda: log.exists() and log.read_text() == "hup\n", "the shell got SIGHUP")
        assert runs(held, left)


# Who has no nsshell


def test_frame_of_a_joined_sandbox(sshd, place, lifetime, alice):
    """su -s and sudo start no login shell: they stand in the frame of the sandbox, with its /tmp and host name."""
    lifetime("user")
    with over_ssh(sshd, alice) as one:
        one.ask("echo text > /tmp/shared")
        show = f"cat /tmp/shared {FRAME}/id; echo; hostname"
        result = place.run("su", alice.name, "-s", "/bin/sh", "-c", show)
        assert result.out.split() == ["text", id_of(one), one.ask("hostname").out], result


def test_account_without_a_shell(make_sshd, lifetime, alice):
    """An account whose login shell is not nsshell (confine = yes, sftp only): its logins share a frame, which lasts as
    long as they do."""
    lifetime("user", "confine=yes")
    server = make_sshd(config="ForceCommand internal-sftp\n")
    assert as_root("usermod", "-s", "/usr/sbin/nologin", alice.name).rc == 0
    try:
        with sftp(server, alice) as two:
            with sftp(server, alice) as one:
                with one.open("/tmp/shared", "w") as file:
                    file.write("text")
                assert two.listdir("/tmp") == ["shared"]
            assert two.listdir("/tmp") == ["shared"]
            with sftp(server, alice) as three:
                assert three.listdir("/tmp") == ["shared"]
        await_none_staying()
        with sftp(server, alice) as later:
            assert later.listdir("/tmp") == []
    finally:
        as_root("usermod", "-s", LOGIN_SHELL, alice.name)


# What a joined shell can do to those around it

POWERS = ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd")


def powers(pid):
    shown = status(pid)
    return {name: shown[name] for name in (*POWERS, "NoNewPrivs", "Seccomp", "Seccomp_filters")}


def test_powers_with_subids(pam, lifetime, alice):
    """The two capabilities that such a shell may have are not PID 1's (promise 5)."""
    lifetime("user", rest="[security] nested_userns=yes\n[identity] subids=yes")
    with Framed(pam).hold(alice):
        shown = status(first_process())
        assert {shown[name] for name in SETS} == {NONE}, shown


@pytest.mark.parametrize("mode, filters", [("default", "1"), ("strict", "2")])
def test_powers(form, lifetime, alice, mode, filters):
    """PID 1, the shell's parent and the shell have no capability, and are under the same filter (promise 5)."""
    lifetime("user", rest=f"[security] seccomp={mode}")
    with form.hold(alice) as one, form.hold(alice) as two:
        wanted = {**dict.fromkeys(POWERS, "0" * 16), "NoNewPrivs": "1", "Seccomp": "2", "Seccomp_filters": filters}
        for pid in (first_process(), one.init, one.shell, two.init, two.shell):
            assert powers(pid) == wanted, status(pid)["Name"]
        await_outer(two.outer)
        outer = powers(two.outer)
        assert {**outer, "CapBnd": wanted["CapBnd"]} == wanted


SETS = ("CapEff", "CapPrm", "CapInh", "CapAmb")
NONE, KILL_ALONE = "0" * 16, f"{1 << 5:016x}"


@pytest.mark.parametrize("value", ["user", "linger"])
def test_powers_of_who_stays(form, lifetime, alice, value):
    """Root's hub can end what is the user's and nothing else, the user's own hub and the sandbox's process outside can do
    nothing, and none of them gains anything by what it executes (promise 5)."""
    lifetime(value)
    with form.hold(alice):
        framed = isinstance(form, Framed)
        await_outer(outer_process())
        its_hub, outside = status(hub()), status(outer_process())
        own = KILL_ALONE if framed else NONE
        assert [its_hub[name] for name in SETS] == [own, own, NONE, NONE], its_hub
        assert its_hub["Uid"].split() == (["0"] if framed else [str(alice.uid)]) * 4
        assert its_hub["NoNewPrivs"] == "1" and (framed or its_hub["Seccomp"] == "2"), its_hub
        assert [outside[name] for name in SETS] == [NONE] * 4, outside
        # Standalone it has never been in the session's user namespace, where an exec could give it something.
        assert not framed or outside["CapBnd"] == NONE, outside
        assert outside["Uid"].split() == [str(alice.uid)] * 4
        assert (outside["NoNewPrivs"], outside["Seccomp"]) == ("1", "2"), outside


@pytest.mark.parametrize("value", ["session", "user", "linger"])
def test_who_waits_does_nothing_else(form, lifetime, alice, value):
    """Of a session in which nobody does anything the processes of nsshell's sleep: no clock wakes them (promise 8)."""
    lifetime(value)
    with form.hold(alice) as held:
        shared = [hub(), first_process(), outer_process()] if value != "session" else []
        assert_idle([*shared, held.outer, held.init])


ATTACH = """python3 -c '
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
for pid in map(int, sys.argv[1:]):
    print(libc.ptrace(16, pid, None, None), ctypes.get_errno())
    for name in ("mem", "fd", "ns/mnt", "root", "environ"):
        try:
            path = f"/proc/{pid}/{name}"
            os.listdir(path) if name in ("fd", "root") else os.open(path, os.O_RDONLY)
            print("opened", path)
        except OSError:
            pass
' """


@pytest.mark.parametrize("seccomp", ["default", "off"])
def test_no_way_into_the_others(form, lifetime, alice, seccomp):
    """PID 1 and the parents of shells cannot be traced or looked into from inside (promise 5)."""
    lifetime("user", rest=f"[security] seccomp={seccomp}")
    with form.hold(alice) as one, form.hold(alice) as two:
        parents = [held.ask("echo $PPID").out for held in (one, two)]
        assert "0" not in parents and "1" not in parents and parents[0] != parents[1]
        result = two.ask(ATTACH + " ".join(["1", *parents]))
        assert (result.rc, result.out) == (0, "\n".join(["-1 1"] * 3)), result
        # It can be killed, like any process of the user's; that is the end of its login alone.
        two.ask("kill -KILL 1")
        one.tell("kill -KILL $PPID")
        assert one.process.wait(timeout=30) != 0
        assert two.ask("echo here").out == "here"


SETNS = """python3 -c '
import ctypes, os, glob
libc = ctypes.CDLL(None, use_errno=True)
paths = sorted(glob.glob("{folder}/door-*") + ["{folder}/user"]) + glob.glob("/proc/self/ns/*")
assert len(paths) > 8
for path in paths:
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        continue
    if libc.setns(fd, 0) == 0:
        print("joined", path)
'"""


@pytest.mark.parametrize("seccomp", ["default", "off"])
def test_doors_lead_nowhere(form, lifetime, alice, seccomp):
    """What a sandbox is joined by is of no use inside; the places of terminals cannot be locked (where users make no user
    namespaces), made or taken away."""
    lifetime("user", rest=f"[security] seccomp={seccomp}")
    with form.hold(alice), form.hold(alice) as two:
        folder = FRAME if isinstance(form, Framed) else "/nonexistent"
        result = two.ask(SETNS.format(folder=folder).replace("assert len(paths) > 8", ""))
        assert (result.rc, result.out) == (0, ""), result
        if folder == FRAME:
            assert two.ask(f"ls {FRAME} | grep -c door-").out == "5"
            assert two.ask(f"rm -f {FRAME}/door-pid").rc != 0
        assert two.ask("ls /dev/.login /dev/login0").rc == 0
        for command in ("cat /dev/.login", "echo x > /dev/.login", "flock -n /dev/.login true", "rm -f /dev/.login",
                        "rm -f /dev/login0", "chmod 777 /dev/.login", "ln -s /dev/null /dev/login999"):
            assert two.ask(command).rc != 0, command


def kinds_of_files(pid):
    return sorted(re.sub(r":\[\d+\]$", "", link) for link in open_files(pid).values())


def test_no_file_is_left_open(form, lifetime, alice):
    """A joined shell has its standard streams and nothing else; its parent and PID 1 have a socket and a signalfd."""
    lifetime("user")
    with form.hold(alice):
        result = form.run(alice, "for n in /proc/$$/fd/*; do test -e $n && echo ${n##*/}; done")[1]
        assert result.out.split() == ["0", "1", "2"], result
        with form.hold(alice) as two:
            for pid in (two.init, first_process()):
                # They let go of the streams when the shell has begun, and the sandbox is ready.
                wait_until(
                    lambda pid=pid: kinds_of_files(pid) == ["anon_inode:[signalfd]", "socket"], "nothing else to be open"
                )


def test_no_file_is_left_open_in_a_session_of_its_own(form, lifetime, alice):
    """Likewise; and the outer process has that by which it is counted."""
    lifetime("session", "max_sessions=9")
    with form.hold(alice) as one:
        counted = [f"{FRAME}/presence"] if isinstance(form, Framed) else []
        for pid, more in ((one.outer, counted), (one.init, [])):
            wait_until(
                lambda pid=pid, more=more: kinds_of_files(pid) == [*more, "anon_inode:[signalfd]", "socket"],
                "nothing else to be open",
            )


@pytest.mark.parametrize("nested", ["no", "yes"])
def test_nested_user_namespaces(form, lifetime, alice, nested):
    """[security] nested_userns holds for joined shells."""
    lifetime("user", rest=f"[security] nested_userns={nested}")
    with form.hold(alice) as one, form.hold(alice) as two:
        for held in (one, two):
            assert (held.ask("unshare -Urm true").rc == 0) == (nested == "yes")
            assert (held.ask("cat /proc/sys/user/max_user_namespaces").out == "0") == (nested == "no")
