# SPDX-License-Identifier: MIT
"""nsshellctl enter: the administrator in a session, confined as its user is, with nothing of the machine in hand."""

import os
import re
import signal
import subprocess

import pytest

from lib_ctl import CTL, FAILED, ctl
from lib_frame import HeldLogin
from lib_process import NAMESPACES, alive, open_files, status, wait_until
from lib_sessions import only, sessions
from lib_settings import NSSHELL, REFUSED
from lib_terminal import Terminal

FIELDS = ("Uid", "Gid", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp",
          "Seccomp_filters", "Groups")
SHOW = ("grep -E '^({}):' /proc/self/status; for n in {}; do readlink /proc/self/ns/$n; done; "
        "grep -vE 'pending|Limit' /proc/self/limits").format("|".join(FIELDS),
                                                              " ".join((*NAMESPACES, "net")))


@pytest.fixture
def place(session, alice):
    held = session.hold(alice)
    yield held
    held.close()


def enter(*words, stdin=None, **how):
    return ctl("enter", only()["id"][:12], *words, stdin=stdin, **how)


@pytest.mark.parametrize("lines", [
    "", "[identity] uid=root", "[security] seccomp=strict", "[security] no_new_privs=no",
    "[security] nested_userns=yes", "[network] mode=none", "[limits] nofile=200",
])
def test_confined_as_the_shell(session, policy, alice, lines):
    policy.user(alice.name, lines or "[view] tmp=private")
    place = session.hold(alice)
    entered = enter("sh", "-c", SHOW)
    assert entered.rc == 0 and not entered.err, entered
    assert entered.out.strip() == place.ask(SHOW).out.strip()
    for field in ("CapPrm", "CapEff"):
        assert re.search(rf"{field}:\t0+\n", entered.out)
    place.close()


def test_nothing_of_the_machine(place, alice, tmp_path):
    """No open file, no folder, no variable of the administrator's."""
    script = "ls -l /proc/self/fd; pwd; env; readlink /proc/self/cwd; ls /proc/$PPID; true"
    with open(tmp_path / "kept", "w", encoding="ascii") as file:
        folder = os.open("/root", os.O_RDONLY)
        os.set_inheritable(folder, True)
        done = subprocess.run(
            [CTL, "enter", only()["id"], "sh", "-c", script], stdin=subprocess.DEVNULL, stdout=file,
            stderr=file, cwd="/root", env={"SECRET": "of-root", "TERM": "vt100", "PATH": "/bin"},
            close_fds=False, check=True,
        )
        os.close(folder)
    text = (tmp_path / "kept").read_text()
    names = re.findall(r" (\d+) -> (\S+)", text)
    assert all(target.startswith("pipe:") for number, target in names if int(number) < 3), text
    assert [n for n, target in names if int(n) > 2 and "/fd" not in target] == [], text
    assert "of-root" not in text and "/root" not in text and str(tmp_path) not in text
    assert f"\n{alice.home}\n" in text and f"HOME={alice.home}" in text and "TERM=vt100" in text
    assert f"NSSHELL_SESSION={only()['id']}" in text and "SHELL=/bin/bash" in text


def test_reader_that_goes_away(place):
    """What is written into nothing ends, as without nsshellctl in between."""
    line = f"{CTL} enter {only()['id']} yes | head -n 1"
    done = subprocess.run(["bash", "-c", line], stdout=subprocess.PIPE, timeout=30, check=True)
    assert done.stdout == b"y\n"


def test_umask(session, policy, alice):
    """That of the login is not known: the policy's, or the usual one."""
    policy.user(alice.name, "[shell] umask=077")
    place = session.hold(alice)
    assert enter("sh", "-c", "umask").out == "0077\n"
    place.close()
    policy.user(alice.name, "[shell] umask=keep")
    place = session.hold(alice)
    assert enter("sh", "-c", "umask").out == "0022\n"
    place.close()


def test_streams_and_ends(place):
    assert enter("sh", "-c", "cat; echo err >&2; exit 7", stdin="in\n") == type(
        enter("true"))(7, "in\n", "err\n")
    assert enter("sh", "-c", "kill -USR1 $$").rc == -signal.SIGUSR1
    assert enter("nonsense").rc == 127 and enter("/etc/passwd").rc == 126
    big = enter("sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x")
    assert big.rc == 0 and len(big.out) == 3000000
    assert enter(stdin="echo $0; exit 3\n") == type(big)(3, "-bash\n", "")


