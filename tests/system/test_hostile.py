# SPDX-License-Identifier: MIT
"""Hostile and broken input: a session as asked, or a clear refusal, never less confined.

design.md, promises 1, 2 and 3, and the paragraph "Hostile and broken input" of issue 2.
"""

import ctypes
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from lib_process import (
    NAMESPACES, SHOW_NAMESPACES, Held, alive_pids_of, as_root, assert_confined, assert_refused, await_outer,
    environment, host_namespaces, open_files, output_of, run, sh, start, wait_until,
)
from lib_settings import LOGIN_SHELL, NSSHELL, POLICY, REFUSED, RUN, SRV

# Says that it ran and where, with the exit code that nsshell itself never has.
PROBE = f"{SHOW_NAMESPACES}; exit 7"


def assert_confined_or_refused(result):
    """Returns True for a session, False for a refusal; anything else fails."""
    if result.rc == REFUSED:
        assert_refused(result)
        return False
    assert result.rc == 7, result
    assert_confined(result.out)
    return True


def assert_works(result):
    assert assert_confined_or_refused(result), result


@pytest.fixture
def refused(alice, syslog):
    """refused(*words): alice's login is refused, all words are in the line, and in the log."""

    def check(*words, **how):
        marker = alice.path("ran")
        marker.unlink(missing_ok=True)
        match = assert_refused(sh(alice, f"touch {marker}; {PROBE}", **how))
        assert not marker.exists()
        for word in words:
            assert word in match["why"], match[0]
        line = syslog.line_with(match["incident"])
        assert_authpriv(line)
        logged = match["why"].replace('"', "'").replace("\\", "?")
        assert logged in line and f"uid={alice.uid} " in line
        return match["why"]

    return check


def assert_authpriv(line):
    """<priority>: facility 10, and worse than a notice."""
    priority = int(re.match(r"<(\d+)>", line)[1])
    assert priority // 8 == 10 and priority % 8 <= 5, line
    assert "nsshell" in line


# Invalid policies. Text, the line that is named, and words that must be in the message.

CONF = str(POLICY / "nsshell.conf")
INVALID = {
    "unknown key": ("[session]\n\nhostnam=x\n", 3, "session.hostnam", "session.hostname"),
    "key of another section": ("[shell]\nhostname=x\n", 2, "shell.hostname", ""),
    "unknown section": ("[sesion]\nhostname=x\n", None, "sesion", "session"),
    "capital in a section": ("[Session]\nhostname=x\n", 1, "", ""),
    "capital in a key": ("[session]\nHostname=x\n", 2, "", ""),
    "a user's name as section": ("[nshalice]\nhostname=x\n", None, "nshalice", ""),
    "colon in a section": ("[session:hostname]\nx=1\n", 1, "", ""),
    "colon in a key": ("[session]\nhost:name=x\n", 2, "", ""),
    "key twice": ("[session]\nhostname=a\nhostname=b\n", 3, "session.hostname", ""),
    "section twice": ("[session]\nhostname=a\n[shell]\n[session]\nconfine=yes\n", 4, "", ""),
    "word as a choice": ("[session]\nconfine=yellow\n", 2, "session.confine", "yellow"),
    "almost a choice": ("[session]\nconfine=YES\n", 2, "session.confine", "YES"),
    "empty choice": ("[session]\nconfine=\n", 2, "session.confine", ""),
    "choices": ("[session]\nconfine=auto|yes\n", 2, "session.confine", ""),
    "number with letters": ("[shell]\numask=12abc\n", 2, "shell.umask", "12abc"),
    "not octal": ("[shell]\numask=0980\n", 2, "shell.umask", "0980"),
    "two digits": ("[shell]\numask=10\n", 2, "shell.umask", "10"),
    "too large": ("[shell]\numask=7777\n", 2, "shell.umask", "7777"),
    "hexadecimal": ("[shell]\numask=0x1f\n", 2, "shell.umask", "0x1f"),
    "negative": ("[shell]\numask=-022\n", 2, "shell.umask", "-022"),
    "comment after a value": ("[session]\nhostname=x ; y\n", 2, "", ";"),
    "hash in a value": ("[session]\nhostname=x # y\n", 2, "", "#"),
    "quotes": ('[session]\nhostname="x"\n', 2, "", '"'),
    "single quotes": ("[session]\nhostname='x'\n", 2, "", "'"),
    "backslash": ("[session]\nhostname=x\\\ny\n", 2, "", "\\"),
    "empty section": ("[]\nhostname=x\n", 1, "", ""),
    "blank section": ("[ ]\nhostname=x\n", 1, "", ""),
    "key before a section": ("hostname=x\n[session]\n", 1, "", ""),
    "section without an end": ("[session\nhostname=x\n", 1, "", ""),
    "something after a section": ("[session] x\nhostname=x\n", 1, "", ""),
    "no equals sign": ("[session]\nhostname\n", 2, "", ""),
    "no key": ("[session]\n=x\n", 2, "", ""),
    "long line": ("[session]\nhostname=" + "x" * 1200 + "\n", 2, "", ""),
    "long comment": ("# " + "x" * 1200 + "\n", 1, "", ""),
    "NUL": ("[session]\nhostname=x\0y\n", 2, "", ""),
    "NUL in a comment": ("# a\0b\n[session]\nconfine=yes\n", 1, "", ""),
    "escape sequence": ("[session]\nhostname=\x1b[31mred\n", 2, "", ""),
    "carriage returns": ("[session]\r\nhostname=x\r\n", 1, "", ""),
    "byte order mark": ("\ufeff[session]\nhostname=x\n", 1, "", ""),
    "not ASCII": ("[session]\nhostname=h\u00f6st\n", 2, "", ""),
    "match in nsshell.conf": ("[match]\nuser=*\n", None, "match", ""),
    "list with an empty item": ("[env]\nunset=A,,B\n", 2, "env.unset", ""),
    "list with an end": ("[env]\nunset=A,\n", 2, "env.unset", ""),
    "bad variable": ("[env]\nunset=A-B\n", 2, "env.unset", "A-B"),
    "bad assignment": ("[env]\nset=NAME\n", 2, "env.set", "NAME"),
    "own variable": ("[env]\nset=container=x\n", 2, "env.set", "container"),
    "relative path": ("[view]\nhide=etc/passwd\n", 2, "view.hide", "etc/passwd"),
    "path upwards": ("[view]\nhide=/srv/../etc\n", 2, "view.hide", "/srv/../etc"),
    "root as a path": ("[view]\nhide=/\n", 2, "view.hide", ""),
    "relative shell": ("[shell]\nprogram=bash\n", 2, "shell.program", "bash"),
    "empty shell": ("[shell]\nprogram=\n", 2, "shell.program", ""),
    "unknown letter": ("[session]\nhostname=%x\n", 2, "session.hostname", "%x"),
    "percent at the end": ("[session]\nhostname=a%\n", 2, "session.hostname", ""),
    "empty template": ("[session]\nhostname=\n", 2, "session.hostname", ""),
    "unknown lock": ("[policy]\nlocked=shell.umas\n", 2, "shell.umas", "shell.umask"),
}


