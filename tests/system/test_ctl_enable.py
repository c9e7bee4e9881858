# SPDX-License-Identifier: MIT
"""nsshellctl enable, disable, confirm and expire, on accounts and in an /etc of the tests' own.

design.md, nsshellctl; whoever administers a machine is not locked out, whenever it stops.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from lib_ctl import CTL, FAILED, OK, WARN, ctl
from lib_machine import Machine
from lib_process import start, wait_until
from lib_settings import MODULE, NSSHELL, STATE

USER = "nshtrial"
OLD = "/bin/dash"

# prctl(2)
PR_SET_DUMPABLE = 4
PR_SET_NAME = 15


@pytest.fixture
def machine(accounts, policy, syslog):
    made = Machine("enable")
    made.tool("useradd", "-M", "-d", str(made.folder), "-s", OLD, USER)
    # Nothing of what the machine's own sshd says has a part in this.
    (made.etc / "ssh/sshd_config").write_text(made.config.read_text())
    yield made
    for file in STATE.iterdir():
        file.unlink()
    made.remove()


@pytest.fixture
def cron(machine):
    """What looks like a cron that runs."""
    program = machine.folder / "cron"
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "300"]) as process:
        yield process
        process.kill()


@pytest.fixture
def on_trial(machine, cron):
    """on_trial("10m"): the user is, for that time."""

    def begin(seconds="10m"):
        result = machine.ctl("enable", "--try", seconds, USER)
        assert result.rc == OK, result
        assert machine.shell_of(USER) == str(NSSHELL)

    return begin


def record():
    return (STATE / USER).read_text()


def change_record(*changes):
    """As if it had been written at another time, or by another start of the machine."""
    text = record()
    for pattern, new in changes:
        text, count = re.subn(pattern, new, text)
        assert count == 1, text
    (STATE / USER).write_text(text)


def cron_file(machine):
    return machine.etc / "cron.d/nsshell-expire"


# For good


def test_enable_and_disable(machine, syslog):
    result = machine.ctl("enable", USER)
    assert (result.rc, result.err) == (OK, "")
    assert f"the login shell was {OLD}" in result.out
    assert machine.shell_of(USER) == str(NSSHELL)
    assert record() == f"uid {machine.tool('id', '-u', USER)}shell {OLD}\n"
    assert STATE.stat().st_mode & 0o7777 == 0o700 and (STATE / USER).stat().st_mode & 0o777 == 0o600
    line = syslog.line_with(f"action=enable result=done user=\"{USER}\"")
    assert f'result=done user="{USER}"' in line and f'from="{OLD}" to="{NSSHELL}"' in line
    assert line.startswith(f"<{10 * 8 + 5}>")  # authpriv.notice
    result = machine.ctl("disable", USER)
    assert result.rc == OK and f"is {OLD}, as it was before" in result.out
    assert machine.shell_of(USER) == OLD
    assert not list(STATE.iterdir())
    assert f'from="{NSSHELL}" to="{OLD}"' in syslog.line_with(f"action=disable result=done user=\"{USER}\"")


def test_twice(machine):
    machine.ctl("enable", USER)
    before = record()
    result = machine.ctl("enable", USER)
    assert result.rc == OK and "has nsshell already" in result.out
    assert record() == before
    machine.ctl("disable", USER)
    result = machine.ctl("disable", USER)
    assert result.rc == OK and f"is {OLD}, not nsshell" in result.out


def test_a_shell_that_a_terminal_obeys(machine):
    """Where the account comes from its user may have a say."""
    passwd = machine.etc / "passwd"
    text = passwd.read_text()
    line = next(line for line in text.splitlines() if line.startswith(f"{USER}:"))
    passwd.write_text(text.replace(line, line.rpartition(":")[0] + ":/bin/\x1b[31m\u009b31m\u202eb"))
    for command in ("disable", "confirm", "enable"):
        result = machine.ctl(command, USER)
        assert "/bin/?[31m??31m???b" in result.out + result.err or command == "confirm", result
        assert not set("\x1b\u009b\u202e") & set(result.out + result.err), result


@pytest.fixture
def unused(machine):
    """No account has nsshell yet."""
    passwd = machine.etc / "passwd"
    passwd.write_text(passwd.read_text().replace(f":{NSSHELL}\n", ":/bin/bash\n"))
    return machine


def shells_of(machine):
    return (machine.etc / "shells").read_text().splitlines()


def test_etc_shells(unused):
    """Services with pam_shells would lock the user out."""
    assert "is in /etc/shells now" in unused.ctl("enable", USER).out
    assert shells_of(unused).count(str(NSSHELL)) == 1
    unused.ctl("disable", USER)
    assert "is in /etc/shells now" not in unused.ctl("enable", USER).out


def test_etc_shells_without_it(unused):
    """Whoever takes it out while it is used, so that nobody can chsh(1), finds it out still."""
    unused.tool("useradd", "-M", "-d", "/nonexistent", "-s", "/bin/bash", "nshtrial2")
    unused.ctl("enable", USER)
    shells = unused.etc / "shells"
    shells.write_text(shells.read_text().replace(f"{NSSHELL}\n", ""))
    assert "/etc/shells" not in unused.ctl("enable", "nshtrial2").out
    unused.tool("usermod", "-s", "/bin/bash", USER)  # remembered still
    unused.ctl("disable", "nshtrial2")
    assert "/etc/shells" not in unused.ctl("enable", "nshtrial2").out
    assert str(NSSHELL) not in shells_of(unused)


@pytest.mark.parametrize("end", ["", "\n"])
def test_etc_shells_where_nothing_adds(unused, end):
    """Fedora has no add-shell."""
    unused.own_file("/usr/sbin/add-shell", "", 0o644)
    unused.tool("usermod", "-s", "/bin/sh", USER)
    (unused.etc / "shells").write_text("/bin/sh\n/bin/bash" + end)
    assert "is in /etc/shells now" in unused.ctl("enable", USER).out
    assert (unused.etc / "shells").read_text() == f"/bin/sh\n/bin/bash\n{NSSHELL}\n"


def test_no_etc_shells(unused):
    unused.own_file("/usr/sbin/add-shell", "", 0o644)
    unused.tool("usermod", "-s", "/bin/sh", USER)
    (unused.etc / "shells").unlink()
    assert unused.ctl("enable", USER).rc == OK
    assert not (unused.etc / "shells").exists()


def test_etc_shells_and_no_more(unused):
    """What was done is told, also where the rest fails."""
    unused.own_file("/usr/sbin/usermod", "#!/bin/sh\necho no; exit 1\n", 0o755)
    result = unused.ctl("enable", USER)
    assert result.rc == FAILED and "is in /etc/shells now" in result.out


def test_no_shell_named(machine):
    """An empty field is /bin/sh, and comes back as it was."""
    machine.tool("usermod", "-s", "", USER)
    machine.ctl("enable", USER)
    assert machine.shell_of(USER) == str(NSSHELL)
    assert machine.ctl("disable", USER).rc == OK
    assert machine.shell_of(USER) == ""


@pytest.mark.parametrize("name, text", [
    ("root", "user id 0 is never confined"),
    ("0", "user id 0 is never confined"),
    ("daemon", "has /usr/sbin/nologin"),
    ("nshnobodyatall", "no account is called"),
])
def test_refused(machine, name, text):
    before = (machine.etc / "passwd").read_text()
    result = machine.ctl("enable", name)
    assert result.rc == FAILED and text in result.err
    assert (machine.etc / "passwd").read_text() == before
    assert not list(STATE.iterdir())


def test_shell_that_holds_the_user(machine, policy):
    """Whoever has it shall not have all that [shell] program can do."""
    for shell in ("/usr/bin/git-shell", "/bin/rbash"):
        machine.tool("usermod", "-s", shell, USER)
        result = machine.ctl("enable", USER)
        assert result.rc == FAILED and f"would run /bin/bash in place of {shell}" in result.out, result
        assert machine.shell_of(USER) == shell
    policy.user(USER, "[shell] program=/bin/rbash")
    assert machine.ctl("enable", USER).rc == OK
    machine.ctl("disable", USER)
    assert machine.shell_of(USER) == "/bin/rbash"


def test_shell_that_is_another_inside(machine, policy):
    result = machine.ctl("enable", USER)
    assert result.rc == OK and f"In sessions of {USER} the shell is /bin/bash" in result.out, result


@pytest.mark.parametrize("confine", ["no", "deny"])
def test_what_the_policy_does_not_confine(machine, policy, confine):
    policy.user(USER, f"[session] confine={confine}")
    result = machine.ctl("enable", USER)
    assert result.rc == FAILED and f"session.confine = {confine}" in result.out, result
    assert machine.shell_of(USER) == OLD


def test_what_nsshell_cannot_tell(machine, policy):
    """A login that the module leaves alone has no frame."""
    policy.match("10-a.conf", "[match] service=sshd\n[session] confine=no")
    result = machine.ctl("enable", USER)
    assert result.rc == FAILED and "match.d/10-a.conf:2: match.service: cannot be told" in result.out, result
    policy.match("10-a.conf", "[match] source=10.0.0.0/8\n[view] hide=/usr/games")
    (machine.etc / "pam.d/sshd").write_text(f"session required {MODULE}\n")
    assert machine.ctl("enable", USER).rc == OK
    machine.ctl("disable", USER)
    group = machine.tool("id", "-gn", USER).strip()
    (machine.etc / "pam.d/sshd").write_text(f"session required {MODULE} exempt_group={group}\n")
    result = machine.ctl("enable", USER)
    assert result.rc == FAILED and "match.d/10-a.conf:2: match.source: cannot be told" in result.out, result
    assert machine.shell_of(USER) == OLD


def test_second_name_of_root(machine):
    machine.tool("useradd", "-o", "-u", "0", "-M", "-N", "-s", "/bin/bash", "nshtoor")
    assert "user id 0" in machine.ctl("enable", "nshtoor").err
    assert machine.shell_of("nshtoor") == "/bin/bash"


def test_unfit_machine(machine, policy):
    """The doctor's failures are told, and nothing is changed."""
    policy.user(USER, "[view]\ntmpp = private")
    result = machine.ctl("enable", USER)
    assert result.rc == FAILED
    assert "fail  policy: " in result.out and "warn" not in result.out
    assert machine.shell_of(USER) == OLD and not list(STATE.iterdir())
    policy.user(USER, "[view]\ntmp = private")
    assert machine.ctl("enable", USER).rc == OK


