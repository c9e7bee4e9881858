# SPDX-License-Identifier: MIT
"""Exit codes, signals, stdio and lifetimes are what they would be without nsshell.

design.md, promise 6 (exit code, signal, stdio) and 7 (nothing is left), and the paragraph
"Faithfulness" of issue 2.
"""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from lib_process import (
    Held, alive, alive_pids_of, await_outer, children, environment, open_files, run, sh, start, status, wait_until,
)
from lib_settings import IS_NSSHELL, LOGIN_SHELL, MARKER, PATIENCE

PYTHON = "/usr/bin/python3"

# A shell's stand-in that prints each signal it gets, one line for each.
SIGNAL_PRINTER = """
import signal
signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())
print("ready", flush=True)
while True:
    print(signal.Signals(signal.sigwait(signal.valid_signals())).name, flush=True)
"""

# What sshd's "signal" request, a parent or an administrator sends.
SIGNALS = ("HUP", "INT", "QUIT", "ABRT", "USR1", "USR2", "PIPE", "ALRM", "TERM", "WINCH", "CONT")


def exec_python(script):
    """A command by which the shell becomes a Python program."""
    return f"exec {PYTHON} -c '{script}'"


def read_line(process):
    return process.stdout.readline().decode().strip()


def start_printer(account, **how):
    process = start(
        account, "-c", exec_python(SIGNAL_PRINTER), stdout=subprocess.PIPE, **how
    )
    assert read_line(process) == "ready"
    return process


def shell_of(process):
    """The host's id of the shell: below the outer process and PID 1, or the process itself."""
    return children(children(process.pid)[0])[0] if IS_NSSHELL else process.pid


def assert_gone(account):
    """Within a second; zombies that the machine's own init has yet to reap do not count."""
    wait_until(lambda: not alive_pids_of(account), "no process of the session is left")


def end(process):
    process.kill()
    process.wait()
    process.stdout.close()


# Exit codes and signals of the shell


@pytest.mark.faithful
def test_exit_codes(alice):
    """Exit codes 0 to 255 come back."""
    codes = {code: sh(alice, f"exit {code}").rc for code in range(256)}
    assert codes == {code: code for code in range(256)}


@pytest.mark.faithful
@pytest.mark.parametrize(
    "name", ["HUP", "INT", "QUIT", "ILL", "ABRT", "FPE", "KILL", "SEGV", "PIPE", "ALRM", "TERM",
             "USR1", "XCPU", "SYS", "RTMIN", "RTMAX"]
)
def test_death_by_signal(alice, name):
    """A shell killed by a signal is reported as killed by that signal."""
    number = getattr(signal, f"SIG{name}")
    # dash, because bash ignores QUIT.
    assert sh(alice, f"ulimit -c 0; exec dash -c 'kill -{number:d} $$'").rc == -number


@pytest.mark.faithful
def test_core_dump_flag(alice, scratch):
    """The wait status is the shell's as far as a parent can act on it: no core of nsshell's own."""
    result = sh(alice, "ulimit -c 0; kill -SEGV $$", cwd=scratch)
    assert result.rc == -signal.SIGSEGV
    assert not list(scratch.iterdir())


@pytest.mark.faithful
@pytest.mark.parametrize(
    "command, rc", [("/etc/passwd", 126), ("/no/such/program", 127), ("no-such-program", 127)]
)
def test_not_found_and_not_executable(alice, command, rc):
    """126 and 127 as in a shell."""
    assert sh(alice, command).rc == rc


@pytest.mark.faithful
def test_syntax_error(alice):
    """The shell's own words on stderr, and its own exit code."""
    result = sh(alice, "if")
    assert result.rc == 2 or result.rc == 1
    assert "syntax error" in result.err


# stdin, stdout and stderr

DATA = os.urandom(5_000_000)


@pytest.mark.faithful
def test_binary_clean_both_ways(alice):
    """stdin and stdout binary clean."""
    result = run(alice, "-c", "cat", stdin=DATA, text=False)
    assert result.rc == 0
    assert result.out == DATA