@pytest.mark.parametrize("case", INVALID)
def test_invalid_policy(refused, policy, case):
    """Anything unknown, doubled or malformed refuses the session, with file, line, key, reason."""
    text, line, *words = INVALID[case]
    policy.conf(text.encode())
    why = refused(*words)
    assert (f": {CONF}:{line}: " if line else f": {CONF}") in why, why
    assert why.isprintable()


def test_random_bytes(alice, policy):
    """Random bytes: refused, and nothing of the library's own words on stderr."""
    for length in (1, 7, 100, 3000):
        policy.conf(b"[session]\n" + os.urandom(length) + b"\xff\n")
        assert CONF in assert_refused(sh(alice, PROBE))["why"]


def test_policy_may_be_empty(alice, policy):
    """The control: an empty file, comments and blank lines are a policy of defaults."""
    for text in (b"", b"\n\n", "# \u00e4\n; c\n  \t\n[session]\n [shell] \n".encode()):
        policy.conf(text)
        assert_works(sh(alice, PROBE))


@pytest.mark.parametrize(
    "text", ["", "[session] hostname=x", "[match]", "[match] users=nshalice", "[match] user=,",
             "[match] user=!", "[match] user=a b"]
)
def test_invalid_match_file(refused, policy, text):
    """A match.d file says whom it is for."""
    path = policy.match("50-test.conf", text)
    refused(str(path))


@pytest.mark.parametrize("key", ["user", "group"])
def test_empty_match(alice, policy, key):
    """An empty list names nobody, or is refused; it does not name everybody."""
    policy.match("50-test.conf", f"[match] {key}=\n[session] hostname=everybody")
    result = sh(alice, "hostname")
    assert result.rc == REFUSED or result.out not in ("", "everybody\n"), result


def test_invalid_user_file(alice, bob, policy, refused):
    """A broken file of one user is that user's alone."""
    path = policy.user(alice.name, "[nonsense] a=b")
    refused(str(path), "nonsense")
    assert_works(sh(bob, PROBE))


# Denied


def test_denied(policy, refused):
    """An account that the policy denies gets nothing, though nothing is wrong with it."""
    policy.conf("[session] confine=deny")
    assert refused() == "the policy allows this account no session here: session.confine = deny"


def test_denied_over_ssh(plain_sshd, alice, policy, syslog):
    """Likewise where ssh starts it: a command, a shell, and sftp's program, of which a client shows no reason."""
    policy.user(alice.name, "[session] confine=deny")
    for words, how in ((("touch ran; echo ran",), {}), ((), {"stdin": "touch ran; echo ran\n"})):
        match = assert_refused(plain_sshd.ssh(alice, *words, **how))
        assert match["why"].endswith("session.confine = deny"), match
        assert "verdict=deny" in syslog.line_with(match["incident"])
        assert not alice.path("ran").exists()
    done = as_root(*plain_sshd.client("sftp"), "-b", "-", plain_sshd.remote(alice), stdin="mkdir ran\n")
    assert done.rc != 0 and not alice.path("ran").exists(), done


