# SPDX-License-Identifier: MIT
"""What "make uninstall" does before it removes anything: nobody is locked out by it."""

import subprocess
from pathlib import Path

import pytest

from lib_machine import Machine
from lib_making import TOP
from lib_settings import MODULE, NSSHELL, PREFIX, STATE

USER = "nshtrial"
BEFORE = TOP / "packaging/before-uninstall"
LINE = f"session required {MODULE} exempt_group=adm\n"


@pytest.fixture
def machine(accounts, policy, syslog):
    made = Machine("uninstall")
    for file in (made.etc / "pam.d").iterdir():
        if file.is_file():
            file.write_text("".join(line for line in file.read_text().splitlines(True) if str(MODULE) not in line))
    (made.etc / "nsswitch.conf").write_text("passwd: files systemd\ngroup: files\n")
    (made.etc / "shells").write_text(f"/bin/sh\n{NSSHELL}\n/bin/dash\n")
    made.tool("useradd", "-M", "-d", str(made.folder), "-s", str(NSSHELL), USER)
    yield made
    made.remove()


def uninstall(machine, *words):
    return machine.run("env", *words, str(BEFORE), str(PREFIX), str(MODULE.parent), str(STATE))


def is_refused(machine, *words):
    """Nothing is changed then, and the reason has the words."""
    result = uninstall(machine)
    assert result.rc == 1 and all(word in result.err for word in ("not removed", *words)), result
    assert machine.shell_of(USER) == str(NSSHELL)
    assert f"{NSSHELL}\n" in (machine.etc / "shells").read_text()
    return True


def test_shells_are_given_back(machine):
    result = uninstall(machine)
    assert result.rc == 0 and f"{USER} had nsshell as login shell" in result.err, result
    assert machine.shell_of(USER) == "/bin/sh"
    assert (machine.etc / "shells").read_text() == "/bin/sh\n/bin/dash\n"
    assert uninstall(machine).rc == 0


def test_all_shells_are_given_back_or_none(machine):
    """Of two entries for a name usermod changes none; what is remembered of the others stays."""
    record = STATE / USER
    remembered = f"uid {machine.tool('id', '-u', USER).strip()}\nshell /bin/dash\n"
    record.write_text(remembered)
    passwd = machine.etc / "passwd"
    before = passwd.read_text()
    passwd.write_text(before + f"nshtwice:x:4001:4001::/:{NSSHELL}\n" * 2)
    try:
        assert is_refused(machine, "could not be changed: nshtwice", f"{USER} has nsshell as login shell again")
        assert record.read_text() == remembered
        # A trial ends, and stays so.
        record.write_text(remembered + "trial 600 0-0 1 1\n")
        assert uninstall(machine).rc == 1 and machine.shell_of(USER) == "/bin/dash"
        passwd.write_text(before)
        record.write_text(remembered)
        assert uninstall(machine).rc == 0 and machine.shell_of(USER) == "/bin/dash"
        assert not record.exists()
    finally:
        record.unlink(missing_ok=True)


@pytest.mark.parametrize("line", [LINE, f"-{LINE}", f"  session\t[default=bad]\t{MODULE}\n"])
def test_a_line_for_pam(machine, line):
    file = machine.etc / "pam.d/nsh-own"
    file.write_text(line)
    assert is_refused(machine, "/etc/pam.d/nsh-own")
    file.write_text(f"# {line}")
    (machine.etc / "pam.d/nsh-own.dpkg-old").write_text(line)
    assert uninstall(machine).rc == 0


def test_a_line_in_a_file_that_is_a_link(machine):
    """As where a configuration management has the files."""
    (machine.folder / "elsewhere").write_text(LINE)
    (machine.etc / "pam.d/nsh-own").symlink_to(machine.folder / "elsewhere")
    assert is_refused(machine, "/etc/pam.d/nsh-own")


@pytest.mark.parametrize("how", ["@include ", "session include ", "-Session\tsubstack \\\n\t"])
def test_a_line_in_a_file_from_elsewhere(machine, how):
    """libpam takes paths there. One that includes itself is an error to it, and no loop here."""
    elsewhere = machine.etc / "own/pam"
    elsewhere.parent.mkdir()
    elsewhere.write_text(f"@include /etc/own/pam\n{LINE}")
    file = machine.etc / "pam.d/nsh-own"
    file.write_text(f"{how}/etc/own/pam\n")
    assert is_refused(machine, "/etc/own/pam")
    file.write_text(f"# {how}/etc/own/pam\n" if "\\" not in how else "")
    assert uninstall(machine).rc == 0


def test_a_line_in_pam_conf(machine):
    (machine.etc / "pam.conf").write_text(f"sshd {LINE}")
    assert is_refused(machine, "/etc/pam.conf")


def test_another_installation(machine):
    """Its module is not removed."""
    (machine.etc / "pam.d/nsh-own").write_text("session required pam_nsshell.so\n")
    assert uninstall(machine).rc == 0


@pytest.mark.parametrize("sources", ["files winbind", "files [NOTFOUND=continue] sss systemd # x", "compat ours"])
def test_accounts_that_cannot_be_listed(machine, sources):
    (machine.etc / "sssd").mkdir(exist_ok=True)
    (machine.etc / "sssd/sssd.conf").write_text("[sssd]\n")
    (machine.etc / "nsswitch.conf").write_text(f"passwd: {sources}\n")
    assert is_refused(machine, f"{sources.split()[-1] if '#' not in sources else 'sss'}:*")
    assert uninstall(machine, "ANYWAY=1").rc == 0
    assert machine.shell_of(USER) == "/bin/sh"


def test_a_source_that_is_not_set_up(machine):
    """Some distributions name sss everywhere."""
    (machine.etc / "nsswitch.conf").write_text("passwd: files sss systemd\n")
    assert uninstall(machine).rc == 0


def test_make_uninstall_begins_with_it():
    def commands(*words):
        argv = ["make", "-n", "uninstall", f"PREFIX={PREFIX}", *words]
        done = subprocess.run(argv, cwd=TOP, check=True, capture_output=True, text=True)
        return done.stdout.splitlines()

    first = commands("STATEDIR=/var/lib/own")[0].split()
    assert first[:2] == [str(BEFORE.relative_to(TOP)), str(PREFIX)] and Path(first[2]).name == "security"
    assert first[3] == "/var/lib/own"
    # In a folder there is nobody's login.
    assert not [line for line in commands("DESTDIR=/missing") if "before-uninstall" in line]
