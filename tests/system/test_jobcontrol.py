# SPDX-License-Identifier: MIT
"""Job control and the terminal: in the session, and towards the shell that started nsshell.

design.md, promise 6, and the last sentence of "Faithfulness" in issue 2. All of it holds for a
plain shell as well, and is checked with one by NSH_LOGIN_SHELL=/bin/bash.
"""

import re
import signal
import termios
import time
from contextlib import suppress

import pytest

from lib_accounts import PROMPT
from lib_process import children, environment, wait_until
from lib_settings import IS_NSSHELL, LOGIN_SHELL
from lib_terminal import CALLER_PROMPT, COLUMNS, ROWS, STOPPED, Terminal, caller

pytestmark = pytest.mark.faithful

SHELLS = ["/bin/bash", "/bin/dash", "/bin/zsh", "/usr/bin/fish", "/bin/tcsh", "/bin/ksh"]
CALLERS = ["bash", "zsh"]
CTRL_C, CTRL_Z, CTRL_D, CTRL_BACKSLASH = "\x03", "\x1a", "\x04", "\x1c"


def terminal_with(account, use_program, shell, *arguments):
    """The shell as a user gets it at a terminal: it leads a session with that terminal."""
    env = environment(account, PS1=PROMPT)
    return Terminal(account, [use_program(shell), *arguments], env=env)


def await_foreground(terminal, name):
    """Waits until that program is in the terminal's foreground group, runs, and has the terminal as shells
    leave it for programs: until then Ctrl-C is a character like others. And until the shell waits for it: one that
    is stopped before that ksh continues, nsshell or not."""
    wait_until(
        lambda: name in foreground_names(terminal) and has_signals(terminal) and is_waiting(terminal),
        f"{name} in the foreground",
    )


def is_waiting(terminal):
    """Nothing of it does anything for a moment."""
    before = [states(terminal) for _ in range(2) if not time.sleep(0.02)]
    return before[0] == before[1] and "R" not in before[0].values()


def states(terminal):
    found = {}
    for pid in descendants(terminal.pid):
        with suppress(FileNotFoundError, ProcessLookupError), open(f"/proc/{pid}/stat", encoding="utf-8",
                                                                  errors="replace") as stat:
            found[pid] = stat.read().rpartition(")")[2].split()[0]
    return found


def has_signals(terminal):
    local = termios.tcgetattr(terminal.child_fd)[3]
    return local & termios.ISIG and local & termios.ICANON


def foreground_names(terminal):
    group = None
    names = []
    for pid in descendants(terminal.pid):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
                head, _, tail = stat.read().rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, _, own_group, _, _, foreground = tail.split()[:6]
        group = foreground
        if own_group == group and state in "SR":
            names.append(head.partition("(")[2])
    return names


def descendants(pid):
    found = [pid]
    for child in children(pid):
        found += descendants(child)
    return found


# Inside


@pytest.mark.parametrize("shell", SHELLS)
def test_ctrl_c(alice, use_program, shell):
    """Ctrl-C ends the program in the foreground, not the shell."""
    with terminal_with(alice, use_program, shell) as t:
        t.ready()
        run_in_front(t, "cat")
        t.send(CTRL_C)
        t.ready()
        t.sendline("exit 3")
        assert t.finish() == 3


def run_in_front(t, command):
    t.sendline(command)
    await_foreground(t, command.partition(" ")[0].rpartition("/")[2])


def stop_with_ctrl_z(t):
    t.send(CTRL_Z)
    t.expect(STOPPED)
    t.ready()


def talk_to_cat(t):
    """What is typed comes back twice: once from the terminal, once from cat."""
    t.sendline("typed")
    t.expect("typed\r\n.*typed\r\n")