@pytest.mark.faithful
def test_binary_clean_stderr(alice):
    """stderr binary clean, and apart from stdout."""
    result = run(alice, "-c", "cat >&2; echo end", stdin=DATA, text=False)
    assert (result.rc, result.out) == (0, b"end\n")
    assert result.err == DATA


@pytest.mark.faithful
@pytest.mark.parametrize("stream, fd", [("stdout", 1), ("stderr", 2)])
def test_half_close_of_output(alice, stream, fd):
    """Half-close: when the shell closes its output the reader sees the end, the session goes on."""
    process = start(
        alice, "-c", f"echo last >&{fd}; exec {fd}>&-; read -r line; exit 9",
        stdin=subprocess.PIPE, **{stream: subprocess.PIPE},
    )
    with process:
        assert getattr(process, stream).read() == b"last\n"
        assert process.poll() is None
        process.stdin.write(b"go on\n")
    assert process.returncode == 9


def is_broken(pipe):
    try:
        os.write(pipe, b"x")
    except BrokenPipeError:
        return True
    return False


@pytest.mark.faithful
def test_half_close_of_input(alice):
    """Half-close: when the shell closes its stdin the writer gets EPIPE, the session goes on."""
    process = start(
        alice, "-c", "exec <&-; trap 'exit 9' TERM; echo closed; while :; do sleep 0.05; done",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )
    with process:
        assert read_line(process) == "closed"
        # nsshell's own two let go of it when the shell has begun, which can be a moment later.
        wait_until(lambda: is_broken(process.stdin.fileno()), "the end of the pipe's readers")
        assert process.poll() is None
        os.kill(shell_of(process), signal.SIGTERM)
    assert process.returncode == 9


@pytest.mark.faithful
def test_end_of_input(alice):
    """Half-close by the peer: the shell reads to the end and can still answer."""
    result = run(alice, "-c", "wc -c; echo after", stdin="12345")
    assert result.out.split() == ["5", "after"]


@pytest.mark.faithful
def test_sockets_as_stdio(alice):
    """sshd without a terminal hands over sockets: half-close in both directions."""
    ours, theirs = socket.socketpair()
    with ours, start(alice, "-c", "cat; exec <&- >&-; sleep 1000", stdin=theirs, stdout=theirs,
                     stderr=subprocess.DEVNULL) as process:
        theirs.close()
        ours.sendall(b"all of it")
        ours.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: ours.recv(100), b""))
        assert answer == b"all of it"
        assert process.poll() is None
        process.kill()


@pytest.mark.faithful
def test_reader_goes_away(alice):
    """SIGPIPE reaches the writer inside: `nsshell -c yes | head` ends."""
    process = start(alice, "-c", "exec yes", stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"y\n"
    process.stdout.close()
    assert process.wait(timeout=60) == -signal.SIGPIPE


# The shell's command line and what a process inherits

ODD_ARGUMENTS = [
    "", " ", "a b", "-c", "--", "*", "'\"\\", "line\nline", "\udcff\udc80", "x" * 100_000,
]


@pytest.mark.faithful
def test_arguments(alice):
    """Arguments reach the shell unchanged, whatever is in them; $0 is the first after -c's."""
    result = sh(alice, 'printf "%s\\0" "$0" "$@"', "name", *ODD_ARGUMENTS)
    assert result.out.split("\0")[:-1] == ["name", *ODD_ARGUMENTS]


@pytest.mark.faithful
def test_no_argument_zero(alice):
    """$0 is the real shell's name."""
    expected = run(alice, "-c", "echo $0", program="/bin/bash", argv0="bash").out
    assert sh(alice, "echo $0").out == expected


@pytest.mark.faithful
@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["-i", "-c", "case $- in *i*) echo yes;; esac"], "yes\n"),
        (["-e", "-c", "false; echo not reached"], ""),
        (["-s", "one", "two"], "one two\n"),
        (["-l", "-c", "shopt -q login_shell && echo login"], "login\n"),
        (["--login", "-c", "shopt -q login_shell && echo login"], "login\n"),
        (["-c", "shopt -q login_shell || echo plain"], "plain\n"),
        (["+B", "-c", "echo {a,b}"], "{a,b}\n"),
        (["-o", "posix", "-c", "shopt -qo posix && echo posix"], "posix\n"),
    ],
)
def test_options(alice, arguments, expected):
    """Started as nsshell -c, -l, -i and with extra arguments: they are the real shell's."""
    assert run(alice, *arguments, stdin='echo "$@"\n' if "-s" in arguments else "").out == expected


