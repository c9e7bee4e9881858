# SPDX-License-Identifier: MIT
"""nsshellctl selftest: all is well with a good user, and what is broken is found. Promises 6 and 7."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from lib_ctl import CTL, FAILED, OK, WARN, checked, ctl, ctl_json
from lib_left import Machine, assert_nothing_left
from lib_policy import expand
from lib_process import alive_pids_of, as_root, wait_until
from lib_settings import NSSHELL, STATE

TESTS = [
    "exit", "signal", "login", "terminal", "jobs", "background", "scp", "sftp", "rsync", "git",
    "tmux", "names", "agent", "limits", "identity", "others", "end",
]


def files_of(account):
    return {path.relative_to(account.home) for path in Path(account.home).rglob("*")}


def results(account, rc, *options):
    tests = ctl_json("selftest", account.name, *options, rc=rc, timeout=80)["tests"]
    return {test["name"]: test for test in tests}


def only(account, name, rc, *options):
    """Runs one test; returns its line."""
    result = ctl("selftest", account.name, "--only", name, *options, timeout=80)
    assert result.rc == rc, result
    (line,) = result.out.splitlines()
    assert line.split()[1] == name
    return line


def test_good_user(alice, policy):
    """All pass, and nothing is left: no file, no process, no mount."""
    files = files_of(alice)
    machine = Machine([alice])
    found = results(alice, OK)
    assert list(found) == TESTS
    assert {test["result"] for test in found.values()} == {"pass"}, found
    assert files_of(alice) == files
    assert_nothing_left(machine)


def test_for_people(alice, policy):
    line = only(alice, "exit", OK)
    assert line.startswith("pass  exit  ")
    assert "there is no test" in ctl("selftest", alice.name, "--only", "nonsense").err
    result = ctl("selftest", alice.name, account=alice)
    assert result.rc == FAILED and "only root can" in result.err


@pytest.mark.parametrize("account", ["nsh.dot", "nshmach$", "nshelse", "nshdeep"])
def test_odd_users(accounts, policy, account):
    found = results(accounts[account], WARN if "$" in account else OK)
    bad = {name for name, test in found.items() if test["result"] != "pass"}
    assert bad == ({"names"} if "$" in account else set()), found


def test_no_home(accounts, policy):
    """Where nothing can be written, what needs that is not looked at, and that is said."""
    found = results(accounts["nshemptyhome"], WARN)
    for name in ("scp", "sftp", "rsync", "git"):
        assert found[name]["result"] == "none" and "cannot be written" in found[name]["detail"]
    assert found["exit"]["result"] == "pass"


@pytest.mark.parametrize("text", [
    "[identity] uid=root",
    "[view] home=ephemeral\n[network] mode=none",
    "[limits] nofile=200\n[security] seccomp=strict\n[view] tmp_size=64M",
    "[view] tmp=host\ndev=host",
    "[shell] program=/bin/zsh",
    "[shell] program=/bin/dash",
])
def test_policies(alice, policy, text):
    """What a policy may ask for breaks none of it."""
    policy.user(alice.name, text)
    found = results(alice, WARN if "ephemeral" in text else OK)
    bad = {name for name, test in found.items() if test["result"] == "fail"}
    assert not bad, found
    assert not [path for path in Path("/tmp").iterdir()
                if path.name.startswith("ssh-") and
                path.stat().st_uid in (0, alice.uid) and
                time.time() - path.stat().st_mtime < 60]
    assert not list(STATE.glob(".selftest*"))


def test_tmp_without_programs(alice, policy):
    """Hardened machines mount /tmp with noexec."""
    result = as_root("unshare", "-m", "sh", "-c", 'mount -t tmpfs -o noexec none /tmp && exec "$@"', "sh", str(CTL),
                     "selftest", alice.name, "--only", "scp", timeout=80)
    assert result.rc == OK and result.out.startswith("pass  scp "), result


def test_policy_file(alice, policy, tmp_path):
    """A policy that is not installed, named from here; the sessions of scp have it too."""
    (tmp_path / "tried.conf").write_text(expand("[view] hide=/usr/bin/scp"))
    assert "fail" in only(alice, "scp", FAILED, "--policy", tmp_path / "tried.conf")
    done = subprocess.run([CTL, "selftest", alice.name, "--only", "scp", "--policy", "tried.conf"],
                          cwd=tmp_path, capture_output=True, text=True, timeout=80, check=False)
    assert done.returncode == FAILED and done.stdout.startswith("fail  scp"), done
    assert only(alice, "scp", OK).startswith("pass")


def test_not_confined(alice, policy):
    policy.user(alice.name, "[session] confine=no")
    result = ctl("selftest", alice.name)
    assert result.rc == FAILED and "confine = no" in result.err and not result.out


# A passwd of its own, in which an account has another name, of bytes that are no UTF-8.
NAMED = """
sed "s/^$1:/$(printf 'nsh\\377'):/" /etc/passwd >$2 && mount --bind $2 /etc/passwd && shift 2 && exec "$@" "$(printf 'nsh\\377')"
"""


def test_name_that_is_no_utf8(alice, policy, tmp_path):
    result = as_root("unshare", "-m", "sh", "-c", NAMED, "sh", alice.name, str(tmp_path / "passwd"),
                     str(CTL), "selftest", "--json", "--only", "exit", timeout=80)
    assert not result.err and checked("selftest", result.out)["user"] == "nsh?", result


# What is broken is found.


def shell(alice, text):
    """A program that stands in for the shell."""
    path = alice.write("shell", text, mode=0o755)
    return f"[shell] program={path}"


def test_finds_exit_eater(alice, policy):
    """As dockersh and others did it: the status is always 0."""
    policy.user(alice.name, shell(alice, '#!/bin/bash\n/bin/bash "$@"\nexit 0\n'))
    assert "it ended with 0" in only(alice, "exit", FAILED)
    assert only(alice, "signal", FAILED).startswith("fail")
    assert only(alice, "background", FAILED).startswith("fail")


def test_finds_signal_eater(alice, policy):
    policy.user(alice.name, shell(alice, '#!/bin/bash\n/bin/bash "$@"\n'))
    assert "it ended with 137" in only(alice, "signal", FAILED)
    assert only(alice, "exit", OK).startswith("pass")


def test_finds_talker(alice, policy):
    """A shell that greets in every session breaks the protocols, as people find out with scp."""
    policy.user(alice.name, shell(alice, '#!/bin/bash\necho welcome\nexec /bin/bash "$@"\n'))
    for name in ("scp", "sftp", "rsync", "git"):
        assert only(alice, name, FAILED).startswith("fail"), name
    assert only(alice, "exit", OK).startswith("pass")


def test_finds_no_job_control(alice, policy):
    """A session of its own takes the terminal away, as --new-session of bubblewrap does."""
    policy.user(alice.name, shell(alice, '#!/bin/bash\nexec setsid -w /bin/bash "$@"\n'))
    assert only(alice, "jobs", FAILED).startswith("fail")


def test_finds_other_environment(alice, policy):
    policy.user(alice.name, shell(alice, '#!/bin/bash\ncd /\nUSER=x exec /bin/bash "$@"\n'))
    assert only(alice, "login", FAILED).startswith("fail")


@pytest.mark.parametrize("name, hidden", [
    ("scp", "/usr/bin/scp"),
    ("sftp", "/usr/lib/openssh/sftp-server"),
    ("rsync", "/usr/bin/rsync"),
    ("git", "/usr/bin/git"),
    ("tmux", "/usr/bin/tmux"),
    ("names", "/etc/passwd"),
    ("agent", "/usr/bin/ssh-add"),
    ("terminal", "/usr/bin/stty"),
])
def test_finds_what_is_hidden(alice, policy, name, hidden):
    policy.user(alice.name, f"[view] hide={hidden}")
    assert only(alice, name, FAILED).startswith("fail")


def test_finds_hanging_shell(alice, policy):
    policy.user(alice.name, shell(alice, "#!/bin/bash\nexec sleep 300\n"))
    begun = time.monotonic()
    assert "it does not end" in only(alice, "exit", FAILED)
    assert time.monotonic() - begun < 40
    assert not alive_pids_of(alice)


def test_finds_other_groups(alice, policy):
    """Inside a user namespace of its own the shell has lost who it is."""
    policy.match("00-nested.conf", "[match] user=*\n[security]\nnested_userns=yes\nseccomp=off")
    policy.user(alice.name, shell(alice, '#!/bin/bash\nexec unshare -Ur /bin/bash "$@"\n'))
    assert only(alice, "identity", FAILED).startswith("fail")


def test_finds_missing_nsshell(alice, policy):
    """A frame alone is no session: another program in nsshell's place."""
    policy.user(alice.name, "[limits] nofile=200")
    aside = NSSHELL.with_name("nsshell.aside")
    NSSHELL.rename(aside)
    try:
        NSSHELL.write_text('#!/bin/sh\nshift\nexec /bin/bash -c "$1"\n')
        NSSHELL.chmod(0o755)
        for name in ("limits", "end"):
            assert only(alice, name, FAILED).startswith("fail"), name
        assert only(alice, "exit", OK).startswith("pass")
    finally:
        aside.rename(NSSHELL)
    assert only(alice, "limits", OK).startswith("pass")