@pytest.mark.parametrize("shell", SHELLS)
def test_ctrl_z_fg_bg(alice, use_program, shell):
    """Ctrl-Z stops, fg continues in front, bg behind; Ctrl-C and Ctrl-\\ end it."""
    with terminal_with(alice, use_program, shell) as t:
        t.ready()
        run_in_front(t, "cat")
        stop_with_ctrl_z(t)
        t.sendline("fg")
        await_foreground(t, "cat")
        talk_to_cat(t)
        t.send(CTRL_C)
        t.ready()
        run_in_front(t, "/bin/sleep 1000")  # ksh has one of its own
        stop_with_ctrl_z(t)
        t.sendline("bg")
        wait_until(lambda: running(t, "sleep"), "sleep runs in the background")
        t.ready()
        t.sendline("fg")
        await_foreground(t, "sleep")
        t.send(CTRL_BACKSLASH)
        t.ready()
        t.sendline("exit 4")
        assert t.finish() == 4


@pytest.mark.parametrize("shell", SHELLS)
def test_background_job_that_reads(alice, use_program, shell):
    """A job in the background that wants the terminal is stopped, and gets it with fg."""
    with terminal_with(alice, use_program, shell) as t:
        t.ready()
        t.sendline("cat &")
        wait_until(lambda: stopped(t, "cat"), "cat is stopped by SIGTTIN")
        t.ready()
        t.sendline("fg")
        await_foreground(t, "cat")
        talk_to_cat(t)
        t.send(CTRL_D)
        t.ready()


def stopped(terminal, name):
    for pid in descendants(terminal.pid):
        with suppress(FileNotFoundError, ProcessLookupError):
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
                head, _, tail = stat.read().rpartition(")")
            if head.endswith(f"({name}") and tail.split()[0] == "T":
                return True
    return False


@pytest.mark.parametrize("shell", SHELLS)
def test_end_of_file(alice, use_program, shell):
    """Ctrl-D at the prompt ends the session."""
    with terminal_with(alice, use_program, shell) as t:
        t.at_prompt()
        wait_until(lambda: is_waiting(t), "the shell to wait for input")
        t.send(CTRL_D)
        assert t.finish() == 0


def test_login_shell_has_the_terminal(alice):
    """tty, the size and the settings are those outside; the shell leads the foreground group."""
    with Terminal(alice, ["/bin/bash", "-c", f"exec -a -nsshell {LOGIN_SHELL}"]) as t:
        t.at_prompt()
        assert re.fullmatch(r"/dev/pts/\d+", t.ask("tty"))
        assert t.ask("stty size") == f"{ROWS} {COLUMNS}"
        assert t.ask("echo text > /dev/tty") == "text"
        # readline changes erase; the rest is what the kernel gives a new terminal.
        assert "isig icanon iexten echo " in t.ask("stty -a | tr '\\n' ' '")


def test_window_resize(alice, use_program):
    """A window resize reaches the inside: SIGWINCH, and the new size."""
    with terminal_with(alice, use_program, "/bin/bash") as t:
        t.at_prompt()
        t.ask("trap 'echo changed-$((1 + 1))' WINCH")
        wait_until(lambda: is_waiting(t), "the shell to wait for input")
        t.setwinsize(40, 120)
        t.expect_exact("changed-2")
        assert "40 120" in t.ask("stty size")
        t.sendline("exec /usr/bin/python3 -c 'import signal, os; "
                   "signal.pthread_sigmask(0, [28]); print(\"re\" + \"ady\", flush=True); "
                   "print(signal.sigwait([28]), os.get_terminal_size())'")
        t.expect_exact("ready")
        t.setwinsize(50, 100)
        t.expect_exact("os.terminal_size(columns=100, lines=50)")


def test_command_with_the_terminal(alice, use_program):
    """ssh -t HOST CMD: a command that leads its session has the terminal and its keys."""
    with terminal_with(alice, use_program, "/bin/bash", "-c", "read -r x; echo got $x; cat") as t:
        t.sendline("line")
        t.expect_exact("got line")
        await_foreground(t, "cat")
        t.send(CTRL_C)
        assert t.finish() in (-signal.SIGINT, 130)