def test_account_from_elsewhere(machine):
    """Not in /etc/passwd: the name service has it from a server, or here from a library that is loaded first."""
    source = machine.folder / "nss.c"
    source.write_text(NSS_SOURCE.replace("SHELL", OLD))
    subprocess.run(["cc", "-shared", "-fPIC", "-o", machine.folder / "nss.so", source], check=True)
    result = machine.run("env", f"LD_PRELOAD={machine.folder}/nss.so", str(CTL), "enable", "nshldap")
    assert result.rc == FAILED
    assert f"nshldap is not in /etc/passwd: set its login shell (loginShell in LDAP) to {NSSHELL}" in (
        result.err)
    assert not list(STATE.iterdir())


NSS_SOURCE = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pwd.h>
#include <string.h>
struct passwd *getpwnam(const char *name)
{
	static struct passwd made = {"nshldap", "x", 4242, 4242, "", "/", "SHELL"};
	struct passwd *(*real)(const char *) = dlsym(RTLD_NEXT, "getpwnam");
	return strcmp(name, "nshldap") ? real(name) : &made;
}
"""


@pytest.mark.parametrize("words", [
    f"enable {USER}", f"disable {USER}", f"confirm {USER}", "expire", "pam --enable", "pam --disable",
])
def test_only_root(machine, alice, words):
    result = machine.ctl(*words.split(), account=alice)
    assert result.rc == FAILED and "only root can" in result.err
    assert machine.shell_of(USER) == OLD


def test_usermod_fails(machine, syslog):
    """What was remembered is forgotten again."""
    machine.own_file("/usr/sbin/usermod", "#!/bin/sh\necho no; exit 1\n", 0o755)
    result = machine.ctl("enable", USER)
    assert result.rc == FAILED and "usermod ended with 1: no" in result.err
    assert not list(STATE.iterdir())
    assert "result=failed" in syslog.line_with('reason="usermod ended')


def test_usermod_lies(machine):
    machine.own_file("/usr/sbin/usermod", "#!/bin/sh\nexit 0\n", 0o755)
    result = machine.ctl("enable", USER)
    assert result.rc == FAILED and "has left the login shell" in result.err


# The last administrator. Root of this /etc has no password and no key.


@pytest.fixture
def administrators(machine):
    """The user is the only one who can log in and use sudo."""
    machine.tool("usermod", "-p", "!", "root")
    (machine.etc / "sudoers").write_text("Defaults env_reset\n%sudo ALL=(ALL:ALL) ALL\n@includedir /etc/sudoers.d\n")
    for rule in (machine.etc / "sudoers.d").iterdir():
        rule.unlink()
    machine.tool("usermod", "-a", "-G", "sudo", "-p", HASH, USER)
    return machine


HASH = "$6$saltsalt$" + "a" * 86


def make_admin(machine, *options):
    machine.tool("useradd", "-M", "-d", "/nonexistent", "-G", "sudo", "-s", "/bin/bash", *options, "nshadmin")


def test_last_administrator(administrators):
    result = administrators.ctl("enable", USER)
    assert result.rc == FAILED and "is the last administrator who could log in" in result.err
    assert administrators.shell_of(USER) == OLD


@pytest.mark.parametrize("options, could", [
    (("-p", HASH), True),
    (("-p", "!" + HASH), False),
    (("-p", "*"), False),
    (("-p", ""), False),
    (("-p", HASH, "-e", "2001-01-01"), False),
    (("-p", HASH, "-s", "/usr/sbin/nologin"), False),
    (("-p", HASH, "-s", "/nowhere/shell"), False),
    (("-p", HASH, "-s", str(NSSHELL)), False),
])
def test_another_administrator(administrators, options, could):
    make_admin(administrators, *options)
    assert administrators.ctl("enable", USER).rc == (OK if could else FAILED)


def test_administrator_with_keys(administrators):
    """Looked at with that user's own powers."""
    home = administrators.folder / "admin"
    make_admin(administrators, "-d", str(home))
    keys = home / ".ssh/authorized_keys"
    keys.parent.mkdir(parents=True)
    assert administrators.ctl("enable", USER).rc == FAILED
    keys.write_text("# none\n\n")
    assert administrators.ctl("enable", USER).rc == FAILED
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBc0\n"
    keys.write_text(key)
    keys.chmod(0o600)  # root's: the user cannot read it
    assert administrators.ctl("enable", USER).rc == FAILED
    keys.chmod(0o644)
    # sudo asks for a password that there is not.
    assert administrators.ctl("enable", USER).rc == FAILED
    (administrators.etc / "sudoers.d/keys").write_text("nshadmin ALL=(ALL:ALL) NOPASSWD: ALL\n")
    keys.write_text(f'command="/usr/bin/rrsync /srv" {key}')
    assert administrators.ctl("enable", USER).rc == FAILED
    keys.write_text(f"# none\n {key}")
    assert administrators.ctl("enable", USER).rc == OK


