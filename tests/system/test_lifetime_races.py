# SPDX-License-Identifier: MIT
"""Shared sandboxes when logins come and go in one moment, when a piece of theirs ends by force, and when the user
tampers with it.

Issue 7, "Races and faults, tested"; design.md, promises 1, 2 and 7.
"""

import fcntl
import os
import random
import resource
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from lib_frame import HeldLogin, as_user
from lib_lifetime import (
    Framed, Standalone, Traces, await_none_staying, first_process, id_of, over_ssh, staying,
)
from lib_mounts import tmpfs
from lib_pam import assert_denied
from lib_process import (
    SHOW_NAMESPACES, Held, as_root, assert_confined, assert_refused, children,
    environment, pids_of, run, sh, start, status, wait_until,
)
from lib_services import by_user
from lib_settings import FRAME, HELPER, MARKER, NSSHELL, REFUSED, TOOLS

# Logins in a loop. 10000 have to pass as well.
LOGINS = int(os.environ.get("NSH_LOGINS", "1000"))
AT_ONCE = 200

# The hub's file of locks, and the number of its open file system (sandbox/hub_place.c).
USERS = FRAME.parent / "users"
HUB_FOLDER_FD = 11

# Ends with 0 in a whole sandbox: a PID namespace with a PID 1 that lives, a /tmp of its own, its host name, processes.
WHOLE = """\
read -r _ name state _ </proc/1/stat && test "$name" = "(nsshell-sandbox)" -a "$state" != Z || {
  echo "PID 1: $name $state" >&2
  exit 11
}
test "$HOSTNAME" = "$1" || exit 12
test ! -e /tmp/nsh-outside && echo x >/tmp/$$ && rm /tmp/$$ || exit 13
test "$(readlink /proc/self/ns/pid)" != "$2" || exit 14
(exit 7)
test $? = 7 || exit 15
"""

# Likewise, and some leave something behind that ends soon.
LEAVING = f"""\
{WHOLE}
test $((RANDOM % 2)) = 0 || setsid -f sleep 0.0$((RANDOM % 10)) >/dev/null 2>&1
exit 0
"""


class Form:
    """Logins with and without PAM, made by tests/tools/pamlogin.c."""

    def __init__(self, pam, bare):
        self.pam, self.bare = pam, bare
        self.place = Standalone() if bare else Framed(pam)

    def hold(self, account):
        return self.place.hold(account)

    def start(self, account, script, *args, **settings):
        """Starts pamlogin. settings: its variables, as count=3."""
        argv = self.pam.command(account.name, str(NSSHELL), "-c", script, "-", *args)
        variables = {f"PAMLOGIN_{name.upper()}": str(value) for name, value in settings.items()}
        if self.bare:
            variables["PAMLOGIN_BARE"] = "1"
        return subprocess.Popen(
            argv, cwd="/", env={**environment(account), **variables}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )

    def whole(self, account, script=WHOLE, **settings):
        return self.start(
            account, script, f"{account.name}-{os.uname().nodename}", os.readlink("/proc/self/ns/pid"),
            **settings,
        )

    def assert_whole(self, account):
        """One login now: it is let in and has a whole sandbox."""
        process = self.whole(account)
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0, out

    def victim(self, process):
        """The process that makes a sandbox for this login, when it is seen; None when the login is over."""
        while process.poll() is None:
            for pid in children(process.pid):
                with suppress(OSError):
                    if self.bare or os.readlink(f"/proc/{pid}/exe") == str(HELPER):
                        return pid
        return None


@pytest.fixture(autouse=True)
def none_before():
    """Every test begins without a hub, whose name or number it may want."""
    await_none_staying()


@pytest.fixture(params=["framed", "standalone"])
def form(request, pam, outside):
    """outside is a file in the machine's /tmp."""
    return Form(pam, request.param == "standalone")


@pytest.fixture
def framed(pam, outside):
    return Form(pam, False)


@pytest.fixture
def standalone(pam, outside):
    return Form(pam, True)


@pytest.fixture
def shared(policy):
    policy.conf("[session] lifetime=user")
    return policy