def test_vim(alice, scratch):
    """vim on a terminal."""
    env = environment(alice, TERM="xterm")
    with Terminal(alice, [LOGIN_SHELL, "-c", "vim scratch/file"], env=env) as t:
        t.expect_exact("scratch/file")
        t.send("iwritten in vim\x1b:wq\r")
        assert t.finish() == 0
    assert (scratch / "file").read_text() == "written in vim\n"


def test_less(alice):
    """less on a terminal; it reads its keys from /dev/tty."""
    env = environment(alice, TERM="xterm")
    with Terminal(alice, [LOGIN_SHELL, "-c", "seq 1 1000 | less"], env=env) as t:
        t.expect(r"\b23\r\n")
        t.send("G")
        t.expect_exact("1000")
        t.send("q")
        assert t.finish() == 0


@pytest.mark.parametrize("command", ["sleep 1000 & wait", "cat"])
def test_hangup(alice, use_program, scratch, command):
    """When the terminal goes away the shell gets SIGHUP and all that is left ends."""
    name = command.partition(" ")[0]
    t = terminal_with(alice, use_program, "/bin/bash")
    t.at_prompt()
    t.ask(f"trap 'echo hup > {scratch}/log; exit' HUP")
    t.sendline(command)
    wait_until(lambda: running(t, name), f"{name} runs")
    everybody = descendants(t.pid)
    assert len(everybody) == (4 if IS_NSSHELL else 2)
    must_end = everybody if IS_NSSHELL else everybody[:1]
    t.close(force=False)
    wait_until(lambda: not any(map(is_alive, must_end)), "all of the session are gone", 30)
    # After another program the shell can see the end of its input first.
    assert command == "cat" or (scratch / "log").read_text() == "hup\n"


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


# Run from another interactive shell


def test_in_an_orphaned_group(alice):
    """In the background, with nobody left who could continue it: who asks for the terminal gets an error, as anywhere."""
    result = alice.path("nsh-result")
    with caller(alice) as t:
        wait = "until test -e nsh-go; do sleep 0.05; done"
        t.sendline(f"( {LOGIN_SHELL} -c '{wait}; cat /dev/tty 2>nsh-why; echo $? >nsh-result' & )")
        t.ready()  # who has started it has the terminal again
        alice.write("nsh-go", "")
        wait_until(lambda: result.exists() and result.read_text() == "1\n", "cat to end")
        assert "nput/output error" in alice.path("nsh-why").read_text()
        t.ready()


def test_stopped_and_continued_from_inside(alice, use_program):
    """By SIGSTOP, which nothing withstands: a shell that leads its session has nobody else who would continue it."""
    command = (
        "(until grep -q '^State:.T' /proc/$$/status; do sleep 0.05; done; kill -CONT $$) &"
        " kill -STOP $$; echo resumed; exit 7"
    )
    with terminal_with(alice, use_program, "/bin/bash", "-c", command) as t:
        t.expect_exact("resumed")
        assert t.finish() == 7


def test_nohup(alice):
    """What ignores the hang-up outlives the terminal."""
    result = alice.path("nsh-result")
    command = "touch nsh-begun; sleep 3; echo on >nsh-result"
    with caller(alice) as t:
        t.sendline(f"nohup {LOGIN_SHELL} -c '{command}' >/dev/null 2>&1")
        wait_until(alice.path("nsh-begun").exists, "the command to begin")
        t.close()
        wait_until(lambda: result.exists() and result.read_text() == "on\n", "the command's end")


@pytest.fixture(params=CALLERS)
def outer_shell(request, alice):
    with caller(alice, request.param) as t:
        yield t


def assert_caller_works(t):
    """The caller has its prompt and its terminal: it can read a line and run cat."""
    assert "still-5" in t.ask("echo still-`expr 2 + 3`")
    t.sendline("cat")
    await_foreground(t, "cat")
    t.send(CTRL_C)
    t.at_prompt()


