# SPDX-License-Identifier: MIT
"""[network]: the machine's network, none, or one behind pasta(1), with and without the PAM module.

Issue 4, "[network]". The machine and what is outside of it are network namespaces of the tests' own
(lib_net.py).
"""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from lib_forward import X_CLIENT, Connection, Display, refusal
from lib_left import Machine, assert_nothing_left
from lib_net import (
    ABSTRACT, GATEWAY_IPV4, GATEWAY_IPV6, INTERFACE, LOCAL, LOCAL6, LOOPBACK, LOOPBACK6, OUTSIDE,
    OUTSIDE6, OWN_IPV4, OWN_IPV6, RESOLVER, RESOLVER6, STUB, UDP, UDP6,
    Pieces, World, ask, keeper_of, network_of, pasta_of, serve,
)
from lib_pam import assert_denied
from lib_peer import IPV4, IPV6, NAME, Server
from lib_process import HeldProgram, as_root, assert_idle, assert_refused, status, wait_until
from lib_services import by_user

pytestmark = pytest.mark.usefixtures("nested_userns")

PASTA = "/usr/bin/pasta"
ISOLATED = ["none", "nat"]

# sshd's exit status for a session without a PAM session.
NO_SESSION = 254

# The same port on both loopbacks, and an abstract socket.
MEETING = ("tcp:127.0.0.1/8000", "tcp:::1/8000", "unix:@nsh-meeting")


@pytest.fixture(scope="module")
def world(accounts, installed_policy, syslog):
    made = World(accounts)
    yield made
    made.close()


@pytest.fixture(params=["plain", "framed"])
def server(request, world):
    """The sshd on the world's machine, without the PAM module and with it."""
    return getattr(world, request.param)


@pytest.fixture
def framed(world):
    return world.framed


@pytest.fixture
def network(policy):
    """network("mode = nat", ...): these lines are the policy's."""
    return lambda *lines: policy.conf("\n".join(["[network]", *lines]))


@pytest.fixture
def opened(server, alice):
    """opened(account): a session over ssh, for alice if nothing is said."""
    shells = []

    def open_one(account=alice):
        shells.append(HeldProgram(account, server.command(account, "exec bash")))
        return shells[-1]

    yield open_one
    for shell in shells:
        shell.__exit__()


@pytest.fixture
def connect(framed, alice):
    """connect(options...): a connection of alice's without a session, to the framed sshd."""
    connections = []

    def open_one(*options, **how):
        connections.append(Connection(framed, alice, *options, **how))
        return connections[-1]

    yield open_one
    for connection in connections:
        connection.close()


@pytest.fixture
def refused(server, syslog, alice):
    """refused(*words): a login is refused, and the reason has the words."""

    def check(*words, account=alice):
        begin = len(syslog.lines)
        result = server.ssh(account, "echo ran")
        if result.rc == NO_SESSION:
            assert "ran" not in result.out
            why = refusal(syslog, begin, account)["reason"]
        else:
            why = assert_refused(result)["why"]
        for word in words:
            assert word in why, (word, why)
        return why

    return check


def interfaces(shell):
    """Their names, from both places that list them."""
    listed = shell.ask("ls /sys/class/net").out.split()
    counted = shell.ask("tail -n +3 /proc/net/dev | cut -d: -f1").out.split()
    assert sorted(counted) == sorted(listed)
    return sorted(listed)


# mode = host


@pytest.mark.parametrize("lines", [(), ("mode = host",)], ids=["default", "host"])
def test_host(world, opened, network, alice, bob, lines):
    """mode = host, the default: the machine's network, in which all that is kept apart elsewhere
    does meet."""
    network(*lines)
    shell = opened()
    assert network_of(Pieces(shell).init) == network_of(world.machine.pid)
    assert interfaces(shell) == ["lo", INTERFACE]
    assert ask(shell, LOOPBACK, LOOPBACK6, UDP, UDP6, ABSTRACT, OUTSIDE, OUTSIDE6) == {
        LOOPBACK: "machine 127.0.0.1", LOOPBACK6: "machine ::1",
        UDP: "machine 127.0.0.1", UDP6: "machine ::1", ABSTRACT: "machine",
        OUTSIDE: f"outside {OWN_IPV4}", OUTSIDE6: f"outside {OWN_IPV6}",
    }
    assert serve(shell, alice.name, *MEETING).rc == 0
    other = opened(bob)
    assert ask(other, MEETING[2]) == {MEETING[2]: alice.name}
    assert "Address already in use" in serve(other, bob.name, MEETING[0]).out
    assert pasta_of(alice) == []


