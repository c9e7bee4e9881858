# SPDX-License-Identifier: MIT
"""nsshellctl try: a session as it would be, and no way from it to the administrator. Promises 1, 2, 6, 7."""

import fcntl
import os
import re
import signal
import stat
import struct
import subprocess
import termios
import time

import pytest

from lib_ctl import CTL, ctl
from lib_left import Machine, assert_nothing_left
from lib_policy import expand
from lib_process import (
    SHOW_NAMESPACES, alive_pids_of, assert_confined, called, children, status, wait_until,
)
from lib_settings import LOGIN_SHELL, REFUSED
from lib_terminal import Terminal

CALLER = "caller> "


def attempt(account, command, *options, **how):
    return ctl("try", *options, account.name, "--", command, **how)


def await_program(account, name):
    """Until the user runs that program: it has the terminal then."""
    wait_until(lambda: called(name, account), name)


def waiting(file):
    """How many bytes there are to be read."""
    return struct.unpack("i", fcntl.ioctl(file, termios.FIONREAD, b"    "))[0]


@pytest.fixture
def admin():
    """The administrator's own terminal."""
    # A line that is longer than the terminal would be shown in pieces.
    env = {**os.environ, "PS1": CALLER, "TERM": "dumb", "C": str(CTL)}
    terminal = Terminal(None, ["/bin/bash", "--norc", "--noprofile", "-i"], env=env)
    terminal.prompt = CALLER
    terminal.at_prompt()
    yield terminal
    terminal.close(force=True)


@pytest.fixture
def tried(tmp_path_factory):
    """tried(text): a policy file that is not installed."""
    folder = tmp_path_factory.mktemp("tried")

    def write(text, mode=0o644, owner=0):
        path = folder / "tried.conf"
        path.write_text(expand(text))
        path.chmod(mode)
        os.chown(path, owner, 0)
        return path

    return write


def test_status(alice, policy):
    assert attempt(alice, "exit 7").rc == 7
    assert attempt(alice, "true").rc == 0
    assert attempt(alice, "kill -9 $$").rc == -signal.SIGKILL
    assert attempt(alice, "kill -TERM $$").rc == -signal.SIGTERM
    assert attempt(alice, "cat", stdin="over\n").out == "over\n"
    assert ctl("try", alice.name, "--", "printf", "%s.", "a", "b").out == "a.b."


def test_is_a_session(alice, policy):
    """Confined like a login, in a frame, and the user's only."""
    assert_confined(attempt(alice, SHOW_NAMESPACES).out)
    assert attempt(alice, "cat /proc/1/comm").out == "nsshell\n"
    ids = attempt(alice, "id -u; id -G; id -Gn; echo $HOME; pwd; echo $SHELL $USER $LOGNAME").out
    assert ids.splitlines() == [
        str(alice.uid), " ".join(map(str, alice.groups)), "nshalice nshteam", alice.home,
        alice.home, "/bin/bash nshalice nshalice",
    ]
    lines = attempt(alice, "grep -E '^(Uid|Gid|Cap|NoNewPrivs)' /proc/self/status").out
    fields = dict(line.split(":\t", 1) for line in lines.splitlines())
    assert fields["Uid"].split() == [str(alice.uid)] * 4
    assert fields["Gid"].split() == [str(alice.gid)] * 4
    assert {value for name, value in fields.items() if name.startswith("Cap")} == {"0" * 16}
    assert fields["NoNewPrivs"] == "1"
    assert attempt(alice, "ls /proc/self/fd").out.split() == ["0", "1", "2", "3"]
    assert attempt(alice, "umask").out == "0022\n"


def test_login_shell(alice, policy):
    """Without a command it is a login shell, which reads from standard input."""
    result = ctl("try", alice.name, stdin="echo $0; exit 3\n")
    assert (result.out, result.rc) == ("-bash\n", 3)


def test_shell_of_the_account_does_not_count(alice, policy):
    subprocess.run(["usermod", "-s", "/bin/sh", alice.name], check=True)
    try:
        assert attempt(alice, "cat /proc/1/comm").out == "nsshell\n"
    finally:
        subprocess.run(["usermod", "-s", LOGIN_SHELL, alice.name], check=True)


def test_frame_network(alice, policy, tried):
    """All namespaces of the frame are joined: nsshell checks that it is in the frame's network."""
    path = tried("[network] mode=none")
    result = attempt(alice, "cat /proc/net/dev", "--policy", path)
    assert result.rc == 0 and result.out.count(":") == 1, result