@pytest.mark.parametrize("text, could", [
    ("AllowUsers nshadmin\n", True),
    ("PubkeyAuthentication no\n", False),
    (f"AllowUsers {USER}\n", False),
    ("AllowGroups adm\n", False),
    ("DenyUsers nsh*\n", False),
    ("ForceCommand /usr/bin/false\n", False),
    ("AuthorizedKeysFile /etc/ssh/keys/%u\n", False),
    ("nonsense\n", False),
])
def test_administrator_whose_keys_sshd_does_not_take(administrators, text, could):
    home = administrators.folder / "admin"
    make_admin(administrators, "-d", str(home))
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh/authorized_keys").write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBc0\n")
    (administrators.etc / "sudoers.d/keys").write_text("nshadmin ALL=(ALL:ALL) NOPASSWD: ALL\n")
    config = administrators.etc / "ssh/sshd_config"
    config.write_text(text + config.read_text())
    result = administrators.ctl("enable", USER)
    assert result.rc == (OK if could else FAILED)
    assert could or "is the last administrator who could log in" in result.err


def test_administrator_who_is_refused(administrators, policy):
    """By the policy: who has no session is no administrator."""
    make_admin(administrators, "-p", HASH)
    policy.user("nshadmin", "[session] confine=deny")
    assert administrators.ctl("enable", USER).rc == FAILED
    policy.user("nshadmin", "[session] confine=no")
    assert administrators.ctl("enable", USER).rc == OK