# What holds for every network of the session's own


@pytest.fixture(params=ISOLATED)
def mode(request, network):
    """A policy with a network of the session's own."""
    network(f"mode = {request.param}")
    return request.param


def test_interfaces(world, opened, mode):
    """Nothing but a loopback, which is up and works at both addresses; and for nat pasta's
    interface. /sys and /proc show the same."""
    shell = opened()
    assert network_of(Pieces(shell).init) != network_of(world.machine.pid)
    assert interfaces(shell) == ["lo", INTERFACE][:1 if mode == "none" else 2]
    up = int(shell.ask("cat /sys/class/net/lo/flags").out, 16) & 1
    assert up
    targets = ("tcp:127.0.0.1/8000", "tcp:::1/8000", "udp:127.0.0.1/8000", "udp:::1/8000")
    assert serve(shell, "own", *targets).rc == 0
    assert ask(shell, *targets) == {
        target: "own ::1" if ":::" in target else "own 127.0.0.1" for target in targets
    }


def test_loopback_of_the_machine(world, opened, mode):
    """What listens on the machine's loopback is not reached: not by its address, also not through
    another interface, and not by the machine's or the gateway's address."""
    loopback = (LOOPBACK, LOOPBACK6, UDP, UDP6, STUB, LOCAL, LOCAL6)
    targets = [
        ABSTRACT, *loopback, *(f"{target}%{INTERFACE}" for target in loopback),
        *(f"tcp:{address}/{port}" for port in (7001, 7002) for address in (
            "127.0.0.1", "::1", OWN_IPV4, OWN_IPV6, GATEWAY_IPV4, GATEWAY_IPV6,
            "169.254.1.1", "fd00::53", "::ffff:127.0.0.1", "0.0.0.0", "::",
        )),
    ]
    shell = opened()
    with world.machine.untouched():
        said = ask(shell, *targets)
    assert not [text for text in said.values() if "machine" in text or text == IPV4], said
    if mode == "none":
        assert set(said.values()) <= {"ECONNREFUSED", "ENETUNREACH", "ENODEV"}, said


def test_users_do_not_meet(opened, mode, alice, bob):
    """Two users can have the same port and the same abstract name, and neither reaches the
    other's."""
    one, other = opened(alice), opened(bob)
    assert serve(one, alice.name, *MEETING).rc == 0
    assert set(ask(other, *MEETING).values()) == {"ECONNREFUSED"}
    assert serve(other, bob.name, *MEETING).rc == 0
    for shell, name in ((one, alice.name), (other, bob.name)):
        expected = (f"{name} 127.0.0.1", f"{name} ::1", name)
        assert ask(shell, *MEETING) == dict(zip(MEETING, expected))


POWERS = [
    "ip link set lo down",
    "ip address add 192.0.2.1/24 dev lo",
    "ip route add blackhole 192.0.2.0/24",
    "echo 1 >/proc/sys/net/ipv4/conf/lo/route_localnet",
    "unshare -Ur ip link set lo down",
    "unshare -Ur sh -c 'echo 1 >/proc/sys/net/ipv4/conf/lo/route_localnet'",
    "python3 -c 'import socket; socket.socket(socket.AF_PACKET, socket.SOCK_RAW)'",
]
DENIED = re.compile("not permitted|Permission denied|Read-only file system")


@pytest.mark.parametrize("uid", ["keep", "root"])
def test_no_power(opened, mode, policy, uid):
    """The user cannot change the session's network, whatever the number of its user id."""
    policy.conf(f"[network]\nmode = {mode}\n[identity]\nuid = {uid}")
    shell = opened()
    assert shell.ask("ip link show lo").rc == 0
    for command in POWERS:
        result = shell.ask(command)
        assert result.rc != 0 and DENIED.search(result.out), (command, result)


@pytest.mark.usefixtures("mode")
def test_nothing_left(opened, alice):
    """A session with a network leaves nothing."""
    machine = Machine([alice])
    shell = opened()
    assert shell.ask("true").rc == 0
    assert shell.close() == 0
    assert_nothing_left(machine)


# mode = none