# Kinds of files


def make_link(path, _):
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


def make_fifo(path, _):
    path.unlink()
    os.mkfifo(path)


def make_folder(path, _):
    path.unlink()
    path.mkdir()


def make_socket(path, _):
    path.unlink()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def make_device(path, _):
    path.unlink()
    os.mknod(path, 0o644 | 0o020000, os.makedev(1, 5))


def make_the_users(path, account):
    os.chown(path, account.uid, account.gid)


def make_group_writable(path, _):
    path.chmod(0o664)


def make_world_writable(path, _):
    path.chmod(0o646)


def make_large(path, _):
    path.write_bytes(b"#" * 63 + b"\n" + b"# comment\n" * 6600)


def make_unreadable(path, _):
    path.chmod(0o600)


KINDS = [make_link, make_fifo, make_folder, make_socket, make_device, make_the_users,
         make_group_writable, make_world_writable, make_large, make_unreadable]


@pytest.mark.parametrize("where", ["conf", "match", "user"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_kind_of_file(alice, policy, refused, where, kind):
    """Links, fifos, folders, files of others, writable by others, too large: refused at once."""
    path = {
        "conf": lambda: policy.conf("[session] confine=yes"),
        "match": lambda: policy.match("50-test.conf", "[match] user=*"),
        "user": lambda: policy.user(alice.name, "[session] confine=yes"),
    }[where]()
    assert_works(sh(alice, PROBE))
    kind(path, alice)
    refused(str(path), timeout=60)


def test_size_limit(alice, policy, refused):
    """64 KiB is allowed, one byte more is not."""
    line = b"#" * 63 + b"\n"
    policy.conf(line * 1024)
    assert_works(sh(alice, PROBE))
    policy.conf(line * 1024 + b"\n")
    refused(CONF, "64 KiB")


@pytest.mark.parametrize("folder", ["", "match.d", "users.d"])
@pytest.mark.parametrize("kind", [make_the_users, make_group_writable, make_world_writable],
                         ids=lambda kind: kind.__name__)
def test_folder_of_others(alice, policy, refused, folder, kind):
    """Whoever can write the folder decides the policy: only root may."""
    policy.touched = True
    path = POLICY / folder
    kind(path, alice)
    path.chmod(path.stat().st_mode | 0o111)
    try:
        refused(str(path))
    finally:
        os.chown(path, 0, 0)
        path.chmod(0o755)


@pytest.mark.parametrize("folder", ["match.d", "users.d"])
def test_folder_that_is_a_link(policy, refused, folder):
    """A link as the folder."""
    policy.touched = True
    path = POLICY / folder
    path.rename(POLICY / "real")
    path.symlink_to("real")
    refused(str(path))


@pytest.mark.parametrize("folder", ["match.d", "users.d"])
def test_folder_that_is_a_file(policy, refused, folder):
    """A file as the folder is not a missing folder."""
    policy.touched = True
    path = POLICY / folder
    path.rmdir()
    path.write_text("")
    refused(str(path))


@pytest.mark.parametrize("folder", ["match.d", "users.d"])
def test_folder_that_cannot_be_read(policy, refused, folder):
    """A folder that the user may not read could hold a lock: refused, not passed over."""
    policy.touched = True
    path = POLICY / folder
    path.chmod(0o700)
    refused(str(path))


# Shells


@pytest.fixture
def shells():
    """A folder of root's for programs that are no good as a shell."""
    folder = SRV / "shells"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


def no_shell(folder, kind):
    path = folder / "shell"
    if kind == "folder":
        path.mkdir()
    elif kind == "link to nothing":
        path.symlink_to("nothing")
    elif kind == "nsshell":
        return NSSHELL
    elif kind == "link to nsshell":
        path.symlink_to(NSSHELL)
    elif kind == "hard link to nsshell":
        os.link(NSSHELL, NSSHELL.with_name("nsshell-link"))
        return NSSHELL.with_name("nsshell-link")
    elif kind == "fifo":
        os.mkfifo(path, 0o755)
    return path


@pytest.mark.parametrize(
    "kind", ["missing", "folder", "link to nothing", "nsshell", "link to nsshell",
             "hard link to nsshell", "fifo"]
)
def test_no_shell(policy, refused, shells, kind):
    """A shell that does not exist, is a folder, is nsshell itself: each with its own message."""
    path = no_shell(shells, kind)
    policy.conf(f"[shell] program={path}")
    try:
        refused(str(path))
    finally:
        NSSHELL.with_name("nsshell-link").unlink(missing_ok=True)


def test_messages_of_shells_differ(alice, policy, shells):
    """Missing, a folder and nsshell itself are told apart."""
    seen = set()
    for kind in ("missing", "nsshell", "folder"):
        policy.conf(f"[shell] program={no_shell(shells, kind)}")
        seen.add(assert_refused(sh(alice, PROBE))["why"].rpartition(": ")[2])
    assert len(seen) == 3


@pytest.mark.parametrize("uid", ["keep", "root"])
@pytest.mark.parametrize("kind", ["not executable", "no format", "no interpreter"])
def test_shell_that_cannot_run(alice, policy, shells, syslog, kind, uid):
    """126 or 127 as from a shell, or a refusal; one line either way, and one in the log, as /dev/log is where it was."""
    path = shells / "shell"
    path.write_text("#!/no/such/program\n" if kind == "no interpreter" else "\x7fnothing\n")
    path.chmod(0o644 if kind == "not executable" else 0o755)
    policy.conf(f"[shell] program={path}\n[identity] uid={uid}")
    result = sh(alice, PROBE)
    assert result.rc in (125, 126, 127) and result.out == "", result
    (incident,) = re.fullmatch(r"nsshell: .*\[incident (\w+)\]\n", result.err).groups()
    assert str(path) in result.err, result
    assert f" uid={alice.uid} exit={result.rc} " in syslog.line_with(f"session={incident} "), result


@pytest.mark.parametrize("kind", ["copy", "script"])
def test_shell_that_leads_back(alice, policy, shells, kind):
    """A copy of nsshell, or a script of it: does not go round for ever."""
    path = shells / "shell"
    if kind == "copy":
        shutil.copy(NSSHELL, path)
    else:
        path.write_text(f"#!{NSSHELL}\n")
        path.chmod(0o755)
    policy.conf(f"[shell] program={path}")
    result = sh(alice, PROBE)
    assert result.rc in (125, 126, 127) and result.out == "", result


def test_confine_no_with_a_bad_shell(alice, policy):
    """Without a session too there is no other shell instead."""
    policy.conf("[session] confine=no\n[shell] program=/no/such/shell")
    result = sh(alice, PROBE)
    assert result.rc in (125, 126, 127) and result.out == "" and "/no/such/shell" in result.err


# Host names and accounts


@pytest.mark.parametrize("template", ["-", "%%", "...", "_-_", ". ."])
def test_template_that_gives_nothing(policy, refused, template):
    """A host name template that gives nothing valid."""
    policy.conf(f"[session] hostname={template}")
    refused("session.hostname", template)


def test_unknown_user(syslog):
    """A user id without an account."""
    done = subprocess.run(
        [LOGIN_SHELL, "-c", PROBE], user=64123, group=64123, extra_groups=[], cwd="/", check=False,
        capture_output=True, text=True, env={"HOME": "/", "USER": "nshalice"}, timeout=60,
    )
    done.rc, done.out, done.err = done.returncode, done.stdout, done.stderr
    match = assert_refused(done)
    assert "64123" in match["why"]
    assert_authpriv(syslog.line_with(match["incident"]))


def test_homes_that_are_missing(alice, policy):
    """A folder of homes that is not there: a session or a refusal, nothing between."""
    policy.conf(f"[view] homes={SRV}/nothing")
    assert_confined_or_refused(sh(alice, PROBE))


# The kernel refuses


def in_user_namespace(account, script):
    """Runs a script as root of a user namespace that maps everybody, then becomes the user."""
    argv = ["unshare", "-U", "--keep-caps", "sh", "-c", f"echo; read -r go; {script}"]
    process = subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env=environment(account), cwd="/",
    )
    process.stdout.readline()
    for name in ("uid_map", "gid_map"):
        Path(f"/proc/{process.pid}/{name}").write_text("0 0 4294967295\n")
    out, err = process.communicate("go\n", timeout=60)
    process.rc, process.out, process.err = process.returncode, out, err
    return process


BECOME = "exec setpriv --reuid={0.uid} --regid={0.gid} --clear-groups " + LOGIN_SHELL


@pytest.mark.parametrize(
    "kind", ["user", "pid", "mnt", "uts", "ipc", "cgroup"]
)
def test_no_namespaces(alice, syslog, kind):
    """No namespaces of a kind on the machine (sysctl at 0): refused, with that as the reason."""
    become = BECOME.format(alice)
    limit = f"/proc/sys/user/max_{kind}_namespaces"
    allowed = in_user_namespace(alice, f"{become} -c '{PROBE}'")
    assert_works(allowed)
    result = in_user_namespace(alice, f"echo 0 > {limit}; {become} -c '{PROBE}'")
    match = assert_refused(result)
    assert "namespace" in match["why"]
    assert_authpriv(syslog.line_with(match["incident"]))


@pytest.mark.parametrize("mode", ["none", "host"])
def test_no_network_namespaces(alice, policy, syslog, mode):
    """None of the network's: refused with that switch as the reason where the session is to have one, and there alone."""
    policy.conf(f"[network] mode={mode}")
    script = f"{BECOME.format(alice)} -c '{PROBE}'"
    assert_works(in_user_namespace(alice, script))
    result = in_user_namespace(alice, f"echo 0 > /proc/sys/user/max_net_namespaces; {script}")
    if mode == "host":
        assert_works(result)
        return
    match = assert_refused(result)
    assert "user.max_net_namespaces = 0" in match["why"], match
    assert_authpriv(syslog.line_with(match["incident"]))


def test_only_the_switch_that_is_at_fault_is_named(alice, policy):
    """A session without a network of its own that fails for something else, here a chroot, does not name the network's."""
    policy.conf("[network] mode=host")
    become = BECOME.format(alice).replace("exec ", "exec chroot /mnt ")
    script = f'exec unshare -m sh -c "mount --rbind / /mnt && {become} -c true"'
    for before in ("", "echo 0 > /proc/sys/user/max_net_namespaces; "):
        why = assert_refused(in_user_namespace(alice, before + script))["why"]
        assert "a chroot" in why and "max_net" not in why, why


def limit_all(number, value):
    return lambda: resource.setrlimit(number, (value, value))


LIMITS = [name for name in dir(resource) if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE"]


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("value", [0, 1])
def test_resource_limits(alice, name, value):
    """Limits of 0: works, or refuses clearly; or the kernel lets nothing at all run."""
    try:
        result = run(alice, "-c", PROBE, preexec_fn=limit_all(getattr(resource, name), value))
    except (subprocess.SubprocessError, OSError):
        return
    if result.rc in (7, REFUSED):
        assert_confined_or_refused(result)
        return
    # The shell, or what it starts, could not run: killed by the kernel, or as a shell reports it.
    assert result.out == "" or set(result.out.split()).isdisjoint(host_namespaces()), result
    assert result.rc < 0 or result.rc in (1, 2, 126, 127, 128 + signal.SIGXFSZ), result
    wait_until(lambda: not alive_pids_of(alice), "nothing is left")


@pytest.mark.parametrize("number", range(3, 24))
def test_few_files(alice, number):
    """Running out of descriptors at any point of the start: works or refuses, nothing between."""
    result = run(alice, "-c", PROBE, preexec_fn=limit_all(resource.RLIMIT_NOFILE, number))
    # It is one program without libraries: there is nothing that could fail before it.
    works = assert_confined_or_refused(result)
    assert works or number < 16, result


def test_no_processes_left(alice):
    """RLIMIT_NPROC reached: refused, and the command did not run."""
    match = assert_refused(
        run(alice, "-c", PROBE, preexec_fn=limit_all(resource.RLIMIT_NPROC, 0))
    )
    assert match["why"]


# What it inherits


@pytest.mark.parametrize("closed", range(8))
def test_closed_streams(alice, scratch, closed):
    """stdin, stdout or stderr closed: works, and no other file takes their place."""
    fds = [fd for fd in range(3) if closed >> fd & 1]
    log = scratch / "log"
    command = (f"exec 9> {log}; {SHOW_NAMESPACES} >&9;"
               "for fd in 0 1 2; do readlink /proc/$$/fd/$fd >&9 || echo none >&9; done; exit 7")

    def close():
        for fd in fds:
            os.close(fd)

    process = start(
        alice, "-c", command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=close
    )
    with process:
        process.communicate(timeout=60)
    assert process.returncode == 7
    lines = log.read_text().split("\n")
    assert_confined("\n".join(lines[:len(NAMESPACES)]))
    for fd, link in enumerate(lines[len(NAMESPACES):][:3]):
        if fd in fds:
            assert link in ("none", "/dev/null"), lines
        else:
            assert link.startswith("pipe:") or fd == 0, lines


def test_closed_streams_and_a_refusal(alice, policy):
    """A refusal with nowhere to write it is still a refusal."""
    alice.path("ran").unlink(missing_ok=True)
    policy.conf("[nonsense]\n")
    for fds in ((2,), (0, 1, 2)):
        process = start(alice, "-c", f"touch ran; {PROBE}",
                        preexec_fn=lambda fds=fds: [os.close(fd) for fd in fds])
        assert process.wait(timeout=60) == REFUSED
    assert not alice.path("ran").exists()


def test_inherited_files(alice):
    """Hundreds of inherited fds, among them the host's folders: none is open inside."""
    paths = ["/", "/tmp", "/home", "/proc", "/etc/shadow"] * 60
    fds = [os.open(path, os.O_RDONLY) for path in paths]
    try:
        command = ("for fd in /proc/$$/fd/*; do echo ${fd##*/}; done; cd /proc/$$/fd/5 2>/dev/null;"
                   "exec ls /proc/self/fd")
        result = sh(alice, command, pass_fds=fds)
        with Held(alice, pass_fds=fds) as session:
            await_outer(session.outer)
            for pid in (session.outer, session.init, session.shell):
                links = list(open_files(pid).values())
                folders = [link for link in links if link.startswith("/") and link != "/dev/null"]
                assert not folders or pid == session.shell, (pid, links)
                assert len(links) < 10
    finally:
        for fd in fds:
            os.close(fd)
    # 255 is bash's own.
    assert set(result.out.split()) <= {"0", "1", "2", "3", "255"}, result


def test_inherited_folder_in_place_of_a_stream(alice):
    """stdin that is a folder of the host: the one fd that must stay does not open the host."""
    folder = os.open("/", os.O_RDONLY | os.O_DIRECTORY)
    command = "cd /proc/self/fd/0 && cat home/nshbob/secret; ls /proc/self/fd/0/home; exit 7"
    process = start(
        alice, "-c", command, stdin=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = process.communicate(timeout=60)
    os.close(folder)
    assert process.returncode in (7, REFUSED)
    assert b"secret" not in out and b"nshbob" not in out, (out, err)


def folder_fd(folder):
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY)


def path_fd(folder):
    return os.open(folder, os.O_PATH | os.O_DIRECTORY)


def path_of_a_file_fd(_):
    return os.open("/etc/passwd", os.O_PATH)


@pytest.mark.parametrize("opened", [folder_fd, path_fd, path_of_a_file_fd], ids=lambda opened: opened.__name__)
@pytest.mark.parametrize("number, name", enumerate(("standard input", "standard output", "standard error")))
def test_folder_or_path_in_place_of_a_stream(alice, syslog, opened, number, name):
    """Each of the three is refused, and nothing is run. What has no standard error to be told on is in the log."""
    fd = opened("/")
    seen = len(syslog.lines)
    streams = [subprocess.DEVNULL, subprocess.PIPE, subprocess.PIPE]
    streams[number] = fd
    command = f"touch {alice.path('ran')}; {PROBE}"
    process = start(
        alice, "-c", command, stdin=streams[0], stdout=streams[1], stderr=streams[2], encoding="utf-8",
    )
    out, err = process.communicate(timeout=60)
    os.close(fd)
    assert process.returncode == REFUSED and not out and not alice.path("ran").exists(), (out, err)
    what = f"{name} is an open folder or path, not a stream"
    line = wait_until(lambda: next((line for line in syslog.lines[seen:] if what in line), None), "the log's line")
    assert_authpriv(line)
    assert number == 2 or what in err, err


def test_large_environment(alice):
    """An environment of a megabyte."""
    more = {f"NSH_{number:02}": "x" * 100_000 for number in range(11)}
    result = sh(alice, f"env | wc -c; {PROBE}", env=environment(alice, **more))
    size, *lines = result.out.splitlines()
    assert int(size) > 1_100_000 and result.rc == 7
    assert_confined("\n".join(lines))


def test_many_variables(alice):
    """Ten thousand variables."""
    env = environment(alice, **{f"NSH_{number}": "" for number in range(10_000)})
    result = sh(alice, "env | grep -c ^NSH_; exit 7", env=env)
    assert (result.rc, result.out) == (7, "10000\n")


def test_no_environment(alice):
    """None at all."""
    assert_works(sh(alice, f"PATH=/bin; {PROBE}", env={}))


def test_odd_environment(alice):
    """Entries without =, with an empty name, doubled: the kernel takes them, so nsshell must."""
    argv = (ctypes.c_char_p * 4)(b"nsshell", b"-c", f"PATH=/bin; {PROBE}".encode(), None)
    entries = [b"no-equals", b"=empty", b"", b"PATH=/x", b"PATH=/y", b"container", b"A=\xff\xfe",
               b"NSSHELL_SESSION=1", b"NSSHELL_SESSION=2", None]
    env = (ctypes.c_char_p * len(entries))(*entries)
    libc = ctypes.CDLL(None)

    def become_it():
        libc.execve(LOGIN_SHELL.encode(), argv, env)

    assert_works(run(alice, program="/bin/false", preexec_fn=become_it))


@pytest.fixture(scope="module")
def evil(run_folder):
    """Programs and a library that say in which PID namespace they ran, if they do."""
    folder = RUN / "evil"
    folder.mkdir()
    log = folder / "log"
    log.touch()
    log.chmod(0o666)
    source = folder / "evil.c"
    source.write_text(
        "#include <stdio.h>\n#include <unistd.h>\n"
        "__attribute__((constructor)) static void run(void) {\n"
        "char link[64] = \"\"; readlink(\"/proc/self/ns/pid\", link, 63);\n"
        f"FILE *f = fopen(\"{log}\", \"a\");\n"
        "if (f) { fprintf(f, \"%s\\n\", link); fclose(f); } }\n"
    )
    subprocess.run(["gcc", "-shared", "-fPIC", "-w", "-o", str(folder / "evil.so"), str(source)],
                   check=True)
    script = f"#!/bin/sh\n/bin/readlink /proc/self/ns/pid >> {log}\n"
    for name in ("bash", "sh", "getent", "newuidmap", "mount", "env.sh", "readlink"):
        (folder / name).write_text(script)
        (folder / name).chmod(0o755)
    yield folder
    shutil.rmtree(folder)


HOSTILE_ENVIRONMENT = {
    "LD_PRELOAD": "{evil}/evil.so",
    "LD_PRELOAD of nothing": "/no/such/library.so",
    "LD_LIBRARY_PATH": "{evil}",
    "LD_AUDIT": "{evil}/evil.so",
    "LD_DEBUG": "all",
    "LD_BIND_NOW": "1",
    "GLIBC_TUNABLES": "glibc.malloc.mxfast=glibc.malloc.mxfast=A:glibc.malloc.arena_max=9999",
    "MALLOC_CHECK_": "3",
    "MALLOC_PERTURB_": "255",
    "GCONV_PATH": "{evil}",
    "LOCPATH": "{evil}",
    "LC_ALL": "../../../../{evil}",
    "LANGUAGE": "%n%n%n",
    "NLSPATH": "{evil}/%N",
    "TZ": "../../../../../../etc/shadow",
    "TMPDIR": "/no/such/folder",
    "SHELL": "/bin/false",
    "SHELL of another": "{evil}/sh",
    "HOME": "/home/nshbob",
    "HOME upwards": "/home/nshalice/../nshbob",
    "HOME of nothing": "",
    "HOME relative": "tmp",
    "PATH": "{evil}",
    "PATH of nothing": "",
    "IFS": "/",
    "BASH_ENV": "{evil}/env.sh",
    "ENV": "{evil}/env.sh",
    "USER": "root",
    "LOGNAME": "../../etc/passwd",
    "PWD": "/home/nshbob",
    "OLDPWD": "/home/nshbob",
    "container": "nsshell",
    "NSSHELL_SESSION": "../../../../etc/passwd",
    "SSH_AUTH_SOCK": "/tmp/ssh-../../etc/passwd",
    "SSH_AUTH_SOCK long": "/tmp/ssh-" + "x" * 5000,
    "POSIXLY_CORRECT": "1",
    "RES_OPTIONS": "debug",
    "HOSTALIASES": "/etc/shadow",
    "XDG_RUNTIME_DIR": "/run",
}


@pytest.mark.parametrize("case", HOSTILE_ENVIRONMENT)
def test_hostile_environment(alice, evil, case):
    """Nothing in the environment decides anything outside; inside it is the shell's."""
    log = evil / "log"
    log.write_text("")
    env = environment(alice)
    env[case.partition(" ")[0]] = HOSTILE_ENVIRONMENT[case].format(evil=evil)
    links = " ".join(f"/proc/self/ns/{name}" for name in NAMESPACES)
    result = sh(alice, f"/bin/readlink {links}; /bin/ls /home; exit 7", env=env)
    assert result.rc == 7, result
    *lines, home = result.out.split("\n")[:-1]
    assert_confined("\n".join(lines[-len(NAMESPACES):]))
    assert home == alice.name
    assert os.readlink("/proc/self/ns/pid") not in log.read_text(), "it ran outside"


@pytest.mark.parametrize("case", ["LD_PRELOAD", "PATH", "LD_AUDIT", "GCONV_PATH"])
def test_hostile_environment_and_an_unknown_user(evil, case):
    """What asks the name service for the account does not get the user's environment."""
    log = evil / "log"
    log.write_text("")
    env = {"PATH": "/bin", case: HOSTILE_ENVIRONMENT[case].format(evil=evil)}
    done = subprocess.run(
        [LOGIN_SHELL, "-c", PROBE], user=64123, group=64123, extra_groups=[], cwd="/", check=False,
        capture_output=True, text=True, env=env, timeout=60,
    )
    assert done.returncode == REFUSED, done
    assert log.read_text() == ""


def block_and_ignore():
    signals = signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}
    for number in signals:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, signals)


