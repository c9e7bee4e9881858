# SPDX-License-Identifier: MIT
"""Nothing of a session is left: not after logout, a kill of any of its pieces, or ten thousand.

Issue 3, "Nothing left"; design.md, promise 7.
"""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from lib_left import Machine, assert_nothing_left, figures, namespaces
from lib_process import (
    HeldProgram, as_root, children, end_ssh, namespaces as namespaces_of, wait_until,
)
from lib_settings import FRAME, NSSHELL, RUN


# What a session can have that is meant to outlast it, and things that it makes.
MESS = """\
echo x >/tmp/file; echo x >/var/tmp/file; echo x >/dev/shm/file; mkfifo /tmp/fifo
(setsid sleep 600 >/dev/null 2>&1 &)
nohup sleep 600 >/dev/null 2>&1 &
(trap '' HUP TERM INT; exec sleep 600) &
unshare -Urmpf sleep 600 &
python3 -c 'import socket, time; s = socket.socket(1); s.bind("/tmp/s"); time.sleep(600)' &
sh -c 'kill -STOP $$; sleep 600' &
"""


class Connection:
    """One connection with everything on it: a shell with a mess, an sftp, a forwarded agent."""

    def __init__(self, server, account, agent):
        self.server, self.account = server, account
        self.control = RUN / "mux-left"
        self.clients = []
        try:
            self._open(("-o", f"ControlPath={self.control}"), agent)
        except BaseException:
            self.close()
            raise

    def _open(self, mux, agent):
        command = self.server.command
        self._client(
            command(self.account, options=(*mux, "-M", "-N", "-A")),
            env={**os.environ, "SSH_AUTH_SOCK": str(agent)},
        )
        check = command(self.account, options=(*mux, "-O", "check"))
        wait_until(lambda: as_root(*check).rc == 0, "the master connection")
        self.shell = HeldProgram(self.account, command(self.account, options=(*mux, "-A", "-T")))
        self.clients.append(self.shell.process)
        self.sftp = self._client(
            [*self.server.client("sftp", *mux), f"{self.account.name}@{self.server.HOST}"]
        )
        assert self.sftp_works()
        assert self.shell.ask("ssh-add -l").out == "The agent has no identities."
        self.shell.ask(MESS)

    def _client(self, argv, **how):
        client = subprocess.Popen(
            argv, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, **how,
        )
        self.clients.append(client)
        return client

    def sftp_works(self):
        """Whether it answers. It ends when its session does."""
        try:
            self.sftp.stdin.write("pwd\n")
            self.sftp.stdin.flush()
        except BrokenPipeError:
            return False
        for line in self.sftp.stdout:
            if self.account.home in line:
                return True
        return False

    @property
    def monitor(self):
        """sshd's process of root's for this connection."""
        (monitor,) = children(self.server.process.pid)
        return monitor

    @property
    def sshd(self):
        """sshd's process of the user's."""
        (sshd,) = children(self.monitor)
        return sshd

    @property
    def outer(self):
        """nsshell's outer process of the shell's session; sftp has one too."""
        wanted = self.shell.ask("readlink /proc/self/ns/pid").out
        (outer,) = [
            pid for pid in children(self.sshd)
            for init in children(pid) if namespaces_of(init)["pid"] == wanted
        ]
        return outer

    @property
    def init(self):
        (init,) = children(self.outer)
        return init

    def close(self):
        """The client's side of a logout."""
        for client in self.clients[1:]:
            try:
                client.stdin.close()
            except BrokenPipeError:
                pass
        end_ssh(self.clients[0])
        for client in self.clients:
            client.wait(timeout=60)
            client.stdout.close()
        self.control.unlink(missing_ok=True)


@pytest.fixture
def agent(run_folder):
    path = run_folder / "agent"
    with subprocess.Popen(
        ["ssh-agent", "-D", "-a", str(path)], stdout=subprocess.DEVNULL
    ) as process:
        wait_until(path.exists, "ssh-agent")
        yield path
        process.terminate()
    path.unlink(missing_ok=True)


def names_of(left):
    return {entry.partition(" ")[2] for entry in left.get("process", ())}


def is_unseen(machine, connection):
    """Of what the session has made, and has still, nothing is there for the machine but the client's own socket."""
    left = machine.left()
    return "mount" not in left and left.get("file", set()) <= {str(connection.control)}


def ends_alone(machine, connection):
    """What the shell had is gone, and the sftp of the same connection does not notice."""
    server = Path(f"/proc/{connection.sshd}/comm").read_text().rstrip("\n")
    wait_until(lambda: names_of(machine.left()) == {server, "nsshell", "sftp-server"}, "the end")
    assert connection.sftp_works()


