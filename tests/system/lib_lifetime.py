# SPDX-License-Identifier: MIT
"""Sandboxes that several logins of a user share: logins that are held open, and which one they stand in."""

import os
import time
from contextlib import suppress

from lib_frame import HeldLogin
from lib_left import Machine, all_pids, namespace_links
from lib_pam import DENIAL, NO_SESSION
from lib_process import (
    Held, HeldProgram, assert_refused, pids_of, sh, status, wait_until,
)
from lib_settings import NSSHELL, PATIENCE, PREFIX

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

    def run(self, account, command):
        """What a login is told, and the Result of a command in it."""
        login = self.pam.login(account.name, str(NSSHELL), "-c", command)
        return "".join(f"{line}\n" for line in login.says), login.result

    def refusal(self, account):
        """Why a login is refused, or "" when it is let in. Nothing is run then."""
        said, result = self.run(account, "echo ran")
        match = DENIAL.search(said)
        assert (result.out, result.rc) == (("", NO_SESSION) if match else ("ran\n", 0)), (said, result)
        return match["why"] if match else ""


class Standalone:
    """Logins of nsshell's alone."""

    def hold(self, account):
        return Held(account)

    def run(self, account, command):
        """Likewise; without a terminal nobody is told anything."""
        return "", sh(account, command)

    def refusal(self, account):
        result = sh(account, "echo ran")
        if result.rc == 0 and result.out == "ran\n":
            return ""
        # Without root's log the user has the reason too.
        return assert_refused(result)["why"].partition(":")[0]


def staying():
    """The hubs and sandboxes of the build under test that there are."""
    found = []
    for pid in all_pids():
        with suppress(OSError):
            program = os.readlink(f"/proc/{pid}/exe")
            if program.startswith(f"{PREFIX}/") and status(pid).get("Name") in STAYING:
                found.append(pid)
    return found


def await_none_staying():
    wait_until(lambda: not staying(), "the end of hub and sandbox")


def namespaces_of(pids):
    """What they stand in and hold open, but for the machine's own."""
    folders = [f"/proc/{pid}/{folder}" for pid in pids for folder in ("ns", "fd")]
    return {link for folder in folders for link in namespace_links(folder)} - set(namespace_links("/proc/self/ns"))


class Traces:
    """What an account's logins have had, to be looked for when they have ended."""

    def __init__(self, account):
        self.account = account
        self.machine = Machine([account])
        self.namespaces = set()

    def note(self):
        """To be called while there is something. Other users of the machine may make namespaces meanwhile.

        A namespace that was there before and has ended may have left its number to one of these.
        """
        own = namespaces_of(pids_of(self.account))
        assert len(own) >= 5
        self.namespaces |= own | namespaces_of(staying())

    def left(self):
        left = self.machine.left()
        left["namespace"] = left.get("namespace", set()) & self.namespaces
        left["staying"] = staying()
        return {kind: things for kind, things in left.items() if things}

    def await_end(self, seconds=20):
        """Nothing is left: no process, mount, file or namespace, and no hub."""
        deadline = time.monotonic() + seconds * PATIENCE
        while self.left():
            assert time.monotonic() < deadline, self.left()
            time.sleep(0.02)


# Programs that a login leaves behind, in the ways that are meant for it. Each prints its id inside.
LEAVE = {
    "background": "sleep 600 & echo $!",
    "nohup": "nohup sleep 600 >/dev/null 2>&1 & echo $!",
    "setsid": "setsid sleep 600 >/dev/null 2>&1 & echo $!",
    "stubborn": "setsid sh -c 'trap \"\" HUP TERM INT; exec sleep 600' >/dev/null 2>&1 & echo $!",
}


def runs(held, pid):
    """Whether the program with that id inside still sleeps."""
    return held.ask(f"cat /proc/{pid}/comm").out == "sleep"


def hub():
    """The host's id of the one hub."""
    (pid,) = [pid for pid in staying() if status(pid).get("Name") == "nsshell-hub"]
    return pid


def outer_process():
    """The host's id of the one shared sandbox's process outside."""
    (pid,) = set(staying()) - {hub(), first_process()}
    return pid


def first_process():
    """The host's id of the PID 1 of the one shared sandbox."""
    (pid,) = [pid for pid in staying() if status(pid).get("NSpid", "").split()[1:] == ["1"]]
    return pid