def test_what_there_is_not(place, alice):
    assert ctl("enter", "0123456789abcdef").rc == REFUSED
    assert ctl("enter", only()["id"], account=alice).rc == REFUSED
    assert ctl("enter", "--shell=2", only()["id"], "true").rc == REFUSED
    for number in ("0", "1x", "-1", "4294967297", ""):
        assert ctl("enter", f"--shell={number}", only()["id"], "true").rc == FAILED
    place.tell("exit 0")


def test_no_shell_to_enter(pam, alice):
    frame = HeldLogin(pam, alice, "/bin/sh")
    result = enter("true")
    assert result.rc == REFUSED and "no shell" in result.err
    frame.close()


def test_terminal(place):
    """A terminal of the session's own: job control, the size, Ctrl-C; the administrator's is as it was."""
    with Terminal(None, [str(CTL), "enter", only()["id"]]) as terminal:
        terminal.ready()
        terminal.at_prompt()
        assert re.search(r"/dev/pts/\d+", terminal.ask("tty"))
        assert "24 80" in terminal.ask("stty size")
        terminal.setwinsize(30, 100)
        wait_until(lambda: "30 100" in terminal.ask("stty size"), "the new size")
        terminal.sendline("sleep 300")
        wait_until(lambda: any("sleep 300" in line for line in ctl("ps", only()["id"]).out.splitlines()),
                   "sleep")
        terminal.sendcontrol("z")
        terminal.expect("Stopped")
        terminal.sendline("fg")
        terminal.expect("sleep 300")
        wait_until(lambda: re.search(r" S  .*sleep 300", ctl("ps", only()["id"]).out), "fg")
        terminal.sendcontrol("c")
        terminal.ready()
        terminal.at_prompt()
        own = os.readlink(f"/proc/{terminal.pid}/fd/0")
        for pid in only()["pids"]:
            files = open_files(pid) if alive(pid) else {}
            # The same name can be that of another terminal, in the session's own /dev/pts.
            if own in files.values():
                assert len(status(pid)["NSpid"].split()) > 1
                for file, target in files.items():
                    if target == own:
                        assert (os.stat(f"/proc/{pid}/fd/{file}").st_dev
                                != os.stat(f"/proc/{terminal.pid}/fd/0").st_dev)
        terminal.sendline("exit 5")
        assert terminal.finish() == 5


def test_ends_with_the_session(place, alice):
    process = subprocess.Popen([CTL, "enter", only()["id"], "sleep", "300"],
                               stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: "sleep 300" in ctl("ps", only()["id"]).out, "sleep")
    assert ctl("kill", alice.name).rc == 0
    assert process.wait(timeout=60) != 0 and sessions() == []


def test_nsshellctl_is_killed(place):
    """Nothing of what was entered is left."""
    before = set(only()["pids"])
    process = subprocess.Popen([CTL, "enter", only()["id"], "sleep", "300"],
                               stdin=subprocess.DEVNULL)
    wait_until(lambda: "sleep 300" in ctl("ps", only()["id"]).out, "sleep")
    process.kill()
    process.wait()
    wait_until(lambda: set(only()["pids"]) == before, "the end of sleep")


def test_second_shell(framed_sshd, alice):
    with framed_sshd.shared_connection(alice) as options:
        shells = [subprocess.Popen(framed_sshd.command(alice, "sleep 60", options=options),
                                   stdin=subprocess.DEVNULL) for _ in range(2)]
        wait_until(lambda: len(only()["shells"]) == 2, "two shells")
        found = {str(shell["pid_namespace"]) for shell in only()["shells"]}
        script = "readlink /proc/self/ns/pid"
        seen = {enter("sh", "-c", script).out, ctl("enter", "--shell=2", only()["id"], "sh", "-c", script).out}
        assert {re.search(r"\d+", text)[0] for text in seen} == found
        for shell in shells:
            shell.kill()
            shell.wait()


def test_subordinate_ids(pam, policy, alice):
    policy.user(alice.name, "[identity] subids=yes\n[security] nested_userns=yes")
    place = HeldLogin(pam, alice, str(NSSHELL))
    assert enter("sh", "-c", SHOW).out.strip() == place.ask(SHOW).out.strip()
    place.close()
