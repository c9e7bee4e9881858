# SPDX-License-Identifier: MIT
"""Real clients through a real sshd, and the other programs that make logins.

issue 2, "Real clients"; design.md, promise 6.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import threading
from itertools import takewhile
from pathlib import Path

import paramiko
import pytest

from lib_forward import Transport
from lib_process import (
    SHOW_NAMESPACES, Held, HeldProgram, alive_pids_of, as_root, assert_confined, environment, namespaces,
    output_of, sh, start, wait_until,
)
from lib_settings import IS_NSSHELL, NSSHELL, PATIENCE
from lib_terminal import Terminal

DATA = os.urandom(300_000)


@pytest.fixture
def terminal(sshd):
    """terminal(account, command...): ssh -tt at a prompt of its own."""
    opened = []

    def connect(account, *words, options=()):
        argv = sshd.command(account, *words, options=("-tt", *options))
        opened.append(Terminal(None, argv, env={**os.environ, "TERM": "xterm"}))
        return opened[-1]

    yield connect
    for one in opened:
        one.close(force=True)


# ssh itself


@pytest.mark.faithful
def test_interactive(terminal, alice):
    """Interactive login with a terminal: a login shell with that terminal, and its exit code."""
    t = terminal(alice)
    t.ready()
    t.sendline("shopt -q login_shell && echo log\"\"in; pwd; stty size; echo $SSH_TTY")
    t.expect_exact("login\r\n/home/nshalice\r\n24 80\r\n/dev/pts/")
    t.sendline("exit 5")
    assert t.finish() == 5


def test_interactive_is_confined(terminal, alice):
    """Interactive login: in a session of its own."""
    t = terminal(alice)
    t.ready()
    t.sendline(f"{SHOW_NAMESPACES} > ~/namespaces; cat /proc/1/comm; ps -o ppid= -p $$; exit")
    t.expect_exact("nsshell\r\n")
    t.finish()
    path = alice.path("namespaces")
    assert_confined(path.read_text())
    path.unlink()


@pytest.mark.faithful
def test_command(sshd, alice):
    """ssh host 'a && b'."""
    result = sshd.ssh(alice, "echo one && echo two >&2 && cat", stdin="three\n")
    assert (result.rc, result.out, result.err) == (0, "one\nthree\n", "two\n")


def test_command_is_confined(sshd, alice):
    """A command without a terminal is in a session too."""
    assert_confined(sshd.ssh(alice, SHOW_NAMESPACES).out)


@pytest.mark.faithful
def test_exit_codes(sshd, alice):
    """Exit codes through ssh, on one connection."""
    codes = [0, 1, 2, 7, 100, 124, 125, 126, 127, 128, 130, 137, 254, 255]
    with sshd.shared_connection(alice) as options:
        seen = [sshd.ssh(alice, f"exit {code}", options=options).rc for code in codes]
        assert sshd.ssh(alice, "no-such-program", options=options).rc == 127
        assert sshd.ssh(alice, "/etc/passwd", options=options).rc == 126
    assert seen == codes


def test_sessions_of_one_connection(sshd, alice):
    """Multiplexing: each of several sessions is confined, and each is one of its own. The first is there until the
    second has told its namespaces: the kernel uses their numbers again."""
    with sshd.shared_connection(alice) as options:
        held = subprocess.Popen(
            sshd.command(alice, f"{SHOW_NAMESPACES}; echo .; cat", options=options),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        first = "".join(takewhile(lambda line: line != ".\n", held.stdout))
        second = sshd.ssh(alice, SHOW_NAMESPACES, options=options).out
        held.communicate()
    for lines in (first, second):
        assert_confined(lines)
    assert first != second


@pytest.mark.faithful
def test_exit_signal(sshd, alice):
    """A shell killed by a signal is reported as killed by that signal: sshd sends exit-signal."""
    result = sshd.ssh(alice, "kill -TERM $$", options=("-v",))
    assert result.rc == 255 and "rtype exit-signal" in result.err
    result = sshd.ssh(alice, "exit 255", options=("-v",))
    assert result.rc == 255 and "rtype exit-signal" not in result.err


@pytest.mark.faithful
def test_binary_clean(sshd, alice):
    """stdin and stdout binary clean through ssh, and the end of input is seen."""
    done = subprocess.run(
        sshd.command(alice, "cat; echo end >&2"), input=DATA, capture_output=True, check=False,
        timeout=30 * PATIENCE,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, DATA, b"end\n")


@pytest.mark.faithful
def test_terminal_for_a_command(terminal, alice):
    """ssh -t host command: with a terminal, its keys and its size."""
    t = terminal(alice, "stty size; read -r x; echo got $x; exec cat")
    t.expect_exact("24 80")
    t.sendline("line")
    t.expect_exact("got line")
    t.sendline("typed")
    t.expect("typed\r\n.*typed\r\n")
    t.send("\x03")
    assert t.finish() in (255, 130)


@pytest.mark.faithful
def test_window_resize(terminal, alice):
    """Window resize through ssh."""
    t = terminal(alice)
    t.ready()
    t.sendline("trap 'echo changed-$((1 + 1))' WINCH")
    t.ready()
    t.setwinsize(33, 111)
    # When the signal comes just before the shell reads, it is seen with the next key.
    t.await_output("", "changed-2")
    t.sendline("stty size")
    t.expect_exact("33 111")


@pytest.mark.faithful
@pytest.mark.parametrize("end", ["client", "server"])
def test_lost_connection(terminal, alice, scratch, end):
    """SIGHUP on a lost connection ends the session."""
    log = scratch / "log"
    t = terminal(alice)
    t.ready()
    t.sendline(f"trap 'echo hup >> {log}; exit' HUP; echo $(id -un)-ready; sleep 1000 & wait")
    t.expect_exact("nshalice-ready")
    if end == "client":
        os.kill(t.pid, signal.SIGKILL)
    else:
        os.kill(server_process_of(alice), signal.SIGKILL)
    wait_until(lambda: log.exists() and "hup" in log.read_text(), "the shell got SIGHUP", 30)
    if IS_NSSHELL:
        wait_until(lambda: not alive_pids_of(alice), "nothing is left of the session", 30)


def server_process_of(account):
    """sshd's process that serves the connection as the user."""
    for pid in alive_pids_of(account):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if re.match(rf"\S*sshd\S*: {account.name}", Path(f"/proc/{pid}/cmdline").read_text()):
                return pid
    raise AssertionError("no process of sshd for this user")


