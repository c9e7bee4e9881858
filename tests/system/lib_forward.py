# SPDX-License-Identifier: MIT
"""Everything that one ssh connection can carry, and who stands at its far end.

A session can be asked where it stands. What sshd itself does for a connection (forwarding,
internal-sftp) runs no command, so it is looked at from the host: which process holds the far end,
and what the files look like in that process's mount namespace.
"""

import contextlib
import itertools
import os
import re
import select
import shlex
import socket
import struct
import subprocess
from pathlib import Path

import paramiko

from lib_pam import PROBE
from lib_process import (
    HeldProgram, alive, alive_pids_of, as_root, children, end_ssh, namespaces, open_files, status,
    wait_until,
)
from lib_settings import FRAME, PATIENCE
from lib_sshd import free_port

TIMEOUT = 60 * PATIENCE
_numbers = itertools.count()

# For a shell anywhere: what it sees, in which frame it is, and in which session it believes to be.
STANDS = f"{PROBE}cat {FRAME}/id; echo; echo $NSSHELL_SESSION\n"


# Who stands where


def assert_stands(output):
    """output: what STANDS printed. Returns the frame's id."""
    lines = output.splitlines()
    assert len(lines) == 3 and lines[0] == "framed" and lines[1] == lines[2], output
    return lines[1]


def frame_of(pid):
    """The id of the frame in which a process is."""
    return Path(f"/proc/{pid}/root{FRAME}/id").read_text()


def sees(account, pid):
    """What PROBE says in the mount namespace of a process, run as the user."""
    return as_root(
        "nsenter", f"--mount=/proc/{pid}/ns/mnt",
        "setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--init-groups",
        "sh", "-c", PROBE,
    ).out


def assert_framed_process(account, pid):
    """A process of sshd's that is the user: in a frame, which is a mount and a UTS namespace, and in
    no other namespace of its own. Returns the frame's id."""
    theirs, ours = namespaces(pid), namespaces()
    for name in ("mnt", "uts"):
        assert theirs.pop(name) != ours.pop(name)
    assert theirs == ours
    assert sees(account, pid) == "framed\n"
    return frame_of(pid)


def sshd_processes(server, account):
    """The server's processes that are the user, one for each connection."""
    found = [pid for monitor in children(server.process.pid) for pid in children(monitor)]
    return [pid for pid in found if alive(pid) and status(pid).get("Uid", "-").split()[0] == str(account.uid)]


def all_processes(server, account):
    """Likewise with all that they have started."""
    found = sshd_processes(server, account)
    for pid in found:
        found += children(pid)
    return found


def mount_namespace(pid):
    """The number by which the log knows it."""
    return re.search(r"\d+", os.readlink(f"/proc/{pid}/ns/mnt"))[0]


def holders(account, local, remote):
    """The account's processes that hold the connection between two TCP ports of this machine.
    remote 0: those that listen at the port local."""
    rows = map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:])
    links = {
        f"socket:[{row[9]}]" for row in rows
        if _port(row[1]) == local and _port(row[2]) == remote and row[9] != "0"
    }
    return [pid for pid in alive_pids_of(account) if links & _links(pid)]


def _port(address):
    return int(address.partition(":")[2], 16)


def _links(pid):
    """Of what it has open; nothing when it is gone."""
    with contextlib.suppress(OSError):
        return set(open_files(pid).values())
    return set()


# The log


def fields(line):
    """The key=value and key="value" of a line."""
    return {key: value.strip('"') for key, value in re.findall(r'(\w+)=("[^"]*"|\S*)', line)}


def confinement(syslog, frame):
    """The line of that frame."""
    return fields(syslog.line_with(f"session={frame} verdict=confine"))


def refusal(syslog, begin, account):
    """The line that refuses the user, among those from the line number begin on."""

    def find():
        text = f'verdict=deny user="{account.name}"'
        lines = [line for line in syslog.lines[begin:] if text in line]
        return lines and fields(lines[-1])

    return wait_until(find, f"a refusal of {account.name} among {syslog.lines[begin:]}")


# Both ends of what is forwarded


class Stream:
    """A socket, or the pipes of a program, as the client's end."""

    def __init__(self, end):
        self.end = end

    def fileno(self):
        """Where it can be read, for select."""
        readable = self.end if isinstance(self.end, socket.socket) else self.end.stdout
        return readable.fileno()

    def send(self, data):
        if isinstance(self.end, socket.socket):
            self.end.sendall(data)
        else:
            self.end.stdin.write(data)
            self.end.stdin.flush()

    def receive(self):
        """What comes next; b"" when the other side has closed."""
        if not isinstance(self.end, socket.socket):
            return os.read(self.end.stdout.fileno(), 4096)
        with contextlib.suppress(ConnectionResetError):
            return self.end.recv(4096)
        return b""