def test_root_remains(administrators):
    administrators.tool("usermod", "-p", HASH, "root")
    assert administrators.ctl("enable", USER).rc == OK


def test_keys_of_root(administrators):
    """They count as far as sshd lets root in."""
    home = administrators.folder / "root"
    (home / ".ssh").mkdir(parents=True)
    passwd = administrators.etc / "passwd"
    passwd.write_text(passwd.read_text().replace("root:x:0:0:root:/root:", f"root:x:0:0:root:{home}:"))
    assert administrators.ctl("enable", USER).rc == FAILED
    (home / ".ssh/authorized_keys").write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBc0\n")
    config = administrators.etc / "ssh/sshd_config"
    text = config.read_text()
    config.write_text("PermitRootLogin no\n" + text)
    assert administrators.ctl("enable", USER).rc == FAILED
    config.write_text(text)
    assert administrators.ctl("enable", USER).rc == OK


def test_administrator_of_few_commands(administrators):
    """Whoever has some is not let go without somebody who has all."""
    make_admin(administrators, "-p", HASH)
    administrators.tool("gpasswd", "-d", "nshadmin", "sudo")
    (administrators.etc / "sudoers.d/few").write_text("nshadmin ALL=(root) /usr/bin/id\n")
    assert administrators.ctl("enable", USER).rc == FAILED
    assert administrators.ctl("enable", "nshadmin").rc == OK  # as USER remains


