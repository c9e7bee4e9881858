# SPDX-License-Identifier: MIT
"""dev: the devices of the list and no other, and the user's own terminal under its own name.

nsshell.conf(5), [view] dev; design.md, promises 1 and 6.
"""

import os
import re
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from lib_process import as_root, children, run, wait_until
from lib_settings import NSSHELL, SRV
from lib_terminal import Terminal
from lib_view import Outside

pytestmark = pytest.mark.usefixtures("nested_userns")

NAMES = ["fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero"]
NODES = {"null": "1:3", "zero": "1:5", "full": "1:7", "random": "1:8", "urandom": "1:9", "tty": "5:0"}


def test_the_list(session, alice):
    """These names, and nothing else; the nodes are the kernel's, for everybody to read and write."""
    names = NAMES + (["log"] if os.path.islink("/dev/log") else [])
    assert sorted(session.lines(alice, "ls -A /dev")) == sorted(names)
    for name, number in NODES.items():
        assert session.lines(alice, f"stat -L -c '%F %a %t:%T' /dev/{name}") == [
            f"character special file 666 {number}"], name
    assert session.lines(alice, "ls -A /dev/pts; stat -L -c '%F %t:%T' /dev/ptmx; stat -c %a /dev /dev/pts") == [
        "ptmx", "character special file 5:2", "755", "755"]
    assert session.lines(alice, "cd /dev; readlink fd stdin stdout stderr") == [
        "/proc/self/fd", *(f"/proc/self/fd/{n}" for n in range(3))]


def test_they_work(session, alice):
    """Each does what null(4), full(4) and random(4) say."""
    result = session.sh(
        alice, "echo x >/dev/null && head -c 3 /dev/zero | od -An -tx1; head -c 8 /dev/random | wc -c; "
        "head -c 8 /dev/urandom | wc -c; cat /dev/null; head -c 2 /dev/full | od -An -tx1; echo in | cat /dev/stdin; "
        "{ echo out >/dev/stdout; echo err >/dev/stderr; } 2>&1 | cat; exec 7</etc/passwd; "
        "head -n 1 /dev/fd/7; echo x >/dev/full",
    )
    first = open("/etc/passwd", encoding="utf-8").readline().strip()
    assert result.out.splitlines() == [" 00 00 00", "8", "8", " 00 00", "in", "out", "err", first], result
    assert result.rc == 1 and "No space left" in result.err, result


@pytest.mark.parametrize("uid", ["keep", "root"])
def test_no_other_can_be_made(session, alice, policy, uid):
    """/dev is not the user's to write, and no device can be made elsewhere."""
    policy.conf(f"[identity] uid={uid}")
    for attempt in ("touch /dev/x", "mkdir /dev/x", "rm -f /dev/null", "mv /dev/null /dev/x", "chmod 600 /dev/null",
                    "ln -sf x /dev/tty", "mknod /dev/x c 1 3", "mknod /tmp/x c 1 3", "mknod /dev/shm/x b 8 0",
                    "unshare -Ur mknod /tmp/x c 1 3", "touch /dev/pts/x", "unshare -Urm umount -l /dev",
                    "unshare -Urm umount -l /dev/pts", "unshare -Urm umount /dev/null",
                    "unshare -Urm mount -t devtmpfs none /mnt",
                    "unshare -Urm sh -c 'mount -o remount,bind,rw /dev; touch /dev/x'"):
        result = session.sh(alice, f"{attempt} 2>&1")
        assert result.rc not in (0, 125, 127), (attempt, result)
    # A pts instance of the user's own has only the user's own terminals.
    seen = session.sh(alice, "unshare -Urm sh -c 'mount -t devpts -o newinstance none /mnt && ls /mnt'")
    assert seen.out in ("ptmx\n", ""), seen


def test_others_terminals_are_not_there(session, alice, bob):
    """Not a terminal of somebody else's, and not the machine's consoles."""
    with Terminal(bob, ["/bin/sleep", "60"]) as other:
        name = other.device
        assert Outside().sh(alice, f"ls {name}").rc == 0
        assert session.lines(alice, "ls /dev/pts") == ["ptmx"]
        assert session.sh(alice, f"ls {name} /dev/tty0 /dev/console").out == ""


