# SPDX-License-Identifier: MIT
"""What comes with a login: its environment, its arguments, its command line, and disks that are full.

CVE-2023-4911 (GLIBC_TUNABLES), CVE-2021-4034 (pkexec: GCONV_PATH and no arguments), CVE-2010-3847 and
CVE-2010-3856 (LD_AUDIT), CVE-2019-3463, CVE-2019-3464 and CVE-2019-1000018 (rssh: options of rsync and scp
that run something). A login shell that lets some commands through has to understand them all; nsshell
understands none, and so what they run is what counts: inside it may be anything. design.md, promise 2.
"""

import os
import re
import shutil
import subprocess

import pytest

import lib_sshd
from lib_attack_look import is_session
from lib_frame import as_user
from lib_pam import assert_denied, assert_session
from lib_process import SHOW_NAMESPACES, as_root, assert_confined, assert_refused, environment, run
from lib_settings import FRAME, HELPER, LOGIN_SHELL, NSSHELL, RUN

STRACE = "/usr/bin/strace"


class Evil:
    """A library and programs that say where they ran, if they do."""

    def __init__(self):
        self.folder = RUN / "evil-input"
        self.folder.mkdir()
        self.log = self.folder / "log"
        self.log.touch()
        self.log.chmod(0o666)
        self.library = self.folder / "evil.so"
        self.script = self.folder / "evil"
        self._write()

    def _write(self):
        source = self.folder / "evil.c"
        source.write_text(
            "#include <stdio.h>\n#include <unistd.h>\n"
            "__attribute__((constructor)) static void run(void) {\n"
            "char link[64] = \"\"; readlink(\"/proc/self/ns/pid\", link, 63);\n"
            f"FILE *f = fopen(\"{self.log}\", \"a\");\n"
            "if (f) { fprintf(f, \"%s\\n\", link); fclose(f); } }\n"
        )
        subprocess.run(
            ["gcc", "-shared", "-fPIC", "-w", "-o", str(self.library), str(source)], check=True
        )
        self.script.write_text(f"#!/bin/sh\n/bin/readlink /proc/self/ns/pid >>{self.log}\n")
        self.script.chmod(0o755)
        for name in ("xauth", "getent", "locale-archive", "gconv-modules", "nsswitch.conf"):
            shutil.copy(self.script, self.folder / name)

    def environment(self):
        """Every variable that has made a program of root's run something, all at once."""
        folder, script = self.folder, self.script
        values = {
            self.library: "LD_PRELOAD LD_AUDIT",
            folder: "LD_LIBRARY_PATH LD_ORIGIN_PATH LD_PROFILE_OUTPUT GCONV_PATH LOCPATH TZDIR GETCONF_DIR "
            "NIS_PATH TMPDIR XDG_RUNTIME_DIR TERMINFO",
            script: "BASH_ENV ENV SSH_ASKPASS TERMCAP PAGER EDITOR HOSTALIASES RESOLV_HOST_CONF XAUTHORITY "
            "MALLOC_TRACE LD_DEBUG_OUTPUT",
            "1": "LD_SHOW_AUXV POSIXLY_CORRECT MALLOC_CHECK_",
            "libc.so.6": "LD_PROFILE", "glibc.malloc.mxfast=glibc.malloc.mxfast=A": "GLIBC_TUNABLES",
            f"{folder}/%N": "NLSPATH", f"../../{folder}": "LANGUAGE TERM", f":{script}": "TZ",
            "debug": "RES_OPTIONS", "evil": "LOCALDOMAIN container", "/": "IFS", "xtrace": "SHELLOPTS",
            f"$({script})": "PS4", f"() {{ {script}; }}": "BASH_FUNC_ls%%", "../evil": "NSSHELL_SESSION",
        }
        return {name: value for value, names in values.items() for name in names.split()}

    def where(self):
        """The PID namespaces in which something ran since last time."""
        lines = set(self.log.read_text().split())
        self.log.write_text("")
        return lines


@pytest.fixture
def evil(run_folder):
    made = Evil()
    yield made
    shutil.rmtree(made.folder)


HOST = os.readlink("/proc/self/ns/pid")


# The environment


def trace_with(evil, *more):
    """strace as the user, with the variables for what it starts and not for itself."""
    settings = [part for name, value in evil.environment().items() for part in ("-E", f"{name}={value}")]
    return (STRACE, "-f", "-qq", "-s300", "-e", "trace=%file,%process", *more, *settings)


