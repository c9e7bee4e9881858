# SPDX-License-Identifier: MIT
"""What two processes can meet in without a file: sockets without a path, System V and POSIX IPC, keys,
notices of what happens to files, locks.

SECURITY.md: "host name, System V IPC", "[network] mode", "/tmp".
"""

import os
import shlex
from pathlib import Path

import pytest

from lib_attack_tool import commands, outcomes, parsed, script, serving, set_security, successful, tool
from lib_frame import as_user
from lib_process import Held, as_root
from lib_settings import NSSHELL
from lib_view import Outside

LISTEN = """
import socket
listener = socket.socket(socket.AF_UNIX)
listener.bind("\\0nsh-attack")
listener.listen()
print("ready", flush=True)
while True:
    listener.accept()
"""
CONNECT = """
import socket
socket.socket(socket.AF_UNIX).connect("\\0nsh-attack")
print("connected")
"""


def test_abstract_sockets(session, alice, policy):
    """Sockets without a path belong to the network namespace: with one of the session's own they are not
    reached, and with the machine's they are, as SECURITY.md says.

    CVE-2020-15257 (containerd-shim).
    """
    with serving(alice, LISTEN) as ready:
        assert ready == "ready"
        assert session.sh(alice, script(CONNECT)).out == "connected\n"
        policy.conf("[network] mode=none")
        result = session.sh(alice, script(CONNECT))
        assert result.out == "" and "ConnectionRefusedError" in result.err, result


KEY = 0x6E7368
MAKE = {
    "memory": f"shmget {KEY} 4096 01666",
    "semaphores": f"semget {KEY} 1 01666",
    "messages": f"msgget {KEY} 01666",
    "queue": "mq_open s=nsh-attack 0102 0666 0",
}
FIND = {
    "memory": f"shmget {KEY} 0 0",
    "semaphores": f"semget {KEY} 0 0",
    "messages": f"msgget {KEY} 0",
    "queue": "mq_open s=nsh-attack 2 0 0",
}


def by_id(made):
    """By the identifiers that they have outside."""
    return {
        "memory by id": f"shmat {made['memory']} 0 0",
        "memory's state": f"shmctl {made['memory']} 2 o=",
        "semaphores by id": f"semctl {made['semaphores']} 0 12 0",
        "messages by id": f"msgctl {made['messages']} 2 o=",
    }


@pytest.fixture
def ipc(alice):
    """One of each, of the user's own, outside."""
    made = outcomes(Outside(), alice, MAKE)
    assert successful(made) == set(MAKE), made
    yield made
    as_root("ipcrm", "-M", str(KEY), "-S", str(KEY), "-Q", str(KEY))
    as_root(tool(), "mq_unlink", "s=nsh-attack")


def test_ipc(session, alice, ipc):
    """System V memory, semaphores and messages, POSIX queues: neither by name nor by number.

    ipc_namespaces(7); bubblewrap's and flatpak's reason for --unshare-ipc: an X server's shared memory.
    """
    find = {**FIND, **by_id(ipc)}
    assert successful(outcomes(Outside(), alice, find)) == set(find)
    assert successful(outcomes(session, alice, find)) == set()


@pytest.fixture
def queues():
    """The machine's POSIX queues as files, where systemd has them."""
    folder = Path("/dev/mqueue")
    is_new = not folder.exists()
    if is_new:
        folder.mkdir()
    is_mounted = os.path.ismount(folder)
    if not is_mounted:
        assert as_root("mount", "-t", "mqueue", "none", str(folder)).rc == 0
    yield folder
    if not is_mounted:
        assert as_root("umount", str(folder)).rc == 0
    if is_new:
        folder.rmdir()


def test_queues_of_the_machine_as_files(session, alice, policy, ipc, queues):
    """What is opened there is the machine's queue, in whichever IPC namespace."""
    policy.conf("[view] dev=host")
    show = f"cat {queues}/nsh-attack"
    assert Outside().sh(alice, show).out.startswith("QSIZE:")
    result = session.sh(alice, f"{show}; ls -A {queues}")
    assert result.out == "" and "No such file" in result.err, result
    # Hidden is hidden, and what would not hold is an error.
    policy.conf(f"[view]\ndev=host\nhide={queues}")
    assert "Permission denied" in session.sh(alice, f"ls {queues}").err
    policy.conf(f"[view]\ndev=host\nbind=/etc:{queues}")
    session.refusal(alice, "view.bind", "queues")


# Keys

PAYLOAD = "nsh-payload"
# -3: the session's keyring, -4: the user's, -5: the user's for sessions
BY_HAVING = {
    "session": "keyctl 10 -3 s=user s=nsh-session-key 0",
    "session, read": "keyctl 10 -3 s=user s=nsh-session-key 0 , keyctl 11 @ o= 64",
    "session, requested": "request_key s=user s=nsh-session-key 0 0",
    "user": "keyctl 10 -4 s=user s=nsh-user-key 0",
    "by number": "keyctl 11 {key} o= 64",
}
# The kernel lets the same user, in whatever namespace, look at and link them.
BY_NUMBER = {
    "description": "keyctl 6 {key} o= 64",
    "linked": "keyctl 1 0 , keyctl 8 {ring} -3 , keyctl 10 -3 s=user s=nsh-session-key 0 , keyctl 11 @ o= 64",
}
KEYS = {**BY_HAVING, **BY_NUMBER}