def test_shared_memory_is_private(session, alice):
    """/dev/shm is that of [view] tmp, also when dev is the machine's."""
    made = "/dev/shm/nsh-outside"
    with open(made, "w", encoding="ascii"):
        try:
            assert session.lines(alice, "ls -A /dev/shm; touch /dev/shm/x; ls -A /dev/shm; stat -c %a /dev/shm") == [
                "x", "1777"]
        finally:
            os.unlink(made)


def test_the_machines(session, alice, policy):
    """dev = host: as it is on the machine, but for /dev/shm."""
    policy.conf("[view] dev=host")
    show = "cd /dev; find . -path ./shm -prune -o -path ./pts -prune -o -printf '%p %y %m %l\\n' | sort"
    assert session.lines(alice, show) == Outside().lines(alice, show)
    with Terminal(alice, ["/bin/sleep", "60"]) as other:
        assert os.path.basename(other.device) in session.lines(alice, "ls /dev/pts")
    assert session.lines(alice, "ls -A /dev/shm; echo x >/dev/null; echo end") == ["end"]


# Terminals


@contextmanager
def other_terminals(count):
    """So many terminals of the machine's are open already, so that the next one has a later number."""
    with ExitStack() as stack:
        for _ in range(count):
            for fd in os.openpty():
                stack.callback(os.close, fd)
        yield


@contextmanager
def standalone_terminal(account, _):
    with Terminal(account, [str(NSSHELL), "-l"]) as terminal:
        terminal.ready()
        terminal.at_prompt()
        terminal.outside_name = terminal.device
        yield terminal


@contextmanager
def ssh_terminal(account, server):
    argv = server.command(account, options=("-tt",))
    with Terminal(None, argv, env={**os.environ, "TERM": "dumb"}) as terminal:
        terminal.ready()
        terminal.at_prompt()
        terminal.outside_name = name_outside(server)
        yield terminal


def name_outside(server):
    """The terminal of the only connection's session: that of its outer process."""
    def find():
        below = children(server.process.pid)
        while below:
            pid = below.pop()
            name = as_root("ps", "-o", "comm=,tty=", "-p", str(pid)).out.split()
            if name[:1] == ["nsshell"] and name[1].startswith("pts/"):
                return f"/dev/{name[1]}"
            below += children(pid)
        return None

    return wait_until(find, "nsshell on a terminal")


@pytest.fixture(params=["standalone", "ssh", "ssh, framed"])
def on_terminal(request, alice):
    """on_terminal(): an interactive session on a terminal, with the name that it has on the machine."""
    server = None
    if request.param != "standalone":
        server = request.getfixturevalue("framed_sshd" if "framed" in request.param else "plain_sshd")
    make = ssh_terminal if server else standalone_terminal
    return lambda: make(alice, server)


def words(terminal, command):
    """The output of a command, in one line, so that the width of the window does not matter."""
    return terminal.ask(f"echo $({command})").split()


@pytest.mark.parametrize("before", [0, 1, 6, 50])
def test_name(on_terminal, before):
    """It has the name that it has on the machine, and is the only one there, whatever its number."""
    with other_terminals(before), on_terminal() as terminal:
        name = terminal.outside_name
        assert words(terminal, "tty") == [name]
        assert words(terminal, "ls /dev/pts") == sorted([os.path.basename(name), "ptmx"])
        assert words(terminal, "ps -o tty= -p $$") == [name.removeprefix("/dev/")]
        assert words(terminal, "stat -c '%U %t' $(tty)")[0] == "nshalice"
        assert words(terminal, "tty </dev/tty") == ["/dev/tty"]


@contextmanager
def scarce_terminals(count):
    """So many are left to all but the machine's own /dev/pts."""
    folder = Path("/proc/sys/kernel/pty")
    before = (folder / "reserve").read_text()
    taken, most = (int((folder / name).read_text()) for name in ("nr", "max"))
    try:
        (folder / "reserve").write_text(str(most - taken - count))
        yield
    finally:
        (folder / "reserve").write_text(before)