@pytest.fixture
def traces(alice):
    return Traces(alice)


def hubs():
    return [pid for pid in staying() if status(pid).get("Name") == "nsshell-hub"]


def sandboxes():
    """Outer process and PID 1 of each."""
    names = {pid: status(pid) for pid in staying()}
    of_sandboxes = [pid for pid, facts in names.items() if facts.get("Name") == "nsshell-sandbox"]
    return [
        (int(names[pid]["PPid"]), pid) for pid in of_sandboxes if int(names[pid]["PPid"]) in of_sandboxes
    ]


def only_sandbox():
    return wait_until(lambda: (sandboxes() or [None])[0], "a sandbox")


def await_end_of(*held):
    """Logins whose sandbox has ended end as well."""
    for one in held:
        one.process.wait(timeout=30)


@contextmanager
def held_by(form, account, count=2):
    """Logins that are kept open; whatever is left of them is ended."""
    logins = []
    try:
        for _ in range(count):
            logins.append(form.hold(account))
        yield logins
    finally:
        for one in logins:
            with one:
                pass


# Races


@pytest.fixture
def usual_files():
    """As many open files as logins have on most machines, unless they ask for more."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.fixture
def patient(pam):
    """The module waits longer than it does by itself: for the last of very many helpers."""
    pam.service("nshcheck", "timeout=60")
    yield
    pam.service("nshcheck")


@pytest.mark.usefixtures("usual_files", "patient")
@pytest.mark.parametrize("lifetime", ["user", "linger"])
def test_two_hundred_at_the_same_instant(form, alice, policy, traces, lifetime):
    """Issue 7: two hundred logins of one user at the same instant make one sandbox."""
    policy.conf(f"[session] lifetime={lifetime}")
    show = "echo $(readlink /proc/self/ns/pid) $NSSHELL_SESSION; read -r line"
    process = form.start(alice, show, count=AT_ONCE, slots=AT_ONCE)
    lines = []
    while len(lines) < AT_ONCE:
        line = process.stdout.readline()
        assert line, lines
        if not line.startswith("pam "):
            lines.append(line)
    assert len(set(lines)) == 1 and lines[0].startswith("pid:["), set(lines)
    # Hubs that came too late may not have ended yet.
    wait_until(lambda: (len(hubs()), len(sandboxes())) == (1, 1), "one hub and one sandbox")
    traces.note()
    # Their shells read from one pipe: they all end at once.
    process.stdin.close()
    assert process.wait(timeout=60) == 1, "read -r at the end of a file"
    traces.await_end()


@pytest.mark.parametrize("lifetime", ["user", "linger"])
def test_a_login_that_meets_the_last_one_leaving(form, alice, policy, traces, lifetime):
    """Issue 7: a whole sandbox, old or new, every time. Two at a time, so that most are the last one or the first."""
    policy.conf(f"[session] lifetime={lifetime}")
    count = LOGINS // (4 if form.bare or lifetime == "linger" else 1)
    script = LEAVING if lifetime == "linger" else WHOLE
    process = form.whole(alice, script, count=count, slots=2, pause=30000)
    out = "".join(line for line in process.stdout if line != "pam 0\n")
    assert process.wait() == 0 and not out, out
    traces.await_end()


def test_a_maker_that_is_killed(form, alice, shared, traces):
    """What makes the sandbox is killed at a time that nobody chose: those who wait get one all the same."""
    survivors = 0
    for number in range(24):
        first = form.whole(alice)
        victim = form.victim(first)
        if number % 4:
            others = [form.whole(alice) for _ in range(3)]
            time.sleep(random.random() * 0.02)
        with suppress(ProcessLookupError):
            os.kill(victim or 0x3fffff, signal.SIGKILL)
        if not number % 4:
            others = [form.whole(alice) for _ in range(3)]
        for process in others:
            out, _ = process.communicate(timeout=60)
            assert process.returncode == 0, out
        first.communicate(timeout=60)
        survivors += first.returncode == 0
    assert survivors < 24
    traces.await_end()


# Faults


def kill_hub():
    (hub,) = hubs()
    os.kill(hub, signal.SIGKILL)


def kill_outer():
    os.kill(only_sandbox()[0], signal.SIGKILL)


def kill_init():
    os.kill(only_sandbox()[1], signal.SIGKILL)


@pytest.mark.parametrize("kill", [kill_init, kill_outer, kill_hub])
def test_a_piece_of_the_sandbox_is_killed(form, alice, shared, traces, kill):
    """Everything of the sandbox ends, its logins with it, and the next login has a new, whole one."""
    with held_by(form, alice) as (one, other):
        assert id_of(one) == id_of(other)
        one.tell("setsid -f sleep 600 >/dev/null 2>&1")
        traces.note()
        kill()
        await_end_of(one, other)
        form.assert_whole(alice)
    traces.await_end()


def test_a_login_without_a_shell_ends_with_its_sandbox(framed, alice, shared, pam, traces):
    """Issue 7: what is in the frame alone, as internal-sftp, is told to end when the sandbox has ended."""
    with held_by(framed, alice, 1) as (shell,):
        with HeldLogin(pam, alice, "/bin/sh") as bare:
            kill_init()
            await_end_of(shell)
            assert bare.process.wait(timeout=30) == -signal.SIGHUP
            bare.process.stdin.close()
    traces.await_end()


def test_a_stopped_pid_1(form, alice, shared, traces):
    """PID 1 is stopped: logins can still join, and the end comes, if later."""
    with held_by(form, alice, 1) as (one,):
        _, init = only_sandbox()
        os.kill(init, signal.SIGSTOP)
        form.assert_whole(alice)
        assert one.ask("(exit 5)").rc == 5
        one.close()
    traces.await_end(40)


# What somebody can set before sudo or su, and what is not for the hub and the sandbox that the login begins.
OF_THE_CALLER = (
    "choom", "-n", "300", "--", "prlimit", "--sigpending=0:", "--memlock=0:", "ionice", "-c", "3", "chrt", "--idle", "0", "nice", "-n", "5",
)


def test_what_the_caller_had_ends_with_the_login(framed, alice, shared, pam, traces):
    with HeldLogin(pam, alice, str(NSSHELL), prefix=OF_THE_CALLER) as one:
        assert one.ask("nice").out == "5"
        with held_by(framed, alice, 1) as (other,):
            for pid in (*hubs(), first_process()):
                assert os.sched_getscheduler(pid) == os.SCHED_OTHER
                assert os.getpriority(os.PRIO_PROCESS, pid) == 0
                assert Path(f"/proc/{pid}/oom_score_adj").read_text() == "0\n"
                assert as_root("ionice", "-p", str(pid)).out.startswith("none")
            assert other.ask("trap : RTMIN+1; /bin/kill -q 7 -s RTMIN+1 $$").rc == 0
    traces.await_end()


def test_a_stopped_hub(standalone, alice, shared, traces):
    """A login does not wait for ever for a hub that does not answer, and has no session then. With PAM see below."""
    with held_by(standalone, alice, 1) as (one,):
        (hub,) = hubs()
        os.kill(hub, signal.SIGSTOP)
        begin = time.monotonic()
        process = standalone.whole(alice)
        out, _ = process.communicate(timeout=60)
        assert time.monotonic() - begin < 40
        assert process.returncode == REFUSED, out
        assert "no session" in out
        os.kill(hub, signal.SIGCONT)
        assert one.ask("(exit 5)").rc == 5
        standalone.assert_whole(alice)
    traces.await_end()


def stopped_maker(form, account):
    """A login that was stopped while it makes what others then wait for in vain, and the process that is stopped."""
    for number in range(200):
        maker = form.whole(account)
        victim = form.victim(maker)
        # When it is at that depends on the machine.
        time.sleep(random.uniform(0, 0.004 * 2 ** (number % 5)))
        if victim:
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGSTOP)
        other = form.whole(account)
        other.communicate(timeout=60)
        if other.returncode == REFUSED:
            return maker, victim
        if victim:
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGCONT)
        maker.communicate(timeout=60)
    return None


def test_who_makes_a_sandbox_is_stopped(standalone, alice, shared, traces):
    """Others are refused for half a minute and not for ever. With PAM the module's time limit is before that."""
    maker, victim = stopped_maker(standalone, alice)
    begin = time.monotonic()
    wait_until(lambda: standalone.whole(alice).wait(60) == 0, "somebody else to make one", 60)
    assert time.monotonic() - begin > 10
    os.kill(victim, signal.SIGCONT)
    maker.communicate(timeout=60)
    assert maker.returncode == REFUSED
    traces.await_end(40)


