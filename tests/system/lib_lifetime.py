"""Sandboxes that several logins of a user share: logins that are held open, and which one they stand in."""

import os
from contextlib import contextmanager, suppress

from lib_frame import HeldLogin
from lib_left import all_pids, assert_nothing_left
from lib_process import Held, HeldProgram, alive, wait_until
from lib_settings import NSSHELL, PREFIX

# What a shell says of the sandbox that it stands in: the same lines in the same sandbox.
KINDS = ("user", "pid", "mnt", "uts", "ipc", "net", "cgroup")
WHERE = (
    "".join(f"readlink /proc/self/ns/{kind}; " for kind in KINDS)
    + "cat /proc/sys/kernel/hostname; echo $NSSHELL_SESSION"
)

# Programs of nsshell's that outlive a login: by name, and by what they execute.
STAYING = ("nsshell-hub", "nsshell-sandbox")

# Why a login is refused.
SESSIONS = "this account has as many sessions as it may have"
STALE = "this account's sandbox is of an older policy, and has to end first"

# What a login is told that gets another sandbox than its policy asks for, or a second one.
JOINS_STALE = "nsshell: this login joins your sandbox, which is of an older policy"
NEW_BESIDE = "nsshell: this login has a new sandbox, as the policy has changed"


def where(held):
    """The sandbox of a Held login; to be compared with another's."""
    result = held.ask(WHERE)
    lines = result.out.split()
    assert result.rc == 0 and len(lines) == len(KINDS) + 2, result
    return lines


def id_of(held):
    return held.ask("echo $NSSHELL_SESSION").out


def over_ssh(server, account, *options):
    """A shell behind ssh that takes commands: a connection of its own."""
    return HeldProgram(account, server.command(account, "exec bash", options=options))


def over_su(place, account):
    """The same behind the machine's own su."""
    return HeldProgram(account, place.argv("su", "-", account.name, "-c", "exec bash"), cwd="/")


class Framed:
    """Logins by PAM sessions; each is one at sshd's, without the time that ssh takes."""

    def __init__(self, pam):
        self.pam = pam

    def hold(self, account):
        return HeldLogin(self.pam, account, str(NSSHELL))

    def refusal(self, account):
        """Why a login is refused, or None when it is let in."""
        login = self.pam.login(account.name, str(NSSHELL), "-c", "true")
        return None if login.pam == 0 else login.says[0]


class Standalone:
    """Logins of nsshell's alone."""

    def hold(self, account):
        return Held(account)

    def refusal(self, account):
        from lib_process import sh

        result = sh(account, "true")
        return None if result.rc == 0 else result.err


def staying():
    """The hubs and sandboxes of the build under test that there are."""
    found = []
    for pid in all_pids():
        with suppress(OSError):
            program = os.readlink(f"/proc/{pid}/exe")
            with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
                if program.startswith(f"{PREFIX}/") and comm.read().strip() in STAYING:
                    found.append(pid)
    return found


def await_end(machine, seconds=20):
    """Nothing of it is left: no process, mount, file or namespace, and no hub."""
    wait_until(lambda: not staying(), "the end of hub and sandbox", seconds)
    assert_nothing_left(machine, seconds)


def inside_process(held, command):
    """Starts a program in the background that nothing of the login's end would take along; returns its id inside."""
    return held.ask(f"setsid {command} </dev/null >/dev/null 2>&1 & echo $!").out


@contextmanager
def closing(*things):
    """Ends what a test has begun, in that order, whatever became of it."""
    try:
        yield things
    finally:
        for thing in things:
            thing.close()


def await_gone(*pids):
    wait_until(lambda: not any(map(alive, pids)), f"the end of {pids}")