def block():
    signal.pthread_sigmask(signal.SIG_SETMASK, signal.valid_signals())


@pytest.fixture(params=[block, block_and_ignore], ids=["blocked", "blocked and ignored"])
def deaf(request):
    """What a hostile or careless parent leaves."""
    return {"preexec_fn": request.param}


def test_signals_blocked_at_entry(alice, deaf):
    """All signals blocked or ignored at entry: a session, its exit code, its leftovers."""
    assert_works(sh(alice, PROBE, **deaf))
    assert_works(sh(alice, f"sleep 1000 >/dev/null 2>&1 & {PROBE}", **deaf))
    wait_until(lambda: not alive_pids_of(alice), "nothing is left")


def test_death_by_signal_when_blocked(alice, deaf):
    """A shell that a signal kills is reported so, although nsshell was told to ignore it."""
    script = ("import os, signal; signal.signal(15, signal.SIG_DFL);"
              "signal.pthread_sigmask(signal.SIG_SETMASK, []); os.kill(os.getpid(), 15)")
    assert sh(alice, f"exec python3 -c '{script}'", **deaf).rc == -signal.SIGTERM


def test_kill_when_blocked(alice, deaf):
    """SIGKILL of PID 1 and of the outer process end the session all the same."""
    for victim in ("outer", "init"):
        with Held(alice, **deaf) as session:
            os.kill(getattr(session, victim), signal.SIGKILL)
            session.process.wait(timeout=60)
        wait_until(lambda: not alive_pids_of(alice), "nothing is left")


