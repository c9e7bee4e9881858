# SPDX-License-Identifier: MIT
"""Every way in that one ssh connection offers: each leads into the frame, and each works there.

issue 3, "Every way in"; design.md, "With PAM: the session frame", promises 1 and 2. That clients
get the right bytes and exit codes is in test_ssh.py; here is where they stand.
"""

import os
import re
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from lib_forward import (
    CONNECT, LISTEN, STANDS, THROUGH, X_CLIENT, Connection, Display, Target,
    all_processes, assert_framed_process, assert_stands, confinement, connected, fields, frame_of,
    holders, jump_config, mount_namespace, refusal, sftp, sshd_processes, through_local,
    through_local_path,
)
from lib_pam import DENIAL, assert_session
from lib_process import HeldProgram, as_root, assert_refused, children, status, wait_until
from lib_settings import FRAME, LOGIN_SHELL, NSSHELL, SRV
from lib_sshd import WITH_MODULE, Sshd, free_port
from lib_terminal import Terminal

DATA = os.urandom(100_000)
NOLOGIN = "/usr/sbin/nologin"

# sshd's exit status for a session without a PAM session.
NO_SESSION = 254

# An sshd that allows whatever one can.
OPEN = """\
ListenAddress ::1
X11Forwarding yes
PermitUserEnvironment yes
Subsystem internal internal-sftp
"""


@pytest.fixture(scope="module")
def server(accounts, installed_policy, syslog):
    """A framed sshd that allows everything."""
    started = Sshd(accounts, "-open", WITH_MODULE, OPEN)
    yield started
    started.close()


@pytest.fixture(autouse=True)
def no_traces():
    """What is meant for a frame's /tmp and was made on the machine all the same does not stay."""
    yield
    for folder in ("/tmp", "/dev/shm", "/home/nshbob"):
        for name in ("nsh-inside", "nsh-listens", "nsh-number", "nsh-rc", "nsh-shared", "listens"):
            Path(folder, name).unlink(missing_ok=True)


@pytest.fixture
def connect(server, alice):
    """connect(options...): a connection of alice's without a session."""
    opened = []

    def open_one(*options, account=alice, **how):
        opened.append(Connection(server, account, *options, **how))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.fixture
def login_shell():
    """login_shell(account, shell): changes it for the time of the test."""
    changed = []

    def change(account, shell):
        changed.append(account.name)
        assert as_root("usermod", "-s", shell, account.name).rc == 0

    yield change
    for name in changed:
        assert as_root("usermod", "-s", LOGIN_SHELL, name).rc == 0


@pytest.fixture
def ssh_file(alice):
    """ssh_file(name, text): a file in alice's ~/.ssh."""
    written = []

    def write(name, text):
        written.append(alice.write(f".ssh/{name}", text))

    yield write
    for path in written:
        path.unlink()


@pytest.fixture
def team_file():
    """A file that the members of nshteam can read, and nobody else but root."""
    path = SRV / "for-team"
    path.write_text("for the team\n")
    as_root("chgrp", "nshteam", str(path))
    path.chmod(0o640)
    yield path
    path.unlink()


def assert_in_log(syslog, frame, confined_by="frame,nsshell"):
    """The session's one line. Returns its fields."""
    line = confinement(syslog, frame)
    assert (line["verdict"], line["confined_by"]) == ("confine", confined_by)
    return line


# Sessions


@pytest.mark.usefixtures("outside")
def test_shell_on_a_terminal(server, alice, scratch, syslog):
    """Shell: a login shell on a terminal stands in the frame."""
    alice.write("scratch/stands", STANDS)
    argv = server.command(alice, options=("-tt",))
    with Terminal(None, argv, env={**os.environ, "TERM": "dumb"}) as t:
        t.ready()
        t.sendline(f"sh {scratch}/stands > {scratch}/seen; tty; exit 3")
        t.expect("/dev/pts/[0-9]+\r\n")
        assert t.finish() == 3
    frame = assert_stands((scratch / "seen").read_text())
    assert assert_in_log(syslog, frame)["hostname"].startswith("nshalice-")


@pytest.mark.usefixtures("outside")
def test_command(server, connect, alice, syslog):
    """-c stands in the frame. The log's line tells which, for whom, from where and to where."""
    connection = connect()
    result = connection.ssh(f"{STANDS}exit 7")
    assert result.rc == 7
    frame = assert_stands(result.out)
    line = assert_in_log(syslog, frame)
    assert line["namespaces"].startswith(f"mnt:{mount_namespace(connection.sshd)},uts:")
    assert (line["user"], line["uid"], line["service"], line["rhost"], line["shell"]) == (
        alice.name, str(alice.uid), server.service, "127.0.0.1", LOGIN_SHELL,
    )