@pytest.mark.faithful
@pytest.mark.usefixtures("scratch")
def test_script(alice):
    """nsshell SCRIPT ARGUMENT runs the script."""
    script = alice.write("scratch/script", 'echo "$0 $1"; exit 4\n')
    result = run(alice, str(script), "argument")
    assert (result.rc, result.out) == (4, f"{script} argument\n")


def facts(account, **how):
    """What a process inherits: environment, mask, dispositions, limits, priority, folder."""
    command = (
        "env -0 | sort -z | tr '\\0' '\\n'; grep -E '^(Sig(Blk|Ign)|Umask)' /proc/self/status;"
        "cat /proc/self/limits; nice; cat /proc/self/oom_score_adj; pwd; umask; ulimit -a"
    )
    lines = run(account, "-c", command, **how).out.splitlines()
    return [l for l in lines if not l.startswith(("SHELL=", "container=", "NSSHELL_SESSION="))]


@pytest.mark.faithful
def test_what_is_inherited(alice):
    """Current folder, umask, locale, SSH_*, limits, signals as without nsshell."""
    env = environment(
        alice, LC_ALL="C.UTF-8", LANGUAGE="de", SSH_CONNECTION="127.0.0.1 1 127.0.0.1 22",
        SSH_CLIENT="127.0.0.1 1 22", SSH_TTY="/dev/pts/99", EMPTY="", MULTI="a\nb", TZ="UTC",
    )
    how = {"env": env, "cwd": "/usr/share", "umask": 0o027}
    assert facts(alice, **how) == facts(alice, program="/bin/bash", argv0="bash", **how)


def ignore_and_block():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGQUIT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, {signal.SIGUSR1, signal.SIGRTMIN})


@pytest.mark.faithful
def test_ignored_and_blocked_signals_are_inherited(alice):
    """`nohup nsshell -c` means what `nohup bash -c` means."""
    how = {"preexec_fn": ignore_and_block}
    mine = facts(alice, **how)
    assert mine == facts(alice, program="/bin/bash", argv0="bash", **how)
    assert mine != facts(alice)


# Signals from outside


def received(process, expected):
    return [read_line(process) for _ in range(expected)]


@pytest.mark.faithful
def test_signal_to_outer_process(alice):
    """Signals that sshd or a parent sends to the process reach the shell once."""
    process = start_printer(alice)
    sent = []
    for name in SIGNALS * 5:
        os.kill(process.pid, getattr(signal, f"SIG{name}"))
        sent.append(f"SIG{name}")
        # One after the other: the kernel merges equal signals that are pending together.
        assert received(process, 1) == sent[-1:]
    end(process)


@pytest.mark.faithful
def test_signal_to_process_group(alice):
    """A signal to the whole process group reaches the shell once, not once more forwarded."""
    process = start_printer(alice, start_new_session=True)
    # USR2 after each, to the outer process alone, marks where a doubled signal would have come.
    for name in [n for n in SIGNALS if n != "USR2"] * 5:
        os.killpg(process.pid, getattr(signal, f"SIG{name}"))
        assert received(process, 1) == [f"SIG{name}"]
        os.kill(process.pid, signal.SIGUSR2)
        assert received(process, 1) == ["SIGUSR2"]
    end(process)