def test_output_is_tamed(alice, policy):
    """What a session says does nothing to the administrator's terminal."""
    policy.user(alice.name, shell(alice, "#!/bin/bash\nprintf 'x\\033]0;owned\\007\\ny'\nexit 9\n"))
    line = only(alice, "exit", FAILED)
    assert "\033" not in line and "\007" not in line and "x?]0;owned? y" in line


# Hostile other sides, and being interrupted.


def test_hostile_scp(alice, policy, tmp_path):
    """The other side sends another file than was asked for: it gets no further than a fresh folder."""
    mark = Path("/root/.nsshell-owned")
    fake = alice.write("fake", "#!/bin/bash\nprintf 'C0644 2 ../../../root/.nsshell-owned\\nhi\\0'\n",
                       mode=0o755)
    policy.user(alice.name, f"[view] bind={fake}:/usr/bin/scp")
    try:
        assert only(alice, "scp", FAILED).startswith("fail")
        assert not mark.exists()
    finally:
        mark.unlink(missing_ok=True)


def test_folder_is_swapped(alice, policy):
    """A link in place of the folder leads nobody to remove what is not the user's."""
    victim = Path("/srv/nsshell-check/victim")
    victim.mkdir(exist_ok=True)
    (victim / "file").write_text("kept\n")
    policy.user(alice.name, shell(
        alice, '#!/bin/bash\nfor i in ~/.nsshell-selftest-*; do rm -rf "$i"; '
               f'ln -s {victim} "$i"; done\nexec /bin/bash "$@"\n'))
    only(alice, "scp", FAILED)
    assert (victim / "file").read_text() == "kept\n"
    assert not list(Path(alice.home).glob(".nsshell-selftest*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_interrupted(alice, policy, number):
    """However it ends, files and sessions are removed."""
    machine = Machine([alice])
    with subprocess.Popen([CTL, "selftest", alice.name], stdout=subprocess.PIPE, text=True) as process:
        while not process.stdout.readline().startswith("pass  background"):
            pass
        time.sleep(0.15)
        os.kill(process.pid, number)
    assert process.returncode == -number
    assert_nothing_left(machine)
    wait_until(lambda: not list(Path(alice.home).glob(".nsshell-selftest*")), "the home is clean")
