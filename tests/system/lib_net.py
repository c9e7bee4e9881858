# SPDX-License-Identifier: MIT
"""A machine and what is outside of it, in network namespaces of the tests' own.

The machine has its own loopback, one interface with a route to the outside, and its own mount
namespace, in which /etc/resolv.conf, /sys and /dev/net are its own. In it run sshds and their
clients; processes and files are those of the tests' machine. Both namespaces end with the tests,
however those end: the process that holds one waits for the end of its input.
"""

import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import lib_peer
from lib_forward import Stream
from lib_frame import name_of
from lib_peer import IPV4, IPV6, Server, answers
from lib_process import alive_pids_of, as_root, children, status, wait_until
from lib_settings import PATIENCE, RUN
from lib_sshd import WITH_MODULE, Sshd

CLONE_NEWNET = 0x40000000
FOLDER = RUN / "net"
PEER = FOLDER / "peer.py"

# The machine's interface, its addresses, and what they are behind. IPV4 and IPV6 are far away.
INTERFACE = "wan0"
OWN_IPV4, OWN_IPV6 = "198.51.100.2", "2001:db8:1::2"
GATEWAY_IPV4, GATEWAY_IPV6 = "198.51.100.1", "2001:db8:1::1"

# What is served outside.
OUTSIDE = f"tcp:{IPV4}/7000"
OUTSIDE6 = f"tcp:{IPV6}/7000"
RESOLVER, RESOLVER6 = f"dns:{IPV4}/53", f"dns:{IPV6}/53"

# What is served on the machine. All but ANY and ANY6 is its loopback's.
LOOPBACK, LOOPBACK6 = "tcp:127.0.0.1/7001", "tcp:::1/7001"
ANY, ANY6 = "tcp:0.0.0.0/7002", "tcp:::/7002"
UDP, UDP6 = "udp:127.0.0.1/7003", "udp:::1/7003"
STUB, LOCAL, LOCAL6 = "dns:127.0.0.53/53", "dns:127.0.0.1/53", "dns:::1/53"
ABSTRACT = "unix:@nsh-machine"
MACHINES = (LOOPBACK, LOOPBACK6, ANY, ANY6, UDP, UDP6, STUB, LOCAL, LOCAL6, ABSTRACT)

SETUP = """\
link set lo up
link add lan0 type veth peer name {INTERFACE} netns {machine}
address add {GATEWAY_IPV4}/24 dev lan0
address add {GATEWAY_IPV6}/64 dev lan0 nodad
address add {IPV4}/32 dev lo
address add {IPV6}/128 dev lo
link set lan0 up
"""
ROUTES = """\
route replace default via {GATEWAY_IPV4}
route replace ::/0 via {GATEWAY_IPV6}
"""
SETUP_MACHINE = """\
link set lo up
address add {OWN_IPV4}/24 dev {INTERFACE}
address add {OWN_IPV6}/64 dev {INTERFACE} nodad
link set {INTERFACE} up
"""

# The machine's mounts. What programs look for in /sys is cgroups and its network. udev lets
# everybody open /dev/net/tun, but not every machine has udev. Names are resolved by resolv.conf
# alone.
MOUNTS = """\
set -e
mount -t sysfs none $1/sys
mount --rbind /sys/fs/cgroup $1/sys/fs/cgroup
mount --move $1/sys /sys
mount -t tmpfs -o mode=755 none /dev/net
mknod -m 666 /dev/net/tun c 10 200
mount --bind $1/resolv.conf /etc/resolv.conf
mount --bind $1/nsswitch.conf /etc/nsswitch.conf
"""