@pytest.mark.parametrize("made", [lambda: other_terminals(70), lambda: scarce_terminals(2)], ids=["many", "few"])
def test_a_number_that_is_not_to_be_had(on_terminal, made):
    """Where there are many terminals, or few are left, the own one has another name, and works under that."""
    with other_terminals(6), made(), on_terminal() as terminal:
        assert words(terminal, "tty; ls -A /dev/pts; stat -c '%U %t' $(tty)") == [
            "/dev/login0", "ptmx", "nshalice", "88"]
        assert terminal.ask("stty size >$(tty) && stty -F /dev/login0 size").count("24 80") == 2
        assert terminal.ask("echo ${SSH_TTY-/dev/login0}") == "/dev/login0"


OPEN = """\
import os
own = os.ttyname(0)
made = [os.openpty() for _ in range(50)]
names = [os.ttyname(slave) for _, slave in made]
assert len(set(names)) == 50 and own not in names, names
assert sorted(os.listdir("/dev/pts")) == sorted([*map(os.path.basename, names), os.path.basename(own), "ptmx"])
for name, (master, slave) in zip(names, made):
    with open(name, "w") as other:
        print("x", file=other)
    got = b""
    while len(got) < 3:  # the kernel hands on what was written in as many pieces as it likes
        got += os.read(master, 9)
    assert got == b"x\\r\\n"
    assert os.fstat(slave).st_uid == os.getuid()
print("opened", os.ttyname(0) == own)
"""


@pytest.mark.parametrize("before", [0, 6])
def test_new_terminals(on_terminal, alice, scratch, before):
    """Those that the session opens have other names, can be opened by them, and leave the own one alone."""
    alice.write("scratch/open.py", OPEN)
    with other_terminals(before), on_terminal() as terminal:
        assert terminal.ask(f"python3 -B {scratch}/open.py") == "opened True"
        assert words(terminal, "ls /dev/pts; tty") == [
            *sorted([os.path.basename(terminal.outside_name), "ptmx"]), terminal.outside_name]


def test_new_terminals_without_one(session, alice):
    """Also in a session that has no terminal itself."""
    result = session.sh(
        alice, "script -qec 'tty; echo x >$(tty); ls -1 /dev/pts' /dev/null | tr -d '\\r'; ls /dev/pts")
    name, text, *listed, last = result.out.splitlines()
    assert re.fullmatch("/dev/pts/[0-9]+", name) and text == "x" and last == "ptmx", result
    assert listed == [os.path.basename(name), "ptmx"]


@pytest.mark.parametrize("before", [0, 6])
def test_writing_to_it_by_its_name(on_terminal, before):
    """What knows nothing but the name, such as gpg's pinentry, opens it; what mesg(1) does changes it."""
    with other_terminals(before), on_terminal() as terminal:
        name = terminal.outside_name
        elsewhere = f"setsid -w sh -c 'echo by its name >{name}' </dev/null >/dev/null 2>&1"
        assert terminal.ask(elsewhere) == "by its name"
        assert terminal.ask("echo over tty >/dev/tty") == "over tty"
        for mode in ("600", "620"):
            assert words(terminal, f"chmod {mode} $(tty); stat -c %a $(tty)") == [mode]
        assert os.stat(name).st_mode & 0o777 == 0o620


def test_ssh_asks_on_it(on_terminal, plain_sshd):
    """ssh from within asks its questions on the terminal."""
    with on_terminal() as terminal:
        terminal.sendline(f"ssh -F none -p {plain_sshd.port} 127.0.0.1 true </dev/null")
        terminal.expect("continue connecting")
        terminal.sendline("no")
        terminal.expect("verification failed")