def add(ring, name):
    return f"add_key s=user s={name} s={PAYLOAD} {len(PAYLOAD)} {ring}"


HOLD_KEYS = f"{{tool}} keyctl 1 s=nsh-ring , {add(-3, 'nsh-session-key')} , {add(-4, 'nsh-user-key')} --"
FIND_NUMBERS = """
export KEY=$({tool} keyctl 10 -3 s=user s=nsh-session-key 0 | cut -d" " -f2)
export RING=$({tool} keyctl 0 -3 0 | cut -d" " -f2)
exec {program} -c {command}
"""


def with_keys(session, account, program, attempts):
    """Makes the attempts in a program that was started where there are keys."""
    numbered = {name: calls.format(key="$KEY", ring="$RING") for name, calls in attempts.items()}
    start = FIND_NUMBERS.format(tool=tool(), program=program, command=shlex.quote(commands(numbered)))
    line = f"{HOLD_KEYS.format(tool=tool())} /bin/sh -c {shlex.quote(start)}"
    pam = getattr(session, "pam", None)
    result = pam.login(account.name, "/bin/sh", "-c", line).result if pam else Outside().sh(account, line)
    assert result.rc == 0, result
    return parsed(result.out)


def test_keys(session, alice, policy):
    """Keys in the keyrings of the login and of the user: searched, read, linked, requested. Without the
    filter those that a process has by inheritance are not had inside, but their numbers still work.

    keyrings(7); docker's default seccomp profile refuses the calls because keyrings are in no namespace.
    """
    assert successful(with_keys(session, alice, "/bin/bash", KEYS)) == set(KEYS)
    assert successful(with_keys(session, alice, NSSHELL, KEYS)) == set()
    set_security(policy, seccomp="off")
    assert successful(with_keys(session, alice, NSSHELL, BY_HAVING)) == set()


def test_keyring_of_the_service(alice):
    """Where no pam_keyinit is, all logins inherit the session keyring of a service of root's, and may use
    what is in it: inside they do not have it.

    keyrings(7), pam_keyinit(8).
    """
    become = as_user(alice, "{}", "-c", "cat /proc/keys; echo end")
    # The kernel frees keys late: one of the user's own, from another test, can still be listed.
    name = "nsh-service-key"
    ring = [tool(), *HOLD_KEYS.replace("nsh-session-key", name).partition(" ")[2].split()]
    for program, seen in (("/bin/bash", True), (str(NSSHELL), False)):
        result = as_root(*ring, *(word.format(program) for word in become))
        assert result.rc == 0 and result.out.endswith("end\n"), result
        assert (name in result.out) == seen, result


# Notices and locks

WATCH = """
import ctypes, os, select, sys
libc = ctypes.CDLL(None)
fd = libc.inotify_init1(0)
for path in sys.argv[1:]:
    libc.inotify_add_watch(fd, path.encode(), 0xfff)
print("watching", flush=True)
ends = 0
while ends < 9:
    ends += os.path.exists(os.path.expanduser("~/stop"))
    if select.select([fd], [], [], 0.1)[0]:
        print(os.read(fd, 65536), flush=True)
"""


def test_notices(session, alice, bob):
    """inotify on folders that are covered: what happens in the machine's is not told.

    inotify(7) has been a way to learn what other users do where names are all that is hidden.
    """
    folders = ("/tmp", "/var/tmp", "/dev/shm", "/home", bob.home)
    names = [f"{folder}/nsh-noticed" for folder in folders]
    alice.write("watch.py", WATCH)
    with Held(alice, program="/bin/bash") as plain, session.hold(alice) as held:
        for shell in (plain, held):
            begun = "until grep -q watching $HOME/log-$$; do sleep 0.05; done"
            shell.ask(f"python3 ~/watch.py {' '.join(folders)} >$HOME/log-$$ & {begun}")
        for name in names:
            as_root("/bin/sh", "-c", f"echo >{name}; rm {name}")
        alice.write("stop", "")
        seen = [shell.ask("wait; cat ~/log-$$; rm ~/log-$$").out for shell in (plain, held)]
    for name in ("watch.py", "stop"):
        alice.path(name).unlink()
    assert seen[0].count("nsh-noticed") >= len(names), seen
    assert "nsh-noticed" not in seen[1] and "watching" in seen[1], seen


LOCK = """
import fcntl, os, sys, time
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print(os.fstat(file.fileno()).st_ino, flush=True)
time.sleep(600)
"""


def test_list_of_locks(session, alice, scratch):
    """/proc/locks, a list of the whole machine, has those of the session's processes only (proc(5))."""
    with serving(alice, LOCK, scratch / "file") as inode:
        assert f":{inode} " in Outside().sh(alice, "cat /proc/locks").out
        assert f":{inode} " not in session.sh(alice, "cat /proc/locks; echo end").out
