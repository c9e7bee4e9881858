# SPDX-License-Identifier: MIT
"""nsshellctl status and top."""

import re

import pytest

from lib_ctl import CTL, FAILED, OK, WARN, checked, ctl
from lib_frame import HeldLogin
from lib_process import wait_until
from lib_sessions import held, only
from lib_settings import NSSHELL
from lib_terminal import Terminal


def status_of(place):
    result = place.ask(f"{CTL} status --json")
    assert result.rc == OK, result
    return checked("status", result.out)


def words(status, area):
    return " / ".join(line["text"] for line in status["confined"] if line["area"] == area)


def test_outside(alice):
    for account in (None, alice):
        result = ctl("status", account=account)
        assert result.rc == WARN and "not in a session" in result.out
        result = ctl("status", "--json", account=account)
        assert result.rc == WARN and checked("status", result.out) == {"inside": False}


def test_inside(session, alice):
    place = session.hold(alice)
    status = status_of(place)
    assert status["id"] == place.ask("echo $NSSHELL_SESSION").out == only()["id"]
    assert status["hostname"] == place.ask("hostname").out and status["user"] == alice.name
    assert status["form"] == only()["form"]
    assert abs(status["since"] - only()["since"]) < 5
    assert status["contact"] == "the administrator of the machine"
    assert "own" in words(status, "files") and words(status, "network") == "the machine's"
    assert status["limits"]["rlimits"]["nofile"] == int(place.ask("ulimit -n").out)
    used = status["limits"]["tmp"]["used"]
    place.ask("head -c 1000000 /dev/zero >/tmp/much")
    assert status_of(place)["limits"]["tmp"]["used"] >= used + 1000000
    text = place.ask(f"{CTL} status").out
    assert re.search(r"^  ask +the administrator", text, re.MULTILINE) and status["id"] in text
    place.close()


def test_policy_in_words(policy, alice):
    policy.user(alice.name, "[session] contact=help desk, room 5 <help@example.org>\n[network] mode=none\n"
                "[view] hide=/opt/nothing-there-,-/srv/x\n".replace("/opt/nothing-there-,", "")
                + "[security] seccomp=strict\n[limits] nofile=100")
    with held(alice) as place:
        status = status_of(place)
        assert status["contact"] == "help desk, room 5 <help@example.org>"
        assert words(status, "network").startswith("none")
        assert "hidden: -/srv/x" in words(status, "files")
        assert "list" in words(status, "system calls")
        assert "open files of a process: at most 100" in words(status, "limits")
        assert status["limits"]["rlimits"]["nofile"] == 100


def test_contact_is_a_text(policy, alice, inside):
    policy.conf("[session]\ncontact = " + "x" * 257)
    assert "session.contact" in ctl("list").err or inside("true").rc == 125
    policy.conf("[session]\ncontact = " + "x" * 256)
    assert inside("true").rc == 0


@pytest.mark.parametrize("work, interval", [
    (":", 1),
    # One after another, each of them over long before it is looked again.
    ("sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done'", 4),
], ids=["one program", "many programs"])
def test_top(pam, alice, bob, work, interval):
    place = HeldLogin(pam, alice, str(NSSHELL))
    with held(bob):
        alice.write("work", f"while :; do {work}; done")
        place.tell("timeout 60 sh ~/work &")
        wait_until(lambda: "timeout 60" in ctl("ps", only(alice.name)["id"]).out, "the one that works")
        out = ctl("top", "-i", str(interval), "-n", "2").out
        blocks = out.strip().split("\n\n")
        assert len(blocks) == 2 and all("2 sessions" in block for block in blocks), out
        first = blocks[1].splitlines()[2].split()
        # The other does nothing. How much this one gets depends on what else runs.
        assert first[1] == alice.name and float(first[2]) > 3, out
        assert bob.name in out
        mine = ctl("top", "-n", "1", account=bob).out
        assert alice.name not in mine and "1 session\n" in mine
    assert ctl("top", "-i", "0").rc == FAILED and ctl("top", "-n", "0").rc == FAILED
    place.close()


def test_top_on_a_terminal(alice):
    with held(alice):
        for key in ("q", "\x03"):
            with Terminal(None, ["/bin/sh", "-c", f"trap : INT; stty -g; {CTL} top; echo rc $?; stty -g"]) as shown:
                shown.expect(alice.name)
                before = shown.before.split()[0]
                shown.send(key)
                assert shown.finish() == 0
                assert before in shown.before and "rc 0" in shown.before
                assert "\033[?1049l" in shown.before


def test_top_says_what_is_wrong_when_the_screen_is_left():
    with Terminal(None, ["prlimit", "--nofile=20", str(CTL), "top"]) as shown:
        assert shown.finish() == FAILED
        assert "nsshellctl: " in shown.before.rpartition("\033[?1049l")[2]
