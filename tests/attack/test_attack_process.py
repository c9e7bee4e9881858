# SPDX-License-Identifier: MIT
"""Other processes: looking into them, changing them, stopping them, and entering where they are.

SECURITY.md, "processes" and "nsshell's two processes"; design.md, promise 5.
"""

import os
import subprocess
from pathlib import Path

import pytest

from lib_attack_tool import asked, outcomes, script, set_security, sleeper, successful, tool
from lib_frame import name_of
from lib_process import NAMESPACES, Held, alive, await_outer, children, namespaces, start, status, wait_until
from lib_settings import FRAME, NSSHELL
from lib_view import Outside

# What can be done to a process with its number, and where its stack is.
ON_A_PROCESS = {
    "attach": "ptrace 16 {pid} 0 0",
    "seize": "ptrace 0x4206 {pid} 0 0",
    "read": "process_vm_readv {pid} v=0 1 v={address} 1 0",
    "write": "process_vm_writev {pid} v=0 1 v={address} 1 0",
    "take a file": "pidfd_open {pid} 0 , pidfd_getfd @ 0 0",
    "compare files": "kcmp {pid} {pid} 0 0 0",
    "robust list": "get_robust_list {pid} o= o=",
}
# Likewise, where the kernel asks for no more than the same user.
ON_ONES_OWN = {
    "signal": "kill {pid} 0",
    "signal by file": "pidfd_open {pid} 0 , pidfd_send_signal @ 0 0 0",
    "limits": "prlimit64 {pid} 4 0 o=",
    "processors": "sched_setaffinity {pid} 8 x=03",
    "priority": "setpriority 0 {pid} 1",
    "disk priority": "ioprio_set 1 {pid} 0x4007",
}


def stack_of(pid):
    """An address at which a process can be read and written."""
    lines = Path(f"/proc/{pid}/maps").read_text().splitlines()
    return "0x" + next(line for line in lines if line.endswith("[stack]")).partition("-")[0]


def on(pid, attempts, prefix="", number=None):
    """number: what the process is called where the attempts are made."""
    address = stack_of(pid)
    return {f"{prefix}{name}": calls.format(pid=number or pid, address=address)
            for name, calls in attempts.items()}


def test_by_its_number(session, alice, bob):
    """Attaching to, reading, changing and signalling processes outside by their numbers there: those of
    the same user, those of another, and all three of another session of the same user.

    ptrace(2), process_vm_readv(2), pidfd_getfd(2): "container escape by ptrace", where --pid=host or a
    process of the machine's is in reach.
    """
    everything = {**ON_A_PROCESS, **ON_ONES_OWN}
    with sleeper(alice) as own, sleeper(bob) as other, session.hold(alice) as held:
        assert successful(outcomes(Outside(), alice, on(own.pid, everything))) == set(everything)
        attempts = {}
        for name, pid in (("own", own.pid), ("other's", other.pid), ("outer", held.outer),
                          ("init", held.init), ("shell", held.shell)):
            attempts |= on(pid, everything, f"{name} ")
        assert successful(outcomes(session, alice, attempts)) == set()
        look = [f"/proc/{pid}" for pid in (own.pid, other.pid, held.outer, held.init, held.shell)]
        assert session.sh(alice, f"ls -d {' '.join(look)}").out == ""


def test_nsshell_from_outside(session, alice):
    """Likewise nsshell's two processes, from a program of the user's that is in no session: it is not
    let into what they were given, and so not into files that they have open.

    CVE-2019-5736 and CVE-2022-31214 begin with it.
    """
    with session.hold(alice) as held:
        await_outer(held.outer)
        for pid in (held.outer, held.init):
            assert successful(outcomes(Outside(), alice, on(pid, ON_A_PROCESS))) == set()
        # The shell is the user's own.
        assert successful(outcomes(Outside(), alice, on(held.shell, ON_A_PROCESS))) == set(ON_A_PROCESS)


# Looks for processes called nsshell until its input ends, and prints those whose memory it could open.
OPEN_MEMORY = """
import os, select, sys
seen = set()
print("ready", flush=True)
while not select.select([0], [], [], 0)[0]:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if pid in seen or open(f"/proc/{pid}/comm").read() != "nsshell\\n":
                continue
            numbers = [line.split()[1:] for line in open(f"/proc/{pid}/status") if line.startswith("NSpid")][0]
            open(f"/proc/{pid}/mem", "r+b").close()
            # The shell is called so until it is executed, and can be opened from then on.
            if open(f"/proc/{pid}/comm").read() != "nsshell\\n":
                continue
        except OSError:
            continue
        seen.add(pid)
        print(numbers, flush=True)
"""