def test_the_parent_of_a_shell_is_killed_from_inside(form, alice, shared, traces):
    """That login ends, the others go on."""
    with held_by(form, alice) as (one, other):
        one.tell("kill -9 $PPID")
        assert one.process.wait(timeout=30) in (-signal.SIGKILL, 128 + signal.SIGKILL)
        assert other.ask("(exit 5)").rc == 5
        assert other.close() == 0
    traces.await_end()


def test_the_parent_of_a_shell_is_stopped_from_inside(form, alice, shared, traces):
    """It is the user's own login that hangs, and when that is ended nothing is left."""
    with held_by(form, alice) as (one, other):
        one.tell("kill -STOP $PPID")
        assert other.ask("(exit 5)").rc == 5
        one.process.kill()
        one.process.wait()
        assert other.ask("(exit 5)").rc == 5
        assert other.close() == 0
    traces.await_end()


def test_the_outer_process_of_a_login_is_killed(form, alice, shared, traces):
    """Its shell is told like one whose connection is lost; the others go on."""
    with held_by(form, alice) as (one, other):
        shell = one.ask("echo $$").out
        os.kill(one.outer, signal.SIGKILL)
        one.process.wait(timeout=30)
        wait_until(lambda: other.ask(f"test ! -e /proc/{shell}").rc == 0, "the end of its shell")
        assert other.close() == 0
    traces.await_end()