def test_caller_ctrl_c(outer_shell):
    """Ctrl-C kills nsshell -c 'sleep 1000', and the caller sees 130."""
    t = outer_shell
    t.sendline(f"{LOGIN_SHELL} -c 'sleep 1000'")
    wait_until(lambda: running(t, "sleep"), "sleep runs")
    t.send(CTRL_C)
    t.at_prompt()
    assert "rc=130" in t.ask("echo rc=$?")
    assert_caller_works(t)


def running(terminal, name):
    for pid in descendants(terminal.pid):
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
                if comm.read().strip() == name:
                    return not stopped(terminal, name)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return False


@pytest.mark.parametrize("command", ["sleep 1000", "sleep 1000; :", "cat", "cat; :"])
def test_caller_ctrl_z_fg(outer_shell, command):
    """Ctrl-Z stops the job, the caller has the terminal; fg continues it, Ctrl-C ends it."""
    t = outer_shell
    name = command.partition(" ")[0].strip(";")
    t.sendline(f"{LOGIN_SHELL} -c '{command}'")
    for _ in range(2):
        wait_until(lambda: running(t, name), f"{name} runs")
        if name == "cat":
            talk_to_cat(t)
        t.send(CTRL_Z)
        t.expect(STOPPED)
        t.at_prompt()
        assert_caller_works(t)
        t.sendline("fg")
    wait_until(lambda: running(t, name), f"{name} runs")
    t.send(CTRL_C)
    t.at_prompt()
    assert_caller_works(t)


def test_caller_ctrl_z_bg(outer_shell):
    """bg continues a stopped nsshell in the background; it can be killed there."""
    t = outer_shell
    t.sendline(f"{LOGIN_SHELL} -c 'sleep 1000; :'")
    wait_until(lambda: running(t, "sleep"), "sleep runs")
    t.send(CTRL_Z)
    t.expect(STOPPED)
    t.at_prompt()
    t.ask("bg")
    wait_until(lambda: running(t, "sleep"), "sleep runs again")
    assert_caller_works(t)
    t.ask("kill %1")
    wait_until(lambda: not running(t, "sleep"), "sleep is gone")


def test_caller_pipe_into_less(outer_shell):
    """nsshell -c ... | less: less has the terminal."""
    t = outer_shell
    t.sendline(f"{LOGIN_SHELL} -c 'seq 1 1000' | TERM=xterm less")
    t.expect(r"\b23\r\n")
    t.send("G")
    t.expect_exact("1000")
    t.send("q")
    t.at_prompt()
    assert_caller_works(t)


def test_caller_quits_less_before_the_end(outer_shell):
    """SIGPIPE ends the writer inside."""
    t = outer_shell
    t.sendline(f"{LOGIN_SHELL} -c yes | TERM=xterm less")
    t.expect_exact("y\r\ny\r\n")
    t.send("q")
    t.at_prompt()
    assert_caller_works(t)


def test_caller_pipes_into_it(outer_shell, alice, scratch):
    """It can stand anywhere in a pipeline."""
    alice.write("scratch/in", "one\ntwo\n")
    out = outer_shell.ask(f"cat {scratch}/in | {LOGIN_SHELL} -c 'cat; echo three' | tr a-z A-Z")
    assert out == "ONE\nTWO\nTHREE"
    assert_caller_works(outer_shell)


def test_caller_background_output(outer_shell, alice):
    """In the background it prints, and does not take the terminal."""
    t = outer_shell
    t.ask(f"{LOGIN_SHELL} -c 'until test -e ~/nsh-go; do sleep 0.2; done; echo do\"\"ne' &")
    t.sendline("cat")
    await_foreground(t, "cat")
    alice.write("nsh-go", "")
    t.expect_exact("done")
    talk_to_cat(t)
    t.send(CTRL_C)
    t.at_prompt()