def test_policy_file(alice, policy, tried):
    """In place of the user's own, on top of the rest, which can have locked keys."""
    policy.conf("[policy] locked=view.tmp\n[session] hostname=common\n[shell] umask=077")
    policy.user(alice.name, "[session] hostname=own\n[shell] umask=027")
    assert attempt(alice, "uname -n; umask").out == "own\n0027\n"
    path = tried("[session] hostname=tried\n[view] tmp=host")
    result = attempt(alice, "uname -n; umask; ls -A /tmp", "--policy", path)
    assert result.out == "tried\n0077\n" and result.rc == 0, result
    assert attempt(alice, "uname -n").out == "own\n"


def test_policy_folder(alice, policy, tmp_path):
    """A folder takes the place of all of it."""
    policy.conf("[session] hostname=installed")
    (tmp_path / "users.d").mkdir()
    (tmp_path / "nsshell.conf").write_text(expand("[session] hostname=tree"))
    (tmp_path / "users.d/nshalice.conf").write_text(expand("[shell] umask=027"))
    for path in (tmp_path, tmp_path / "users.d"):
        path.chmod(0o755)
    assert attempt(alice, "uname -n; umask", "--policy", tmp_path).out == "tree\n0027\n"
    os.chown(tmp_path / "users.d/nshalice.conf", 1, 0)
    assert attempt(alice, "uname -n", "--policy", tmp_path).rc == REFUSED


def refused(alice, path, **how):
    """Nothing is run, and the reason is told."""
    mark = alice.path("was-run")
    result = attempt(alice, f"touch {mark}", "--policy", path, **how)
    assert result.rc == REFUSED and not result.out and not mark.exists(), result
    assert result.err.startswith("nsshellctl: "), result
    return result.err


@pytest.mark.parametrize("mode", [0o664, 0o646, 0o666])
def test_policy_others_can_write(alice, policy, tried, mode):
    assert "can be written by others" in refused(alice, tried("[shell] umask=077", mode))


def test_policy_of_somebody_else(alice, bob, policy, tried):
    """Root's, or of who called sudo."""
    path = tried("[shell] umask=077", owner=bob.uid)
    assert f"belongs to user id {bob.uid}" in refused(alice, path)
    assert "belongs to" in refused(alice, path, env={"SUDO_UID": str(alice.uid)})
    env = {"SUDO_UID": str(bob.uid)}
    assert attempt(alice, "umask", "--policy", path, env=env).out == "0077\n"
    path = tried("[shell] umask=077", owner=0)
    assert attempt(alice, "umask", "--policy", path, env=env).out == "0077\n"


def test_policy_not_valid(alice, policy, tried, tmp_path):
    path = tried("[shell] umask=077\n[view] tpm=private")
    assert f"{path}:4: view.tpm: unknown key, did you mean view.tmp?" in refused(alice, path)
    assert "is for files in match.d only" in refused(alice, tried("[match] user=*"))
    link = tmp_path / "link"
    link.symlink_to(tried("[shell] umask=077"))
    assert "is a symbolic link" in refused(alice, link)
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    assert "is not a regular file" in refused(alice, fifo)
    assert "No such file" in refused(alice, tmp_path / "missing")


@pytest.mark.parametrize("value, says", [("no", "ordinary session"), ("deny", "no session")])
def test_not_confined(alice, policy, tried, value, says):
    """What would not be confined is not run."""
    path = tried(f"[session] confine={value}")
    mark = alice.path("was-run")
    result = attempt(alice, f"touch {mark}", "--policy", path)
    assert result.rc == REFUSED and not mark.exists(), result
    assert f"{path}:2: session.confine = {value}: nshalice would have" in result.err
    assert says in result.err


def test_nothing_of_the_administrators(alice, tmp_path):
    """A file that the output goes to could be opened again inside, read and cut."""
    path = tmp_path / "log"
    with open(path, "w", encoding="ascii") as file:
        subprocess.run(
            [CTL, "try", alice.name, "--", "for n in 0 1 2; do readlink /proc/self/fd/$n; done"],
            stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=True,
        )
    assert re.findall(r"^\w+", path.read_text(), re.MULTILINE) == ["pipe"] * 3


def test_who(alice, policy):
    assert ctl("try", "--", "id -un", env={"SUDO_USER": "nshalice", "PATH": os.environ["PATH"]}).out \
        == "nshalice\n"
    assert "USER is missing" in ctl("try", "--", "id", env={}).err
    assert ctl("try", "root", "--", "id").rc == REFUSED
    assert ctl("try", "nobody-of-that-name", "--", "id").rc == REFUSED
    result = ctl("try", alice.name, account=alice)
    assert result.rc == REFUSED and "only root can" in result.err