def test_the_monitor_is_killed(framed_sshd, alice, shared, traces):
    """To the hub that is the end of the login, whatever goes on: as the last one it ends the sandbox."""
    with over_ssh(framed_sshd, alice) as shell:
        shell.ask("trap '' HUP TERM")
        outer = next(
            pid for pid in pids_of(alice)
            if status(pid).get("Name") == "nsshell" and len(status(pid).get("NSpid", "").split()) == 1
        )
        monitor = int(status(int(status(outer)["PPid"]))["PPid"])
        assert status(monitor)["Uid"].split()[0] == "0"
        traces.note()
        os.kill(monitor, signal.SIGKILL)
        shell.process.wait(timeout=30)
    traces.await_end()


# What looks like a hub


@contextmanager
def lock_on(account):
    """A process of root's that has the lock of the user's hub and is none."""
    with open(USERS, "r+b") as file:
        fcntl.lockf(file, fcntl.LOCK_EX, 1, account.uid)
        yield


def test_a_lock_without_a_hub(framed, alice, shared, pam, syslog, traces):
    """A process that has the lock but does not answer as hub: no session, and not for ever."""
    framed.assert_whole(alice)
    traces.await_end()
    with lock_on(alice):
        begin = time.monotonic()
        denial = assert_denied(pam.login(alice.name, str(NSSHELL), "-c", "echo ran"))
        assert time.monotonic() - begin < 40
    assert "the user's hub: " in syslog.line_with(f"session={denial['incident']}")
    framed.assert_whole(alice)
    traces.await_end()


def take_number(wanted):
    """Starts a process with that id, as the kernel's reuse of numbers would do. None when it is another's by now."""
    for _ in range(200):
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(wanted - 1))
        process = subprocess.Popen(["/bin/sleep", "600"])
        if process.pid == wanted:
            return process
        process.kill()
        process.wait()
    return None


def process_in_place_of_a_hub(form, account):
    """One with the number of a hub that was killed. When somebody else is faster, and stays, it takes another hub."""
    for _ in range(10):
        with held_by(form, account, 1) as (one,):
            (hub,) = hubs()
            kill_hub()
            await_end_of(one)
        wait_until(lambda hub=hub: not status(hub), "the hub's number is free")
        other = take_number(hub)
        if other:
            return other
    raise AssertionError("no hub's number is to be had")