def test_none(world, opened, network):
    """Nothing outside is reached, and no name is resolved."""
    network("mode = none")
    world.resolvers(IPV4)
    shell = opened()
    with world.outside.untouched():
        targets = (OUTSIDE, OUTSIDE6, RESOLVER, RESOLVER6, f"tcp:{GATEWAY_IPV4}/7000")
        assert set(ask(shell, *targets).values()) == {"ENETUNREACH"}
        assert shell.ask(f"getent hosts {NAME}").rc == 2


# mode = nat


@pytest.fixture
def nat(network):
    network("mode = nat")


@pytest.mark.usefixtures("nat")
def test_nat(opened):
    """Connections go out over IPv4 and IPv6, at the first moment of the session, and come from the
    machine."""
    assert ask(opened(), OUTSIDE, OUTSIDE6) == {
        OUTSIDE: f"outside {OWN_IPV4}", OUTSIDE6: f"outside {OWN_IPV6}"
    }


RESOLVERS = {
    "outside": (IPV4, RESOLVER),
    "outside, IPv6": (IPV6, RESOLVER6),
    "127.0.0.53": ("127.0.0.53", STUB),
    "::1": ("::1", LOCAL6),
}


@pytest.mark.usefixtures("nat")
@pytest.mark.parametrize("kind", RESOLVERS)
def test_names(world, opened, kind):
    """Names are resolved, by the machine's resolver and no other, wherever it is."""
    address, expected = RESOLVERS[kind]
    world.resolvers(address)
    shell = opened()
    before = {server: len(server.seen) for server in (world.machine.server, world.outside.server)}
    found = shell.ask(f"getent ahosts {NAME} | cut -d' ' -f1").out.split()
    assert set(found) == {IPV4, IPV6}
    target = f"tcp:{NAME}/7000"
    assert ask(shell, target)[target].startswith("outside ")
    asked = {target for server, begin in before.items() for target in server.seen[begin:]
             if target.startswith("dns")}
    assert asked == {expected}


@pytest.mark.usefixtures("nat")
@pytest.mark.parametrize("addresses", [(), (IPV4,)], ids=["none", "outside"])
def test_resolver_of_the_machine(world, opened, addresses):
    """A resolver on the machine's loopback is not reached if the machine does not use it itself."""
    world.resolvers(*addresses)
    shell = opened()
    with world.machine.untouched():
        said = ask(shell, "dns:169.254.1.1/53", "dns:fd00::53/53", STUB, LOCAL, LOCAL6)
    assert IPV4 not in said.values()


ENDS = {
    "logout": None,
    "outer process": lambda pieces: pieces.outer,
    "PID 1": lambda pieces: pieces.init,
    "sshd": lambda pieces: pieces.sshd,
    "monitor": lambda pieces: pieces.monitor,
}


@pytest.mark.usefixtures("nat")
@pytest.mark.parametrize("end", ENDS)
def test_pasta_ends(opened, alice, end):
    """pasta is the user's, and ends with the session, whichever of its processes is killed."""
    machine = Machine([alice])
    shell = opened()
    assert len(pasta_of(alice)) == 1
    if ENDS[end]:
        os.kill(ENDS[end](Pieces(shell)), signal.SIGKILL)
    if end in ("logout", "monitor"):
        # Without its monitor a connection goes on until something is asked of that.
        assert ask(shell, OUTSIDE) == {OUTSIDE: f"outside {OWN_IPV4}"}
        shell.process.stdin.close()
    shell.process.wait(timeout=60)
    assert_nothing_left(machine)


@pytest.mark.usefixtures("nat")
def test_pasta_is_killed(opened, alice):
    """The session goes on without a way out when pasta is killed, and leaves nothing at its end."""
    machine = Machine([alice])
    shell = opened()
    (pasta,) = pasta_of(alice)
    os.kill(pasta, signal.SIGKILL)
    wait_until(lambda: ask(shell, OUTSIDE)[OUTSIDE] == "ENETUNREACH", "the interface to go")
    assert interfaces(shell) == ["lo"]
    assert shell.close() == 0
    assert_nothing_left(machine)


@pytest.mark.usefixtures("nat")
def test_keeper_is_killed(connect, alice):
    """Framed, a process of the user's waits for the frame's end. Killed, it takes only pasta with
    it."""
    machine = Machine([alice])
    connection = connect()
    with connection.shell() as shell:
        os.kill(keeper_of(alice), signal.SIGKILL)
        wait_until(lambda: not pasta_of(alice), "pasta to end")
        assert shell.ask("echo on").out == "on"
    connection.close()
    assert_nothing_left(machine)