# The way back


def test_disable_with_a_broken_policy(machine, policy):
    machine.ctl("enable", USER)
    policy.conf("nonsense")
    assert machine.ctl("disable", USER).rc == OK
    assert machine.shell_of(USER) == OLD


@pytest.mark.parametrize("text", ["", "nonsense", "uid 0\nshell /bin/sh\n", "uid 1\n"])
def test_disable_without_what_was_remembered(machine, policy, text):
    machine.ctl("enable", USER)
    if text:
        (STATE / USER).write_text(text)
    else:
        (STATE / USER).unlink()
    result = machine.ctl("disable", USER)
    assert result.rc == OK and "as no usable one is remembered" in result.out
    assert machine.shell_of(USER) == "/bin/bash"


def test_disable_takes_the_policys_shell(machine, policy):
    machine.ctl("enable", USER)
    (STATE / USER).unlink()
    policy.user(USER, "[shell] program=/bin/zsh")
    assert "the policy's shell.program" in machine.ctl("disable", USER).out
    assert machine.shell_of(USER) == "/bin/zsh"
    machine.ctl("enable", USER)
    (STATE / USER).unlink()
    policy.user(USER, "[shell] program=/bin/true")  # not in /etc/shells
    machine.ctl("disable", USER)
    assert machine.shell_of(USER) == "/bin/bash"


def test_old_shell_is_gone(machine):
    shell = machine.folder / "shell"
    shutil.copy("/bin/dash", shell)
    with open(machine.etc / "shells", "a", encoding="ascii") as shells:
        shells.write(f"{shell}\n")
    machine.tool("usermod", "-s", str(shell), USER)
    assert machine.ctl("enable", USER).rc == OK
    shell.unlink()
    machine.ctl("disable", USER)
    assert machine.shell_of(USER) == "/bin/bash"


def test_record_of_another_account(machine):
    """One who had the name before."""
    machine.ctl("enable", USER)
    change_record(("uid .*", "uid 424242"))
    machine.ctl("disable", USER)
    assert machine.shell_of(USER) == "/bin/bash"