def hidden_files(server, bob):
    """Of the machine's /tmp, of another's home, of another's process: all can be read outside."""
    paths = ["/tmp/nsh-outside", f"{bob.home}/secret", f"/proc/{server.process.pid}/comm"]
    assert all(Path(path).stat().st_mode & 0o004 for path in paths)
    return paths


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("mode", [[], ["-O"]], ids=["sftp", "scp"])
def test_scp(server, alice, bob, scratch, tmp_path, syslog, mode):
    """scp, in both its protocols, stands in the frame."""

    def copy(source, destination):
        return as_root(*server.client("scp", *mode, "-q"), str(source), str(destination)).rc

    for path in hidden_files(server, bob):
        assert copy(server.remote(alice, path), tmp_path / "hidden") == 1
    assert not (tmp_path / "hidden").exists()
    assert copy(server.remote(alice, f"{FRAME}/id"), tmp_path / "id") == 0
    assert_in_log(syslog, (tmp_path / "id").read_text())
    (tmp_path / "data").write_bytes(DATA)
    assert copy(tmp_path / "data", server.remote(alice, "scratch/")) == 0
    assert (scratch / "data").read_bytes() == DATA


def assert_sees_the_frame(files, server, account, other):
    """files: an sftp client. Returns the frame's id."""
    assert files.listdir("/tmp") == files.listdir("/var/tmp") == files.listdir("/dev/shm") == []
    assert files.listdir("/home") == [account.name]
    owners = {entry.st_uid for entry in files.listdir_attr("/proc") if entry.filename.isdigit()}
    assert owners == {account.uid}
    for path in hidden_files(server, other):
        with pytest.raises(OSError):
            files.stat(path)
    return read(files, f"{FRAME}/id").decode()


def read(files, path):
    with files.open(path, "rb") as file:
        return file.read()


def assert_copies(files, account):
    """Up and down again, as that user."""
    with files.open("nsh-copied", "wb") as file:
        file.write(DATA)
    path = account.path("nsh-copied")
    try:
        assert path.read_bytes() == DATA == read(files, "nsh-copied")
        assert path.stat().st_uid == account.uid
    finally:
        path.unlink()


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("subsystem", ["sftp", "internal"])
def test_sftp(server, alice, bob, syslog, subsystem):
    """External sftp-server, and internal-sftp, which no login shell ever sees."""
    with sftp(server, alice, subsystem) as files:
        frame = assert_sees_the_frame(files, server, alice, bob)
        assert_copies(files, alice)
        assert {frame_of(pid) for pid in all_processes(server, alice)} == {frame}
    assert_in_log(syslog, frame)


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize(
    "shell, confine, confined_by",
    [(LOGIN_SHELL, "auto", "frame,nsshell"), (NOLOGIN, "yes", "frame")],
    ids=["nsshell", "nologin"],
)
def test_sftp_only_account(
    make_sshd, alice, bob, policy, login_shell, syslog, shell, confine, confined_by
):
    """sftp-only accounts (ForceCommand internal-sftp) are confined by the frame alone and say so in
    the log, whatever is asked for."""
    server = make_sshd(config="ForceCommand internal-sftp\n")
    policy.conf(f"[session] confine={confine}")
    login_shell(alice, shell)
    with sftp(server, alice) as files:
        frame = assert_sees_the_frame(files, server, alice, bob)
        assert_copies(files, alice)
        line = assert_in_log(syslog, frame, confined_by)
        for pid in all_processes(server, alice):
            assert line["namespaces"].startswith(f"mnt:{mount_namespace(pid)},")
    assert "ran" not in server.ssh(alice, "echo ran").out


@pytest.mark.usefixtures("outside")
def test_forwarding_only_account(server, alice, policy, login_shell, syslog):
    """An account without a shell can still forward, and does it from the frame."""
    policy.conf("[session] confine=yes")
    login_shell(alice, NOLOGIN)
    assert "ran" not in server.ssh(alice, "echo ran").out
    with Target() as target, through_local(server, alice, target) as client:
        frame = assert_framed_process(alice, target.exchange(client, alice))
    assert_in_log(syslog, frame, "frame")


@pytest.mark.usefixtures("outside")
def test_rc_file(server, alice, scratch, ssh_file):
    """~/.ssh/rc runs in the frame of the session that comes after it."""
    ssh_file("rc", f"{{ {STANDS} }} > {scratch}/seen; echo from rc > /tmp/nsh-rc\n")
    result = server.ssh(alice, f"{STANDS}cat /tmp/nsh-rc; exit 3")
    assert result.rc == 3
    *stands, shared = result.out.splitlines()
    assert shared == "from rc" and not os.path.exists("/tmp/nsh-rc")
    assert assert_stands("\n".join(stands)) == assert_stands((scratch / "seen").read_text())