@pytest.mark.usefixtures("nat")
def test_who_waits_for_pasta_does_nothing_else(server, opened, alice):
    """Who ends pasta with the session sleeps until then, and so do the session's own (promise 8)."""
    pieces = Pieces(opened())
    keepers = {pieces.outer, pieces.init, keeper_of(alice)}
    assert len(keepers) == (2 if server.service.endswith("plain") else 3)
    assert_idle(keepers)


ATTACH = """\
import ctypes, errno, sys
libc = ctypes.CDLL(None, use_errno=True)
for pid in map(int, sys.argv[1:]):
    failed = libc.ptrace(16, pid, None, None)  # PTRACE_ATTACH
    print(errno.errorcode[ctypes.get_errno()] if failed else "attached")
"""


@pytest.mark.usefixtures("nat")
def test_pasta_cannot_be_traced(connect, alice):
    """Who owns a user namespace has all power over it from outside, as cron's jobs in a frame are. pasta is in that of the
    session, and in the machine's network."""
    connection = connect()
    with connection.shell(), subprocess.Popen(by_user(alice, "sleep", "60")) as other:
        wait_until(lambda: status(other.pid).get("Name") == "sleep", "sleep")
        (pasta,) = pasta_of(alice)
        pids = (pasta, keeper_of(alice), other.pid)
        result = as_root(*by_user(alice, "python3", "-c", ATTACH, *map(str, pids)))
        other.kill()
        assert result.out.split() == ["EPERM", "EPERM", "attached"], result
    connection.close()


def test_a_covered_part_of_sys(pam, syslog, network, alice):
    """The /sys of a network of its own would show what is covered in the machine's, as in a container's: refused."""
    covered = ("unshare", "-m", "sh", "-c", 'mount -t tmpfs none /sys/kernel && exec "$@"', "sh")
    begin = len(syslog.lines)
    assert pam.login(alice.name, "/bin/ls", "-A", "/sys/kernel", prefix=covered).result.out == ""
    network("mode = none")
    assert_denied(pam.login(alice.name, "/bin/true", prefix=covered))
    assert "/sys/kernel covers a part of the machine's own /sys" in refusal(syslog, begin, alice)["reason"]
    assert pam.login(alice.name, "/bin/true").result.rc == 0


def test_the_network_is_not_the_users(place, network, alice):
    """Neither in a session nor in the frame alone, where the user owns the user namespace of the sessions."""
    network("mode = none")
    changes = ("ip link set lo down", "ip addr add 192.0.2.1/24 dev lo", "ip route del local 127.0.0.0/8 dev lo table local",
               "ip link add type dummy")
    for change in changes:
        for way in ("", "unshare -Ur --keep-caps "):
            result = place.sh(alice, f"{way}{change}")
            assert result.rc != 0 and "Operation not permitted" in result.err, (way, change, result)


@pytest.mark.usefixtures("nat")
def test_pasta_is_missing(world, refused, alice):
    """Without pasta there is no session, with the name of the package."""
    machine = Machine([alice])
    with world.machine.without(PASTA):
        refused("network.mode", PASTA, "passt", "No such file")
    assert_nothing_left(machine)


@pytest.mark.usefixtures("nat")
@pytest.mark.parametrize(
    "program, size, words",
    [
        ("ls", None, ["unrecognized option"]),
        ("true", None, []),
        ("true", 16384, []),
    ],
    ids=["says why", "says nothing", "is killed"],
)
def test_pasta_fails(world, refused, alice, program, size, words):
    """Nor is there one when pasta fails, and what it says is in the reason. The user cannot read what is executed, so it
    is no script; the half of a program gets a signal."""
    machine = Machine([alice])
    with world.machine.covered(PASTA, Path("/usr/bin", program).read_bytes()[:size]):
        refused("network.mode", PASTA, *words)
    assert_nothing_left(machine)


@pytest.mark.usefixtures("nat")
def test_machine_without_a_route(world, server, refused, opened, alice):
    """Nor when the machine itself has no way out; or, with pasta since October 2024, one that leads nowhere."""
    world.routes(False)
    try:
        if server.ssh(alice, "echo ran").rc != 0:
            refused("network.mode", PASTA, "routable interface")
            return
        with world.outside.untouched(), world.machine.untouched():
            said = ask(opened(), OUTSIDE, OUTSIDE6, LOOPBACK, LOOPBACK6)
        assert not [text for text in said.values() if "machine" in text or "outside" in text], said
    finally:
        world.routes()