# Copying


@pytest.fixture
def local(tmp_path):
    """A folder on the client's side with a tree of files."""
    tree = tmp_path / "tree"
    (tree / "folder").mkdir(parents=True)
    (tree / "binary").write_bytes(DATA)
    (tree / "folder/with a space").write_text("text\n")
    (tree / "binary").chmod(0o640)
    return tmp_path


def same_tree(one, two):
    names = sorted(path.relative_to(one) for path in one.rglob("*"))
    assert names == sorted(path.relative_to(two) for path in two.rglob("*"))
    for name in names:
        if (one / name).is_file():
            assert (one / name).read_bytes() == (two / name).read_bytes(), name
    return True


@pytest.mark.faithful
@pytest.mark.parametrize("mode", [[], ["-O"]])
def test_scp(sshd, alice, scratch, local, mode):
    """scp in both modes, both ways."""
    up = as_root(
        *sshd.client("scp", *mode, "-rpq"), str(local / "tree"), sshd.remote(alice, "scratch/")
    )
    assert (up.rc, up.err) == (0, "")
    assert same_tree(local / "tree", scratch / "tree")
    assert (scratch / "tree/binary").stat().st_uid == alice.uid
    assert (scratch / "tree/binary").stat().st_mode & 0o777 == 0o640
    down = as_root(
        *sshd.client("scp", *mode, "-rpq"), sshd.remote(alice, "scratch/tree"), str(local / "back")
    )
    assert (down.rc, down.err) == (0, "")
    assert same_tree(local / "tree", local / "back")