def test_service_and_source(alice, policy):
    policy.match("10-cron.conf", "[match] service=cron\n[session] hostname=of-cron")
    policy.match("20-far.conf", "[match] source=192.0.2.0/24\n[session] hostname=far")
    assert attempt(alice, "uname -n", "--service", "cron").out == "of-cron\n"
    assert attempt(alice, "uname -n", "--source", "192.0.2.7").out == "far\n"
    assert attempt(alice, "uname -n").out not in ("far\n", "of-cron\n")


def test_refusal_of_nsshell(alice, policy):
    """What nsshell itself cannot do is told too."""
    policy.conf("[shell] program=/missing/shell")
    result = attempt(alice, "true")
    assert result.rc == REFUSED and "/missing/shell" in result.err


def test_terminal(alice, policy, admin):
    """One of its own: settings, size, keys, status; and the administrator's is as it was."""
    before = admin.ask("stty -g")
    own = admin.ask("tty")
    admin.sendline(f"$C try {alice.name}")
    admin.expect_exact("nsh> ")
    admin.prompt = "nsh> "
    inside = admin.ask("tty")
    assert inside.startswith("/dev/pts/") and inside != own
    assert admin.ask("stty size") == "24 80"
    admin.setwinsize(30, 100)
    # The shell draws its prompt once more: what follows is told by what it prints alone.
    admin.sendline("until stty size | grep -x '30 100'; do sleep 0.1; done")
    admin.expect_exact("\n30 100\r\n")
    admin.ready()
    admin.at_prompt()
    # Nobody in the session has the administrator's terminal, by any name.
    number = str(os.minor(os.stat(own).st_rdev))
    assert number not in admin.ask("ls /dev/pts").split()
    assert "Permission denied" in admin.ask(f"echo x > {own}") or own not in admin.ask("ls /dev/pts/*")
    assert admin.ask(f"ls -l /proc/*/fd 2>&1 | grep -c '{own}$'") == "0"
    admin.sendline("sleep 300")
    await_program(alice, "sleep")
    admin.sendcontrol("c")
    admin.at_prompt()
    admin.sendline("sleep 300")
    await_program(alice, "sleep")
    admin.sendcontrol("z")
    admin.expect("Stopped")
    admin.at_prompt()
    admin.ask("kill -9 %1")
    wait_until(lambda: not called("sleep", alice), "the end of sleep")
    admin.sendline("wait; exit 5")
    admin.prompt = CALLER
    admin.at_prompt()
    assert admin.ask("echo $?") == "5"
    assert admin.ask("stty -g") == before


def test_terminal_owner(alice, policy, admin):
    """As sshd leaves it: the user's, and not for others to read."""
    admin.sendline(f"$C try {alice.name} -- 'tty; sleep 300'")
    admin.expect(r"(/dev/pts/\d+)\r\n")
    device = os.stat(admin.match[1])
    assert device.st_uid == alice.uid and stat.S_IMODE(device.st_mode) == 0o620
    # bash passes over a Ctrl-C that comes while a command ends by itself.
    await_program(alice, "sleep")
    admin.sendcontrol("c")
    admin.at_prompt()


def has_echo(terminal):
    """What the terminal itself says, as shells set it anew for themselves."""
    return bool(termios.tcgetattr(terminal.child_fd)[3] & termios.ECHO)


@pytest.fixture
def bare(alice, policy):
    """nsshellctl on a terminal, and no shell that would put the settings right."""
    env = {**os.environ, "TERM": "dumb"}
    terminal = Terminal(None, [str(CTL), "try", alice.name], env=env)
    terminal.ready()
    assert not has_echo(terminal)
    yield terminal
    terminal.close(force=True)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_terminal_restored(alice, bare, number):
    os.kill(bare.pid, number)
    assert bare.finish() == -number
    wait_until(lambda: not alive_pids_of(alice), "the end of the session")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, None])
def test_terminal_settings(bare, number):
    """As they were, at the end and while it is stopped (kill -TSTP from outside)."""
    os.kill(bare.pid, signal.SIGTSTP)
    wait_until(lambda: status(bare.pid)["State"][0] == "T", "that it is stopped")
    assert has_echo(bare)
    os.kill(bare.pid, signal.SIGCONT)
    wait_until(lambda: not has_echo(bare), "that it goes on")
    # Held open, as the settings go with the last who has it.
    with open(bare.device, "rb", buffering=0):
        if number:
            os.kill(bare.pid, number)
        else:
            bare.sendline("exit")
        wait_until(lambda: has_echo(bare), "the terminal's own settings")


