# SPDX-License-Identifier: MIT
"""The ways in beside sshd, what they record, and the modules that stand beside pam_nsshell.

issue 3, "Every way in" and "The module"; design.md, "With PAM: the session frame" and promises 1,
2, 3 and 6.
"""

import os
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path

import pytest

from lib_pam import DENIAL, assert_session
from lib_process import alive_pids_of, children, kill_all_of, namespaces, status, wait_until
from lib_services import (
    DEAD_PROCESS, SERVICES, STANDS_IN_FRAME, STANDS_IN_SESSION, STANDS_OUTSIDE, USER_PROCESS, Cron,
    Place, PlacedSshd, Records, assert_in_frame, assert_in_session, by_user, fields_of, open_to_all,
    record_of, with_shell, with_sudoers,
)
from lib_settings import FRAME, HELPER, MODULE, NSSHELL, PATIENCE, SRV
from lib_sshd import NO_MODULE, WITH_MODULE
from lib_terminal import Terminal

pytestmark = pytest.mark.usefixtures("outside")


@pytest.fixture(scope="module")
def make_place(accounts, installed_policy):
    """make_place(...): a Place that goes when the tests of this file are done."""
    made = []

    def make(*args, **how):
        made.append(Place(f"services-{len(made)}", *args, **how))
        return made[-1]

    yield make
    for place in made:
        place.remove()


@pytest.fixture(scope="module")
def framed(make_place, bob):
    """Where the services have the module, su asks for no password, and bob may use sudo."""
    place = make_place()
    open_to_all(place, "su", "su-l")
    with_sudoers(place, bob)
    return place


@pytest.fixture(scope="module")
def console(make_place, bob):
    """The same for what is run on a terminal, and would be recorded."""
    place = make_place()
    Records(place)
    open_to_all(place, "su", "su-l")
    with_sudoers(place, bob)
    return place


@pytest.fixture(scope="module")
def plain(make_place, bob):
    """What framed is, without the module."""
    place = make_place(line="")
    open_to_all(place, "su", "su-l")
    with_sudoers(place, bob)
    return place


def joined(value):
    return " ".join(value) if isinstance(value, list) else None


def verdicts(lines, verdict):
    """What the log has of the sessions for which that was the verdict."""
    return [fields_of(line) for line in lines if f" verdict={verdict} " in line]


def wait_for_verdicts(syslog, before, verdict, count):
    """The log has so many lines with that verdict among those that came later, and not one more."""
    wait_until(
        lambda: len(verdicts(syslog.lines[before:], verdict)) >= count,
        f"{count} lines with {verdict} among {syslog.lines[before:]}",
    )
    found = verdicts(syslog.lines[before:], verdict)
    assert len(found) == count, found
    return found


@pytest.fixture
def no_helper(installed_policy):
    """The session helper is missing."""
    kept = HELPER.with_name("nsshell-session.kept")
    HELPER.rename(kept)
    yield
    kept.rename(HELPER)


@pytest.fixture
def greeted(alice):
    """alice is told what services have to tell."""
    alice.path(".hushlogin").unlink()
    yield
    alice.write(".hushlogin", "")


# su, sudo and runuser with a command

SU = ["su", "nshalice", "-c"]
SU_LOGIN = ["su", "-", "nshalice", "-c"]
SUDO = ["sudo", "-u", "nshalice", "sh", "-c"]
SUDO_LOGIN = ["sudo", "-i", "-u", "nshalice", "sh", "-c"]
COMMANDS = [SU, SU_LOGIN, SUDO, SUDO_LOGIN]

SESSIONS = [
    (SU, "su"),
    (SU_LOGIN, "su-l"),
    (["su", "-l", "nshalice", "-c"], "su-l"),
    (["su", "--pty", "-", "nshalice", "-c"], "su-l"),
    (SUDO_LOGIN, "sudo-i"),
    (["sudo", "-u", "nshalice", str(NSSHELL), "-c"], "sudo"),
    (["env", f"SHELL={NSSHELL}", "sudo", "-u", "nshalice", "-s", "--", "sh", "-c"], "sudo"),
    (["runuser", "nshalice", "-c"], "runuser"),
    (["runuser", "-l", "nshalice", "-c"], "runuser-l"),
]
FRAMES = [
    (SUDO, "sudo"),
    (["env", "SHELL=/bin/sh", "sudo", "-u", "nshalice", "-s", "--", "sh", "-c"], "sudo"),
    (["su", "nshalice", "-s", "/bin/sh", "-c"], "su"),
    (["runuser", "-u", "nshalice", "--", "sh", "-c"], "runuser"),
]


@pytest.mark.parametrize("argv, service", SESSIONS, ids=joined)
def test_command_in_a_session(framed, syslog, argv, service):
    """su USER -c, su - USER -c, sudo -i -u USER, sudo -u USER -s: a session of nsshell's in the
    frame, with one id in the environment, in the frame and in the one line of the log."""
    result = framed.run(*argv, framed.stands_in_session)
    assert (result.rc, result.err) == (0, ""), result
    record = record_of(syslog, assert_in_session(result.out), service)
    assert record["confined_by"] == "frame,nsshell"


@pytest.mark.parametrize("argv, service", FRAMES, ids=joined)
def test_command_in_a_frame(framed, syslog, argv, service):
    """sudo -u USER CMD and su -s start no login shell: the frame alone confines."""
    result = framed.run(*argv, framed.stands_in_frame)
    assert (result.rc, result.err) == (0, ""), result
    record_of(syslog, assert_in_frame(result.out), service)
    assert framed.run(*argv, framed.probe).out == "framed\n"