def test_nsshell_while_it_starts(session, alice, request):
    """Its memory, as soon as there is a process of that name: who has it open could write there for as long as the
    process lasts. sftp can open files, and has nsshell started by another channel of the connection.

    Standalone, where those processes are not confined, PID 1 has a moment: for the maps of its ids.
    """
    with start(alice, "-c", OPEN_MEMORY, program="/usr/bin/python3", cwd="/", stdin=subprocess.PIPE,
               stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        for _ in range(50):
            assert session.sh(alice, "exit 3").rc == 3
        process.stdin.close()
        opened = process.stdout.read().splitlines()
    if "standalone" in request.node.name:
        opened = [numbers for numbers in opened if ", '1'" not in numbers]
    assert opened == []


@pytest.mark.parametrize("uid", ["keep", "root"])
def test_process_1(session, alice, policy, uid):
    """PID 1 of the own session: it has the socket to the outer process.

    bubblewrap's can be attached to where no Yama forbids it.
    """
    policy.conf(f"[identity] uid={uid}")
    with session.hold(alice) as held:
        assert successful(asked(held, on(held.init, ON_A_PROCESS, number="1"))) == set()
        held.ask("sleep 600 & true")
        (sleeps,) = children(held.shell)
        wait_until(lambda: name_of(sleeps) == "sleep", "it sleeps")
        assert successful(asked(held, on(sleeps, ON_A_PROCESS, number="$!"))) == set(ON_A_PROCESS)
        held.ask("kill -KILL $!")

# Prints the names of those that could be opened in the folder $D.
OPEN_ALL = """
for name in exe root cwd ns/user ns/mnt ns/pid; do readlink $D/$name >/dev/null && echo $name; done
for name in environ maps smaps auxv io mem pagemap; do ( exec <$D/$name ) && echo $name; done
for name in fd fdinfo map_files; do ls -A $D/$name | grep -q . && echo $name; done
for name in oom_score_adj coredump_filter clear_refs mem; do ( exec >>$D/$name ) && echo ">$name"; done
for name in root cwd; do ls $D/$name/ >/dev/null && echo $name/; done
true
"""


@pytest.mark.parametrize("uid", ["keep", "root"])
def test_files_of_process_1(session, alice, policy, uid):
    """/proc/1: memory, environment, open files, root and namespaces.

    CVE-2016-9962 (docker): descriptors of the process that made the container, by way of /proc.
    """
    policy.conf(f"[identity] uid={uid}")
    opened = {pid: session.lines(alice, f"exec 2>/dev/null; D=/proc/{pid}\n{OPEN_ALL}") for pid in ("1", "$$")}
    assert len(opened["$$"]) == 22, opened
    assert opened["1"] == []


def test_its_limits(session, alice, policy):
    """prlimit(2) lets the same user change the limits of a process that cannot be traced: those of the
    own session's PID 1. Without any limits left it still ends as the shell does, and nothing is left.

    prlimit(2): it asks for ids, not for what ptrace(2) asks for.
    """
    # Not RLIMIT_CPU, which is 0: that ends it, and the session.
    set_security(policy, seccomp="off")
    lower = "\n".join(f"{tool()} prlimit64 1 {number} x=00 0 >/dev/null" for number in range(1, 16))
    with session.hold(alice) as held:
        assert held.ask(lower).rc == 0
        limits = Path(f"/proc/{held.init}/limits").read_text()
        assert "Max open files            0                    0" in limits, limits
        assert held.ask("echo works").out == "works"
        pids = (held.outer, held.init, held.shell)
        held.tell("exit 7")
        assert held.process.wait(timeout=60) == 7
        wait_until(lambda: not any(alive(pid) for pid in pids), "nothing is left")


def state(pid):
    return status(pid)["State"][0]


@pytest.mark.parametrize("name", ["KILL", "STOP", "TERM", "HUP", "INT", "QUIT", "TSTP", "ABRT", "SEGV", "SYS"])
def test_signals_to_process_1(session, alice, name):
    """The session's PID 1 cannot be ended or stopped from inside: not by its number, not as the parent,
    not as one of all.

    pid_namespaces(7).
    """
    with session.hold(alice) as held:
        result = held.ask(f"kill -{name} 1; kill -{name} $PPID; kill -{name} -1; echo $PPID")
        assert result.out.split()[-1] == "1"
        assert held.ask("echo works").out == "works"
        assert state(held.init) in "SR"
        # The same signal does something to another process, of the session.
        default = "" if name in ("KILL", "STOP") else f"--default-signal={name}"
        held.ask(f"env {default} sleep 600 & until grep -q sleep /proc/$!/comm; do :; done")
        control = (f"kill -{name} $!; for n in $(seq 99); do grep -E '^State:.*(sleeping|running)' /proc/$!/status || break;"
                   " sleep 0.1; done >/dev/null 2>&1; grep State /proc/$!/status || echo gone")
        assert held.ask(control).out.split()[-1] not in ("(sleeping)", "(running)")
        held.ask("kill -KILL %1")


def test_everybody(session, alice):
    """A signal, a priority for everybody of the same user reaches nobody outside and in other sessions.

    kill(2) with -1, setpriority(2) with PRIO_USER, ioprio_set(2) with IOPRIO_WHO_USER.
    """
    everybody = f"{tool()} setpriority 2 {alice.uid} 7; {tool()} ioprio_set 3 {alice.uid} 0x4007; kill -STOP -1"
    with sleeper(alice) as own, session.hold(alice) as other, session.hold(alice) as held:
        held.ask("sleep 600 & true")
        victims = (own.pid, other.outer, other.init, other.shell, held.outer)
        before = [os.getpriority(os.PRIO_PROCESS, pid) for pid in victims]
        result = held.ask(f"{everybody}; until grep -q State:.T /proc/$!/status; do :; done; cat /proc/$!/stat")
        assert "setpriority 0" in result.out and "ioprio_set 0" in result.out, result
        stat = result.out.rpartition(")")[2].split()
        assert (stat[0], stat[16]) == ("T", "7"), result
        assert [os.getpriority(os.PRIO_PROCESS, pid) for pid in victims] == before
        # Not stopped. nsshell's two may be about to give their memory back.
        wait_until(lambda: [state(pid) for pid in victims] == ["S"] * len(victims), "all to sleep")
        held.ask("kill -KILL %1")


def test_everybody_outside(alice):
    """So that the test above can fail: in no session they reach all of the user's processes."""
    with sleeper(alice) as own, Held(alice, program="/bin/bash") as held:
        held.ask(f"{tool()} setpriority 2 {alice.uid} 7; kill -STOP -1")
        wait_until(lambda: state(own.pid) == "T", "it is stopped")
        assert os.getpriority(os.PRIO_PROCESS, own.pid) == 7


# Namespaces


# From every namespace that can be named, to those that own it, that it is in, that are beside it.
NAMESPACE_WALK = """
import ctypes, glob, os, sys
libc = ctypes.CDLL(None)
seen, todo = {}, []
for name in glob.glob("/proc/[0-9]*/ns/*") + sys.argv[1:]:
    try:
        todo.append(os.open(name, os.O_RDONLY))
    except OSError:
        pass
while todo:
    fd = todo.pop()
    number = os.fstat(fd).st_ino
    if number in seen:
        continue
    seen[number] = fd
    for request in (0xb701, 0xb702, 0x8010b70b, 0x8010b70c):
        more = libc.ioctl(fd, ctypes.c_ulong(request), ctypes.create_string_buffer(64))
        if more >= 0:
            todo.append(more)
for number, fd in seen.items():
    print(number, "entered" if libc.setns(fd, 0) == 0 else "seen")
"""


def numbers(pid):
    return {link.partition("[")[2].rstrip("]") for link in namespaces(pid).values()}


def test_namespaces_in_reach(session, alice):
    """Of no namespace of the machine, of the frame or of another session is there a file: not by
    ioctl_ns(2) from the own ones, not by NS_MNT_GET_NEXT; and none can be entered.

    nsenter and docker's classic; ioctl_ns(2) is how a container finds who made it.
    """
    walk = script(NAMESPACE_WALK, f"{FRAME}/user")
    assert numbers("self") <= {line.split()[0] for line in Outside().lines(alice, walk)}
    with session.hold(alice) as other, session.hold(alice) as held:
        found = [line.split() for line in held.ask(walk).out.splitlines()]
        outer = numbers("self") | numbers(held.outer) - numbers(held.init)
        assert len(outer) >= len(NAMESPACES)
        others = numbers(other.init) - numbers(held.init)
        assert others
        assert {number for number, _ in found} & (outer | others) == set()
        assert numbers(held.init) <= {number for number, _ in found}, found
        assert "entered" not in {how for _, how in found}


# The program itself


def test_overwriting_the_program(session, alice, scratch):
    """/proc/PID/exe leads to the file that PID 1 executes, whatever covers its name: opened as a name
    only, and written to when nobody executes it any more.

    CVE-2019-5736 (runc).
    """
    copy = scratch / "sleep"
    copy.write_bytes(Path("/bin/sleep").read_bytes())
    copy.chmod(0o755)
    os.chown(copy, alice.uid, alice.gid)
    wait_and_write = ("kill -KILL {0}; while test -e /proc/{0}/exe; do wait {0}; done 2>/dev/null;"
                      # Who looks at a process can hold on to its program for a moment.
                      " for i in $(seq 99); do echo overwritten >/proc/self/fd/9 && exit; sleep 0.1; done; exit 1")
    attack = "exec 9</proc/{0}/exe || exit; " + wait_and_write
    # The control: the user's own program, which the user may write.
    begun = f"until test /proc/$!/exe -ef {copy}; do sleep 0.02; done"
    assert session.sh(alice, f"{copy} 600 & {begun}; {attack.format('$!')}").rc == 0
    assert copy.read_text() == "overwritten\n"
    before = NSSHELL.read_bytes()
    assert session.sh(alice, attack.format(1)).rc != 0
    # By an interpreter that is whoever executes it.
    for line in ("#!/proc/self/exe", "#!/proc/1/exe", f"#!{NSSHELL}"):
        alice.write("scratch/script", f"{line}\necho overwritten >{NSSHELL}\n", 0o755)
        session.sh(alice, f"{scratch}/script; {scratch}/script -c 'echo overwritten >/proc/self/exe'; true")
    assert NSSHELL.read_bytes() == before