def test_nothing_that_the_environment_names_is_opened(look, good, evil, alice):
    """Until the shell is executed no file of the attacker's is opened, and no program is run."""
    log = alice.path("trace")
    result = look(before=(*trace_with(evil), "-o", str(log)))
    lines = log.read_text(errors="replace").splitlines()
    log.unlink()
    assert is_session(good, result)
    programs = [line for line in lines if re.match(r"\d+ +execve\(", line)]
    assert not [line for line in lines if str(evil.folder) in line and line not in programs]
    # nsshell, and the shell that is executed in the session.
    assert len(programs) == 2, programs
    assert not evil.where()


def test_what_the_environment_names_elsewhere(evil, alice):
    """The counterpart: with the same variables an ordinary login shell runs them."""
    log = alice.path("trace")
    argv = [*trace_with(evil), "-o", str(log), "/bin/bash", "-c", "ls /"]
    run(alice, *argv[1:], program=argv[0])
    assert str(evil.folder) in log.read_text(errors="replace")
    log.unlink()
    assert HOST in evil.where()


def test_the_helper_has_no_environment(pam, alice, evil, tmp_path):
    """Whatever the service has in its own, what runs as root for the frame gets none of it."""
    log = tmp_path / "log"
    env = {name: str(value) for name, value in evil.environment().items() if not name.startswith("LD_")}
    trace = (STRACE, "-f", "-qq", "-v", "-s300", "-e", "trace=execve", "-o", str(log))
    login = pam.login(alice.name, LOGIN_SHELL, "-c", "true", prefix=trace, env=env)
    assert login.pam == 0, login
    (line,) = [line for line in log.read_text().splitlines() if f'execve("{HELPER}"' in line]
    assert '["nsshell-session"], []' in line or "/* 0 vars */" in line, line
    assert str(evil.folder) in log.read_text(), "the service itself has it"


@pytest.mark.parametrize("session", [lib_sshd.NO_MODULE, lib_sshd.WITH_MODULE], ids=["plain", "framed"])
def test_an_environment_through_sshd(make_sshd, alice, evil, outside, session):
    """AcceptEnv * and PermitUserEnvironment yes: what runs runs inside, with a command and in sftp. Not with
    ~/.ssh/rc: sshd starts it by a /bin/sh of its own that has these variables, see SECURITY.md."""
    config = "AcceptEnv *\nPermitUserEnvironment yes\nPermitUserRC no\n"
    server = make_sshd(session=session, config=config)
    # What makes programs talk would only break sftp.
    talk = ("LD_SHOW_AUXV", "LD_PROFILE", "SHELLOPTS", "BASH_FUNC_ls%%")
    settings = {name: value for name, value in evil.environment().items() if name not in talk}
    alice.write(".ssh/environment", "".join(f"{name}={value}\n" for name, value in settings.items()))
    try:
        options = ("-o", "SendEnv=*")
        env = {**os.environ, "BASH_ENV": str(evil.script), "GCONV_PATH": str(evil.folder)}
        for command in (f"{evil.script}; ls /tmp", "/usr/lib/openssh/sftp-server -e </dev/null"):
            result = server.ssh(alice, command, options=options, env=env)
            assert "nsh-outside" not in result.out, result
        sftp = as_root(*server.client("sftp"), "-b", "-", f"{alice.name}@{server.HOST}", stdin="pwd\n")
        assert "working directory" in sftp.out, sftp
    finally:
        shutil.rmtree(alice.path(".ssh"))
    where = evil.where()
    assert where and HOST not in where, where


# Arguments

ARGUMENTS = [
    ["-c"], ["-l", "-c"], ["--login", "-c"], ["-p", "-c"], ["--norc", "-c"], ["-r", "-c"], ["+x", "-c"],
    ["-xc"], ["-o", "posix", "-c"], ["--rcfile", "/etc/passwd", "-c"], ["--init-file", "/etc/passwd", "-ic"],
]


@pytest.mark.parametrize("arguments", ARGUMENTS, ids=" ".join)
def test_arguments_are_the_shells(session, alice, outside, arguments):
    """None of them is nsshell's own: the session is the same."""
    command = f"{SHOW_NAMESPACES}; ls /tmp"
    if hasattr(session, "pam"):
        result = session.pam.login(alice.name, str(NSSHELL), *arguments, command, env=environment(alice)).result
    else:
        result = run(alice, *arguments, command)
    assert_confined(result.out)