@pytest.mark.parametrize("mode", [[], ["-O"]])
def test_scp_is_confined(sshd, alice, bob, local, mode):
    """scp runs in a session: another's home, readable for all, cannot be fetched, nor /tmp."""
    outside = Path("/tmp/nsh-outside")
    outside.write_text("outside\n")
    try:
        for path in (f"{bob.home}/secret", str(outside)):
            result = as_root(
                *sshd.client("scp", *mode, "-q"), sshd.remote(alice, path), str(local / "got")
            )
            assert result.rc == 1 and not (local / "got").exists()
    finally:
        outside.unlink()


def sftp(sshd, account, *commands):
    batch = "\n".join(commands) + "\n"
    return as_root(*sshd.client("sftp", "-q", "-b", "-"), sshd.remote(account), stdin=batch)


@pytest.mark.faithful
def test_sftp(sshd, alice, scratch, local):
    """sftp with the external server."""
    result = sftp(
        sshd, alice, "cd scratch", f"lcd {local}", "put -r tree", "mkdir new",
        "rename tree/binary new/binary", "get new/binary back", "ls new",
    )
    assert result.rc == 0, result
    assert (scratch / "new/binary").read_bytes() == DATA == (local / "back").read_bytes()


def test_sftp_is_confined(sshd, alice):
    """sftp sees the session's view."""
    result = sftp(sshd, alice, "ls -1 /home", "ls -1a /tmp")
    assert result.rc == 0
    listed = [line for line in result.out.splitlines() if not line.startswith("sftp>")]
    assert [os.path.basename(line) for line in listed] == [alice.name, ".", ".."], result


@pytest.mark.faithful
def test_rsync(sshd, alice, scratch, local):
    """rsync both ways, and the second time nothing is to be done."""
    remote_shell = " ".join(sshd.client("ssh"))
    remote = sshd.remote(alice, "scratch/tree/")
    tree = f"{local}/tree/"
    assert as_root("rsync", "-a", "-e", remote_shell, tree, remote).rc == 0
    assert same_tree(local / "tree", scratch / "tree")
    again = as_root("rsync", "-rlt", "-i", "-e", remote_shell, tree, remote)
    assert (again.rc, again.out) == (0, "")
    assert as_root("rsync", "-a", "-e", remote_shell, remote, f"{local}/back/").rc == 0
    assert same_tree(local / "tree", local / "back")


@pytest.mark.faithful
@pytest.mark.usefixtures("scratch")
def test_git(sshd, alice, local):
    """git clone and push over ssh."""
    assert sshd.ssh(alice, "git init -q --bare scratch/repo.git").rc == 0
    env = {**os.environ, "GIT_SSH_COMMAND": " ".join(sshd.client("ssh")), "HOME": str(local),
           "GIT_CONFIG_NOSYSTEM": "1"}
    clone = local / "clone"

    def git(*words, folder=clone):
        result = as_root("git", "-C", str(folder), *words, env=env)
        assert result.rc == 0, result
        return result.out

    url = sshd.remote(alice, "scratch/repo.git")
    git("clone", "-q", url, str(clone), folder=local)
    (clone / "file").write_bytes(DATA)
    git("add", "file")
    git("-c", "user.name=n", "-c", "user.email=n@localhost", "commit", "-q", "-m", "first")
    git("push", "-q", "origin", "HEAD:refs/heads/main")
    git("clone", "-q", "-b", "main", url, str(local / "second"), folder=local)
    assert (local / "second/file").read_bytes() == DATA


# Programs with a terminal


@pytest.mark.faithful
def test_vim(terminal, alice, scratch):
    """vim on a terminal through ssh."""
    t = terminal(alice, "vim scratch/file")
    t.expect_exact("scratch/file")
    t.send("iwritten through ssh\x1b:wq\r")
    assert t.finish() == 0
    assert (scratch / "file").read_text() == "written through ssh\n"