HOSTILE_ENVIRONMENT = """\
NSH_FROM_FILE=arrived
NSSHELL_SESSION=0123456789abcdef
container=none
SHELL=/bin/false
HOME=/home/nshbob
USER=nshbob
LOGNAME=nshbob
PATH=/home/nshalice/bin:/usr/bin:/bin
LD_LIBRARY_PATH=/home/nshalice
GLIBC_TUNABLES=glibc.malloc.check=3
LOCPATH=/home/nshalice
TMPDIR=/home/nshalice
SSH_AUTH_SOCK=/tmp/ssh-nshevil/agent.1
"""


@pytest.mark.usefixtures("outside")
def test_environment_file(server, alice, bob, syslog, ssh_file):
    """~/.ssh/environment: its variables arrive, and nothing in nsshell goes by them (promise 2)."""
    ask = f"cd; pwd; hostname; cat {FRAME}/policy; ls /home; ls /home/*/secret"
    before = server.ssh(alice, ask)
    ssh_file("environment", HOSTILE_ENVIRONMENT)
    show = "echo $NSH_FROM_FILE $SHELL $container $USER $TMPDIR $HOME"
    result = server.ssh(alice, f"{STANDS}{show}; HOME={alice.home}; {ask}; exit 3")
    assert result.rc == 3, result
    *stands, shown = result.out.splitlines()[:4]
    assert_in_log(syslog, assert_stands("\n".join(stands)))
    assert shown == f"arrived /bin/bash nsshell {bob.name} {alice.home} {bob.home}"
    assert result.out.endswith(f"{shown}\n{before.out}") and alice.home in before.out


# Several at once


@pytest.mark.usefixtures("outside")
def test_sessions_of_one_connection(connect):
    """Multiplexed sessions share the frame, its id and its /tmp, and nothing else: each has
    processes and a host name of its own."""
    connection = connect()
    with connection.shell() as one, connection.shell() as other:
        ids = {assert_stands(side.ask(STANDS).out) for side in (one, other)}
        assert ids == {frame_of(connection.sshd)}
        one.ask("echo shared > /tmp/nsh-shared; sleep 98765 & sleep 0")
        assert other.ask("cat /tmp/nsh-shared").out == "shared"
        assert not os.path.exists("/tmp/nsh-shared")
        wait_until(lambda: "98765" in one.ask("ps -ef").out, "sleep")
        assert "98765" not in other.ask("ps -ef").out
        assert namespace_of(one, "user") == namespace_of(other, "user")
        for name in ("pid", "uts", "ipc", "mnt"):
            assert namespace_of(one, name) != namespace_of(other, name)


def namespace_of(session, name):
    return session.ask(f"readlink /proc/self/ns/{name}").out


@pytest.mark.usefixtures("outside")
def test_connection_without_a_session(connect, alice, syslog):
    """-N alone: sshd's own process, which nothing was asked of yet, is in the frame."""
    connection = connect()
    frame = assert_framed_process(alice, connection.sshd)
    root = Path(f"/proc/{connection.sshd}/root")
    assert [os.listdir(root / name) for name in ("tmp", "var/tmp", "dev/shm")] == [[]] * 3
    assert os.listdir(root / "home") == [alice.name]
    assert os.path.samefile(root / "home" / alice.name, alice.home)
    line = assert_in_log(syslog, frame)
    assert line["namespaces"].startswith(f"mnt:{mount_namespace(connection.sshd)},")
    assert os.listdir(FRAME) == [], "the machine sees nothing of it"


@pytest.mark.usefixtures("outside")
def test_connections_of_one_user(connect, alice):
    """Several connections of one user: each has a frame, and so a /tmp, of its own."""
    connections = [connect() for _ in range(3)]
    for number, connection in enumerate(connections):
        assert connection.ssh(f"echo {number} > /tmp/nsh-number").rc == 0
    assert len({assert_framed_process(alice, c.sshd) for c in connections}) == 3
    assert len({mount_namespace(c.sshd) for c in connections}) == 3
    seen = [c.ssh("cat /tmp/nsh-number; ls -A /tmp").out.split() for c in connections]
    assert seen == [[str(number), "nsh-number"] for number in range(3)]