# Commands that let something else run. {evil} is what, {log} where it says so; the destination is nobody.
COMMANDS = {
    "rsync -e, CVE-2019-3463": "rsync -e {evil} nobody:/x /tmp/x",
    "rsync --rsh": "rsync --rsh={evil} /etc/passwd nobody:/x",
    "scp -S, CVE-2019-1000018": "scp -S {evil} nobody:/x /tmp/x",
    "scp ProxyCommand": "scp -oProxyCommand={evil} nobody:/x /tmp/x",
    "sftp -D": "sftp -D {evil}",
    "sftp -S": "sftp -S {evil} nobody",
    "ssh ProxyCommand": "ssh -oProxyCommand={evil} nobody",
    "ssh LocalCommand": "ssh -oProxyUseFdpass=no -oProxyCommand='{evil} %h' nobody",
    "a second command": "true; {evil}",
    "a second line": "true\n{evil}",
    "a substitution": "echo $({evil})",
    "a pipe": "true | {evil}",
    "in the background": "({evil} &) ; until test -s {log}; do sleep 0.1; done",
    "another group": "setsid -w {evil}",
    "another shell": "exec /bin/sh -c {evil}",
    "the login shell itself": "exec {shell} -c {evil}",
    "an editor": "ex -u NONE -c '!{evil}' -c q! /dev/null",
    "awk": "awk 'BEGIN {{ system(\"{evil}\") }}'",
    "find": "find /etc/passwd -exec {evil} ';'",
    "tar": "tar cf /dev/null --checkpoint=1 --checkpoint-action=exec={evil} /etc/passwd",
    "env -S": "env -S {evil}",
    "git alias": "git -c alias.x='!{evil}' x",
}


def test_commands_that_run_something(session, alice, evil, outside):
    """Each of them works inside, as it should, and nothing of it is outside."""
    never_ran = []
    for name, command in COMMANDS.items():
        session.sh(alice, command.format(evil=evil.script, log=evil.log, shell=LOGIN_SHELL), timeout=20)
        where = evil.where()
        assert HOST not in where, name
        if not where:
            never_ran.append(name)
    assert not never_ran


def test_commands_that_run_something_without_nsshell(alice, evil):
    """The counterpart: in an ordinary login shell they run outside."""
    for name, command in COMMANDS.items():
        command = command.format(evil=evil.script, log=evil.log, shell="/bin/bash")
        env = environment(alice, SHELL="/bin/bash")
        run(alice, "-c", command, program="/bin/bash", timeout=20, env=env)
        assert evil.where() == {HOST}, name


# Full and broken disks

OWN_MOUNTS = ("unshare", "-m", "--propagation", "private", "sh", "-ec")


@pytest.mark.parametrize("size, fits", [(1 << 20, True), (80 << 20, False)], ids=["fits", "too large"])
@pytest.mark.parametrize("form", ["standalone", "framed"])
def test_no_room_for_the_sessions_files(pam, alice, form, size, fits):
    """/etc/hosts is copied into the session's own file system. Where it does not fit there is no session,
    and not half a file."""
    big = RUN / "hosts"
    big.write_bytes(b"#" * 79 + b"\n")
    os.truncate(big, size)
    try:
        prefix = (*OWN_MOUNTS, f'mount --bind {big} /etc/hosts; exec "$@"', "-")
        command = "stat -c %s /etc/hosts"
        if form == "framed":
            login = pam.login(alice.name, str(NSSHELL), "-c", command, prefix=prefix, popen={"cwd": "/"})
            got = assert_session(login) if fits else assert_denied(login) and ""
        else:
            result = as_root(*prefix, *as_user(alice, str(NSSHELL), "-c", command), cwd="/")
            got = result.out if fits else assert_refused(result) and ""
        assert not fits or int(got) > size
    finally:
        big.unlink()


@pytest.mark.parametrize("options", ["size=4k,nr_inodes=1", "ro", "mode=777", f"uid={1000}"])
def test_no_room_for_the_frames_folder(pam, alice, options):
    """A full, a read-only or another's file system where the frame's folder is to be made: no session."""
    prefix = (*OWN_MOUNTS, f'mount -t tmpfs -o mode=755,{options} none {FRAME.parent}; exec "$@"', "-")
    assert_denied(pam.login(alice.name, str(NSSHELL), "-c", "echo ran", prefix=prefix, popen={"cwd": "/"}))


def test_room_for_the_frames_folder(pam, alice):
    """The counterpart: an empty file system is enough."""
    prefix = (*OWN_MOUNTS, f'mount -t tmpfs -o mode=755 none {FRAME.parent}; exec "$@"', "-")
    login = pam.login(alice.name, str(NSSHELL), "-c", "echo ran", prefix=prefix, popen={"cwd": "/"})
    assert assert_session(login) == "ran\n"