@pytest.mark.parametrize("argv, service", SESSIONS + FRAMES, ids=joined)
def test_ends_are_the_same(framed, plain, argv, service):
    """Exit codes, signals and both outputs are what they are without the module (promise 6)."""
    for end in ("exit 7", "kill -TERM $$", "kill -KILL $$"):
        command = f"echo out; echo err >&2; {end}"
        results = [place.run(*argv, command) for place in (framed, plain)]
        assert results[0] == results[1], service
        assert results[0].rc != 0 and results[0].out.split()[0] == "out", results


@pytest.mark.parametrize("argv", COMMANDS, ids=joined)
def test_input(framed, argv):
    """Standard input reaches the session, and so does its end."""
    result = framed.run(*argv, "cat; exit 3", stdin="one\ntwo\n")
    assert (result.rc, result.out) == (3, "one\ntwo\n"), result


@pytest.mark.parametrize("argv", COMMANDS, ids=joined)
def test_a_terminated_service_ends_its_session(framed, argv, alice):
    """SIGTERM for su or sudo ends the session; nothing is left."""
    with framed.start(*argv, "echo here; exec sleep 1000", stderr=subprocess.DEVNULL) as process:
        assert process.stdout.readline() == "here\n"
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=60) != 0
    wait_until(lambda: not alive_pids_of(alice), "the session to end")


@pytest.mark.parametrize("argv", COMMANDS, ids=joined)
def test_the_caller_stays_where_it_was(framed, argv):
    """su's own process joins the frame, and who called it does not: it is in the same namespace and
    folder, sees the machine's /tmp, and can call su again."""
    look = "readlink /proc/self/ns/mnt; pwd; umask; cat /tmp/nsh-outside"
    twice = f'{look}; "$@"; echo code $?; {look}; "$@"'
    result = framed.run("sh", "-c", twice, "sh", *argv, "exit 7", cwd="/usr")
    before, code, after = result.out.partition("code 7\n")
    assert code and before == after and before.endswith("outside\n"), result
    assert result.rc == 7


@pytest.mark.parametrize(
    "argv, service", list(zip(COMMANDS, ("su", "su-l", "sudo", "sudo-i"))), ids=joined
)
def test_the_service_works_on_after_the_session(make_place, argv, service):
    """The service itself goes on and closes the PAM session, with a module that forks."""
    place = make_place()
    note = place.folder / "closed"
    program = place.folder / "close"
    program.write_text(f"#!/bin/sh\necho $PAM_SERVICE $PAM_TYPE $PAM_USER $(id -u) >> {note}\n")
    program.chmod(0o755)
    for name in SERVICES:
        place.add_to(name, f"session required pam_exec.so type=close_session {program}\n")
    assert place.run(*argv, "exit 5").rc == 5
    assert note.read_text() == f"{service} close_session nshalice 0\n"


DENIED = """\
[match]
service = su, su-l, sudo, sudo-i, login, runuser, runuser-l
[session]
confine = deny
"""


@pytest.mark.parametrize("argv, service", SESSIONS + FRAMES, ids=joined)
def test_denied(framed, policy, syslog, scratch, argv, service):
    """A policy that denies the service: nothing is run, and the user reads why. sudo, which goes on
    after PAM_SESSION_ERR of all codes, is no exception (promise 1)."""
    policy.match("10-services.conf", DENIED)
    before = len(syslog.lines)
    result = framed.run(*argv, f"touch {scratch}/run")
    assert not (scratch / "run").exists(), result
    assert result.rc != 0 and result.err, result
    (denial,) = wait_for_verdicts(syslog, before, "deny", 1)
    assert denial["service"] == service
    # For a command that is no shell sudo asks the modules to be silent.
    if not is_silent(argv):
        assert DENIAL.search(result.out + result.err)["incident"] == denial["session"], result


def is_silent(argv):
    return "sudo" in argv and not {"-i", "-s"} & set(argv)


@pytest.mark.usefixtures("no_helper")
@pytest.mark.parametrize("argv, service", SESSIONS + FRAMES, ids=joined)
def test_no_helper(framed, scratch, argv, service):
    """Nor is anything run when the module itself refuses."""
    result = framed.run(*argv, f"touch {scratch}/run")
    assert not (scratch / "run").exists() and result.rc != 0, (service, result)


# On a terminal

TERMINALS = [
    (["su", "nshalice"], "su", 11),
    (["su", "-", "nshalice"], "su-l", 11),
    (["su", "-l", "nshalice"], "su-l", 11),
    (["su", "--pty", "-", "nshalice"], "su-l", 11),
    (["sudo", "-i", "-u", "nshalice"], "sudo-i", 11),
    (["env", f"SHELL={NSSHELL}", "sudo", "-u", "nshalice", "-s"], "sudo", 11),
    (["login", "-f", "nshalice"], "login", 0),
]


@pytest.mark.parametrize("argv, service, rc", TERMINALS, ids=joined)
def test_terminal(console, syslog, argv, service, rc):
    """su, sudo, login on a terminal: a session in the frame, with its keys, size and exit code."""
    with console.terminal(*argv) as t:
        t.ready()
        t.sendline(f"{console.stands_in_session}; tty; stty size")
        t.expect(r"(session [0-9a-f]{16}\r\n)(/dev/pts/\d+)\r\n24 80\r\n")
        session = assert_in_session(t.match[1])
        t.sendline("sh -c 'echo rea\"\"dy; exec cat'")
        t.expect_exact("ready\r\n")
        t.send("\x1a")
        t.expect("Stopped")
        t.ready()
        t.sendline("fg")
        t.expect_exact("exec cat'\r\n")
        # The shell says so before it gives the terminal away: cat has it when it answers.
        t.sendline("typed")
        t.expect(r"typed\r\n(?:.*\r\n)?typed\r\n")
        t.send("\x03")
        t.ready()
        t.sendline("exit 11")
        assert t.finish() == rc
    record_of(syslog, session, service)