def test_way_out(alice, policy, admin):
    """A session that obeys no key does not keep the administrator."""
    before = admin.ask("stty -g")
    alice.write("stay", "trap '' HUP INT QUIT TERM TSTP\nstty raw -echo\necho rea''dy\ncat\nsleep 300\n")
    admin.sendline(f"$C try {alice.name} -- sh stay")
    admin.expect_exact("ready")
    # cat says when they have been passed on.
    admin.send("\x1d\x1d")
    admin.expect_exact("\x1d\x1d")
    # Twice as long as they count together.
    time.sleep(4)
    admin.send("\x1d")
    admin.expect_exact("\x1d")
    assert alive_pids_of(alice)
    admin.send("\x1d\x1d\x1d")
    admin.at_prompt()
    assert admin.ask("stty -g") == before
    assert not alive_pids_of(alice)


def test_terminal_and_pipe(alice, policy, admin):
    """Where only some streams are the terminal, these are pipes in the session."""
    alice.write("look", "cat\ntty\nls -l /proc/$$/fd\necho o''ver\n")
    admin.sendline(f"$C try {alice.name} -- sh look | cat")
    await_program(alice, "cat")
    admin.sendline("typed")
    admin.sendcontrol("d")
    admin.expect_exact("over\r\n")
    said = admin.before
    assert said.count("typed\r\n") == 2 and "not a tty" in said and "/dev/pts" not in said, said
    admin.at_prompt()
    admin.sendline(f"$C try {alice.name} -- 'sleep 300' | cat")
    wait_until(lambda: alive_pids_of(alice), "the session")
    admin.sendcontrol("c")
    admin.at_prompt()
    wait_until(lambda: not alive_pids_of(alice), "the end of the session")


@pytest.mark.parametrize("count", [2500, 4000, 14000])
def test_much_output(alice, policy, admin, count):
    """All of it arrives, also when the session has ended before it is shown."""
    admin.sendline(f"$C try {alice.name} -- 'yes 12345 | head -n {count}; echo e\"\"nd'")
    # Until all that can is waiting to be shown.
    time.sleep(1)
    assert admin.expect_exact(["end\r\n", CALLER], timeout=30) == 0
    assert admin.before.count("12345\r\n") == count


@pytest.mark.parametrize("command", [(), ("--", "sleep 300")])
def test_killed(alice, policy, command):
    """After SIGKILL of nsshellctl nothing is left."""
    machine = Machine([alice])
    with subprocess.Popen([CTL, "try", alice.name, *command], stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL) as process:
        wait_until(lambda: len(alive_pids_of(alice)) >= 3, "the session")
        process.kill()
    assert_nothing_left(machine)


def test_nothing_left(alice, policy):
    """When it is back the session is gone, with what it has left in the background."""
    machine = Machine([alice])
    assert attempt(alice, "(setsid sleep 300 &) >/dev/null 2>&1; exit 2").rc == 2
    assert not alive_pids_of(alice)
    assert_nothing_left(machine)


def test_hup_reaches_the_shell(alice, policy, admin):
    """The administrator's terminal goes: so does the session."""
    admin.sendline(f"$C try {alice.name}")
    admin.expect_exact("nsh> ")
    assert children(admin.pid)
    admin.close(force=True)
    wait_until(lambda: not alive_pids_of(alice), "the end of the session")


# What runs for ever, and what has ended with more to be shown than the pipe takes. Pages of it are not full.
@pytest.mark.parametrize("command", ["yes", "head -c 100000 /dev/zero"])
@pytest.mark.parametrize("stream", ["", " >&2"])
def test_output_that_nobody_reads(alice, command, stream):
    """It ends as it is told to, as other programs do."""
    script = f"echo begin; sleep 0.3; head -c 4000 /dev/zero; sleep 0.3; {{ {command}; }}{stream}"
    with subprocess.Popen([CTL, "try", alice.name, "--", script], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as trial:
        wait_until(lambda: waiting(trial.stdout) > 40000, "a pipe that is full")
        time.sleep(1)
        trial.terminate()
        assert trial.wait(timeout=20) == -signal.SIGTERM
    wait_until(lambda: not alive_pids_of(alice), "the end of the session")


def test_output_that_is_read_late(alice):
    script = "for i in 1 2 3 4 5 6 7 8 9; do echo $i; head -c 20001 /dev/zero; head -c 20001 /dev/zero >&2; done"
    with subprocess.Popen([CTL, "try", alice.name, "--", script], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT) as trial:
        time.sleep(1)
        out = trial.stdout.read()
        assert trial.wait(timeout=20) == 0 and len(out) == 9 * (2 + 2 * 20001)