def test_the_hubs_number_is_anothers(framed, alice, shared, traces):
    """Issue 7: pid reuse. A hub was killed and its number is another root process's: that is not asked."""
    other = process_in_place_of_a_hub(framed, alice)
    try:
        framed.assert_whole(alice)
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
    traces.await_end()


# Tampering


CONNECT = """\
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(sys.argv[1])
print("connected")
"""


def test_the_user_does_not_reach_the_hub(framed, alice, shared):
    """Neither the file of locks nor the hub's socket can be opened, from outside or inside."""
    with held_by(framed, alice, 1) as (one,):
        (hub,) = hubs()
        socket = f"/proc/{hub}/fd/{HUB_FOLDER_FD}/socket"
        assert os.path.exists(socket)
        attempts = (
            f"cat {USERS}", f"exec 3<>{USERS}", f"flock {USERS} true", f"rm -f {USERS}",
            f"ls /proc/{hub}/fd", f"python3 -c '{CONNECT}' {socket}", f"kill -0 {hub}",
        )
        for attempt in attempts:
            result = run(alice, "-c", attempt, program="/bin/sh")
            assert result.rc != 0 and not result.out, (attempt, result)
            assert one.ask(f"({attempt}) 2>/dev/null").rc != 0, attempt
        assert hubs() == [hub] and USERS.exists()


def abstract_name(account):
    return f"\\0{MARKER}/{account.uid}"


def await_free_name(account):
    """Who was killed holds it until the kernel has ended them."""
    name = f" @{MARKER}/{account.uid}"
    wait_until(
        lambda: not any(line.endswith(name) for line in Path("/proc/net/unix").read_text().splitlines()), "a free name"
    )


LISTEN = """\
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind(sys.argv[1].replace("\\\\0", "\\0"))
s.listen(99)
print(flush=True)
while True: s.accept()
"""


# Nobody is listened to, and nobody more can connect.
LISTEN_TO_NOBODY = """\
import socket, sys
name = sys.argv[1].replace("\\\\0", "\\0")
s, one = (socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) for _ in range(2))
s.bind(name)
s.listen(0)
one.connect(name)
print(flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("script, reason", [
    (LISTEN, "process {pid}, which is another user's, has taken its name"),
    (LISTEN_TO_NOBODY, "the user's hub: connect: Connection timed out"),
], ids=["listens", "full"])
def test_another_user_has_the_hubs_name(standalone, alice, bob, shared, script, reason):
    """Standalone: anybody can take an abstract name. The login is refused, and the reason names who it is if that can
    be told. It does not wait for ever."""
    with start(bob, "-c", script, abstract_name(alice), program="/usr/bin/python3",
               stdin=subprocess.PIPE, stdout=subprocess.PIPE) as squatter:
        try:
            squatter.stdout.readline()
            why = assert_refused(sh(alice, "echo ran", timeout=30))["why"]
            assert reason.format(pid=squatter.pid) in why
        finally:
            squatter.kill()
    standalone.assert_whole(alice)


# What a process of the user's own says in the hub's place (tests/tools/fakehub.c).
ANSWERS = ("short", "protocol", "devices", "sockets", "few", "many", "nested", "own", "counted")


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_hub_of_the_users_own_making(standalone, alice, policy, answer):
    """A process of the user's takes the name and hands out something else: never less confined."""
    argv = by_user(alice, str(TOOLS / "fakehub"), f"{MARKER}/{alice.uid}", answer)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, start_new_session=True) as outside:
        outside.stdout.readline()
        policy.conf("[session] lifetime=user\n[security]\nnested_userns=yes\nseccomp=off")
        result = sh(alice, SHOW_NAMESPACES, timeout=60)
        if result.rc == 0:
            # One that it makes for itself, or that the user has made.
            assert answer in ("counted", "nested")
            assert_confined(result.out)
        else:
            assert_refused(result)
        os.killpg(outside.pid, signal.SIGKILL)
    await_free_name(alice)
    standalone.assert_whole(alice)