@pytest.mark.parametrize(
    "command", ["read -r x; echo got-$x", "cat", "read -r x < /dev/tty; echo got-$x"]
)
def test_caller_background_input(outer_shell, command):
    """In the background it is stopped when it reads; fg gives it the terminal."""
    t = outer_shell
    t.sendline(f"{LOGIN_SHELL} -c '{command}' &")
    t.at_prompt()
    wait_until(lambda: STOPPED.search(t.ask("jobs")), "the job is stopped by SIGTTIN")
    assert_caller_works(t)
    t.sendline("fg")
    t.expect_exact(LOGIN_SHELL)
    t.sendline("typed")
    t.expect("got-typed" if "got" in command else "typed\r\n.*typed\r\n")
    if command == "cat":
        t.send(CTRL_D)
    t.at_prompt()
    assert_caller_works(t)


def inner(t):
    """Starts an interactive shell in the caller."""
    t.sendline(LOGIN_SHELL)
    t.at_prompt(PROMPT)


def test_caller_inner_shell(outer_shell):
    """An interactive shell in another one: its jobs are its own, and exit gives all back."""
    t = outer_shell
    inner(t)
    t.sendline("cat")
    await_foreground(t, "cat")
    t.send(CTRL_Z)
    t.expect(STOPPED)
    t.at_prompt(PROMPT)
    t.sendline("fg")
    await_foreground(t, "cat")
    t.send(CTRL_C)
    t.at_prompt(PROMPT)
    t.sendline("exit 9")
    t.at_prompt(CALLER_PROMPT)
    assert "rc=9" in t.ask("echo rc=$?")
    assert_caller_works(t)


def test_caller_suspend(outer_shell):
    """`suspend` in the inner shell gives the caller its prompt; fg goes back."""
    t = outer_shell
    inner(t)
    for _ in range(2):
        t.sendline("suspend")
        t.expect(STOPPED)
        t.at_prompt(CALLER_PROMPT)
        assert_caller_works(t)
        t.sendline("fg")
        t.expect_exact(LOGIN_SHELL)
        t.sendline("echo inner-`expr 2 + 3`")
        t.expect_exact("inner-5")
        t.at_prompt(PROMPT)
    t.sendline("exit")
    t.at_prompt(CALLER_PROMPT)
    assert_caller_works(t)


def test_caller_after_a_killed_shell(outer_shell):
    """After the inner shell is killed the caller has the terminal."""
    t = outer_shell
    inner(t)
    t.sendline("kill -9 $$")
    t.at_prompt(CALLER_PROMPT)
    assert "rc=137" in t.ask("echo rc=$?")
    assert_caller_works(t)


def test_caller_after_a_killed_shell_with_a_job(outer_shell):
    """Also when a job of the inner shell had the terminal."""
    t = outer_shell
    inner(t)
    t.sendline("sh -c 'kill -9 $PPID; exec sleep 1000'")
    t.at_prompt(CALLER_PROMPT)
    assert_caller_works(t)


def test_caller_resize(outer_shell):
    """A window resize while an inner shell runs."""
    t = outer_shell
    inner(t)
    t.sendline("trap 'echo changed-$((1 + 1))' WINCH")
    t.at_prompt(PROMPT)
    wait_until(lambda: is_waiting(t), "the shell to wait for input")
    t.setwinsize(41, 121)
    t.expect_exact("changed-2")
    t.sendline("stty size")
    t.expect_exact("41 121")


def test_caller_vim(outer_shell, scratch):
    """nsshell -c vim from another shell, stopped in between."""
    t = outer_shell
    t.sendline(f"TERM=xterm {LOGIN_SHELL} -c 'vim scratch/file'")
    t.expect_exact("scratch/file")
    t.send("iwritten in vim\x1b:stop\r")
    t.expect(STOPPED)
    t.at_prompt(CALLER_PROMPT)
    assert_caller_works(t)
    t.sendline("fg")
    t.expect_exact("written in vim")
    t.send(":wq\r")
    t.at_prompt(CALLER_PROMPT)
    assert (scratch / "file").read_text() == "written in vim\n"
    assert_caller_works(t)