def ends_all(machine, connection):
    """Without sshd nothing can go on. The clients' own socket goes with them."""
    wait_until(lambda: set(machine.left()) <= {"file"}, f"the end of everything: {connection}")


def goes_on(_, connection):
    """sshd's process of the user's serves its client until that ends."""
    assert connection.sftp_works()


VICTIMS = {
    "monitor": goes_on,
    "sshd": ends_all,
    "outer": ends_alone,
    "init": ends_alone,
}


@pytest.mark.parametrize("victim", [None, *VICTIMS], ids=["logout", *VICTIMS])
def test_nothing_is_left(framed_sshd, alice, agent, syslog, nested_userns, victim):
    """A kill takes what it must and nothing else; when the client has gone nothing is left."""
    wait_until(lambda: not children(framed_sshd.process.pid), "the end of earlier connections")
    machine = Machine([alice])
    connection = Connection(framed_sshd, alice, agent)
    try:
        session = connection.shell.ask(f"cat {FRAME}/id").out
        line = syslog.line_with(f"session={session} verdict=confine")
        logged = {f"{kind}:[{number}]" for kind, number in re.findall(r"(mnt|user):(\d+)", line)}
        running = {"sleep", "sh", "python3", "nsshell", "sftp-server"}
        wait_until(lambda: running <= names_of(machine.left()), "all that the session started")
        assert len(logged) == 2 and logged <= namespaces()
        # Others can have files of theirs in these folders for a moment.
        wait_until(lambda: is_unseen(machine, connection), "no mount of the session's, and no file")
        if victim:
            os.kill(getattr(connection, victim), signal.SIGKILL)
            VICTIMS[victim](machine, connection)
    finally:
        connection.close()
    assert_nothing_left(machine)


# As many as there is time for. NSH_SESSIONS=10000 is the promise's number, and takes minutes.

SESSIONS = int(os.environ.get("NSH_SESSIONS", "2000"))
SIDE_BY_SIDE = 2

# How much more may be in use afterwards: of memory what a session would leave if it left 800 bytes,
# of objects a twentieth of one, and what the machine's own doings may be.
MEMORY_KIB = 2000 + SESSIONS * 800 // 1024
OBJECTS = 200 + SESSIONS // 20
EXACT = {"mounts", "namespaces"}
KIB = {"memory in use": 10, "Slab": 1, "SUnreclaim": 1, "Percpu": 1, "Shmem": 1}


def sessions(pam, account, count):
    """So many sessions, one after the other in some processes side by side."""
    each = str(count // SIDE_BY_SIDE)
    processes = [
        subprocess.Popen(
            pam.command(account.name, str(NSSHELL), "-c", "true"), cwd="/",
            env={"PATH": os.environ["PATH"], "PAMLOGIN_COUNT": each}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(SIDE_BY_SIDE)
    ]
    for process in processes:
        err = process.communicate()[1]
        assert process.returncode == 0, err[-500:]
        assert err.count("pam 0\n") == int(each)


def excess(before, after):
    """What has grown by more than it may."""

    def allowed(name):
        if name in EXACT:
            return 0
        return KIB[name] * MEMORY_KIB if name in KIB else OBJECTS

    return {
        name: (before[name], after[name])
        for name in before if after[name] - before[name] > allowed(name)
    }


def assert_as_before(before, seconds=30):
    """The kernel frees some things late."""
    deadline = time.monotonic() + seconds
    after = figures()
    while excess(before, after) and time.monotonic() < deadline:
        time.sleep(0.5)
        after = figures()
    for name, value in after.items():
        print(f"{name}: {before[name]} -> {value}")
    assert not excess(before, after)


def test_thousands_of_sessions(pam, alice, policy, syslog, machines):
    """Memory, mounts, namespaces, inodes and processes are where they were. Each is a login in a
    process of its own that opens a frame, runs nsshell in it, and never closes the PAM session."""
    signal.alarm(0)
    # What the tests do in the background has mounts, inodes and memory of its own.
    with machines.at_rest():
        signal.alarm(120 + SESSIONS // 10)
        policy.conf("[shell] program=/bin/dash")
        # What the kernel keeps for the next of the kind.
        sessions(pam, alice, 100)
        machine, before = Machine([alice]), figures()
        begin = time.monotonic()
        sessions(pam, alice, SESSIONS)
        took = time.monotonic() - begin
        assert_nothing_left(machine)
        print(f"{SESSIONS} sessions in {took:.0f} s")
        assert_as_before(before)