# publish


def test_publish(world, opened, network, alice):
    """Connections to the machine's 127.0.0.1 reach the session's port of that number or of another,
    whether the server there has the loopback or all addresses; and end with the session."""
    network("mode = nat", "publish = 8080, 8081:8000")
    published = ("tcp:127.0.0.1/8080", "tcp:127.0.0.1/8081")
    shell = opened()
    assert serve(shell, alice.name, "tcp:0.0.0.0/8080", "tcp:127.0.0.1/8000").rc == 0
    said = world.machine.answers(*published)
    assert list(said.values()) == [f"{alice.name} 127.0.0.1"] * 2
    assert shell.close() == 0
    wait_until(
        lambda: set(world.machine.answers(*published).values()) == {"ECONNREFUSED"}, "the end"
    )


def test_publish_is_for_the_loopback(world, opened, network, alice):
    """What is published is not reached from outside, and nothing else is published."""
    network("mode = nat", "publish = 8080")
    shell = opened()
    assert serve(shell, alice.name, "tcp:0.0.0.0/8080", "tcp:::/8080", "tcp:0.0.0.0/8000").rc == 0
    for address in (OWN_IPV4, OWN_IPV6):
        said = world.outside.answers(f"tcp:{address}/8080", f"tcp:{address}/8000")
        assert set(said.values()) == {"ECONNREFUSED"}
    others = ["tcp:127.0.0.1/8000", "tcp:::1/8000", f"tcp:{OWN_IPV4}/8080"]
    assert set(world.machine.answers(*others).values()) == {"ECONNREFUSED"}


def test_port_is_taken(world, network, refused, alice):
    """A port that a program of the machine has is a reason to refuse the login, and it is named."""
    network("mode = nat", "publish = 8079, 8080:8000")
    wait_until(lambda: not pasta_of(alice), "the end of earlier sessions' pasta")
    machine = Machine([alice])
    taken = world.machine.run(Server, "taken", "tcp:127.0.0.1/8080").start()
    try:
        refused("network.", "8080")
        assert world.machine.answer("tcp:127.0.0.1/8080") == "taken 127.0.0.1"
    finally:
        taken.close()
    assert_nothing_left(machine)


def test_port_of_another_session(opened, network, refused, bob):
    """So is one that another user's session has published."""
    network("mode = nat", "publish = 8080")
    opened()
    refused("network.", "8080", account=bob)


def test_privileged_port(network, refused):
    """So is one that only root may have."""
    network("mode = nat", "publish = 80")
    refused("network.", "80")


# The policy


BAD = {
    "mode = bridge": "network.mode",
    "mode =": "network.mode",
    "mode = none, nat": "network.mode",
    "publish = 0": "network.publish",
    "publish = 65536": "network.publish",
    "publish = -1": "network.publish",
    "publish = http": "network.publish",
    "publish = 8080:": "network.publish",
    "publish = :8080": "network.publish",
    "publish = 8080:80:81": "network.publish",
    "publish = 8080-8090": "network.publish",
    "publish = 127.0.0.1/8080": "network.publish",
    "publish = 8080, 0": "network.publish",
    "bridge = eth0": "network.bridge",
}


@pytest.mark.parametrize("line", BAD)
def test_bad_values(session, network, alice, line):
    """A value that is none is a policy error, with its place."""
    network(*(["mode = nat"] if line.startswith("publish") else []), line)
    number = 3 if line.startswith("publish") else 2
    session.refusal(alice, f"nsshell.conf:{number}", BAD[line])


@pytest.mark.parametrize("lines", [(), ("mode = none",), ("mode = host",)])
def test_publish_without_nat(session, network, alice, lines):
    """Publishing means something with nat only."""
    network(*lines, "publish = 8080")
    session.refusal(alice, f"nsshell.conf:{2 + len(lines)}", "network.publish", "nat")


def test_publish_in_another_file(session, policy, alice):
    """Wherever the two keys stand."""
    policy.conf("[network] publish=8080")
    policy.user(alice.name, "[network] mode=none")
    session.refusal(alice, "nsshell.conf:2", "network.publish", "nat")


# What sshd does for the connection, in the frame