@pytest.mark.usefixtures("outside")
def test_users_at_once(server, alice, bob, syslog):
    """Several connections of several users, all made at the same time: each in its own frame."""
    accounts = [alice, bob] * 3
    processes = [
        subprocess.Popen(
            server.command(account, f"{STANDS}read -r x; exit 9"), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for account in accounts
    ]
    try:
        said = ["".join(p.stdout.readline() for _ in range(3)) for p in processes]
        frames = [assert_stands(text) for text in said]
        assert len(set(frames)) == len(accounts)
        for account, frame in zip(accounts, frames):
            assert assert_in_log(syslog, frame)["user"] == account.name
        for account in (alice, bob):
            own = {frame for whose, frame in zip(accounts, frames) if whose == account}
            assert {frame_of(pid) for pid in sshd_processes(server, account)} == own
    finally:
        for process in processes:
            process.communicate("\n", timeout=60)
    assert {process.returncode for process in processes} == {9}


# Forwarding


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("through", THROUGH.values(), ids=THROUGH)
def test_forwarding(server, alice, syslog, through):
    """-L, -D and -W: bytes go both ways, and the process that connects to the target stands in the
    frame."""
    with Target() as target, through(server, alice, target) as client:
        pid = target.exchange(client, alice)
        assert_in_log(syslog, assert_framed_process(alice, pid))


@pytest.mark.usefixtures("outside")
def test_remote_forwarding(connect, alice):
    """-R: the process that listens stands in the frame; reached from outside and from inside."""
    port = free_port()
    with Target() as target:
        connection = connect("-R", f"{port}:{target.address}")
        assert wait_until(lambda: holders(alice, port, 0), "a listener") == [connection.sshd]
        assert_framed_process(alice, connection.sshd)
        with connected(port) as client:
            target.exchange(client)
        with connection.python(CONNECT, str(port)) as client:
            target.exchange(client)


@pytest.mark.usefixtures("outside")
def test_jump_host(server, plain_sshd, alice, bob, tmp_path):
    """-J: the connection onward to another server comes from the frame of the jump host."""
    config = jump_config(tmp_path / "config", server, alice, plain_sshd, bob)
    argv = ["ssh", "-F", str(config), "-J", "jump", "target", "exec bash"]
    with HeldProgram(bob, argv) as session:
        assert session.ask("id -un").out == bob.name
        _, port, _, target = session.ask("echo $SSH_CONNECTION").out.split()
        assert int(target) == plain_sshd.port
        (pid,) = holders(alice, int(port), plain_sshd.port)
        assert_framed_process(alice, pid)


# Sockets in files


@pytest.fixture
def socket_of():
    """socket_of(path): a Target there."""
    opened = []

    def listen(path):
        opened.append(Target(Path(path)))
        return opened[-1]

    yield listen
    for one in opened:
        one.__exit__()


OUTSIDE_SOCKETS = ["/tmp/nsh-socket", "/var/tmp/nsh-socket", "/dev/shm/nsh-socket",
                   "/home/nshbob/socket"]


@pytest.mark.parametrize("through", [through_local, through_local_path])
@pytest.mark.parametrize("path", OUTSIDE_SOCKETS)
def test_socket_outside(server, alice, socket_of, path, through):
    """-L to a socket: what is in the machine's /tmp or in another's home, open to all, is not
    reached."""
    target = socket_of(path)
    with through(server, alice, target) as client:
        assert target.is_out_of_reach(client)


@pytest.mark.parametrize("path", OUTSIDE_SOCKETS)
def test_socket_outside_without_a_frame(plain_sshd, alice, socket_of, path):
    """The same with an sshd that has no module: it is the frame that keeps them out of reach."""
    target = socket_of(path)
    with through_local(plain_sshd, alice, target) as client:
        target.exchange(client, alice)


@pytest.mark.usefixtures("outside")
def test_socket_in_the_home(server, alice, socket_of):
    """-L to a socket in the user's own home works."""
    target = socket_of(alice.path("socket"))
    with through_local(server, alice, target) as client:
        assert_framed_process(alice, target.exchange(client, alice))


@pytest.mark.parametrize("path", ["/tmp/nsh-inside", "/dev/shm/nsh-inside"])
def test_socket_inside(connect, path):
    """-L to a socket in the frame's /tmp, where one of the connection's sessions listens."""
    port = free_port()
    connection = connect("-L", f"{port}:{path}")
    with connection.python(LISTEN, path) as listener:
        assert listener.receive() == b"ready"
        assert not os.path.exists(path)
        with connected(port) as client:
            assert client.receive() == b"from inside"


def test_listening_socket_inside(connect, alice):
    """-R with a socket: it is made in the frame's /tmp, by a process in the frame, and works."""
    path = "/tmp/nsh-listens"
    with Target() as target:
        connection = connect("-R", f"{path}:{target.address}")
        seen = Path(f"/proc/{connection.sshd}/root{path}")
        wait_until(seen.exists, "the socket")
        assert not os.path.exists(path)
        assert seen.stat().st_uid == alice.uid
        with connection.python(CONNECT, path) as client:
            target.exchange(client)


@pytest.mark.parametrize("path", ["/home/nshbob/listens", f"{FRAME}/listens", "/home/listens"])
def test_listening_socket_elsewhere(server, bob, alice, path):
    """-R with a socket: not in another's home, even if all may write to it, and not in what the
    frame shows in place of it."""
    os.chmod(bob.home, 0o777)
    try:
        result = server.ssh(alice, options=("-N", "-o", "ExitOnForwardFailure=yes",
                                            "-R", f"{path}:127.0.0.1:1"))
        assert result.rc == 255 and "forwarding failed" in result.err
        assert not os.path.lexists(path)
    finally:
        os.chmod(bob.home, 0o755)


# Agent and X11


@pytest.mark.usefixtures("outside")
def test_agent_forwarding(server, connect):
    """Agent forwarding: the socket is in the frame's own /tmp and not on the machine's, and it
    works in the shell of a session."""
    with server.agent() as env:
        connection = connect("-A", env=env)
        result = connection.ssh(
            f"{STANDS}ssh-add -l; echo $SSH_AUTH_SOCK; stat -c %F:%U $SSH_AUTH_SOCK",
            options=("-A",), env=env,
        )
        *stands, key, path, kind = result.out.splitlines()
        assert assert_stands("\n".join(stands)) == frame_of(connection.sshd)
        assert "client_key" in key and kind == "socket:nshalice"
        assert path.startswith("/tmp/ssh-") and not os.path.lexists(os.path.dirname(path))
        assert stat.S_ISSOCK(Path(f"/proc/{connection.sshd}/root{path}").stat().st_mode)


@pytest.fixture
def display(alice, tmp_path):
    with Display(tmp_path) as one:
        yield one
    alice.path(".Xauthority").unlink(missing_ok=True)


@pytest.mark.usefixtures("outside")
def test_x11_forwarding(connect, alice, display):
    """X11 forwarding: DISPLAY works inside; the process that listens there stands in the frame,
    and the client's server gets its own cookie."""
    connection = connect("-Y", env=display.env)
    with connection.python(X_CLIENT, env=display.env, options=("-Y",)) as client:
        port = int(client.receive())
        assert holders(alice, port, 0) == [connection.sshd]
        assert_framed_process(alice, connection.sshd)
        client.send(b"go on\n")
        assert display.serve() == (display.NAME, display.COOKIE)
        assert client.receive() == display.ANSWER


def test_x11_programs(server, alice, display):
    """X11 forwarding: a real program inside (xauth, through libX11) finds the cookie that sshd has
    left for it, although the host name inside is another one."""
    argv = server.command(alice, "xauth generate $DISPLAY; exit 0", options=("-Y",))
    with subprocess.Popen(
        argv, env=display.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            served = display.serve()
        finally:
            said = process.communicate(timeout=60)[0]
    assert served == (display.NAME, display.COOKIE), said
    assert display.ANSWER.decode() in said


# Ways around it


@pytest.fixture
def own_process(alice, pam):
    """A process of the user's that another service has started, through the module as well."""
    argv = pam.command(alice.name, "/bin/sleep", "1000", service="nshcheck", tty="cron")
    login = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def job():
        # Before it the session helper is a child too.
        return [pid for pid in children(login.pid) if status(pid).get("Name") == "sleep"]

    try:
        yield Path(f"/proc/{wait_until(job, 'the job')[0]}")
    finally:
        for pid in [*job(), login.pid]:
            os.kill(pid, signal.SIGKILL)
        login.wait()


@pytest.mark.usefixtures("outside")
@pytest.mark.parametrize("path", ["root/tmp/nsh-outside", "root/home/nshbob/secret"])
def test_own_other_process(server, alice, own_process, path):
    """A process that another service has started for the user is in a frame too, and no door."""
    with sftp(server, alice, "internal") as files:
        assert read(files, str(own_process / "root/etc/hostname"))
        with pytest.raises(OSError):
            print(read(files, str(own_process / path)))


# Refused: no way in at all


REFUSED = {
    "deny": ("[session] confine=deny", "session.confine = deny"),
    "invalid": ("[session] confine=perhaps", "nsshell.conf:2: session.confine"),
}


@pytest.fixture(params=REFUSED)
def refused(request, policy, alice, syslog):
    """Policies that give alice no session. Afterwards the log must have said why, with the incident
    that alice was told: refused.append(incident)."""
    text, reason = REFUSED[request.param]
    policy.conf(text)
    begin, told = len(syslog.lines), []
    yield told
    line = refusal(syslog, begin, alice)
    assert reason in line["reason"]
    assert told in ([], [line["session"]])


def incident_in(text):
    """text: all that a user has seen. One sentence, and nothing else. Returns the incident."""
    match = DENIAL.fullmatch(text.rstrip("\r\n"))
    assert match, text
    return match["incident"]


def test_refused_command(server, alice, refused):
    """-c: sshd's exit status 254 and the one sentence."""
    result = server.ssh(alice, "echo ran")
    assert (result.rc, result.err) == (NO_SESSION, "")
    refused.append(incident_in(result.out))


def test_refused_terminal(server, alice, refused):
    """Shell on a terminal."""
    with Terminal(None, server.command(alice, options=("-tt",))) as t:
        assert t.finish() == NO_SESSION
        refused.append(incident_in(t.before))


def test_refused_sessions_of_one_connection(connect, refused):
    """Each session of a connection without a PAM session is refused, not only the first."""
    connection = connect()
    results = [connection.ssh("echo ran") for _ in range(2)]
    assert [result.rc for result in results] == [NO_SESSION] * 2
    assert "ran" not in results[0].out + results[1].out
    refused.append(incident_in(results[0].out))


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize("mode", [[], ["-O"]], ids=["sftp", "scp"])
def test_refused_scp(server, alice, tmp_path, mode):
    """scp in both its protocols."""
    argv = server.client("scp", *mode, "-q")
    assert as_root(*argv, server.remote(alice, "secret"), str(tmp_path / "secret")).rc != 0
    assert not (tmp_path / "secret").exists()
    assert as_root(*argv, "/etc/hostname", server.remote(alice, "nsh-copied")).rc != 0
    assert not alice.path("nsh-copied").exists()


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize("subsystem", ["sftp", "internal"])
def test_refused_sftp(server, alice, subsystem):
    """External sftp-server and internal-sftp."""
    argv = server.client("sftp", "-s", subsystem, "-b", "-")
    result = as_root(*argv, server.remote(alice), stdin="get secret /dev/stdout\n")
    assert result.rc == 255 and "secret of" not in result.out + result.err


@pytest.mark.usefixtures("refused")
def test_refused_sftp_only_account(make_sshd, alice, login_shell):
    """ForceCommand internal-sftp without a login shell."""
    login_shell(alice, NOLOGIN)
    server = make_sshd(config="ForceCommand internal-sftp\n")
    assert as_root(*server.client("sftp", "-b", "-"), server.remote(alice), stdin="ls\n").rc == 255


def test_refused_rc_file(server, alice, scratch, ssh_file, refused):
    """~/.ssh/rc is not run."""
    ssh_file("rc", f"touch {scratch}/ran\n")
    refused.append(incident_in(server.ssh(alice, "echo ran").out))
    assert not (scratch / "ran").exists()


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize("through", THROUGH.values(), ids=THROUGH)
def test_refused_forwarding(server, alice, through):
    """-L, -D and -W: closed, and the target has not heard of it."""
    with Target() as target, through(server, alice, target) as client:
        assert target.is_out_of_reach(client)


@pytest.mark.usefixtures("refused")
@pytest.mark.parametrize("listen", ["port", "/tmp/nsh-listens", "/home/nshalice/listens"])
def test_refused_remote_forwarding(server, alice, listen):
    """-R: nobody listens."""
    listen = str(free_port()) if listen == "port" else listen
    result = server.ssh(alice, options=("-N", "-o", "ExitOnForwardFailure=yes",
                                        "-R", f"{listen}:127.0.0.1:1"))
    assert result.rc == 255 and "forwarding failed" in result.err
    assert not os.path.lexists(listen)


def test_refused_agent(server, alice, refused):
    """Agent forwarding: no socket anywhere."""
    before = set(os.listdir("/tmp"))
    with server.agent() as env, Connection(server, alice, "-A", env=env) as connection:
        result = connection.ssh("ssh-add -l", options=("-A",), env=env)
        assert result.rc == NO_SESSION
        refused.append(incident_in(result.out))
        assert not [name for name in set(os.listdir("/tmp")) - before if name.startswith("ssh-")]


def test_refused_x11(server, alice, display, refused):
    """X11 forwarding: no display, and no cookie is written."""
    with Connection(server, alice, "-Y", env=display.env) as connection:
        result = connection.ssh("echo ran", options=("-Y",), env=display.env)
        assert result.rc == NO_SESSION
        refused.append(incident_in(result.out))
    assert not alice.path(".Xauthority").exists()
    assert display.is_untouched()


@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/sh"])
def test_other_login_shell(server, alice, policy, login_shell, syslog, shell):
    """confine = yes with a login shell other than nsshell is refused at login, with the command for
    the administrator in the log; and so is all else that the connection could do."""
    policy.conf("[session] confine=yes")
    login_shell(alice, shell)
    result = server.ssh(alice, "echo ran")
    assert result.rc == NO_SESSION
    line = fields(syslog.line_with(f"session={incident_in(result.out)} verdict=deny"))
    assert f"usermod -s {NSSHELL} {alice.name}" in line["reason"]
    assert line["shell"] == shell
    with Target() as target, through_local(server, alice, target) as client:
        assert target.is_out_of_reach(client)


@pytest.mark.parametrize("whose", ["root", "user"])
def test_link_to_nsshell_as_login_shell(server, alice, policy, login_shell, whose):
    """It may be one to something else by the time that sshd follows it."""
    policy.conf("[session] confine=yes")
    link = NSSHELL.with_name("nsshell-link") if whose == "root" else alice.path("link")
    link.symlink_to(NSSHELL)
    try:
        login_shell(alice, str(link))
        assert server.ssh(alice, "hostname").rc == NO_SESSION
    finally:
        link.unlink()


# Which policy a connection gets


# Where the test connects from, and the options of ssh for that.
FROM = {
    "127.0.0.1": (),
    "127.0.0.2": ("-b", "127.0.0.2"),
    "::1": ("-o", "HostName=::1"),
}
# For each list whether it means them, in this order.
SOURCES = {
    "127.0.0.1": [True, False, False],
    "127.0.0.2, ::1": [False, True, True],
    "127.0.0.0/8": [True, True, False],
    "127.0.0.0/31": [True, False, False],
    "127.0.0.2/31": [False, True, False],
    "127.0.0.0/30": [True, True, False],
    "127.0.0.0/8, !127.0.0.2": [True, False, False],
    "!127.0.0.2, 127.0.0.0/8": [True, False, False],
    "!127.0.0.0/8": [False, False, True],
    "*, !::1": [True, True, False],
    "::1": [False, False, True],
    "::1/128, 127.0.0.1": [True, False, True],
    "local": [False, False, False],
    "!local": [True, True, True],
}


@pytest.mark.parametrize("source", FROM)
def test_match_source(server, alice, policy, syslog, source):
    """[match] source decides for each connection: addresses, CIDR, local, exclusions, both kinds of
    addresses. The log says which files it were."""
    for number, sources in enumerate(SOURCES):
        policy.match(f"{number:02}.conf", f"[match] source={sources}")
    line = confinement(syslog, server.ssh(alice, f"cat {FRAME}/id", options=FROM[source]).out)
    assert line["rhost"] == source
    used = set(map(int, re.findall(r"match\.d/(\d+)\.conf", line["policy"])))
    meant = list(FROM).index(source)
    assert {list(SOURCES)[number] for number in used} == {
        sources for sources, expected in SOURCES.items() if expected[meant]
    }


def test_match_source_decides(server, alice, policy):
    """Refused from one address, and let in from another at the same time."""
    policy.conf("[session] confine=deny")
    policy.match("10-near.conf", "[match] source=127.0.0.0/8, !127.0.0.2\n[session] confine=auto")
    codes = [server.ssh(alice, "exit 5", options=options).rc for options in FROM.values()]
    assert codes == [5, NO_SESSION, NO_SESSION]


@pytest.mark.parametrize("rhost, expected", [("", "local"), ("127.0.0.1", "other")])
def test_match_source_local(pam, alice, policy, rhost, expected):
    """[match] source = local: a login that comes from no address, as at a console."""
    policy.conf("[session] hostname=other")
    policy.match("10-local.conf", "[match] source=local\n[session] hostname=local")
    login = pam.login(alice.name, LOGIN_SHELL, "-c", "hostname", rhost=rhost)
    assert assert_session(login) == f"{expected}\n"


def test_match_service(server, framed_sshd, plain_sshd, alice, policy):
    """[match] service decides for each connection: another sshd is another service. Without the
    module it cannot be told, so there is no session."""
    policy.conf("[session] hostname=other")
    policy.match("10-open.conf", f"[match] service={server.service}\n[session] hostname=meant")
    names = [one.ssh(alice, "hostname").out for one in (server, framed_sshd)]
    assert names == ["meant\n", "other\n"]
    assert "match.service" in assert_refused(plain_sshd.ssh(alice, "hostname"))["why"]


@pytest.mark.usefixtures("outside")
def test_require_pam(server, plain_sshd, alice, policy):
    """require_pam = yes refuses a login without a frame, and no other."""
    policy.conf("[policy] require_pam=yes")
    refusal_line = assert_refused(plain_sshd.ssh(alice, "echo ran"))
    assert "require_pam" in refusal_line["why"] and "pam_nsshell" in refusal_line["why"]
    assert_stands(server.ssh(alice, STANDS).out)


# Identity


def test_groups(server, alice, bob, team_file):
    """All of the user's groups are mapped: id shows their names, and what a supplementary group may
    read can be read, in a shell and in internal-sftp. setgroups is denied."""
    result = server.ssh(alice, f"id -Gn; cat {team_file} /proc/self/setgroups")
    assert result.out == "nshalice nshteam\nfor the team\ndeny\n", result
    with sftp(server, alice, "internal") as files:
        assert read(files, str(team_file)) == b"for the team\n"
    assert server.ssh(bob, f"cat {team_file}").rc == 1
    with sftp(server, bob, "internal") as files, pytest.raises(PermissionError):
        read(files, str(team_file))


def test_root_inside(server, alice, scratch, policy, syslog, team_file):
    """[identity] uid = root in a frame: root in name, with the supplementary groups' names; still
    no more than the user to everybody else."""
    policy.conf("[identity] uid=root")
    ask = f"id -u; id -g; id -un; id -Gn; cat {team_file}; touch {scratch}/made; ls -A /home /tmp"
    result = server.ssh(alice, f"{ask}; chown nshbob {scratch}/made || cat {FRAME}/id")
    *lines, frame = result.out.splitlines()
    assert lines == [
        "0", "0", "root", "root nshteam", "for the team", "/home:", "nshalice", "", "/tmp:",
    ]
    assert_in_log(syslog, frame)
    made = (scratch / "made").stat()
    assert (made.st_uid, made.st_gid) == (alice.uid, alice.gid)


def subordinate(path, account):
    """Start and length of the range that useradd gave to the account."""
    (line,) = [l for l in Path(path).read_text().splitlines() if l.startswith(f"{account.name}:")]
    return tuple(map(int, line.split(":")[1:]))


MAP = "unshare --map-auto --map-root-user"


def test_subordinate_ids(server, alice, scratch, policy):
    """[identity] subids = yes grants the ranges of /etc/subuid and /etc/subgid."""
    policy.conf("[identity] subids=yes\n[security] nested_userns=yes")
    (uid, n_uids), (gid, n_gids) = (subordinate(f"/etc/{n}", alice) for n in ("subuid", "subgid"))
    result = server.ssh(
        alice, f"{MAP} cat /proc/self/uid_map /proc/self/gid_map; touch {scratch}/made;"
        f"{MAP} chown 5:6 {scratch}/made; {MAP} stat -c %u:%g {scratch}/made; id -un",
    )
    *maps, owner, name = result.out.splitlines()
    assert [tuple(map(int, line.split())) for line in maps] in (
        [(0, alice.uid, 1), (1, uid, n_uids - cut), (0, alice.gid, 1), (1, gid, n_gids - cut)]
        for cut in (0, 1)  # some unshare(1) leave out the last one
    ), result
    assert (owner, name) == ("5:6", alice.name)
    made = (scratch / "made").stat()
    assert (made.st_uid, made.st_gid) == (uid + 4, gid + 5)


# Prints those of the machine's ids that can be mapped into a user namespace of one's own.
MAP_ONE = """\
for id in %s; do
	unshare -U sleep 100 &
	until [ "$(readlink /proc/$!/ns/user)" != "$(readlink /proc/self/ns/user)" ]; do :; done
	echo "0 $id 1" 2>/dev/null > /proc/$!/uid_map && echo $id
	kill $!
done"""


def test_subordinate_ids_of_others(server, alice, bob, policy):
    """... and none but these: not the first one behind the range, not another's, not root's."""
    policy.conf("[identity] subids=yes\n[security] nested_userns=yes")
    start, count = subordinate("/etc/subuid", alice)
    other = subordinate("/etc/subuid", bob)[0]
    wanted = [start, start + count - 1, start - 1, start + count, other, bob.uid, 0]
    result = server.ssh(alice, MAP_ONE % " ".join(map(str, wanted)))
    assert result.out.split() == [str(start), str(start + count - 1)], result


def test_no_subordinate_ids(server, alice, nested_userns):
    """Without subids the range cannot be used."""
    result = server.ssh(alice, f"{MAP} echo mapped; cat /proc/self/uid_map")
    assert "newuidmap" in result.err
    assert result.out.split() == [str(alice.uid), str(alice.uid), "1"], result


def test_subordinate_ids_need_the_module(plain_sshd, alice, policy):
    """Standalone they cannot be granted, so there is no session, with that reason (promise 1)."""
    policy.conf("[identity] subids=yes\n[security] nested_userns=yes")
    why = assert_refused(plain_sshd.ssh(alice, "echo ran"))["why"]
    assert "identity.subids" in why and "pam_nsshell" in why
