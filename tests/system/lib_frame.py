# SPDX-License-Identifier: MIT
"""PAM sessions held open to look at, and frames that root has made up."""

import os
from contextlib import contextmanager

from lib_process import HeldProgram, as_root, children, namespaces, start, wait_until
from lib_settings import FRAME, NSSHELL, RUN


class HeldLogin(HeldProgram):
    """A PAM session in which a program of the user's reads commands from its stdin: by default the
    frame without nsshell."""

    def __init__(self, pam, account, *argv, prefix=(), **how):
        argv = argv or ("/bin/sh",)
        super().__init__(
            account, [*prefix, *pam.command(account.name, *argv, **how)], cwd="/",
            env={"PATH": os.environ["PATH"], "HOME": account.home},
        )

    @property
    def outer(self):
        """The host's id of the user's program: nsshell's outer process, or the shell."""
        (user,) = children(self.process.pid)
        return user

    def enter(self, *argv, **how):
        """Runs a program of root's in the frame."""
        return as_root("nsenter", "-t", str(self.outer), "-m", *argv, **how)


def as_user(account, *argv):
    """The command line with which root runs a program as the user, with nothing of root's left."""
    groups = ",".join(map(str, account.groups))
    return [
        "env", "-i", "PATH=/usr/bin:/bin", "setpriv", f"--reuid={account.uid}",
        f"--regid={account.gid}", f"--groups={groups}", *argv,
    ]


@contextmanager
def user_namespace(account, *command):
    """A user namespace of the user's own making, with the user's ids mapped by root. Yields the id
    of a process in it. command: what else unshare is to do before it sleeps."""
    process = start(account, *command, "sleep", "600", program="/usr/bin/unshare", cwd="/")
    try:
        wait_until(lambda: name_of(process.pid) == "sleep", "unshare")
        yield process.pid
    finally:
        process.kill()
        process.wait()


def name_of(pid):
    with open(f"/proc/{pid}/comm", encoding="ascii") as file:
        return file.read().strip()


def map_ids(pid, account):
    for name, text in (
        ("setgroups", "deny"), ("uid_map", f"{account.uid} {account.uid} 1"),
        ("gid_map", f"{account.gid} {account.gid} 1"),
    ):
        with open(f"/proc/{pid}/{name}", "w", encoding="ascii") as file:
            file.write(text)


class FakeFrame:
    """Frames that root builds step by step, in a mount namespace that ends with the command."""

    STEPS = {
        "mount": "mount -t tmpfs -o mode=755 none $F",
        "policy": "cp $GOOD/policy $F/",
        "account": "cp $GOOD/account $F/",
        "id": "cp $GOOD/id $F/",
        "user": "touch $F/user; mount --bind /proc/$HOLDER/ns/user $F/user",
        "seal": "mount -o remount,ro $F",
    }

    def __init__(self, pam, alice, bob):
        self.alice, self.bob = alice, bob
        self.good = RUN / "good-frame"
        self.good.mkdir()
        copy = f"for file in policy account id; do cat {FRAME}/$file; printf '\\001'; done"
        texts = pam.login(alice.name, "/bin/sh", "-c", copy).result.out.split("\1")
        for name, text in zip(("policy", "account", "id"), texts):
            (self.good / name).write_text(text)

    def run(self, changes, account=None, **variables):
        """Runs nsshell in a frame with other steps. HOLDER=PID is who has the namespaces."""
        steps = {**self.STEPS, **changes}
        account = account or self.alice
        values = {"F": FRAME, "GOOD": self.good, "OWN": account.uid, "BOB": self.bob.uid}
        settings = "".join(f"{name}={value}\n" for name, value in {**values, **variables}.items())
        script = f"set -e\numask 022\n{settings}" + "\n".join(steps.values()) + '\nexec "$@"\n'
        command = as_user(account, str(NSSHELL), "-c", "echo ran")
        # On one processor, because the kernel numbers namespaces for each.
        processor = str(min(os.sched_getaffinity(0)))
        own = ["taskset", "-c", processor, "unshare", "-m", "--propagation", "private"]
        return as_root(*own, "sh", "-c", script, "-", *command, cwd="/")


def inode(pid, name):
    return int(namespaces(pid)[name].partition("[")[2].rstrip("]"))