# Run from a script: the caller's process group is that of the script


@pytest.mark.parametrize("command", ["sleep 1000", "sleep 1000; :", "read -r x; sleep 1000; :"])
def test_script_ctrl_c(outer_shell, command):
    """Ctrl-C ends the script that runs nsshell, not only the command in it."""
    t = outer_shell
    t.sendline(f"sh -c '{LOGIN_SHELL} -c \"{command}\"; echo af\"\"ter'")
    if "read" in command:
        t.sendline("")
    wait_until(lambda: running(t, "sleep"), "sleep runs")
    t.send(CTRL_C)
    t.at_prompt()
    assert "after\r\n" not in t.before
    assert_caller_works(t)


@pytest.mark.parametrize("command", ["sleep 1000", "sleep 1000; :", "read -r x; sleep 1000; :"])
def test_script_ctrl_z(outer_shell, command):
    """Ctrl-Z stops the script with it: the terminal is not left with nobody."""
    t = outer_shell
    t.sendline(f"sh -c '{LOGIN_SHELL} -c \"{command}\"; echo af\"\"ter'")
    if "read" in command:
        t.sendline("")
    wait_until(lambda: running(t, "sleep"), "sleep runs")
    t.send(CTRL_Z)
    t.expect(STOPPED)
    t.at_prompt()
    assert_caller_works(t)
    t.sendline("fg")
    wait_until(lambda: running(t, "sleep"), "sleep runs")
    t.send(CTRL_C)
    t.at_prompt()
    assert_caller_works(t)


def test_script_with_an_inner_shell(outer_shell):
    """An interactive shell started by a script; `suspend` stops what the caller waits for."""
    t = outer_shell
    t.sendline(f"sh -c '{LOGIN_SHELL}; echo af\"\"ter'")
    t.at_prompt(PROMPT)
    t.sendline("cat")
    await_foreground(t, "cat")
    t.send(CTRL_C)
    t.at_prompt(PROMPT)
    t.sendline("exit")
    t.expect_exact("after\r\n")
    t.at_prompt(CALLER_PROMPT)
    assert_caller_works(t)


# What stops or ends must be everything that the caller waits for


def test_pipeline_ctrl_z(alice):
    """Ctrl-Z stops a whole pipeline, also when the shell in it has asked for the terminal."""
    with caller(alice) as t:
        t.sendline(f"{LOGIN_SHELL} -c 'read -r x < /dev/tty; sleep 1000; :' | cat")
        t.sendline("")
        wait_until(lambda: running(t, "sleep"), "sleep runs")
        t.send(CTRL_Z)
        t.expect(STOPPED)
        t.at_prompt()
        assert_caller_works(t)
        t.sendline("fg")
        wait_until(lambda: running(t, "sleep"), "sleep runs")
        t.send(CTRL_C)
        t.at_prompt()
        assert_caller_works(t)


@pytest.mark.parametrize("streams", ["", "< /dev/null > /dev/null 2>&1"])
def test_script_goes_on_with_the_terminal(outer_shell, streams):
    """After a command that used the terminal the script has it again."""
    t = outer_shell
    t.sendline(f"sh -c '{LOGIN_SHELL} -c \"head -n 1 < /dev/tty\" {streams}; echo af\"\"ter; cat'")
    t.sendline("line")
    t.expect_exact("after\r\n")
    await_foreground(t, "cat")
    t.sendline("typed")
    t.expect("typed\r\n.*typed\r\n")
    t.send(CTRL_D)
    t.at_prompt()
    assert_caller_works(t)