def test_a_proc_that_hides_processes(standalone, alice, shared, traces):
    """hidepid= on the machine, by which nobody sees a process in /proc that may not be looked into, as nsshell's."""
    show = "readlink /proc/self/ns/pid; read -r _"
    argv = ["unshare", "-m", "sh", "-c", 'mount -t proc -o hidepid=2 none /proc && exec "$@"', "sh",
            *as_user(alice, str(NSSHELL), "-c", show)]
    with subprocess.Popen(argv, cwd="/", stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as one:
        first = one.stdout.readline()
        assert first.startswith("pid:[")
        assert as_root(*argv, stdin="\n", cwd="/").out == first
        one.communicate("\n")
    traces.await_end()


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_hub_in_a_session(standalone, alice, policy, answer):
    """What is in a session has what an older policy has made: nobody listens to it."""
    policy.conf("[session] lifetime=session\n[security]\nnested_userns=yes\nseccomp=off")
    alice.write("fakehub", (TOOLS / "fakehub").read_bytes(), 0o755)
    with Held(alice) as confined:
        confined.tell(f"~/fakehub {MARKER}/{alice.uid} {answer} >~/ready &")
        wait_until(lambda: alice.path("ready").exists() and alice.path("ready").read_text(), "fakehub")
        policy.conf("[session] lifetime=user\n[security]\nnested_userns=yes\nseccomp=off")
        why = assert_refused(sh(alice, "echo ran", timeout=60))["why"]
        assert "in a session, has taken its name" in why
    standalone.assert_whole(alice)


def process_with_number(number, argv):
    """A process that has the number of one that has ended. Another can have it meanwhile."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(number - 1))
        process = subprocess.Popen(argv)
        if process.pid == number:
            return process
        process.kill()
        process.wait()
        time.sleep(0.002)
    raise AssertionError(f"nothing gets the number {number}")


def test_a_hub_in_a_session_with_the_number_of_a_process_outside(standalone, alice, policy):
    """Who has listened has ended: a child in the session answers. The number has one of the user's processes outside."""
    policy.conf("[session] lifetime=session\n[security]\nnested_userns=yes\nseccomp=off")
    alice.write("fakehub", (TOOLS / "fakehub").read_bytes(), 0o755)
    with Held(alice) as confined:
        confined.tell(f"~/fakehub {MARKER}/{alice.uid} counted gone >~/ready &")
        wait_until(lambda: alice.path("ready").exists() and alice.path("ready").read_text(), "fakehub")
        (number,) = [pid for pid in pids_of(alice) if status(pid).get("Name") == "fakehub"]
        os.kill(number, signal.SIGUSR1)
        wait_until(lambda: not os.path.exists(f"/proc/{number}"), "its end")
        policy.conf("[session] lifetime=user\n[security]\nnested_userns=yes\nseccomp=off")
        outside = process_with_number(number, by_user(alice, "sleep", "1000"))
        why = assert_refused(sh(alice, "echo ran", timeout=60))["why"]
        assert "in a session, has taken its name" in why
        outside.kill()
        outside.wait()
    standalone.assert_whole(alice)


# A login of another version: the protocol's number, and that it is a login.
COME_WITH_ANOTHER_VERSION = """\
import socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.settimeout(25)
s.connect("\\0" + sys.argv[1])
s.send(struct.pack("=II", 0, 1))
print(s.recv(1))
"""


def test_a_process_in_a_session_and_the_hub(standalone, alice, policy):
    """It is let go, and the hub goes on for logins; one outside, as a login of another version, has it retire."""
    policy.conf("[session] lifetime=user")
    program = alice.write("other.py", COME_WITH_ANOTHER_VERSION)
    argv = ("python3", "-B", str(program), f"{MARKER}/{alice.uid}")
    with Held(alice) as inside:
        assert inside.ask(" ".join(argv)).out == "b''"
        own = inside.ask("echo $NSSHELL_SESSION").out
        assert sh(alice, "echo $NSSHELL_SESSION").out.strip() == own
        assert as_root(*by_user(alice, *argv)).out == "b''\n"
        assert sh(alice, "echo $NSSHELL_SESSION").out.strip() != own
    standalone.assert_whole(alice)


# In the session: speaks on a connection that comes through a socket in the home. Outside: makes it.
SPEAK_INSIDE = """\
import os, socket
s = socket.socket(socket.AF_UNIX)
s.bind(os.path.expanduser("~/way"))
s.listen(1)
print("listens", flush=True)
fds = socket.recv_fds(s.accept()[0], 1, 1)[1]
c = socket.socket(fileno=fds[0])
c.settimeout(25)
c.send(b"x")
print(c.recv(1), flush=True)
"""
CONNECT_OUTSIDE = """\
import os, socket, sys, time
c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
c.connect("\\0" + sys.argv[1])
s = socket.socket(socket.AF_UNIX)
s.connect(os.path.expanduser("~/way"))
socket.send_fds(s, [b"x"], [c.fileno()])
time.sleep(1000)
"""


def test_a_connection_of_another_process_in_a_session(standalone, alice, policy):
    """The hub asks who has sent a message, and not who has connected."""
    policy.conf("[session] lifetime=user")
    inside = alice.write("inside.py", SPEAK_INSIDE)
    outside = alice.write("outside.py", CONNECT_OUTSIDE)
    with Held(alice) as session:
        own = session.ask("echo $NSSHELL_SESSION").out
        session.tell(f"python3 -B {inside} >~/said &")
        said = alice.path("said")
        wait_until(lambda: said.exists() and "listens" in said.read_text(), "the way")
        argv = by_user(alice, "python3", "-B", str(outside), f"{MARKER}/{alice.uid}")
        with subprocess.Popen(argv) as connected:
            wait_until(lambda: "b''" in said.read_text(), "the end of the connection")
            assert sh(alice, "echo $NSSHELL_SESSION").out.strip() == own
            connected.kill()
    standalone.assert_whole(alice)


# The policy, and the disk


def test_confine_no_while_a_sandbox_lives(form, alice, policy, traces):
    """Issue 7: the next login is not confined, as the policy says; the sandbox goes on and ends as before."""
    policy.conf("[session] lifetime=user")
    with held_by(form, alice, 1) as (one,):
        traces.note()
        policy.user(alice.name, "[session] confine=no")
        process = form.start(alice, "readlink /proc/self/ns/pid")
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
        assert os.readlink("/proc/self/ns/pid") in out
        assert one.ask("(exit 5)").rc == 5
        assert one.close() == 0
    traces.await_end()


@pytest.fixture
def small_run():
    """What is below RUNDIR, on a file system with room for little."""
    folder = USERS.parent
    folder.mkdir(mode=0o755, exist_ok=True)
    with tmpfs(folder, "mode=755,size=64k,nr_inodes=16"):
        yield folder


def fill(folder):
    """Until not a byte has room, and no file."""
    with suppress(OSError), open(folder / "fill", "wb") as file:
        while True:
            file.write(b"x" * 65536)
            file.flush()
    with suppress(OSError):
        for number in range(16):
            (folder / f"fill-{number}").touch()
        raise AssertionError(f"{folder} is never full")


def test_no_room_in_run(framed, alice, shared, small_run):
    """Issue 7: disk full in /run. What is there can be joined, and a new one can be made."""
    traces = Traces(alice)
    with held_by(framed, alice, 1) as (one,):
        traces.note()
        fill(small_run)
        with held_by(framed, alice, 1) as (other,):
            assert id_of(one) == id_of(other)
    traces.await_end()
    framed.assert_whole(alice)
    traces.await_end()


def test_no_room_in_run_for_the_first_login(alice, shared, small_run, pam, syslog):
    """Likewise when the folder and the hub's file cannot be made: no session, and the log says why."""
    traces = Traces(alice)
    fill(small_run)
    denial = assert_denied(pam.login(alice.name, str(NSSHELL), "-c", "echo ran"))
    line = syslog.line_with(f"session={denial['incident']}")
    assert "No space left on device" in line and str(small_run) in line
    traces.await_end()