@pytest.mark.parametrize("argv, service, rc", TERMINALS, ids=joined)
def test_hangup(console, alice, argv, service, rc):
    """When the terminal is gone so is the session."""
    with console.terminal(*argv) as t:
        t.ready()
    wait_until(lambda: not alive_pids_of(alice), f"the session of {service} to end, not with {rc}")


@pytest.mark.usefixtures("greeted")
def test_login_denied(console, policy, alice):
    """login(1) of a user whom the policy refuses: the sentence, and no session."""
    policy.match("10-services.conf", DENIED)
    with console.terminal("login", "-f", "nshalice") as t:
        t.expect(DENIAL.pattern)
        assert t.finish() != 0
    wait_until(lambda: not alive_pids_of(alice), "no session to be there")


# su by somebody who is not root


@pytest.fixture
def callers(bob):
    """A folder of bob's that can be seen from frames too."""
    folder = SRV / "caller"
    folder.mkdir()
    folder.chmod(0o755)
    os.chown(folder, bob.uid, bob.gid)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("options, service", [([], "su"), (["-"], "su-l")], ids=joined)
def test_su_by_a_user(framed, bob, syslog, options, service):
    """An ordinary user who knows the password gets a session of the other user's."""
    argv = by_user(bob, "su", *options, "nshalice", "-c", framed.stands_in_session)
    result = framed.run(*argv)
    assert (result.rc, result.err) == (0, ""), result
    record_of(syslog, assert_in_session(result.out), service)


def test_su_by_a_user_on_a_terminal(console, bob, syslog):
    """The same on a terminal."""
    with console.terminal(*by_user(bob, "su", "-", "nshalice")) as t:
        t.ready()
        t.sendline(f"{console.stands_in_session}; exit 4")
        t.expect(r"(session [0-9a-f]{16}\r\n)")
        session = assert_in_session(t.match[1])
        assert t.finish() == 4
    record_of(syslog, session, "su-l")


HIDDEN = {"home": "/home/nshbob/here", "tmp": "/tmp/nsh-here", "var-tmp": "/var/tmp/nsh-here",
          "shm": "/dev/shm/nsh-here"}
NO_LOGIN = [SU, SUDO]


@pytest.fixture(params=HIDDEN)
def hidden_folder(request):
    """Folders of the caller's that the frame does not show, with a file in each."""
    folder = Path(HIDDEN[request.param])
    folder.mkdir()
    folder.chmod(0o777)
    (folder / "mark").write_text("seen\n")
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("argv", NO_LOGIN, ids=joined)
def test_hidden_folder_is_no_door(framed, bob, hidden_folder, argv):
    """The caller's current folder that the frame hides is not carried over (promise 3)."""
    look = "pwd; cat mark ../nsh-here/mark ../secret ../nsh-outside; ls -A; readlink /proc/self/cwd"
    result = framed.run(*by_user(bob, *argv, look), cwd=hidden_folder)
    first, *others = result.out.splitlines()
    assert first in ("/", "/home/nshalice") and others[-1] == first, result
    assert not {"seen", "mark", "outside", "secret of nshbob"} & set(others), result


@pytest.mark.parametrize("argv", NO_LOGIN, ids=joined)
def test_covered_folder_is_no_door(framed, bob, argv):
    """Nor is the very folder that is covered, although one of its name is there."""
    for folder in ("/tmp", "/home", "/dev/shm", "/home/nshbob"):
        look = "pwd; cat nsh-outside nshbob/secret secret"
        result = framed.run(*by_user(bob, *argv, look), cwd=folder)
        assert result.rc != 0 and result.out in ("/\n", "/home/nshalice\n"), (folder, result)


@pytest.mark.parametrize("argv", NO_LOGIN, ids=joined)
def test_visible_folder_is_kept(framed, bob, callers, argv):
    """The caller's current folder that can be seen in both views is kept."""
    (callers / "mark").write_text("seen\n")
    for folder in ("/", "/usr/share", str(callers)):
        result = framed.run(*by_user(bob, *argv, "pwd"), cwd=folder)
        assert result.out == f"{folder}\n", result
    assert framed.run(*by_user(bob, *argv, "cat mark"), cwd=callers).out == "seen\n"


def test_forbidden_folder(framed, plain, bob, callers):
    """A folder that only the caller may enter is what it is without the module."""
    callers.chmod(0o700)
    argv = by_user(bob, *SU, "pwd; ls -A")
    assert framed.run(*argv, cwd=callers) == plain.run(*argv, cwd=callers)


@pytest.mark.parametrize("again", ["true", 'mkdir "$PWD"; touch "$PWD/mark"'])
def test_removed_folder(framed, bob, callers, again):
    """A folder that is gone has no name, and what has its name now is another one."""
    gone = callers / "gone"
    gone.mkdir()
    os.chown(gone, bob.uid, bob.gid)
    command = f'rmdir "$PWD"; {again}; exec su nshalice -c "pwd; ls -A; cat mark"'
    result = framed.run(*by_user(bob, "sh", "-c", command), cwd=gone)
    assert result.out.splitlines()[0] in ("/", "/home/nshalice"), result
    assert "mark" not in result.out, result


def swap_for_link(folder, other):
    folder.rename(folder.with_name("away"))
    folder.symlink_to(other)


def swap_for_folder(folder, other):
    folder.rename(folder.with_name("away"))
    other.rename(folder)