def test_disable_without_state(machine):
    """Not even the folder is needed."""
    machine.ctl("enable", USER)
    (STATE / USER).unlink()
    STATE.chmod(0o777)
    try:
        assert machine.ctl("disable", USER).rc == OK
        assert machine.shell_of(USER) == "/bin/bash"
        assert machine.ctl("enable", USER).rc == FAILED
    finally:
        STATE.chmod(0o700)
    assert machine.shell_of(USER) == "/bin/bash"


# Trials


def test_trial_is_over(machine, on_trial, syslog):
    on_trial("10s")
    assert machine.ctl("expire").rc == OK
    assert machine.shell_of(USER) == str(NSSHELL)
    time.sleep(10.1)
    result = machine.ctl("expire")
    assert result.rc == OK and f"is {OLD}" in result.out
    assert machine.shell_of(USER) == OLD
    assert not list(STATE.iterdir()) and not cron_file(machine).exists()
    assert f'to="{OLD}"' in syslog.line_with("action=expire")


def test_confirmed(machine, on_trial):
    on_trial("1s")
    result = machine.ctl("confirm", USER)
    assert result.rc == OK and "keeps nsshell" in result.out
    assert not cron_file(machine).exists()
    time.sleep(1.1)
    assert machine.ctl("expire").rc == OK
    assert machine.shell_of(USER) == str(NSSHELL)
    result = machine.ctl("confirm", USER)
    assert result.rc == OK and "for good already" in result.out
    machine.ctl("disable", USER)
    assert machine.shell_of(USER) == OLD
    result = machine.ctl("confirm", USER)
    assert result.rc == WARN and f"the login shell is {OLD}" in result.err


def test_enable_ends_a_trial(machine, on_trial):
    """Exit status 0 says that it is for good then."""
    on_trial("1s")
    result = machine.ctl("enable", USER)
    assert result.rc == OK and "this ends the trial" in result.out and "keeps nsshell" in result.out
    assert "trial" not in record() and not cron_file(machine).exists()
    time.sleep(1.1)
    assert machine.ctl("expire").rc == OK
    assert machine.shell_of(USER) == str(NSSHELL)


def test_trial_of_who_has_it(machine, on_trial):
    """There is none, and that is said; what was before stays."""
    on_trial()
    before = record()
    result = machine.ctl("enable", "--try=1s", USER)
    assert result.rc == WARN and "no trial was begun" in result.err and "goes on as it was" in result.err
    assert record() == before
    machine.ctl("confirm", USER)
    result = machine.ctl("enable", "--try=1s", USER)
    assert result.rc == WARN and "no trial was begun" in result.err
    assert "trial" not in record() and not cron_file(machine).exists()


def test_after_another_start_of_the_machine(machine, on_trial):
    """The time since the start does not count then, the clock does."""
    on_trial()
    boot = "(trial 600 )[0-9a-f-]+ [0-9]+", r"\g<1>11111111-0000-4000-8000-0123456789ab 0"
    change_record(boot)
    machine.ctl("expire")
    assert machine.shell_of(USER) == str(NSSHELL)
    change_record((r"[0-9]+\n$", f"{int(time.time()) - 601}\n"))
    machine.ctl("expire")
    assert machine.shell_of(USER) == OLD


def test_clock_that_lost_the_time(machine, on_trial):
    on_trial()
    change_record(("(trial 600 )[0-9a-f-]+ [0-9]+ [0-9]+",
                   rf"\g<1>11111111-0000-4000-8000-0123456789ab 0 {int(time.time()) + 1000}"))
    machine.ctl("expire")
    assert machine.shell_of(USER) == OLD


def test_clock_that_was_set(machine, on_trial):
    """In the same start of the machine it has no part."""
    on_trial()
    change_record((r"[0-9]+\n$", "1000\n"))
    machine.ctl("expire")
    assert machine.shell_of(USER) == str(NSSHELL)
    # The machine can have been started a minute ago.
    change_record((r"trial 600 ([0-9a-f-]+) [0-9]+ [0-9]+\n$", rf"trial 9 \1 0 {int(time.time())}\n"))
    machine.ctl("expire")
    assert machine.shell_of(USER) == OLD


