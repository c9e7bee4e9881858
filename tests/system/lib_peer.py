# SPDX-License-Identifier: MIT
"""Both ends of connections. The tests import it, and in sessions it is a program of its own:

    try TARGET...         prints for each target what it answers, or the name of the error
    serve NAME TARGET...  goes on in the background as soon as it listens

A target is tcp:ADDRESS/PORT or udp:ADDRESS/PORT, with %INTERFACE behind it if the socket is to be
bound to that one; dns:ADDRESS/53; or unix:@NAME for an abstract socket.
"""

import contextlib
import errno
import os
import selectors
import socket
import struct
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

# For what nobody answers; on a busy machine an answer takes its time.
TIMEOUT = 10.0
NAME, IPV4, IPV6 = "server.outside.test", "203.0.113.1", "2001:db8:2::1"

# RFC 1035, 4.1: a question for the IPv4 address of that name.
LABELS = b"".join(bytes([len(label)]) + label.encode() for label in NAME.split(".")) + b"\0"
QUESTION = struct.pack(">6H", 4711, 0x0100, 1, 0, 0, 0) + LABELS + struct.pack(">HH", 1, 1)


def make_socket(target):
    """The socket that the target wants, and its address."""
    kind, _, rest = target.partition(":")
    rest, _, interface = rest.partition("%")
    if kind == "unix":
        return socket.socket(socket.AF_UNIX), rest.replace("@", "\0", 1)
    host, _, port = rest.rpartition("/")
    type_ = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
    family, _, _, _, address = socket.getaddrinfo(host, int(port), type=type_)[0]
    made = socket.socket(family, type_)
    if interface:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    return made, address


def answer(target):
    """What is said there, or the name of the error."""
    try:
        client, address = make_socket(target)
        with client:
            client.settimeout(TIMEOUT)
            client.connect(address)
            if not target.startswith(("tcp", "unix")):
                client.send(QUESTION if target.startswith("dns") else b"?")
            data = client.recv(1000)
            return socket.inet_ntoa(data[-4:]) if target.startswith("dns") else data.decode()
    except TimeoutError:
        return "timeout"
    except socket.gaierror:
        return "no address"
    except OSError as error:
        return errno.errorcode[error.errno]


def answers(*targets):
    """All at once, as a dictionary."""
    with ThreadPoolExecutor(len(targets)) as pool:
        return dict(zip(targets, pool.map(answer, targets)))


class Server:
    """Answers at any number of targets with its name and the peer's address."""

    def __init__(self, name, *targets):
        self.name, self.targets = name, targets
        # The targets at which somebody came, in that order.
        self.seen = []
        self.selector = selectors.DefaultSelector()
        self.end, wake = socket.socketpair()
        self.selector.register(wake, selectors.EVENT_READ)
        self.sockets = [wake, *map(self._listen, targets)]

    def _listen(self, target):
        made, address = make_socket(target)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if made.family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind(address)
        if made.type == socket.SOCK_STREAM:
            made.listen()
        self.selector.register(made, selectors.EVENT_READ, target)
        return made

    def start(self):
        """Serves from a thread."""
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def serve(self):
        while True:
            for key, _ in self.selector.select():
                if not key.data:
                    return
                with contextlib.suppress(OSError):
                    self._serve(key.fileobj, key.data)

    def _serve(self, listener, target):
        if listener.type == socket.SOCK_STREAM:
            client, peer = listener.accept()
            self.seen.append(target)
            with client:
                client.sendall(f"{self.name} {peer[0] if peer else ''}".rstrip().encode())
            return
        data, peer = listener.recvfrom(1000)
        self.seen.append(target)
        said = reply(data) if target.startswith("dns") else f"{self.name} {peer[0]}".encode()
        listener.sendto(said, peer)

    def close(self):
        self.end.close()
        self.thread.join(timeout=5)
        for one in self.sockets:
            one.close()


def reply(query):
    """The answer of a name server that knows nothing but NAME."""
    head, question = query[:2], query[12:]
    known = question[:-4] == LABELS
    kind = struct.unpack(">H", question[-4:-2])[0] if known else 0
    address = {1: socket.inet_aton(IPV4), 28: socket.inet_pton(socket.AF_INET6, IPV6)}.get(kind)
    record = b""
    if address:
        record = b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 1, len(address)) + address
    flags = 0x8180 if known else 0x8183  # no such name
    return head + struct.pack(">5H", flags, 1, bool(address), 0, 0) + question + record


def main(command, *words):
    if command == "try":
        for target, said in answers(*words).items():
            print(target, said)
        return
    server = Server(*words)
    if os.fork() == 0:
        null = os.open("/dev/null", os.O_RDWR)
        for stream in range(3):
            os.dup2(null, stream)
        server.serve()


if __name__ == "__main__":
    main(*sys.argv[1:])