def test_deleted_folder(alice):
    """A current folder that was deleted: / and one line."""
    folder = SRV / "deleted"
    folder.mkdir(mode=0o755)

    def delete():
        os.chdir(folder)
        subprocess.run(["rmdir", str(folder)], check=False)

    process = subprocess.run(
        ["setpriv", f"--reuid={alice.uid}", f"--regid={alice.gid}", "--clear-groups", LOGIN_SHELL,
         "-c", f"pwd; {PROBE}"], preexec_fn=delete, capture_output=True, text=True, check=False,
        env=environment(alice), timeout=60,
    )
    assert not folder.exists()
    first, *lines = process.stdout.splitlines()
    assert (process.returncode, first) == (7, "/"), process
    assert_confined("\n".join(lines))
    assert re.fullmatch("nsshell: .*\n", process.stderr)


@pytest.mark.parametrize("mode", [0o700, 0o711, 0o744])
def test_unreadable_folder(alice, mode):
    """A current folder that is not readable or cannot be entered: kept, or / and one line."""
    folder = SRV / "unreadable"
    folder.mkdir()
    folder.chmod(mode)
    try:
        result = sh(alice, f"pwd; {PROBE}", cwd=folder)
    finally:
        folder.rmdir()
    first, *lines = result.out.splitlines()
    assert result.rc == 7
    assert_confined("\n".join(lines))
    if mode == 0o711:
        assert (first, result.err) == (str(folder), "")
    else:
        assert first == "/" and re.fullmatch("nsshell: .*\n", result.err), result