@pytest.mark.usefixtures("mode")
def test_one_network_for_a_connection(world, connect):
    """All sessions of a connection, and sshd's own process, are in one network."""
    connection = connect()
    network = network_of(connection.sshd)
    assert network != network_of(world.machine.pid)
    with connection.shell() as one, connection.shell() as other:
        seen = {shell.ask("readlink /proc/self/ns/net").out for shell in (one, other)}
        assert seen == {network}
        assert serve(one, "one", *MEETING).rc == 0
        assert ask(other, MEETING[0]) == {MEETING[0]: "one 127.0.0.1"}


@pytest.mark.usefixtures("nat")
def test_pasta_lasts_as_long_as_the_connection(connect, alice):
    """... and so is pasta, which the end of one session does not end."""
    machine = Machine([alice])
    connection = connect()
    (pasta,) = pasta_of(alice)
    with connection.shell() as other:
        with connection.shell() as one:
            assert ask(one, OUTSIDE) == {OUTSIDE: f"outside {OWN_IPV4}"}
        assert ask(other, OUTSIDE) == {OUTSIDE: f"outside {OWN_IPV4}"}
        assert pasta_of(alice) == [pasta]
    connection.close()
    assert_nothing_left(machine)


def received(world, port):
    """What comes from a port of the machine's that ssh -L has; "" when it is closed."""
    with world.machine.connected(port) as client:
        return client.receive().decode()


@pytest.mark.usefixtures("mode")
def test_local_forwarding(world, connect):
    """ssh -L reaches a server in the session, and nothing of the machine's."""
    targets = ("127.0.0.1:8000", "[::1]:8000", "127.0.0.1:7001", "[::1]:7001", f"{OWN_IPV4}:7002")
    options = [f"-L{9000 + number}:{target}" for number, target in enumerate(targets)]
    connection = connect("-q", *options)
    with connection.shell() as shell:
        assert serve(shell, "inside", "tcp:127.0.0.1/8000", "tcp:::1/8000").rc == 0
        with world.machine.untouched():
            said = [received(world, 9000 + number) for number in range(len(targets))]
    assert said == ["inside 127.0.0.1", "inside ::1", "", "", ""]


def test_local_forwarding_to_the_outside(world, connect, mode):
    """... and nothing outside with mode = none, unlike with nat."""
    connect("-q", f"-L9000:{IPV4}:7000", f"-L9001:[{IPV6}]:7000")
    said = [received(world, port) for port in (9000, 9001)]
    assert said == (["", ""] if mode == "none" else [f"outside {OWN_IPV4}", f"outside {OWN_IPV6}"])


@pytest.mark.usefixtures("mode")
def test_local_forwarding_without_the_module(world, alice):
    """Without the module it is the machine's network: the frame makes the difference."""
    with Connection(world.plain, alice, "-L", "9000:127.0.0.1:7001"):
        assert received(world, 9000) == "machine 127.0.0.1"


@pytest.mark.usefixtures("mode")
def test_remote_forwarding(world, connect):
    """ssh -R listens in the session's network and not in the machine's, and works."""
    connection = connect("-o", "ExitOnForwardFailure=yes", "-R", "9000:127.0.0.1:7001")
    target = "tcp:127.0.0.1/9000"
    with connection.shell() as shell:
        wait_until(lambda: ask(shell, target)[target] != "ECONNREFUSED", "the listener")
        assert ask(shell, target) == {target: "machine 127.0.0.1"}
    assert world.machine.answer(target) == "ECONNREFUSED"


@pytest.fixture
def display(world, alice, tmp_path):
    with world.machine.run(Display, tmp_path) as one:
        yield one
    alice.path(".Xauthority").unlink(missing_ok=True)


@pytest.mark.usefixtures("mode")
def test_x11_forwarding(world, connect, display):
    """X11 forwarding works: DISPLAY is a port of the session's network, not of the machine's."""
    connection = connect("-Y", env=display.env)
    with connection.python(X_CLIENT, env=display.env, options=("-Y",)) as client:
        port = int(client.receive())
        assert world.machine.answer(f"tcp:127.0.0.1/{port}") == "ECONNREFUSED"
        client.send(b"go on\n")
        assert display.serve() == (display.NAME, display.COOKIE)
        assert client.receive() == display.ANSWER


@pytest.mark.usefixtures("mode")
def test_agent_forwarding(framed, connect):
    """Agent forwarding works."""
    with framed.agent() as env:
        connection = connect("-A", env=env)
        result = connection.ssh("ssh-add -l", options=("-A",), env=env)
    assert result.rc == 0 and "client_key" in result.out, result