@pytest.mark.faithful
def test_less(terminal, alice):
    """less on a terminal through ssh."""
    t = terminal(alice, "seq 1 5000 | less")
    t.expect(r"\b23\r\n")
    t.send("G")
    t.expect_exact("5000")
    t.send("q")
    assert t.finish() == 0


@pytest.mark.faithful
def test_tmux(terminal, alice):
    """tmux through ssh: attach, a second window, its size, detach."""
    t = terminal(alice)
    t.ready()
    t.sendline("tmux new-session -s one")
    t.expect_exact("[one]")
    t.sendline("printf 'first-%d\\n' 1")
    t.expect_exact("first-1")
    t.send("\x02c")
    t.expect_exact("1:")
    t.sendline("printf 'second-%d\\n' 2; tmux list-windows -F '#{window_index}-#{window_width}'")
    t.expect_exact("second-2")
    t.expect_exact("1-80")
    t.send("\x02d")
    t.expect_exact("detached")
    t.ready()
    t.sendline("tmux kill-server; exit 6")
    assert t.finish() == 6


def test_tmux_windows_are_in_the_session(terminal, alice, scratch):
    """A new window's shell is in the session, and is not one more nsshell."""
    t = terminal(alice)
    t.ready()
    t.sendline(f"export SHELL={NSSHELL}; {SHOW_NAMESPACES} > {scratch}/here")
    t.sendline("tmux new-session -s one")
    t.expect_exact("[one]")
    t.sendline(f"cd {scratch}; {SHOW_NAMESPACES} > there; ps -e -o comm= > all; tmux kill-server")
    t.expect_exact("[server exited]")
    t.ready()
    assert (scratch / "there").read_text() == (scratch / "here").read_text()
    assert (scratch / "all").read_text().split().count("nsshell") == 1


# The agent


@pytest.fixture
def agent(sshd):
    with sshd.agent() as env:
        yield env


@pytest.mark.faithful
def test_agent_forwarding(sshd, alice, agent):
    """Agent forwarding: ssh-add -l inside lists the key, and it can be used for another login."""
    result = sshd.ssh(alice, "ssh-add -l", options=("-A",), env=agent)
    assert result.rc == 0 and "client_key" in result.out, result
    onward = (f"ssh -F /dev/null -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"
              f" -o LogLevel=ERROR -p {sshd.port} nshbob@127.0.0.1 id -un")
    result = sshd.ssh(alice, onward, options=("-A",), env=agent)
    assert (result.rc, result.out) == (0, "nshbob\n"), result


def test_agent_is_the_only_thing_in_tmp(sshd, alice, agent):
    """Private /tmp, in which the forwarded agent's socket still works and nothing else is."""
    command = "echo $SSH_AUTH_SOCK; find /tmp -mindepth 1"
    result = sshd.ssh(alice, command, options=("-A",), env=agent)
    path, *found = result.out.split()
    assert set(found) <= {path, os.path.dirname(path)}, result


def test_no_agent(sshd, alice):
    """Without forwarding there is no agent."""
    assert sshd.ssh(alice, "test -z \"$SSH_AUTH_SOCK\"; ssh-add -l").rc == 2