def test_folder_with_an_odd_name(alice):
    """Newlines and escape sequences in a folder's name do not get on the terminal."""
    folder = Path("/tmp/nsh\n\x1b[31mfolder")
    folder.mkdir()
    try:
        result = sh(alice, "exit 7", cwd=folder)
    finally:
        folder.rmdir()
    assert result.rc == 7 and "\x1b" not in result.err and result.err.count("\n") == 1


def test_long_folder(alice):
    """A folder deeper than PATH_MAX has no name to go back to."""
    top = SRV / "deep"
    top.mkdir()
    depth = 40
    here = os.getcwd()
    try:
        os.chdir(top)
        for _ in range(depth):
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
        result = sh(alice, f"pwd; {PROBE}", cwd=".")
    finally:
        os.chdir(here)
        as_root("rm", "-rf", str(top))
    assert result.rc in (7, REFUSED), result
    if result.rc == 7:
        assert_confined("\n".join(result.out.splitlines()[1:]))


# Arguments and the way it is started


def test_no_arguments_at_all(alice):
    """argc 0, which the kernel turns into one empty argument or refuses."""
    libc = ctypes.CDLL(None)
    empty = (ctypes.c_char_p * 1)(None)
    result = run(alice, program="/bin/false", preexec_fn=lambda: libc.execve(
        LOGIN_SHELL.encode(), empty, empty), stdin=f"PATH=/bin; {PROBE}\n")
    assert_confined_or_refused(result)