class Target:
    """Listens on the machine, for what is forwarded to it."""

    def __init__(self, path=None):
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        self.socket.settimeout(TIMEOUT)
        self.socket.bind(str(path) if path else ("127.0.0.1", 0))
        if path:
            # For everybody, so that only the frame can be the reason why it is not reached.
            path.chmod(0o777)
        self.socket.listen()
        self.peers = []

    @property
    def port(self):
        return self.socket.getsockname()[1]

    @property
    def address(self):
        """As -L, -R and -W name it."""
        return str(self.path) if self.path else f"127.0.0.1:{self.port}"

    def accept(self):
        peer = self.socket.accept()[0]
        peer.settimeout(TIMEOUT)
        return peer

    def exchange(self, client, account=None):
        """Bytes go both ways between client, a Stream, and the one that connects here, who can be
        looked at as long as this target is there. Returns the id of the account's process."""
        peer = self.accept()
        self.peers.append(peer)
        client.send(b"from the client")
        assert peer.recv(100) == b"from the client"
        peer.sendall(b"from the target")
        assert client.receive() == b"from the target"
        return self._holder(peer, account) if account else None

    def _holder(self, peer, account):
        if self.path:
            form = "3i"  # struct ucred, unix(7)
            data = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(form))
            return struct.unpack(form, data)[0]
        (pid,) = holders(account, peer.getpeername()[1], self.port)
        return pid

    def is_out_of_reach(self, client):
        """Nobody connects here, and the client's end, a Stream, is closed."""
        ready = select.select([self.socket, client], [], [], TIMEOUT)[0]
        return ready == [client] and client.receive() == b"" and self.is_untouched()

    def is_untouched(self):
        """Nobody has connected."""
        self.socket.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            self.socket.accept()[0].close()
            return False
        return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for one in (*self.peers, self.socket):
            one.close()
        if self.path:
            self.path.unlink(missing_ok=True)


@contextlib.contextmanager
def connected(address):
    """A Stream to a port or a path of the machine's."""
    is_port = isinstance(address, int)
    with socket.socket(socket.AF_INET if is_port else socket.AF_UNIX) as client:
        client.settimeout(TIMEOUT)
        client.connect(("127.0.0.1", address) if is_port else str(address))
        yield Stream(client)


# Connections and sessions


class Connection:
    """ssh -N: a connection that has no session until it is asked for one."""

    def __init__(self, server, account, *options, env=None):
        self.server = server
        self.account = account
        self.path = server.folder / f"connection-{next(_numbers)}"
        self.control = ("-S", str(self.path))
        before = set(sshd_processes(server, account))
        self.process = subprocess.Popen(
            server.command(account, options=(*self.control, "-M", "-N", *options)),
            stdin=subprocess.DEVNULL, env=env,
        )
        try:
            wait_until(self._is_up, "the connection")
            # ssh knows that it is let in before sshd has opened the session and become the user.
            (self.sshd,) = wait_until(
                lambda: set(sshd_processes(server, account)) - before, "sshd's process"
            )
        except BaseException:
            self.close()
            raise

    def _is_up(self):
        """ssh makes this socket last, after those of -L and -D."""
        assert self.process.poll() is None, "ssh has ended"
        return self.path.exists()

    def command(self, *words, options=()):
        """The command line for a session of this connection."""
        return self.server.command(self.account, *words, options=(*self.control, *options))

    def ssh(self, *words, options=(), **how):
        """Runs a command in a session of this connection."""
        return as_root(*self.command(*words, options=options), **how)

    def shell(self, *options):
        """A shell in a session of this connection."""
        return HeldProgram(self.account, self.command("exec bash", options=options))

    @contextlib.contextmanager
    def python(self, program, *args, env=None, options=()):
        """A Python program in a session of this connection, as a Stream."""
        words = " ".join(map(shlex.quote, ["exec", "python3", "-c", program, *args]))
        with subprocess.Popen(
            self.command(words, options=options), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env=env,
        ) as process:
            try:
                yield Stream(process)
            finally:
                process.kill()

    def close(self):
        end_ssh(self.process)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


# For Connection.python: an end of what is forwarded that stands inside.

LISTEN = """
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen()
os.write(1, b"ready")
listener.accept()[0].sendall(b"from inside")
sys.stdin.read()
"""

CONNECT = """
import os, socket, sys
where = sys.argv[1]
client = socket.socket(socket.AF_UNIX if where[0] == "/" else socket.AF_INET)
client.connect(where if where[0] == "/" else ("127.0.0.1", int(where)))
client.sendall(os.read(0, 100))
os.write(1, client.recv(100))
sys.stdin.read()
"""


# The ways in which a client reaches a target through a connection. Each yields the client's end.


@contextlib.contextmanager
def through_local(server, account, target):
    """-L PORT:TARGET"""
    port = free_port()
    with Connection(server, account, "-L", f"{port}:{target.address}"), connected(port) as client:
        yield client