@pytest.mark.parametrize(
    "swap, expected", [(lambda *_: None, "{callers}/here\n"), (swap_for_link, "/\n"),
                       (swap_for_folder, "/\n")], ids=["none", "link", "folder"],
)
def test_swapped_folder(framed, bob, callers, swap, expected):
    """Whoever called su may own the folder above: what is swapped while su joins is not entered."""
    here, other = callers / "here", callers / "other"
    for folder in (here, other):
        folder.mkdir()
    (other / "mark").write_text("seen\n")
    # It stops with the third, the mount namespace; without -f only su itself is traced, as an ordinary user's.
    stopped = ["strace", "-qq", "-o", "/dev/null", "-u", bob.name, "-e", "trace=setns",
               "-e", "inject=setns:signal=STOP:when=3"]
    with framed.start(*stopped, *SU, "pwd -P; cat mark", cwd=here, stderr=subprocess.PIPE) as process:
        su = wait_until(lambda: su_that_has_joined(process.pid), "su to join the frame")
        swap(here, other)
        os.kill(su, signal.SIGCONT)
        out, err = process.communicate(timeout=60)
    assert out == expected.format(callers=callers), err


def su_that_has_joined(tracer):
    """The one that strace runs, when it is in a mount namespace of its own."""
    for pid in children(tracer):
        if status(pid).get("Name") == "su" and namespaces(pid)["mnt"] != namespaces(tracer)["mnt"]:
            return pid
    return None


# A hostile caller of su


def session_init(account):
    """The host's id of PID 1 of the account's one session, when that of the one before has ended."""

    def find():
        found = [pid for pid in alive_pids_of(account) if status(pid).get("NSpid", "").split()[1:] == ["1"]]
        return found[0] if len(found) == 1 else None

    return wait_until(find, "one session")


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def assert_whole_session(account):
    """Seen from the host, which needs nothing of a shell that may not even open files."""
    (shell,) = children(session_init(account))
    ours, theirs = namespaces(), namespaces(shell)
    assert not [name for name in ours if ours[name] == theirs[name]]
    root = Path(f"/proc/{shell}/root")
    frame = root / FRAME.relative_to("/")
    environment = Path(f"/proc/{shell}/environ").read_bytes().split(b"\0")
    assert f"NSSHELL_SESSION={(frame / 'id').read_text()}".encode() in environment
    assert os.listdir(root / "home") == [account.name]
    assert not {"nsh-outside"} & set(os.listdir(root / "tmp"))
    assert [mode(root / name) for name in ("tmp", "var/tmp", "dev/shm")] == [0o1777] * 3
    assert [mode(frame / name) for name in ("", "policy", "account")] == [0o755, 0o444, 0o444]
    assert (frame / "policy").read_text().startswith("[")
    folders = [fd for fd in Path(f"/proc/{shell}/fd").iterdir() if fd.is_dir()]
    assert not folders
    assert (status(shell)["NoNewPrivs"], int(status(shell)["CapEff"], 16)) == ("1", 0)