@pytest.mark.parametrize("mode", [0o4755, 0o2755], ids=["user", "group"])
def test_set_id_is_refused(alice, mode):
    """nsshell is never set-user-ID and never set-group-ID: a copy that is gives nobody anything."""
    copy = SRV / "suid-nsshell"
    shutil.copy(NSSHELL, copy)
    copy.chmod(mode)
    try:
        result = run(alice, "-c", f"id; {PROBE}", program=str(copy))
    finally:
        copy.unlink()
    assert "real and effective ids differ" in assert_refused(result)["why"]


def test_traced_from_outside(alice, scratch):
    """strace of a whole session by the user changes nothing that is hidden."""
    log = scratch / "trace"
    result = run(
        alice, "-f", "-o", str(log), LOGIN_SHELL, "-c", f"ls /home; {PROBE}",
        program="/usr/bin/strace",
    )
    if result.rc == 7:
        home, *lines = result.out.splitlines()
        assert home == alice.name
        assert_confined("\n".join(lines))
    else:
        assert result.rc == REFUSED, result


# The log


def test_incident(alice, policy, syslog):
    """Details are in syslog (authpriv), with the incident that the user is told, each time anew."""
    path = policy.conf("[session]\nhostnam=x\n")
    seen = set()
    for _ in range(3):
        match = assert_refused(sh(alice, PROBE))
        line = syslog.line_with(match["incident"])
        assert f"{path}:2: session.hostnam: unknown key" in line
        assert "session.hostname" in line and f"uid={alice.uid} " in line
        assert_authpriv(line)
        seen.add(match["incident"])
    assert len(seen) == 3


def test_control_characters_do_not_reach_the_log(alice, policy, syslog):
    """A policy's odd bytes, an odd folder or name are not printed as they are."""
    policy.conf(b"[session]\nconfine=a\tb\x01c\n")
    match = assert_refused(sh(alice, PROBE))
    assert syslog.line_with(match["incident"]).rstrip("\n\0").isprintable()


def test_output_of_is_checked(alice):
    """The control for this file: the probe says where it ran, and unconfined it is seen."""
    plain = run(alice, "-c", SHOW_NAMESPACES, program="/bin/bash").out
    assert plain.split() == host_namespaces()
    with pytest.raises(AssertionError):
        assert_confined(plain)
    assert_confined(output_of(alice, SHOW_NAMESPACES))