@contextlib.contextmanager
def listening(account, path):
    """A socket of that user's at that path, with an agent's name."""
    program = (
        "import socket, sys; s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); s.listen();"
        "print(flush=True)\nwhile True: s.accept()[0].sendall(b'answer')"
    )
    with start(account, "-c", program, str(path), program="/usr/bin/python3",
               stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


CONNECT = ("python3 -c 'import os, socket; s = socket.socket(socket.AF_UNIX);"
           "s.connect(os.environ[\"SSH_AUTH_SOCK\"]); print(s.recv(9).decode())'")


@pytest.fixture
def agent_folder(alice, bob):
    """make(owner): a folder in /tmp as sshd makes it for an agent."""
    made = []

    def make(owner, mode=0o700):
        folder = Path(f"/tmp/ssh-nsh{len(made):07d}")
        folder.mkdir()
        os.chown(folder, owner.uid, owner.gid)
        folder.chmod(mode)
        made.append(folder)
        return folder

    yield make
    for folder in made:
        as_root("rm", "-rf", str(folder))


def with_agent(account, path):
    return sh(account, f"{CONNECT}; exit 7", env=environment(account, SSH_AUTH_SOCK=str(path)))


def test_local_agent(alice, agent_folder):
    """The user's own agent socket is passed on without sshd as well."""
    path = agent_folder(alice) / "agent.1"
    with listening(alice, path):
        result = with_agent(alice, path)
    assert (result.rc, result.out) == (7, "answer\n"), result


def test_local_agent_of_a_later_login(plain_sshd, alice, policy, agent_folder):
    """In a shared sandbox, which has no /tmp of that login's, it has a name in /dev: a local one, and one of sshd's."""
    policy.user(alice.name, "[session] lifetime=user")
    path = agent_folder(alice) / "agent.1"
    with Held(alice) as first, listening(alice, path):
        env = environment(alice, SSH_AUTH_SOCK=str(path))
        result = sh(alice, f"echo $NSSHELL_SESSION $SSH_AUTH_SOCK; {CONNECT}; exit 7", env=env)
        session = first.ask("echo $NSSHELL_SESSION").out
        assert (result.rc, result.out) == (7, f"{session} /dev/agent0\nanswer\n"), result
        assert first.ask("echo $SSH_AUTH_SOCK").out == ""
        with plain_sshd.agent() as forwarded:
            command = "echo $NSSHELL_SESSION ${SSH_AUTH_SOCK%[0-9]}; ssh-add -l"
            result = plain_sshd.ssh(alice, command, options=("-A",), env=forwarded)
        where, listed = result.out.split("\n", 1)
        assert where == f"{session} /dev/agent" and "client_key" in listed, result


@pytest.fixture(params=["session", "user"])
def in_each_sandbox(request, alice, policy):
    """alice's logins have a sandbox of their own, or one that is there already."""
    policy.user(alice.name, f"[session] lifetime={request.param}")
    with Held(alice) if request.param == "user" else contextlib.nullcontext():
        yield


@pytest.mark.usefixtures("in_each_sandbox")
@pytest.mark.parametrize("case", ["another's", "link", "linked folder", "not a socket", "outside"])
def test_hostile_agent(alice, bob, agent_folder, case):
    """SSH_AUTH_SOCK decides nothing: only the user's own socket, without links, is shown."""
    real = agent_folder(bob, 0o777) / "agent.1"
    named = real
    with listening(bob, real):
        real.chmod(0o777)
        if case == "link":
            named = agent_folder(alice) / "agent.2"
            named.symlink_to(real)
        elif case == "linked folder":
            folder = Path("/tmp/ssh-nshlink")
            folder.symlink_to(real.parent)
            named = folder / "agent.1"
        elif case == "not a socket":
            named = agent_folder(alice) / "agent.3"
            named.write_text("text\n")
        elif case == "outside":
            named = Path("/tmp/nsh-socket")
            named.symlink_to(real)
        try:
            result = with_agent(alice, named)
        finally:
            for path in (Path("/tmp/ssh-nshlink"), Path("/tmp/nsh-socket")):
                path.unlink(missing_ok=True)
    assert result.rc in (7, 125) and "answer" not in result.out, result


# paramiko


@pytest.fixture
def client(sshd, alice):
    """A library's client instead of OpenSSH's."""
    with paramiko.SSHClient() as connection:
        connection.load_host_keys(str(sshd.folder / "known_hosts"))
        key = paramiko.Ed25519Key.from_private_key_file(str(sshd.folder / "client_key"))
        sock = socket.create_connection(("127.0.0.1", sshd.port))
        connection.connect(
            sshd.HOST, username=alice.name, pkey=key, sock=sock, allow_agent=False,
            look_for_keys=False, transport_factory=Transport,
        )
        yield connection


@pytest.mark.faithful
def test_paramiko_command(client):
    """exec: stdin, stdout, stderr, exit code, half-close."""
    stdin, stdout, stderr = client.exec_command("cat; echo error >&2; exit 42", timeout=60 * PATIENCE)
    stdin.write(DATA)
    stdin.channel.shutdown_write()
    assert stdout.read() == DATA
    assert stderr.read() == b"error\n"
    assert stdout.channel.recv_exit_status() == 42


@pytest.mark.faithful
def test_paramiko_terminal(client):
    """pty: a shell, and a resize."""
    channel = client.invoke_shell(term="dumb", width=90, height=30)
    channel.settimeout(30 * PATIENCE)
    channel.sendall(b"stty size; echo sta''rted\n")
    assert b"30 90" in read_channel(channel, b"started\r\n")
    channel.resize_pty(width=91, height=31)
    channel.sendall(b"until [ \"$(stty size)\" = '31 91' ]; do sleep 0.02; done\n")
    channel.sendall(b"echo resi''zed; exit 8\n")
    read_channel(channel, b"resized\r\n")
    assert channel.recv_exit_status() == 8


def read_channel(channel, end):
    seen = b""
    while end not in seen:
        data = channel.recv(4096)
        assert data, seen
        seen += data
    return seen


@pytest.mark.faithful
@pytest.mark.usefixtures("scratch")
def test_paramiko_sftp(client):
    """sftp from a library."""
    with client.open_sftp() as files:
        with files.open("scratch/file", "wb") as out:
            out.write(DATA)
        assert files.stat("scratch/file").st_size == len(DATA)
        with files.open("scratch/file", "rb") as back:
            assert back.read() == DATA


@pytest.mark.faithful
def test_paramiko_exit_signal(client, monkeypatch):
    """exit-signal names the signal."""
    names = []
    handlers = paramiko.Transport._channel_handler_table
    request = paramiko.common.MSG_CHANNEL_REQUEST
    handle = handlers[request]

    def remember(channel, message):
        if message.get_text() == "exit-signal":
            message.get_boolean()
            names.append(message.get_text())
        message.rewind()
        message.get_int()
        return handle(channel, message)

    monkeypatch.setitem(handlers, request, remember)
    _, stdout, _ = client.exec_command("kill -USR1 $$", timeout=60 * PATIENCE)
    stdout.read()
    wait_until(lambda: names, "exit-signal")
    assert names == ["USR1"]


@pytest.mark.faithful
def test_parallel_sessions_of_a_library(client):
    """Several channels of one connection at once."""
    channels = [client.exec_command(f"sleep 0.2; echo {n}; exit {n}", timeout=60 * PATIENCE) for n in range(8)]
    assert [out.read() for _, out, _ in channels] == [b"%d\n" % n for n in range(8)]
    assert [out.channel.recv_exit_status() for _, out, _ in channels] == list(range(8))


# ~/.ssh/rc


@pytest.mark.faithful
def test_ssh_rc(sshd, alice, scratch):
    """~/.ssh/rc: sshd calls the login shell once more; the session then starts as ever."""
    alice.write(".ssh/rc", f"{SHOW_NAMESPACES} > {scratch}/rc\n")
    try:
        result = sshd.ssh(alice, "echo command; exit 3")
    finally:
        alice.path(".ssh/rc").unlink()
    assert (result.rc, result.out) == (3, "command\n")
    lines = (scratch / "rc").read_text()
    if IS_NSSHELL:
        assert_confined(lines)


# su, sudo, login


@pytest.mark.faithful
@pytest.mark.parametrize(
    "argv, expected",
    [
        (["su", "nshalice", "-c", "echo $0 $#; exit 7"], "bash 0\n"),
        (["su", "nshalice", "-c", "echo $0 $1 $2; exit 7", "arg0", "arg1", "a b"],
         "arg0 arg1 a b\n"),
        (["su", "-", "nshalice", "-c", "pwd; shopt -q login_shell && echo login; exit 7"],
         "/home/nshalice\nlogin\n"),
        (["su", "-l", "nshalice", "-c", "echo $0; exit 7"], "-bash\n"),
        (["sudo", "-i", "-u", "nshalice", "sh", "-c", "pwd; echo 'a  b'; exit 7"],
         "/home/nshalice\na  b\n"),
        (["sudo", "-n", "-i", "-u", "nshalice", "exit", "7"], ""),
        (["runuser", "-l", "nshalice", "-c", "id -un; exit 7"], "nshalice\n"),
    ],
)
def test_commands_of_su_and_sudo(argv, expected):
    """su USER -c, with more arguments, su - USER -c, sudo -i -u USER CMD."""
    result = as_root(*argv, cwd="/")
    assert (result.rc, result.out) == (7, expected), result


@pytest.mark.parametrize(
    "argv", [["su", "nshalice", "-c"], ["su", "-", "nshalice", "-c"],
             ["sudo", "-i", "-u", "nshalice", "sh", "-c"]]
)
def test_su_and_sudo_are_confined(argv):
    """Each of them gets a session."""
    assert_confined(as_root(*argv, SHOW_NAMESPACES, cwd="/").out)


LOGINS = [["su", "-", "nshalice"], ["su", "nshalice"], ["sudo", "-i", "-u", "nshalice"],
          ["login", "-f", "nshalice"]]


@pytest.mark.faithful
@pytest.mark.parametrize("argv", LOGINS, ids=" ".join)
def test_interactive_su_sudo_login(argv):
    """su - USER, sudo -i -u USER and login at a terminal, with Ctrl-C, Ctrl-Z and an exit code."""
    with Terminal(None, argv, env={**os.environ, "TERM": "dumb"}) as t:
        t.ready()
        t.sendline("sh -c 'echo rea\"\"dy; exec cat'")
        t.expect_exact("ready\r\n")
        t.sendline("typed")
        t.expect_exact("typed\r\ntyped\r\n")
        t.send("\x1a")
        t.expect("Stopped")
        t.ready()
        t.sendline("fg")
        t.expect_exact("exec cat'\r\n")
        # The shell says so before it gives the terminal away: cat has it when it answers.
        t.sendline("again")
        t.expect(r"again\r\n(?:.*\r\n)?again\r\n")
        t.send("\x03")
        t.ready()
        t.sendline("echo me-$(id -un)-$(tty)")
        t.expect(r"me-nshalice-/dev/pts/\d+\r\n")
        t.sendline("exit 11")
        rc = t.finish()
    assert rc == (0 if argv[0] == "login" else 11)


@pytest.mark.parametrize("argv", LOGINS, ids=" ".join)
def test_interactive_su_sudo_login_are_confined(argv):
    """In a session, and a login shell where it was asked for one."""
    with Terminal(None, argv, env={**os.environ, "TERM": "dumb"}) as t:
        t.ready()
        t.sendline("echo init-$(cat /proc/1/comm)-$PPID; shopt -q login_shell; echo login-$?")
        t.expect_exact("init-nsshell-1\r\n")
        t.expect_exact("login-1" if argv[:2] == ["su", "nshalice"] else "login-0")
        t.sendline("exit")
        t.finish()


# Two users at once


@pytest.fixture
def two(sshd, alice, bob):
    """Both logged in through ssh at the same time, each with a shell that takes commands."""
    with remote_shell(sshd, alice) as one, remote_shell(sshd, bob) as other:
        yield one, other


def remote_shell(sshd, account):
    """A shell behind ssh that takes commands."""
    return HeldProgram(account, sshd.command(account, "exec bash"))


def test_two_users_processes(two):
    """Two users at once see neither each other's processes ..."""
    one, other = two
    one.ask("sleep 98765 & sleep 0")
    for side in two:
        assert set(side.ask("ps -e -o user=").out.split()) == {side.account.name}
    wait_until(lambda: "98765" in one.ask("ps -ef").out, "sleep")
    assert "98765" not in other.ask("ps -ef").out


def test_two_users_tmp_and_homes(two):
    """... nor /tmp, nor homes ..."""
    one, other = two
    one.ask("umask 0; echo text | tee /tmp/x /var/tmp/x /dev/shm/x > ~/nsh-shared")
    try:
        assert one.ask("cat /tmp/x").out == "text"
        assert other.ask("ls -A /tmp /var/tmp /dev/shm | grep -v :").out.split() == []
        assert other.ask("cat /home/nshalice/nsh-shared").rc == 1
        assert other.ask("ls -A /home").out == "nshbob"
    finally:
        Path(one.account.home, "nsh-shared").unlink()


def test_two_users_host_name(two):
    """... nor host name ..."""
    names = [side.ask("hostname").out for side in two]
    assert names[0].startswith("nshalice-") and names[1].startswith("nshbob-")


LISTEN = """
import os, socket
s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
a = socket.socket(socket.AF_UNIX); a.bind(b"\\0nsh-abstract-" + os.urandom(8)); a.listen()
print(s.getsockname()[1], flush=True)
import time; time.sleep(1000)
"""


def socket_owner(side, port):
    for line in side.ask("cat /proc/net/tcp").out.splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(f":{port:04X}") and fields[3] == "0A":
            return int(fields[7])
    raise AssertionError(f"port {port} is not listed")


def test_two_users_socket_owners(two):
    """... nor whom a socket belongs to: others' ids are the overflow id."""
    one, other = two
    out = one.ask(
        f"python3 -c '{LISTEN}' > /tmp/port & until [ -s /tmp/port ]; do sleep 0.02; done;"
        "cat /tmp/port"
    ).out
    port = int(out.splitlines()[-1])
    overflow = int(Path("/proc/sys/kernel/overflowuid").read_text())
    assert socket_owner(one, port) == one.account.uid
    assert socket_owner(other, port) == overflow
    listed = other.ask("grep nsh-abstract /proc/net/unix; ss -xlpe 2>/dev/null").out
    for line in listed.splitlines():
        assert "nshalice" not in line and f"uid:{one.account.uid}" not in line


def test_two_users_signals(two):
    """... and neither can send the other a signal."""
    one, other = two
    assert other.ask("kill -0 -1 2>&1; kill -9 -1; sleep 0") is not None
    assert one.ask("echo here").out == "here"


def test_user_outside_and_inside(sshd, alice):
    """The same user logged in from outside and inside is told apart."""
    with start(alice, "98764", program="/bin/sleep") as outside:
        with remote_shell(sshd, alice) as inside:
            assert "98764" not in inside.ask("ps -ef").out
            assert inside.ask(f"kill -0 {outside.pid}").rc == 1
            here = inside.ask(SHOW_NAMESPACES).out
            assert inside.ask(f"{NSSHELL} -c '{SHOW_NAMESPACES}'").out == here
            session = inside.ask("echo $NSSHELL_SESSION").out
        env = {"NSSHELL_SESSION": session, "container": "nsshell", "PATH": "/bin:/usr/bin"}
        assert_confined(output_of(alice, SHOW_NAMESPACES, env=env))
        assert namespaces(outside.pid) == namespaces()
        outside.kill()


def test_many_logins_at_once(sshd, alice, bob):
    """Logins at the same time do not disturb each other."""
    results = []

    def one(account):
        results.append((account.name, sshd.ssh(account, "id -un; hostname; ls /home; exit 9")))

    threads = [threading.Thread(target=one, args=(a,)) for a in (alice, bob) * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    for name, result in results:
        lines = result.out.split()
        assert result.rc == 9 and lines[0] == lines[2] == name, result
        assert re.match(f"{name}-", lines[1])