@contextlib.contextmanager
def through_local_path(server, account, target):
    """-L PATH:TARGET"""
    path = server.folder / f"local-{next(_numbers)}"
    with Connection(server, account, "-L", f"{path}:{target.address}"), connected(path) as client:
        yield client


@contextlib.contextmanager
def through_dynamic(server, account, target):
    """-D, with version 4 of SOCKS"""
    port = free_port()
    with Connection(server, account, "-D", str(port)), connected(port) as client:
        client.send(struct.pack(">BBH4sB", 4, 1, target.port, socket.inet_aton("127.0.0.1"), 0))
        answer = client.receive()
        if answer:
            assert answer[1] == 90, "granted"
        yield client


@contextlib.contextmanager
def through_stdio(server, account, target):
    """-W"""
    with subprocess.Popen(
        server.command(account, options=("-W", target.address)), stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield Stream(process)
        finally:
            process.kill()


THROUGH = {
    "-L": through_local, "-L path": through_local_path, "-D": through_dynamic, "-W": through_stdio,
}


class Transport(paramiko.Transport):
    """Whatever comes before a channel may take its time."""

    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.banner_timeout = self.handshake_timeout = self.auth_timeout = TIMEOUT


@contextlib.contextmanager
def sftp(server, account, subsystem="sftp"):
    """A client of that subsystem."""
    key = paramiko.Ed25519Key.from_private_key_file(str(server.folder / "client_key"))
    with Transport(("127.0.0.1", server.port)) as transport:
        transport.connect(username=account.name, pkey=key)
        channel = transport.open_session()
        channel.settimeout(TIMEOUT)
        channel.invoke_subsystem(subsystem)
        yield paramiko.SFTPClient(channel)


def jump_config(path, jump, jump_user, target, target_user):
    """Writes an ssh_config that knows two servers, by the names jump and target."""
    text = ""
    for name, server, account in (("jump", jump, jump_user), ("target", target, target_user)):
        text += (
            f"Host {name}\n Port {server.port}\n User {account.name}\n"
            f" IdentityFile {server.folder}/client_key\n"
        )
    path.write_text(
        f"{text}Host *\n HostName 127.0.0.1\n IdentitiesOnly yes\n HostKeyAlias {jump.HOST}\n"
        f" UserKnownHostsFile {jump.folder}/known_hosts {target.folder}/known_hosts\n"
        " StrictHostKeyChecking yes\n LogLevel ERROR\n"
    )
    return path


# What else a client can offer


class Display(Target):
    """As much of an X server as it takes to say no to a client that has shown its cookie."""

    COOKIE = bytes(range(16))
    NAME = b"MIT-MAGIC-COOKIE-1"
    ANSWER = b"the tests say no"

    def __init__(self, folder):
        super().__init__()
        display = f"127.0.0.1:{self.port - 6000}"
        self.env = {**os.environ, "DISPLAY": display, "XAUTHORITY": str(folder / "Xauthority")}
        done = as_root("xauth", "-q", "add", display, self.NAME.decode(), self.COOKIE.hex(),
                       env=self.env)
        assert done.rc == 0, done

    def serve(self):
        """Serves one client. Returns the name and the cookie that have arrived."""
        with self.accept() as peer:
            setup = self._read(peer, 12)
            if not setup:
                return None
            # X Window System Protocol, appendix B, "Connection Setup".
            order = "<" if setup[:1] == b"l" else ">"
            n_name, n_cookie = struct.unpack(f"{order}6xHH2x", setup)
            name = self._read(peer, n_name + -n_name % 4)[:n_name]
            cookie = self._read(peer, n_cookie)
            head = struct.pack(f"{order}BBHHH", 0, len(self.ANSWER), 11, 0, len(self.ANSWER) // 4)
            peer.sendall(head + self.ANSWER)
            return name, cookie

    @staticmethod
    def _read(peer, size):
        data = b""
        while len(data) < size:
            more = peer.recv(size - len(data))
            if not more:
                return b""
            data += more
        return data


# An X client for Connection.python: takes whatever cookie there is, and says what the server says.
X_CLIENT = """
import os, socket, struct, subprocess, sys
number = int(os.environ["DISPLAY"].partition(":")[2].partition(".")[0])
os.write(1, b"%d" % (6000 + number))
sys.stdin.readline()
listed = subprocess.run(["xauth", "list"], capture_output=True, text=True).stdout.split()
name, cookie = listed[-2].encode(), bytes.fromhex(listed[-1])
client = socket.create_connection(("127.0.0.1", 6000 + number))
head = struct.pack("<cxHHHHxx", b"l", 11, 0, len(name), len(cookie))
client.sendall(head + name + bytes(-len(name) % 4) + cookie)
os.write(1, client.recv(100)[8:])
sys.stdin.read()
"""