@pytest.mark.faithful
def test_signal_kills_the_shell(alice):
    """TERM to the outer process ends a shell that does not handle it, and is reported."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGUSR1):
        with start(alice, "-c", "echo; exec sleep 1000", stdout=subprocess.PIPE) as process:
            read_line(process)
            process.send_signal(number)
            assert process.wait(timeout=60) == -number


@pytest.mark.faithful
def test_signal_is_handled_in_the_shell(alice):
    """A shell that traps TERM decides itself what happens."""
    command = "trap 'exit 33' TERM; echo; while :; do sleep 0.05; done"
    with start(alice, "-c", command, stdout=subprocess.PIPE) as process:
        read_line(process)
        process.terminate()
        assert process.wait(timeout=60) == 33


@pytest.mark.faithful
def test_signal_during_the_start(alice):
    """A signal that comes before the shell runs ends the session; none hangs or is lost."""
    for microseconds in range(0, 8000, 250):
        process = start(alice, "-c", "exec sleep 1000")
        time.sleep(microseconds / 1e6)
        process.terminate()
        assert process.wait(timeout=60) == -signal.SIGTERM
    assert_gone(alice)


@pytest.mark.faithful
def test_timeout(alice):
    """timeout(1) ends it, and what is in it."""
    result = run(alice, "0.3", LOGIN_SHELL, "-c", "sleep 1000; :", program="/usr/bin/timeout")
    assert result.rc == 124
    assert_gone(alice)


@pytest.mark.faithful
def test_many_at_once(alice):
    """Fifty sessions that start together: each gets its own input, output and exit code."""
    started = [
        start(alice, "-c", f"read -r x; echo $x-{n}; exit {n}", stdin=subprocess.PIPE,
              stdout=subprocess.PIPE)
        for n in range(50)
    ]
    ended = [(p.communicate(b"%d\n" % n, timeout=60 * PATIENCE)[0], p.returncode)
             for n, p in enumerate(started)]
    assert ended == [(b"%d-%d\n" % (n, n), n) for n in range(50)]


# Processes that are left over

ORPHANS = """
use POSIX ();
for (1 .. 10000) {
    my $child = fork() // die "fork: $!";
    if (!$child) { fork() // die "fork: $!"; POSIX::_exit(0) }
    waitpid($child, 0);
}
"""


def test_orphans_are_reaped(alice):
    """No zombie stays in a session of 10,000 double-forked orphans."""
    with Held(alice) as session:
        assert session.ask(f"perl -e '{ORPHANS}'").rc == 0
        wait_until(
            lambda: session.ask("grep -ls '^State:.Z' /proc/[0-9]*/status").out == "",
            "no zombie inside", 30,
        )
        wait_until(lambda: len(children(session.init)) == 1, "the shell alone", 30)


def background(scratch, name, traps):
    """A command that leaves a process in the background; it writes what it gets to a file."""
    log = scratch / name
    body = f"{traps}; echo started >> {log}; while :; do sleep 0.02; done"
    return log, f"setsid bash -c \"{body}\" </dev/null >/dev/null 2>&1 & "


def wait_started(*logs):
    return "".join(f"until [ -s {log} ]; do sleep 0.01; done; " for log in logs)


def told_by_left_over(account, scratch, traps, last):
    """What a process in the background gets, as its traps write it to {log}, when the shell ends with last. It has a second
    for all of it, which can be too little on a busy machine: then it is asked once more."""
    log = scratch / "log"
    wanted = ["started", *re.findall(r"echo (\w+)", traps)]
    _, leave = background(scratch, log.name, traps.format(log=log))

    def is_told():
        log.unlink(missing_ok=True)
        result = sh(account, f"{leave} {wait_started(log)} {last}")
        told = log.read_text().split()
        assert told == wanted[:len(told)]
        assert_gone(account)
        return told == wanted and result

    return wait_until(is_told, f"all of {wanted}")


def test_left_over_gets_hup_and_term(alice, scratch):
    """When the shell ends, what is left gets HUP and TERM, then is gone."""
    traps = "trap 'echo HUP >> {log}' HUP; trap 'echo TERM >> {log}; exit' TERM"
    assert told_by_left_over(alice, scratch, traps, "exit 21").rc == 21


def test_left_over_that_ignores_all(alice, scratch):
    """What ignores TERM is gone too, after about a second."""
    log, leave = background(scratch, "log", "trap '' HUP TERM INT")
    before = time.monotonic()
    assert sh(alice, f"{leave} {wait_started(log)} exit 22").rc == 22
    assert 0.5 < time.monotonic() - before < 15 * PATIENCE
    assert_gone(alice)


def test_left_over_that_is_stopped(alice, scratch):
    """A stopped process is woken up, so that it sees the TERM."""
    traps = "trap 'echo TERM >> {log}; exit' TERM; trap '' HUP"
    assert told_by_left_over(alice, scratch, traps, "kill -STOP $!; exit 23").rc == 23


def test_left_over_does_not_hold_the_output(alice):
    """A background job with the session's stdout does not keep the peer waiting."""
    result = sh(alice, "sleep 1000 & echo done", timeout=60)
    assert (result.rc, result.out) == (0, "done\n")


def test_nothing_left_over_is_quick(alice):
    """A session that leaves nothing does not wait for anything."""
    took = []
    for _ in range(15):
        before = time.monotonic()
        assert sh(alice, "true").rc == 0
        took.append(time.monotonic() - before)
    # A second and more each, if they waited. On a busy machine some take as long.
    assert sorted(took)[len(took) // 2] < PATIENCE, took


STUBBORN = "for i in 1 2 3; do setsid bash -c \"trap '' HUP TERM INT; sleep 1000; :\" & done; "


@pytest.mark.parametrize("victim", ["outer", "init"])
def test_killed(alice, victim):
    """SIGKILL of the outer process or of PID 1: everything inside is gone within a second."""
    with Held(alice) as session:
        session.ask(STUBBORN + "trap '' HUP TERM")
        wait_until(lambda: len(alive_pids_of(alice)) >= 9, "the background processes")
        os.kill(getattr(session, victim), signal.SIGKILL)
        wait_until(lambda: session.process.poll() is not None, "the outer process ended")
        assert session.process.returncode != 0
        assert_gone(alice)


def test_killed_during_the_start(alice):
    """SIGKILL of the outer process at any moment of the start leaves nothing."""
    for microseconds in range(0, 8000, 125):
        process = start(alice, "-c", "trap '' HUP TERM; sleep 1000; :")
        time.sleep(microseconds / 1e6)
        process.kill()
        process.wait()
    assert_gone(alice)


def test_shell_killed_from_inside(alice):
    """`kill -9 $$` works: the shell is not PID 1."""
    assert sh(alice, "kill -9 $$").rc == -signal.SIGKILL
    assert sh(alice, "(kill -9 -1); sleep 1000").rc == -signal.SIGKILL


def test_init_does_not_listen_to_the_inside(alice):
    """Signals from inside to PID 1 do nothing."""
    for number in [*range(1, 32), 34, 64]:
        result = sh(alice, f"kill -{number} 1; echo still here; exit 5")
        assert (result.rc, result.out) == (5, "still here\n"), number


def machine():
    """What a session must leave as it was."""
    folders = ("/tmp", "/var/tmp", "/run", "/dev/shm", "/home", MARKER.parent)
    listing = {folder: sorted(os.listdir(folder)) for folder in folders}
    mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
    return mounts, listing, socket.gethostname(), Path("/etc/hosts").read_text(encoding="utf-8")


def test_nothing_is_left(alice):
    """After the last process of a session nothing of it is left, and the host never saw a mount."""
    before = machine()
    for _ in range(50):
        assert sh(alice, "touch /tmp/a /var/tmp/b /dev/shm/c").rc == 0
    with Held(alice) as session:
        session.ask("touch /tmp/a; sleep 1000 &")
        # Others can have files of theirs in these folders for a moment.
        wait_until(lambda: machine() == before, "nothing of the session's to be seen")
        os.kill(session.init, signal.SIGKILL)
        session.process.wait()
    wait_until(lambda: machine() == before, "nothing of the session's to be left")
    assert_gone(alice)


def test_outer_and_init_are_small(alice):
    """The two processes of a session hold no fd but stdio and what they work with."""
    with Held(alice) as session:
        await_outer(session.outer)
        for pid in (session.outer, session.init):
            links = list(open_files(pid).values())
            assert not [link for link in links if os.path.isdir(link)], links
            assert len(links) <= 8, links
        assert status(session.init)["Name"] == "nsshell"
        assert alive(session.outer)