def test_renamed_meanwhile(machine, on_trial):
    """It is the account that was on trial, whatever it is called now."""
    on_trial()
    machine.tool("usermod", "-l", "nshrenamed", USER)
    change_record((r"trial 600 ([0-9a-f-]+) [0-9]+ [0-9]+\n$", rf"trial 9 \1 0 {int(time.time())}\n"))
    assert machine.ctl("expire").rc == OK
    assert machine.shell_of("nshrenamed") == OLD
    assert not list(STATE.iterdir())


def test_renamed_and_another_has_the_name(machine, on_trial):
    on_trial("1s")
    machine.tool("usermod", "-l", "nshrenamed", USER)
    machine.tool("useradd", "-M", "-N", "-s", str(NSSHELL), USER)
    time.sleep(1.1)
    assert machine.ctl("expire").rc == OK
    assert machine.shell_of("nshrenamed") == OLD and machine.shell_of(USER) == str(NSSHELL)
    assert not list(STATE.iterdir())


@pytest.mark.parametrize("command, shell", [("confirm", NSSHELL), ("enable", NSSHELL), ("disable", OLD)])
def test_renamed_and_ended(machine, on_trial, command, shell):
    on_trial("1s")
    machine.tool("usermod", "-l", "nshrenamed", USER)
    assert machine.ctl(command, "nshrenamed").rc == OK
    assert not cron_file(machine).exists()
    time.sleep(1.1)
    assert machine.ctl("expire").rc == OK
    assert machine.shell_of("nshrenamed") == str(shell)
    machine.ctl("disable", "nshrenamed")
    assert machine.shell_of("nshrenamed") == OLD and not list(STATE.iterdir())


def test_shell_was_changed_meanwhile(machine, on_trial):
    on_trial("1s")
    machine.tool("usermod", "-s", "/bin/bash", USER)
    time.sleep(1.1)
    machine.ctl("expire")
    assert machine.shell_of(USER) == "/bin/bash" and not list(STATE.iterdir())


def test_account_is_gone(machine, on_trial):
    on_trial("1s")
    machine.tool("userdel", USER)
    time.sleep(1.1)
    assert machine.ctl("expire").rc == OK
    assert not list(STATE.iterdir()) and not cron_file(machine).exists()


def test_is_tried_again(machine, on_trial):
    """A trial that could not be ended stays, and its timer with it."""
    on_trial("1s")
    time.sleep(1.1)
    broken = machine.own_file("/usr/sbin/usermod", "#!/bin/sh\nexit 1\n", 0o755)
    assert machine.ctl("expire").rc == FAILED
    assert machine.shell_of(USER) == str(NSSHELL) and cron_file(machine).exists()
    machine.binds = machine.binds[:machine.binds.index(str(broken))]
    assert machine.ctl("expire").rc == OK
    assert machine.shell_of(USER) == OLD


def test_two_trials(machine, on_trial):
    """The timer goes with the last."""
    machine.tool("useradd", "-M", "-d", "/nonexistent", "-s", "/bin/bash", "nshtrial2")
    on_trial("1s")
    assert machine.ctl("enable", "--try=1h", "nshtrial2").rc == OK
    time.sleep(1.1)
    machine.ctl("expire")
    assert machine.shell_of(USER) == OLD and machine.shell_of("nshtrial2") == str(NSSHELL)
    assert cron_file(machine).exists()
    machine.ctl("disable", "nshtrial2")
    assert not cron_file(machine).exists()


def test_broken_record(machine, on_trial):
    """One that cannot be read is told, keeps no other from its end, and no timer running."""
    on_trial("1s")
    (STATE / "another").write_text("nonsense")
    time.sleep(1.1)
    result = machine.ctl("expire")
    assert result.rc == FAILED and "another: is not of the form" in result.err
    assert machine.shell_of(USER) == OLD and not cron_file(machine).exists()