def try_session(framed, caller, account, prefix):
    """su by a caller who has arranged things beforehand. Returns whether there is a session."""
    # By its path, as PATH is the caller's too. The shell needs nothing but what it has itself.
    su = [shutil.which("su"), account.name, "-c", "echo run; read -r x; exit 7"]
    argv = by_user(caller, *prefix, *su)
    with framed.start(*argv, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        if process.stdout.readline() == "run\n":
            assert_whole_session(account)
            process.communicate("end\n", timeout=60)
            return True
        _, err = process.communicate(timeout=60)
    assert process.returncode != 0, err
    wait_until(lambda: not alive_pids_of(account), "no session to be there")
    return False


def limit(name, *values):
    return [["prlimit", f"--{name}={value}"] for value in values]


def shell(code):
    return ["sh", "-c", f'{code}; exec "$@"', "sh"]


MEGABYTE = 1 << 20
FORGED = ["NSSHELL_SESSION=0123456789abcdef", "container=nsshell", "LD_PRELOAD=/tmp/nsh-no.so",
          "LD_LIBRARY_PATH=/tmp", "GLIBC_TUNABLES=glibc.malloc.check=3", "TMPDIR=/tmp", "PATH=.",
          "HOME=/tmp", "SSH_AUTH_SOCK=/tmp/nsh-outside"]

# What the caller did, in degrees. With the last one there is to be a session in spite of it.
HOSTILE = {
    "nothing": [[]],
    "few files": limit("nofile", *range(3, 12), 64),
    "small files": limit("fsize", 0, 1, 100, 500, 1000, 5000, MEGABYTE),
    "little memory": limit("as", *(n * MEGABYTE // 4 for n in (*range(14, 28, 2), 64, 1600))),
    "little data": limit("data", *(n * MEGABYTE // 8 for n in (*range(0, 10, 2), 512))),
    "little stack": limit("stack", *(n * 1024 for n in (0, 32, 64, 96, 128, 256, 8192))),
    "nothing else": limit("sigpending", 0) + limit("memlock", 0) + limit("core", 0),
    "umask": [shell("umask 0777"), shell("umask 0")],
    "ignored signals": [["env", "--ignore-signal"], ["env", "--ignore-signal=CHLD"]],
    "blocked signals": [["env", "--block-signal"], ["env", "--block-signal=CHLD"]],
    "open folders": [shell("exec 9<$HOME 8</tmp 5</home")],
    "huge environment": [["env", *(f"A{n}={'x' * 100_000}" for n in range(18))]],
    "forged environment": [["env", *FORGED]],
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_caller(framed, bob, alice, case):
    """Limits, masks, signals, files and environment are the caller's: a whole session or none."""
    worked = [try_session(framed, bob, alice, prefix) for prefix in HOSTILE[case]]
    assert worked[-1], worked


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"])
def test_closed_streams(framed, bob, scratch, alice, closed):
    """A caller with closed streams: what is open in their place is not su's, and no helper's."""
    command = f"{framed.stands_in_session} > {scratch}/out 2>&1"
    framed.run(*by_user(bob, "sh", "-c", f'exec "$@" {closed}', "sh", *SU, command))
    assert_in_session((scratch / "out").read_text())
    wait_until(lambda: not alive_pids_of(alice), "the session to end")


def test_killed_su(framed, bob, alice):
    """The caller may kill su at any time: no helper is left, and no session that hangs. What su has
    started is not tied to it, with or without the module, and is ended here."""
    for delay in range(0, 100, 10):
        argv = by_user(bob, *SU, "echo run; exec sleep 1000")
        with framed.start(*argv, stderr=subprocess.DEVNULL) as process:
            wait_until(lambda: status(process.pid).get("Name") == "su", "su to start")
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=delay / 1000)
            process.kill()
        wait_until(lambda: not processes_named("nsshell-session"), "the helper to end")
        wait_until(lambda: not processes_named("su"), "what su has started to be alice's")
        kill_all_of([alice])
        wait_until(lambda: not alive_pids_of(alice), "the session to end")


def processes_named(name):
    return [pid for pid in os.listdir("/proc") if pid.isdigit() and status(pid).get("Name") == name]


@pytest.mark.parametrize("argv", [SU, SU_LOGIN], ids=joined)
def test_no_way_from_one_frame_into_another(framed, argv, syslog, alice, bob):
    """Who stands in a frame gets no session in which he would see what the frame hides."""
    onward = [word.replace("nshalice", bob.name) for word in argv]
    result = framed.run("sudo", "-u", alice.name, *onward, "echo run")
    assert result.rc != 0 and "run" not in result.out.split(), result
    incident = DENIAL.search(result.out + result.err)["incident"]
    assert fields_of(syslog.line_with(f"session={incident} "))["verdict"] == "deny"


TO_ROOT = [["su", "root", "-c"], ["su", "-", "root", "-c"], ["sudo", "sh", "-c"],
           ["sudo", "-i", "sh", "-c"], ["sudo", "-u", "root", "sh", "-c"]]


@pytest.mark.parametrize("broken", ["", "[session] confine=maybe"], ids=["policy", "broken policy"])
@pytest.mark.parametrize("argv", TO_ROOT, ids=joined)
def test_to_root(framed, bob, policy, argv, broken):
    """User id 0 is left alone, whoever called su or sudo, and also when no policy can be read."""
    if broken:
        policy.conf(broken)
    look = f'readlink /proc/self/ns/mnt; exec "$@" \'{STANDS_OUTSIDE}\''
    for caller in ([], by_user(bob)):
        result = framed.run(*caller, "sh", "-c", look, "sh", *argv)
        first, *others = result.out.splitlines()
        assert (result.rc, others) == (0, ["outside", first]), result


# cron


@pytest.fixture
def cron(make_place, bob):
    """A cron that is still to be started. bob has another login shell than nsshell."""
    place = make_place()
    with_shell(place, bob, "/bin/bash")
    daemon = Cron(place)
    yield daemon
    daemon.close()


class Job:
    """A job whose output is complete when it is there."""

    def __init__(self, folder, name, code):
        self.out = folder / f"{name}.out"
        self.script = folder / f"{name}.sh"
        part = f"{self.out}.part"
        self.script.write_text(f"{{\n{code}\n}} > {part} 2>&1\nmv {part} {self.out}\n")

    @property
    def line(self):
        return f"@reboot sh {self.script}\n"

    def output(self):
        wait_until(self.out.exists, f"cron to run {self.script.name}")
        return self.out.read_text()


@pytest.fixture
def job_of_bob(cron, bob):
    """A job of somebody who is not confined, and one of root's: for every policy they are run."""
    folder = bob.path("jobs")
    folder.mkdir()
    os.chown(folder, bob.uid, bob.gid)
    job = Job(folder, "bob", STANDS_OUTSIDE)
    cron.table(bob.name, bob.uid, bob.gid, job.line)
    yield job
    shutil.rmtree(folder)


@pytest.fixture
def job_of_root(cron):
    job = Job(cron.place.folder, "root", STANDS_OUTSIDE)
    cron.table("root", 0, 0, job.line)
    return job


@pytest.fixture
def jobs_of_alice(cron, alice, scratch):
    """Two jobs of a confined user: for cron's ordinary shell, and for nsshell."""
    frame = Job(scratch, "frame", STANDS_IN_FRAME)
    session = Job(scratch, "session", STANDS_IN_SESSION)
    table = f"{frame.line}SHELL={NSSHELL}\n{session.line}"
    cron.table(alice.name, alice.uid, alice.gid, table)
    return frame, session


def assert_outside(cron, *jobs):
    """The jobs ran in the namespace that cron is in, and saw what it sees."""
    for job in jobs:
        assert job.output() == f"outside\n{namespaces(cron.process.pid)['mnt']}\n"


def test_cron(cron, syslog, job_of_bob, job_of_root, jobs_of_alice):
    """A confined user's job runs in the frame, one with SHELL=nsshell in a whole session; those of
    others and root's are as ever."""
    frame, session = jobs_of_alice
    cron.start()
    record = record_of(syslog, assert_in_frame(frame.output()), "cron")
    assert record["tty"] == "cron"
    record_of(syslog, assert_in_session(session.output()), "cron")
    assert_outside(cron, job_of_bob, job_of_root)
    cron.wait_idle()


def test_cron_denied(cron, policy, syslog, alice, job_of_bob, job_of_root, jobs_of_alice):
    """A policy that denies cron to a user: no job of hers is run, and the log says so."""
    policy.match(
        "10-cron.conf",
        f"[match]\nservice = cron\nuser = {alice.name}\n[session]\nconfine = deny\n",
    )
    before = len(syslog.lines)
    cron.start()
    wait_for_verdicts(syslog, before, "deny", 2)
    assert_outside(cron, job_of_bob, job_of_root)
    cron.wait_idle()
    assert not [job for job in jobs_of_alice if job.out.exists()]
    for fields in wait_for_verdicts(syslog, before, "deny", 2):
        assert (fields["service"], fields["user"]) == ("cron", alice.name)
        assert "10-cron.conf" in fields["policy"]


@pytest.mark.parametrize("why", ["policy", "no_helper"])
def test_cron_denied_to_all(
    request, cron, syslog, alice, bob, job_of_bob, job_of_root, jobs_of_alice, why
):
    """The same without a user, and without a session helper: for everybody but root."""
    refuse = request.getfixturevalue(why)
    if refuse:
        refuse.match("10-cron.conf", "[match]\nservice = cron\n[session]\nconfine = deny\n")
    before = len(syslog.lines)
    cron.start()
    wait_for_verdicts(syslog, before, "deny", 3)
    assert_outside(cron, job_of_root)
    cron.wait_idle()
    assert not [job for job in (*jobs_of_alice, job_of_bob) if job.out.exists()]
    users = sorted(one["user"] for one in wait_for_verdicts(syslog, before, "deny", 3))
    assert users == [alice.name, alice.name, bob.name]


def test_cron_not_confined(cron, policy, scratch, alice, job_of_bob, job_of_root):
    """confine = no for cron: its jobs run outside, and other ways in are what they were."""
    policy.match("10-cron.conf", "[match]\nservice = cron\n[session]\nconfine = no\n")
    job = Job(scratch, "outside", STANDS_OUTSIDE)
    cron.table(alice.name, alice.uid, alice.gid, job.line)
    cron.start()
    assert_outside(cron, job, job_of_bob, job_of_root)
    assert_in_session(cron.place.run(*SU, STANDS_IN_SESSION).out)


# Records


def ssh_terminal(server, account):
    argv = server.command(account, options=("-tt",))
    return Terminal(None, argv, env={**os.environ, "TERM": "dumb"})


def records_of_login(records, account, terminal, server=None):
    """What a login leaves while it is there, and when its service has ended: the client can be faster than sshd."""
    records.clear()
    with terminal as t:
        t.ready()
        during = records.read(account.uid)
        t.sendline("exit 0")
        t.finish()
    if server:
        wait_until(lambda: not children(server.process.pid), "the end of the connection")
    return during, records.read(account.uid)


def assert_recorded(during, account, host):
    """There is something to compare."""
    (login,) = [record for record in during["utmp"] if record.type == USER_PROCESS]
    assert (login.user, login.line, login.host) == (account.name, "pts/N", host)
    assert during["lastlog"] == (True, "pts/N", host)
    assert [record.type for record in during["wtmp"]] == [USER_PROCESS]


def test_records_of_ssh(make_place, accounts, syslog, alice):
    """utmp, wtmp and lastlog are what they are without the module: sshd's."""
    before = len(syslog.lines)
    place = make_place()
    records = Records(place)
    server = PlacedSshd(place, accounts, "-records")
    try:
        seen = []
        for session in (NO_MODULE, WITH_MODULE):
            server.set_session(session)
            seen.append(records_of_login(records, alice, ssh_terminal(server, alice), server))
    finally:
        server.close()
    during, after = seen[0]
    assert_recorded(during, alice, "127.0.0.1")
    assert [record.type for record in after["wtmp"]] == [USER_PROCESS, DEAD_PROCESS]
    assert seen[0] == seen[1]
    (login,) = wait_for_verdicts(syslog, before, "confine", 1)
    assert login["service"] == server.service


@pytest.mark.parametrize("first", [False, True], ids=["last", "first"])
def test_records_of_login(make_place, syslog, alice, first):
    """The same for login(1), whose lastlog is a module's, in front of pam_nsshell or behind it. Debian 13's keeps
    none."""
    seen = []
    before = len(syslog.lines)
    for line in ("", WITH_MODULE):
        place = make_place(line=line, first=first)
        records = Records(place)
        terminal = place.terminal("login", "-h", "192.0.2.9", "-f", alice.name)
        seen.append(records_of_login(records, alice, terminal))
    if seen[0][0]["utmp"]:
        assert_recorded(seen[0][0], alice, "192.0.2.9")
    assert seen[0] == seen[1]
    (login,) = wait_for_verdicts(syslog, before, "confine", 1)
    assert login["service"] in ("login", "remote") and login["rhost"] == "192.0.2.9"


# What ssh includes

ASK_SSH = """\
ssh -G nsh-somewhere | grep -x "user nsh-somebody"; ssh -G nsh-linked | grep -x "port 2222"
cd /etc/ssh/ssh_config.d; ls; chmod 666 20-nsh.conf; rm -f 20-nsh.conf; (echo x >20-nsh.conf); echo x >new
"""


@pytest.mark.parametrize("way", ["standalone", "su"])
def test_configuration_of_ssh(make_place, alice, way):
    """ssh takes files that its configuration includes from root and the user alone, and root is nobody inside: it works
    with them all the same, also where they are links, and the user cannot change them."""
    place = make_place()
    folder = place.own_folder("/etc/ssh/ssh_config.d")
    (folder / "20-nsh.conf").write_text("Host nsh-somewhere\n\tUser nsh-somebody\n")
    (place.folder / "linked").write_text("Host nsh-linked\n\tPort 2222\n")
    (folder / "30-nsh.conf").symlink_to(place.folder / "linked")
    secret = folder / "README"
    secret.write_text("root's own\n")
    secret.chmod(0o600)
    argv = ("su", alice.name, "-c", ASK_SSH) if way == "su" else by_user(alice, str(NSSHELL), "-c", ASK_SSH)
    result = place.run(*argv)
    assert result.out.split("\n") == ["user nsh-somebody", "port 2222", "20-nsh.conf", "30-nsh.conf", ""], result
    assert result.err.count("Read-only file system") == 4, result


# Modules beside pam_nsshell


def write_program(path, text):
    path.write_text(f"#!/bin/sh\n{text}")
    path.chmod(0o755)
    return path


MODULES = """\
session required pam_exec.so {folder}/exec
session required pam_exec.so {folder}/exec
session required pam_loginuid.so
session optional pam_keyinit.so force revoke
session optional pam_motd.so motd=/run/motd.dynamic
session optional pam_motd.so motd={folder}/motd noupdate
session required pam_umask.so umask=0027 nousergroups
session required pam_limits.so conf={folder}/limits.conf
session required pam_env.so conffile={folder}/env.conf
-session optional pam_lastlog.so
"""

# keyctl(2): the name of the session keyring. 250 is its number on amd64.
KEYRING = """\
import ctypes
keyctl = ctypes.CDLL(None).syscall
text = ctypes.create_string_buffer(100)
keyctl(250, 6, -3, text, len(text))
print("keyring", text.value.decode().split(";")[-1])
"""
ASK_MODULES = f"""\
printf "umask %s files %s variable %s loginuid %s " \
	"$(umask)" "$(ulimit -n)" "$NSH_VARIABLE" "$(cat /proc/self/loginuid)"
python3 -c '{KEYRING}'
"""


@pytest.fixture
def modules(make_place, accounts, greeted, scratch):
    """A server whose stack can have other modules, with what these need."""
    place = make_place()
    folder = place.folder
    Records(place)
    write_program(
        folder / "exec",
        f"{{ echo $PAM_TYPE $(id -u) $(ls /tmp/nsh-outside); }} >> {folder}/exec.out 2>/dev/null\n",
    )
    (folder / "motd").write_text("message of the day\n")
    (folder / "limits.conf").write_text("nshalice - nofile 777\n")
    (folder / "env.conf").write_text("NSH_VARIABLE DEFAULT=from-pam\n")
    write_program(place.own_folder("/etc/update-motd.d") / "10-nsh", "echo updated as $(id -u)\n")
    (scratch / "ask").write_text(ASK_MODULES + STANDS_IN_SESSION)
    server = PlacedSshd(place, accounts, "-modules")
    yield server
    server.close()


@pytest.mark.parametrize("order", ["behind", "in front"])
def test_modules(modules, alice, policy, scratch, order):
    """Other modules, also those that fork, work behind pam_nsshell and in front of it. The keyring, which can
    be asked for without a filter only, is the session's own, whatever pam_keyinit has made."""
    policy.conf("[security] seccomp=off")
    folder = modules.place.folder
    others = MODULES.format(folder=folder)
    modules.set_session(WITH_MODULE + others if order == "behind" else others + WITH_MODULE)
    with ssh_terminal(modules, alice) as t:
        t.expect_exact("updated as 0\r\n")
        t.expect_exact("message of the day\r\n")
        t.ready()
        t.sendline(f"sh {scratch}/ask; exit 6")
        t.expect(r"umask (\d+) files (\d+) variable (\S*) loginuid (\d+) keyring (\S*)\r\n")
        assert t.match.groups() == ("0027", "777", "from-pam", str(alice.uid), "_ses")
        t.expect(r"(session [0-9a-f]{16}\r\n)")
        assert_in_session(t.match[1])
        assert t.finish() == 6
    lines = ["open_session 0 /tmp/nsh-outside" if order == "in front" else "open_session 0"] * 2
    # What closes a session is in the frame in both orders: it is the process that opened it.
    lines += ["close_session 0"] * 2
    out = folder / "exec.out"
    wait_until(lambda: out.read_text().splitlines() == lines, f"{lines} in {out}")


def test_status_of_pam_exec(make_sshd, alice):
    """What pam_exec's program says decides what it decides without pam_nsshell."""
    server = make_sshd()
    for control, expected in (("required", ""), ("optional", "run\n")):
        line = f"session {control} pam_exec.so quiet /bin/false\n"
        for session in (NO_MODULE + line, WITH_MODULE + line, line + WITH_MODULE):
            server.set_session(session)
            result = server.ssh(alice, "echo run")
            assert (result.rc == 0, result.out) == (bool(expected), expected), (session, result)


@pytest.fixture
def homeless(accounts):
    """A user whose home is still to be made."""
    account = accounts["nsh.dot"]
    kept = SRV / "kept-home"
    shutil.move(account.home, kept)
    yield account
    shutil.rmtree(account.home, ignore_errors=True)
    shutil.move(kept, account.home)


@pytest.fixture
def make_home(make_sshd, tmp_path):
    """make_home("text with {mkhomedir}"): a server that has that session stack."""
    skeleton = tmp_path / "skel"
    skeleton.mkdir()
    (skeleton / "from-skel").write_text("skel\n")
    module = f"pam_mkhomedir.so skel={skeleton} umask=0077"
    return lambda stack: make_sshd(session=stack.format(mkhomedir=module))


LOOK_AT_HOME = "pwd; cat ~/from-skel; stat -c '%a %U' ~; touch ~/made-inside\n"


def test_mkhomedir_in_front(make_home, homeless):
    """pam_mkhomedir in front of pam_nsshell: the home is made, and kept in the frame."""
    server = make_home("session required {mkhomedir}\n" + WITH_MODULE)
    for _ in range(2):
        result = server.ssh(homeless, LOOK_AT_HOME + STANDS_IN_SESSION)
        home, skel, owner, last = result.out.splitlines(keepends=True)
        assert (home, skel, owner) == (f"{homeless.home}\n", "skel\n", f"700 {homeless.name}\n")
        assert_in_session(last)
    made = homeless.path("made-inside").stat()
    assert (made.st_uid, made.st_gid) == (homeless.uid, homeless.gid)


def test_mkhomedir_in_front_with_a_home(make_home, alice):
    """The home that is there already is the one that is kept."""
    server = make_home("session required {mkhomedir}\n" + WITH_MODULE)
    result = server.ssh(alice, "pwd; ls ~/from-skel; cat ~/secret\n" + STANDS_IN_SESSION)
    home, secret, last = result.out.splitlines(keepends=True)
    assert (home, secret) == (f"{alice.home}\n", f"secret of {alice.name}\n")
    assert_in_session(last)


def test_mkhomedir_behind_with_a_home(make_home, alice):
    """Behind pam_nsshell it finds the home in the frame."""
    server = make_home(WITH_MODULE + "session required {mkhomedir}\n")
    result = server.ssh(alice, "pwd; cat ~/secret\n" + STANDS_IN_SESSION)
    home, secret, last = result.out.splitlines(keepends=True)
    assert (home, secret) == (f"{alice.home}\n", f"secret of {alice.name}\n")
    assert_in_session(last)


def test_mkhomedir_behind_required(make_home, homeless):
    """Behind pam_nsshell no home can be made, as the frame shows homes read-only: no session."""
    server = make_home(WITH_MODULE + "session required {mkhomedir}\n")
    result = server.ssh(homeless, "echo run")
    assert result.rc != 0 and "run" not in result.out, result
    assert not os.path.lexists(homeless.home)


def test_mkhomedir_behind_optional(make_home, homeless, syslog):
    """... or, if the stack is content without, a session as that of any account without a home."""
    server = make_home(WITH_MODULE + "session optional {mkhomedir}\n")
    look = f"pwd; ls -A /home; cut -d: -f1 {FRAME}/account\n"
    result = server.ssh(homeless, look + STANDS_IN_SESSION)
    folder, name, last = result.out.splitlines(keepends=True)
    assert (folder, name) == ("/\n", f"{homeless.name}\n"), result
    record_of(syslog, assert_in_session(last), server.service, homeless.name)
    assert not os.path.lexists(homeless.home)


def test_module_twice(make_sshd, alice, syslog):
    """The module twice in one stack makes one frame, and one line in the log."""
    server = make_sshd()
    seen = []
    for times in (1, 2):
        server.set_session(WITH_MODULE * times)
        before = len(syslog.lines)
        result = server.ssh(alice, "wc -l < /proc/self/mountinfo\n" + STANDS_IN_SESSION)
        mounts, last = result.out.splitlines(keepends=True)
        record_of(syslog, assert_in_session(last), server.service)
        wait_for_verdicts(syslog, before, "confine", 1)
        seen.append(mounts)
    assert seen[0] == seen[1]


# Groups from elsewhere

LARGE = 70000

# getent -- DATABASE KEY, with no environment at all.
GETENT = """\
#!/bin/sh
case $2:$3 in group:{group}|group:nshlarge) exec /bin/cat {file};; esac
exit 2
"""


@pytest.mark.parametrize("members", [3, 80_000])
def test_a_large_group_from_elsewhere(make_place, policy, alice, members):
    """A group that no file has is found by its number, however many are in it, and holds nobody up."""
    policy.conf("[session] hostname=%g")
    policy.match("50-large.conf", "[match] group=nshlarge\n[shell] umask=037")
    place = make_place()
    open_to_all(place, "su", "su-l")
    file = place.folder / "group"
    names = ",".join(f"somebody-{number:07}" for number in range(members))
    file.write_text(f"nshlarge:x:{LARGE}:{names}\n")
    place.own_file("/usr/bin/getent", GETENT.format(group=LARGE, file=file), 0o755)
    lines = Path("/etc/passwd").read_text().replace(f":{alice.uid}:{alice.gid}:", f":{alice.uid}:{LARGE}:")
    place.own_file("/etc/passwd", lines)
    standalone = ["setpriv", f"--reuid={alice.uid}", f"--regid={LARGE}", "--clear-groups", str(NSSHELL), "-c"]
    for argv in (standalone, SU_LOGIN):
        begin = time.monotonic()
        result = place.run(*argv, "hostname; umask; id -g")
        assert (result.rc, result.out.split()) == (0, ["nshlarge", "0037", str(LARGE)]), result
        assert time.monotonic() - begin < 10 * PATIENCE


# Those who are let in whatever happens


@pytest.mark.usefixtures("no_helper")
def test_the_way_back_in(pam, alice, bob, make_place):
    """"required" alone lets root and the members of exempt_group in when there is no helper."""
    pam.service("nshcheck", "exempt_group=nshguest")
    # Without it libpam says so in the log, and has the log open from then on.
    pam.service("other")
    for user in ("root", bob.name):
        login = pam.login(user, "/bin/sh", "-c", "cat /tmp/nsh-outside")
        assert assert_session(login) == "outside\n"
    denied = pam.login(alice.name, "/bin/sh", "-c", "true")
    assert denied.pam != 0 and DENIAL.fullmatch(*denied.says), denied
    place = make_place(line=f"session required {MODULE} exempt_group=nshguest\n")
    for argv in TO_ROOT:
        assert place.run(*argv, "echo in").out == "in\n"
    assert place.run("su", bob.name, "-s", "/bin/sh", "-c", "echo in").out == "in\n"
    assert place.run(*SU, "echo in").out == ""