@pytest.mark.parametrize("script", [False, True], ids=["alone", "in a script"])
def test_terminal_settings(outer_shell, script):
    """A command that changes the terminal's settings, as a question for a password does."""
    t = outer_shell
    question = "stty -echo; printf %s-%d now 1; read -r x; stty echo; echo got-$x"
    command = f"{LOGIN_SHELL} -c '{question}'"
    if script:
        command = "sh -c '" + command.replace("'", '"').replace("$x", "\\$x") + "; exit 5'"
    t.sendline(f"{command}; echo rc-$?")
    t.expect_exact("now-1")
    t.sendline("hidden")
    t.expect_exact("got-hidden\r\n")
    assert "hidden" not in t.before
    t.expect_exact("rc-5" if script else "rc-0")
    t.at_prompt()
    assert_caller_works(t)


def test_terminal_that_stops_writers(outer_shell):
    """stty tostop: in the foreground the shell may write."""
    t = outer_shell
    t.ask("stty tostop")
    assert t.ask(f"{LOGIN_SHELL} -c 'echo wri\"\"tten; exit 3'; echo rc-$?") == "written\nrc-3"
    t.ask("stty -tostop")
    assert_caller_works(t)


def test_keys_arrive_once(alice):
    """Ctrl-C, Ctrl-Backslash and a resize are one signal each for a command of a caller."""
    script = ("import signal; signal.pthread_sigmask(0, signal.valid_signals());"
              "print(\"rea\" + \"dy\", flush=True)\n"
              "while True:\n  number = signal.sigwait(signal.valid_signals())\n"
              "  print(\"got\", signal.Signals(number).name, flush=True)")
    alice.write("keys.py", script)
    with caller(alice) as t:
        t.sendline(f"{LOGIN_SHELL} -c 'exec python3 ~/keys.py'")
        t.expect_exact("ready\r\n")
        for _ in range(5):
            for key, name in ((CTRL_C, "SIGINT"), (CTRL_BACKSLASH, "SIGQUIT")):
                t.send(key)
                t.expect(r"got (\w+)\r\n")
                assert t.match[1] == name
        for rows in range(30, 35):
            t.setwinsize(rows, 100)
            t.expect(r"got (\w+)\r\n")
            assert t.match[1] == "SIGWINCH"
        t.send(CTRL_C)
        t.expect(r"got (\w+)\r\n")
        assert t.match[1] == "SIGINT"
    alice.path("keys.py").unlink()


def test_caller_ends_with_a_stopped_job(alice):
    """When the caller ends, the stopped session that it leaves ends too."""
    t = caller(alice)
    t.sendline(f"{LOGIN_SHELL} -c 'sleep 1000; :'")
    wait_until(lambda: running(t, "sleep"), "sleep runs")
    t.send(CTRL_Z)
    t.expect(STOPPED)
    t.at_prompt()
    everybody = descendants(t.pid)
    t.sendline("exit")
    t.at_prompt()
    t.sendline("exit")
    t.finish()
    wait_until(lambda: not any(map(is_alive, everybody)), "all of the session are gone", 30)


def test_new_terminal_inside(alice):
    """A program that makes a terminal of its own: script(1)."""
    command = "script -qec 'tty; stty size; exit 3' /dev/null"
    with Terminal(alice, [LOGIN_SHELL, "-c", command]) as t:
        t.expect(r"/dev/pts/\d+\r\n24 80\r\n")
        assert t.finish() == 3


def test_screen(alice):
    """screen: a window, detach, and its end."""
    env = environment(alice, TERM="xterm", SCREENDIR=f"{alice.home}/.screen")
    with Terminal(alice, [LOGIN_SHELL], env=env) as t:
        t.ready()
        t.sendline("mkdir -p -m 700 $SCREENDIR; screen -q -S one")
        t.ready()
        t.sendline("echo in-$STY")
        t.expect(r"in-\d+\.one\r\n")
        t.send("\x01d")
        t.ready()
        t.sendline("screen -q -S one -X quit; exit 5")
        assert t.finish() == 5
