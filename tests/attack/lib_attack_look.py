# SPDX-License-Identifier: MIT
"""Sessions whose shell is tests/tools/look.c, compared with the session that was asked for.

The policy has something in every key that is easily lost: a file that is hidden, one that is read-only,
one that is shown elsewhere, a file of match.d for a group, one for the user. What look sees is put into
Facts; a session is as asked when its Facts are those of a good login.
"""

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from lib_faults import normal_mount
from lib_process import environment, host_namespaces, run
from lib_settings import NSSHELL, RUN, SRV

SOURCE = Path(__file__).resolve().parents[1] / "tools/look.c"
PROGRAM = RUN / "look"
TOP = SRV / "look"
LOOKED = 7

STATUS = ("Uid", "Gid", "Groups", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")


@dataclass(frozen=True)
class Facts:
    """What look saw, without what differs from session to session."""

    namespaces: tuple  # of each kind whether it is the machine's
    status: tuple
    mounts: tuple
    maps: str
    hostname: str
    folders: tuple
    opened: tuple
    umask: str

    def differences(self, other):
        """Names and both values of what is not the same."""
        return {
            name: (value, getattr(other, name))
            for name, value in vars(self).items() if value != getattr(other, name)
        }


def facts_of(text):
    """text: what look printed, all of it."""
    lines = text.splitlines()
    assert lines and lines[-1] == "looked", text[-500:]
    links = [line[3:] for line in lines if line.startswith("ns ")]
    host = set(host_namespaces())
    status = dict(re.findall(r"(?m)^(\w+):\t?(.*)$", part(lines, "file /proc/self/status")))
    mounts = part(lines, "file /proc/self/mountinfo").splitlines()
    return Facts(
        namespaces=tuple((link.partition(":")[0], link in host) for link in links),
        status=tuple((name, status.get(name)) for name in STATUS),
        mounts=tuple(map(normal_mount, mounts)),
        maps=part(lines, "file /proc/self/uid_map") + part(lines, "file /proc/self/gid_map"),
        hostname=part(lines, "file /proc/sys/kernel/hostname"),
        folders=tuple(names_in(lines, folder) for folder in ("/home", "/tmp", "/dev", "/proc")),
        opened=tuple(line for line in lines if line.startswith("open ")),
        umask=lines[-2],
    )


def part(lines, head):
    """What stands between a head and its end; "" where the file could not be opened."""
    if head not in lines:
        return ""
    begin = lines.index(head) + 1
    return "\n".join(lines[begin:lines.index("end", begin)])


def names_in(lines, folder):
    """Sorted; of /proc only the numbers."""
    names = part(lines, f"folder {folder} ").splitlines()
    if folder == "/proc":
        names = [name for name in names if name.isdigit()]
    return tuple(sorted(names))


def numbers_of(text):
    """The session's namespaces by kind, with their numbers."""
    return dict(re.findall(r"(?m)^ns (\w+):\[(\d+)\]$", text))


class Lookers:
    """The program and the policy that it is the shell of."""

    PATHS = "/tmp/nsh-outside /home/nshbob/secret {top}/hidden {top}/fixed {top}/shown {top}/free"

    def __init__(self, policy, account):
        self.account = account
        self.paths = self.PATHS.format(top=TOP)
        subprocess.run(
            ["gcc", "-static", "-O1", "-D_GNU_SOURCE", "-o", str(PROGRAM), str(SOURCE)], check=True
        )
        TOP.mkdir()
        for name in ("hidden", "fixed", "shown", "free"):
            (TOP / name).write_text(f"{name}\n")
            (TOP / name).chmod(0o666)
        policy.conf(
            f"[shell]\nprogram={PROGRAM}\n[view]\nhide={TOP}/hidden\nread_only={TOP}/fixed\n"
            f"bind={TOP}/fixed:{TOP}/shown:ro\n[policy]\nlocked=shell.program\n"
        )
        policy.match("50-team.conf", "[match]\ngroup=nshteam\n[shell]\numask=027\n")
        policy.user(account.name, "[session]\nhostname=looked-%u\n")

    def remove(self):
        shutil.rmtree(TOP)
        PROGRAM.unlink()

    def outside(self, **how):
        """The Facts of somebody who is not confined."""
        result = run(self.account, "-c", self.paths, program=str(PROGRAM), **how)
        assert result.rc == LOOKED, result
        return facts_of(result.out)


def is_session(good, result, what=""):
    """A session as asked: True. Nothing that ran: False. Anything else fails."""
    if result.out == "":
        assert result.rc != 0 and result.rc != LOOKED, (what, result)
        return False
    assert result.rc == LOOKED, (what, result)
    differences = good.differences(facts_of(result.out))
    assert not differences, (what, differences)
    return True


class Look:
    """look(): a login with look as its shell. preexec: run in the first process of the login. before: the
    beginning of the user's own command line. words: what look is told besides the paths."""

    def __init__(self, lookers):
        self.lookers, self.account = lookers, lookers.account

    def argv(self, words="", program=str(NSSHELL), before=()):
        return [*before, program, "-c", f"{words} {self.lookers.paths}"]

    def __call__(self, preexec=None, env=None, timeout=30, **how):
        raise NotImplementedError


class StandaloneLook(Look):
    """nsshell by itself."""

    def __call__(self, preexec=None, env=None, timeout=30, **how):
        program, *arguments = self.argv(**how)
        env = environment(self.account, **(env or {}))
        return run(
            self.account, *arguments, program=program, preexec_fn=preexec, env=env, timeout=timeout
        )


class FramedLook(Look):
    """nsshell in a frame: preexec and env are those of pamlogin, as root, and of all that it starts."""

    def __init__(self, lookers, pam):
        super().__init__(lookers)
        self.pam = pam

    def __call__(self, preexec=None, env=None, timeout=30, **how):
        return self.pam.login(
            self.account.name, *self.argv(**how), popen={"cwd": "/", "preexec_fn": preexec},
            env=environment(self.account, **(env or {})), timeout=timeout,
        ).result