@pytest.mark.parametrize("before", [0, 6])
def test_tmux(on_terminal, before):
    """tmux on it, with windows that have terminals of their own; detached by the name of its client."""
    with other_terminals(before), on_terminal() as terminal:
        name = terminal.outside_name
        window = ("tty >/tmp/window; tmux list-clients -F \"#{client_tty}\" >/tmp/clients; "
                  "tmux detach-client; sleep 60")
        terminal.sendline(
            f"TERM=xterm tmux -f /dev/null new-session -s nsh '{window}'; echo det''ached")
        terminal.expect_exact("detached\r\n")
        terminal.ready()
        terminal.at_prompt()
        window, client = words(terminal, "cat /tmp/window /tmp/clients")
        assert client == name and window != name and window.startswith("/dev/pts/")
        terminal.sendline("tmux kill-server")


@pytest.mark.parametrize("before", [0, 6])
def test_screen(on_terminal, before):
    """screen likewise: attached, and detached by another process."""
    with other_terminals(before), on_terminal() as terminal:
        window = "tty >/tmp/window; screen -S nsh -X detach; sleep 60"
        terminal.sendline(f"TERM=xterm screen -S nsh sh -c '{window}'; echo det''ached")
        terminal.expect_exact("detached\r\n")
        terminal.ready()
        terminal.at_prompt()
        (window,) = words(terminal, "cat /tmp/window")
        assert window != terminal.outside_name and window.startswith("/dev/pts/")
        terminal.sendline("screen -S nsh -X quit")


def test_script(on_terminal):
    """script(1) opens one in the session, whose name is not that of the terminal that it is on."""
    with on_terminal() as terminal:
        inner = terminal.ask("script -qec tty /dev/null")
        assert re.fullmatch("/dev/pts/[0-9]+", inner) and inner != terminal.outside_name


def test_window_size(on_terminal):
    """The terminal is the real one: its size is seen, and a change of it."""
    with on_terminal() as terminal:
        assert terminal.ask("stty size") == "24 80"
        terminal.setwinsize(30, 90)
        terminal.await_output("stty size", "30 90")


def test_terminal_that_is_gone(alice):
    """Streams that lead to a terminal which has been closed: a session without one."""
    master, slave = os.openpty()
    name = os.ttyname(slave)
    os.fchown(slave, alice.uid, alice.gid)
    os.close(master)
    result = run(alice, "-c", "ls /dev/pts; tty </dev/null; echo end >/tmp/x; cat /tmp/x", stderr=slave)
    os.close(slave)
    assert result.rc == 0 and result.out.splitlines()[-1] == "end", (name, result)


def test_terminal_of_another_user(alice, bob):
    """A terminal that was left open by somebody else is not made to be the own one."""
    master, slave = os.openpty()
    os.fchown(slave, bob.uid, bob.gid)
    os.fchmod(slave, 0o600)
    name = os.ttyname(slave)
    result = run(alice, "-c", f"echo x >{name}; cat {name} & sleep 0.1; ls -l /dev/pts; echo end", stderr=slave)
    os.close(slave)
    os.set_blocking(master, False)
    try:
        shown = os.read(master, 4096).decode()
    except OSError:
        shown = ""
    os.close(master)
    assert result.out.splitlines()[-1:] == ["end"] or result.rc == 125, result
    assert not re.search(r"^x\r?$", shown, re.MULTILINE), shown


def test_hide_in_dev(session, alice, policy):
    """A device can be hidden; a device of the machine's that dev = minimal has not is not there."""
    policy.conf("[view]\nhide=/dev/random")
    result = session.sh(alice, "head -c 1 /dev/random; head -c 1 /dev/urandom | wc -c")
    assert result.out.strip() == "1", result


def test_bind_in_dev(session, alice, policy):
    """A device that is wanted can be shown on a file elsewhere."""
    target = SRV / "device"
    target.write_text("")
    node = SRV / "node"
    os.mknod(node, 0o020666, os.makedev(1, 5))
    node.chmod(0o666)
    try:
        policy.conf(f"[view] bind={node}:{target}")
        result = session.sh(alice, f"head -c 2 {target} | od -An -tx1")
        assert result.rc == 125 or result.out == " 00 00\n", result
    finally:
        target.unlink()
        node.unlink()