class Namespace:
    """A network namespace, with what is served in it."""

    def __init__(self, *options):
        self.process = subprocess.Popen(
            ["unshare", "--net", *options, "cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        self.server = None
        self.net = -1
        try:
            wait_until(lambda: name_of(self.pid) == "cat", "the namespace")
            self.net = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self):
        return self.process.pid

    def ip(self, commands, **names):
        """Commands of ip(8), a line each."""
        names = {**globals(), **names}
        prefix = ["nsenter", f"--net=/proc/{self.pid}/ns/net"]
        done = as_root(*prefix, "ip", "-batch", "-", stdin=commands.format(**names))
        assert done.rc == 0, done

    def run(self, function, *args):
        """Calls a function in this network. Sockets that it makes stay in it."""

        def call():
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.setns(self.net, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            return function(*args)

        with ThreadPoolExecutor(1) as pool:
            return pool.submit(call).result()

    def serve(self, name, *targets):
        self.server = self.run(Server, name, *targets).start()

    def answers(self, *targets):
        """What targets say when they are asked from here."""
        return self.run(answers, *targets)

    def answer(self, target):
        return self.answers(target)[target]

    @contextlib.contextmanager
    def untouched(self):
        """Meanwhile nobody comes to anything that is served here."""
        seen = self.server.seen
        before = len(seen)
        yield
        # Each target serves one after the other, so that whoever came before is known by then.
        self.answers(*self.server.targets)
        assert sorted(seen[before:]) == sorted(self.server.targets)

    @contextlib.contextmanager
    def connected(self, port):
        """A Stream to a port of the loopback here."""
        with self.run(socket.create_connection, ("127.0.0.1", port), 60 * PATIENCE) as client:
            yield Stream(client)

    def close(self):
        if self.server:
            self.server.close()
        if self.net >= 0:
            os.close(self.net)
        self.process.kill()
        self.process.communicate()


class Machine(Namespace):
    """The machine's side."""

    def __init__(self):
        super().__init__("--mount", "--propagation", "private")

    @property
    def prefix(self):
        """The beginning of a command line that is to run on it."""
        return ["nsenter", f"--net=/proc/{self.pid}/ns/net", f"--mount=/proc/{self.pid}/ns/mnt"]

    def root(self, *argv):
        """Runs a program of root's that must succeed."""
        done = as_root(*self.prefix, *map(str, argv))
        assert done.rc == 0, done
        return done.out

    @contextlib.contextmanager
    def covered(self, path, program):
        """Another program in the place of one: its contents, as those of a program need not be text."""
        other = FOLDER / Path(path).name
        other.write_bytes(program)
        other.chmod(0o755)
        self.root("mount", "--bind", other, path)
        try:
            yield
        finally:
            self.root("umount", "--lazy", path)

    @contextlib.contextmanager
    def without(self, path):
        """A file is not there: an overlay has removed it."""
        path = Path(path)
        top = FOLDER / "without"
        for name in ("upper", "work"):
            (top / name).mkdir(parents=True)
        self.root("mknod", top / "upper" / path.name, "c", "0", "0")
        options = f"lowerdir={path.parent},upperdir={top}/upper,workdir={top}/work"
        self.root("mount", "-t", "overlay", "-o", options, "none", path.parent)
        try:
            yield
        finally:
            # Lazily: umount itself has been read from there.
            self.root("umount", "--lazy", path.parent)
            shutil.rmtree(top)


class World:
    """All of it. plain and framed are the machine's sshds, without the PAM module and with it."""

    def __init__(self, accounts):
        with contextlib.ExitStack() as stack:
            FOLDER.mkdir(mode=0o755)
            stack.callback(shutil.rmtree, FOLDER)
            shutil.copy(lib_peer.__file__, PEER)
            PEER.chmod(0o644)
            self.outside = self._namespace(stack, Namespace)
            self.machine = self._namespace(stack, Machine)
            self._connect()
            self._mount()
            self.plain = self._sshd(stack, accounts, "-net-plain")
            self.framed = self._sshd(
                stack, accounts, "-net-framed", session=WITH_MODULE, config="X11Forwarding yes\n"
            )
            self.close = stack.pop_all().close

    @staticmethod
    def _namespace(stack, kind):
        made = kind()
        stack.callback(made.close)
        return made

    def _sshd(self, stack, accounts, name, **how):
        server = Sshd(accounts, name, prefix=self.machine.prefix, **how)
        stack.callback(server.close)
        return server

    def _connect(self):
        self.outside.ip(SETUP, machine=self.machine.pid)
        self.machine.ip(SETUP_MACHINE + ROUTES)
        self.outside.serve("outside", OUTSIDE, OUTSIDE6, RESOLVER, RESOLVER6)
        self.machine.serve("machine", *MACHINES)
        expected = {OUTSIDE: f"outside {OWN_IPV4}", OUTSIDE6: f"outside {OWN_IPV6}"}
        wait_until(lambda: self.machine.answers(*expected) == expected, "a way to the outside")

    def _mount(self):
        (FOLDER / "sys").mkdir()
        self.resolvers()
        (FOLDER / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
        self.machine.root("sh", "-c", MOUNTS, "sh", FOLDER)

    def resolvers(self, *addresses):
        """The machine's resolv.conf. Without any, nothing is resolved: the default."""
        text = "".join(f"nameserver {address}\n" for address in addresses)
        (FOLDER / "resolv.conf").write_text(text)

    def routes(self, there=True):
        """Whether the machine has a way to the outside."""
        self.machine.ip(ROUTES if there else "route del default\nroute del ::/0\n")


# Sessions in it


def ask(shell, *targets):
    """What targets say when they are asked from a session."""
    said = shell.ask(f"python3 {PEER} try {' '.join(targets)}")
    assert said.rc == 0, said
    return dict(line.split(" ", 1) for line in said.out.splitlines())


def serve(shell, name, *targets):
    """Serves in a session, as long as that lasts. Returns the Result."""
    return shell.ask(f"python3 {PEER} serve {name} {' '.join(targets)}")


def network_of(pid):
    return os.readlink(f"/proc/{pid}/ns/net")


def pasta_of(account):
    """The account's processes that are pasta."""
    return [pid for pid in alive_pids_of(account) if status(pid).get("Name", "").startswith("pas")]


def parent(pid):
    """Never that of a process whose own has ended: whoever is returned here may be killed."""
    found = int(status(pid)["PPid"])
    assert found > 1, status(pid)
    return found


def keeper_of(account):
    """In the framed form: the process that pasta ends with."""
    (pasta,) = pasta_of(account)
    return parent(pasta)


def pid_namespace_of(pid):
    """None when the process is gone."""
    with contextlib.suppress(OSError):
        return os.readlink(f"/proc/{pid}/ns/pid")


class Pieces:
    """The processes that make up a session over ssh, by the host's ids."""

    def __init__(self, shell):
        wanted = shell.ask("readlink /proc/self/ns/pid").out
        (self.init,) = [
            pid for pid in alive_pids_of(shell.account)
            if status(pid).get("NSpid", "").split()[-1:] == ["1"]
            and pid_namespace_of(pid) == wanted
        ]
        self.outer = parent(self.init)
        self.sshd = parent(self.outer)
        self.monitor = parent(self.sshd)
        assert self.init in children(self.outer)