def test_nothing_could_end_a_trial(machine):
    result = machine.ctl("enable", "--try", "10m", USER)
    assert result.rc == FAILED and "neither systemd nor cron runs here" in result.err
    assert machine.shell_of(USER) == OLD and not list(STATE.iterdir())


def test_cron_of_a_user(machine, bob):
    """What a user calls so is none of root's, also where its files of /proc are root's."""
    hide = f"import ctypes, time; ctypes.CDLL(None).prctl({PR_SET_NAME}, b'cron'); " \
           f"ctypes.CDLL(None).prctl({PR_SET_DUMPABLE}, 0); print('ready', flush=True); time.sleep(60)"
    with start(bob, "-c", hide, program="/usr/bin/python3", stdout=subprocess.PIPE) as forged:
        assert forged.stdout.readline()
        assert os.stat(f"/proc/{forged.pid}/comm").st_uid == 0
        result = machine.ctl("enable", "--try", "10m", USER)
        forged.kill()
    assert result.rc == FAILED and "neither systemd nor cron runs here" in result.err
    assert machine.shell_of(USER) == OLD and not list(STATE.iterdir())


@pytest.mark.parametrize("text", ["", "10", "0s", "10x", "-5m", "31d", "1.5h", "10m10s"])
def test_no_time(machine, text):
    result = machine.ctl("enable", f"--try={text}", USER)
    assert result.rc == FAILED and "is no time" in result.err
    assert machine.shell_of(USER) == OLD


def test_killed_at_any_point(machine, cron):
    """Either nothing was changed, or what changes it back is there: the record and its timer."""
    begin = time.monotonic()
    assert machine.ctl("enable", "--try=1s", USER).rc == OK
    whole = time.monotonic() - begin
    machine.ctl("disable", USER)
    changed = 0
    # Up to five times as long as it took: another time it may take longer.
    for delay in [whole * step / 40 for step in range(1, 200)]:
        process = machine.start(str(CTL), "enable", "--try=1s", USER, stderr=subprocess.PIPE)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        wait_until(lambda: not usermod_runs(machine), "usermod to end")
        if machine.shell_of(USER) == str(NSSHELL):
            changed += 1
            assert "\ntrial 1 " in record() and cron_file(machine).exists()
        if changed > 2:
            break
        machine.ctl("disable", USER)
    assert changed, "it was never slow enough to be killed too late"
    time.sleep(1.1)
    assert machine.ctl("expire").rc == OK
    assert machine.shell_of(USER) == OLD and not cron_file(machine).exists()


def usermod_runs(machine):
    """Or is about to: it is called as its parent until it is executed."""
    return machine.run("pgrep", "-x", "usermod|nsshellctl").rc == 0


def test_one_at_a_time(machine):
    """Two that come together do not lose the old shell."""
    running = [machine.start(str(CTL), "enable", USER, stderr=subprocess.PIPE) for _ in range(4)]
    results = [process.communicate()[0] for process in running]
    assert sorted(process.returncode for process in running) == [OK] * 4
    assert sum("has nsshell already" in out for out in results) == 3
    assert record().endswith(f"shell {OLD}\n")


def test_cron_runs_it(machine):
    """The real one, up to a minute late."""
    for file in (machine.etc / "cron.d").iterdir():
        file.unlink()
    (machine.etc / "crontab").write_text("")
    (machine.etc / "pam.d/cron").write_text("account required pam_permit.so\nsession required pam_permit.so\n"
                                            "auth required pam_permit.so\n")
    with machine.start("cron", "-f", stderr=subprocess.DEVNULL) as cron:
        try:
            wait_until(lambda: "nanosleep" in Path(f"/proc/{cron.pid}/wchan").read_text(), "cron to have read its files")
            time.sleep(1.1)  # cron sees no change in the second in which it has
            result = machine.ctl("enable", "--try=1s", USER)
            assert result.rc == OK, result
            wait_until(lambda: machine.shell_of(USER) == OLD, "the trial's end", 150)
            wait_until(lambda: not cron_file(machine).exists(), "the end of the timer")
        finally:
            cron.kill()


def test_hidden_from_help():
    assert "expire" not in ctl("--help").out
