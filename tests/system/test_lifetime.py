"""Sandboxes that all of a user's logins share: [session] lifetime, stale, max_sessions.

Issue 7, with real clients; design.md, "Lifetimes" and promises 1, 5, 6 and 7.
"""

import contextlib
import inspect
import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

import test_faithful
import test_jobcontrol
import test_ssh
from lib_forward import Connection, connected, sftp
from lib_frame import HeldLogin
from lib_left import Machine
from lib_lifetime import (
    JOINS_STALE, NEW_BESIDE, SESSIONS, STALE, Framed, Standalone, await_end, id_of, over_ssh, over_su, staying,
    where,
)
from lib_process import Held, HeldProgram, as_root, children, sh, status, wait_until
from lib_services import Place, open_to_all
from lib_settings import FRAME, LOGIN_SHELL, NSSHELL
from lib_sshd import WITH_MODULE, Sshd, free_port
from lib_terminal import Terminal

XTERM = {**os.environ, "TERM": "xterm"}


@pytest.fixture(scope="module")
def server(accounts, installed_policy, syslog):
    """A framed sshd with both kinds of sftp."""
    started = Sshd(accounts, "-lifetime", WITH_MODULE, "Subsystem internal internal-sftp\n")
    yield started
    started.close()


@pytest.fixture(scope="module")
def place(accounts, installed_policy):
    """Where su and login have the module, and su asks for no password."""
    made = Place("lifetime")
    open_to_all(made, "su", "su-l")
    yield made
    made.remove()


@pytest.fixture(autouse=True)
def all_has_ended(syslog):
    """Every test begins and ends without a sandbox that somebody shares."""
    wait_until(lambda: not staying(), "the end of earlier sandboxes")
    begin = len(syslog.lines)
    yield
    print("\n".join(l for l in syslog.lines[begin:] if 1), file=open("/root/scratch/h2.log","a"))


@pytest.fixture
def lifetime(policy, request):
    """lifetime("user", "more=lines"): what the policy says of sessions."""

    def set_to(value, *more, rest=""):
        lines = "\n".join(("[match] user=*", "[session]", f"lifetime={value}", *more, rest))
        policy.match("50-lifetime.conf", lines)

    return set_to


@pytest.fixture(params=["framed", "standalone"])
def form(request, pam):
    """Logins with PAM, and of nsshell alone."""
    return Framed(pam) if request.param == "framed" else Standalone()


@pytest.fixture
def machine(alice):
    """What there is before the test."""
    return Machine([alice])


# One sandbox


@pytest.mark.parametrize("network", ["host", "none"])
def test_one_sandbox(server, place, lifetime, alice, network):
    """"All of a user's logins, over SSH, su or login, stand in one sandbox: the same processes, /tmp, host name and
    network." Also the same System V and POSIX objects."""
    lifetime("user", rest=f"[network] mode={network}")
    with over_ssh(server, alice) as one, over_ssh(server, alice) as two, over_su(place, alice) as three:
        one.ask("echo text > /tmp/shared; echo text > /dev/shm/shared; ipcmk -Q; sleep 4711 &")
        for other in (two, three):
            assert where(other) == where(one)
            assert other.ask("cat /tmp/shared /dev/shm/shared").out == "text\ntext"
            assert other.ask("pgrep -f 'sleep 471[1]'").rc == 0
            assert other.ask("ipcs -q").out == one.ask("ipcs -q").out
        with place.terminal("login", "-f", alice.name) as t:
            t.ready()
            t.await_output("echo in-$NSSHELL_SESSION", f"in-{id_of(one)}\r\n")
            t.await_output("cat /tmp/shared", "text\r\n")
            t.sendline("exit")
            t.finish()


def test_one_sandbox_standalone(lifetime, alice, machine):
    """"Standalone (without PAM) has the same lifetimes as far as an unprivileged process can keep them." """
    lifetime("user", rest="[network] mode=none")
    with Held(alice) as one, Held(alice) as two:
        assert where(one) == where(two)
        one.ask("echo text > /tmp/shared")
        assert two.ask("cat /tmp/shared").out == "text"
    await_end(machine)


def test_users_are_apart(server, lifetime, alice, bob):
    """A sandbox is one user's."""
    lifetime("user")
    with over_ssh(server, alice) as one, over_ssh(server, bob) as other:
        one.ask("umask 0; echo text > /tmp/shared")
        assert not set(where(one)[:4]) & set(where(other)[:4])
        assert other.ask("ls -A /tmp").out == ""
        assert set(other.ask("ps -e -o user=").out.split()) == {bob.name}


def test_session_is_as_before(form, lifetime, alice):
    """"`session` as before": each login has its own."""
    lifetime("session")
    with form.hold(alice) as one, form.hold(alice) as two:
        assert not set(where(one)[1:4]) & set(where(two)[1:4])
        assert not staying()
