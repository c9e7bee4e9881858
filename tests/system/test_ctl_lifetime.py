# SPDX-License-Identifier: MIT
"""nsshellctl on shared and lingering sandboxes (issue 7): list, ps, status, kill and enter."""

import os
import re
import subprocess
import time
from contextlib import contextmanager

import pytest

from lib_ctl import CTL, OK, checked, ctl, ctl_json
from lib_frame import HeldLogin
from lib_process import (
    Held, HeldProgram, alive, alive_pids_of, children, status as status_of, wait_until,
)
from lib_sessions import await_sessions, only, sessions
from lib_settings import NSSHELL, PREFIX

JOB = "setsid sleep 300 </dev/null >/dev/null 2>&1 &"


def lifetime(policy, account, kind, more=""):
    policy.user(account.name, f"[session]\nlifetime={kind}\n{more}")


class Login(HeldProgram):
    """A login over ssh whose shell reads commands."""

    def __init__(self, server, account):
        super().__init__(account, server.command(account))


@contextmanager
def logins(server, account, count=2):
    made = []
    try:
        for _ in range(count):
            made.append(Login(server, account))
        yield made
    finally:
        for login in made:
            login.__exit__()


def held_in(form, pam, account):
    return Held(account) if form == "standalone" else HeldLogin(pam, account, str(NSSHELL))


def program_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/exe")
    except OSError:
        return ""


def hubs():
    """All hubs of the build under test; they hold the namespaces of sandboxes."""
    return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc")))
            if status_of(pid).get("Name") == "nsshell-hub" and alive(pid)
            and program_of(pid).startswith(f"{PREFIX}/")]


def await_nothing(account):
    """The user's processes end before those who wait for them."""
    wait_until(lambda: not hubs() and not alive_pids_of(account), "the end of the hub")


def row_of(session):
    """The line of the table, as words by their titles' places."""
    title, *lines = ctl("list").out.splitlines()
    (line,) = [line for line in lines if line.startswith(session["id"])]
    names = re.findall(r"HOST NAME|\S+", title)
    starts = [title.index(name) for name in names] + [None]
    return {name: line[start:end].strip()
            for name, start, end in zip(names, starts, starts[1:])}


def count_is(count, **how):
    return wait_until(lambda: only(**how)["login_count"] == count and only(**how),
                      f"{count} logins")


def status_in(place):
    result = place.ask(f"{CTL} status --json")
    assert result.rc == OK, result
    return checked("status", result.out)["lifetime"]


def leave_job(place):
    """Starts what outlives the login, which then ends."""
    place.ask(f"{JOB} until grep -q sleep /proc/$!/comm; do sleep 0.02; done")
    place.close()


def kill(*words, **how):
    begin = time.monotonic()
    result = ctl("kill", *words, **how)
    assert result.rc == OK and not result.err, result
    return time.monotonic() - begin


def kill_gently(which):
    """It ends before its time is over, and so without SIGKILL."""
    assert kill(which, "--timeout", "25") < 25


def assert_killed(account):
    """A process that is about to end stands in no session any more."""
    assert sessions() == []
    wait_until(lambda: not alive_pids_of(account), "the end of the user's processes")


def test_one_session_of_several_logins(framed_sshd, policy, alice):
    """"all of a user's logins ... stand in one sandbox", and "nsshellctl list is never wrong"."""
    lifetime(policy, alice, "user")
    with logins(framed_sshd, alice) as (first, second):
        session = count_is(2)
        assert session["lifetime"] == "user" and session["ends"] is None
        assert session["from"] == session["source"] == "127.0.0.1"
        for login in session["logins"]:
            assert login["source"] == "127.0.0.1" and login["service"] == framed_sshd.service
            assert not login["stale"] and login["ends"] is None
            assert login["process"] in session["pids"] and abs(login["since"] - time.time()) < 120
        assert session["logins"][0]["since"] < session["logins"][1]["since"]
        (shell,) = session["shells"]
        assert shell["shared"] and len(shell["joined"]) == 2
        assert children(shell["outer"]) == [shell["init"]]
        for joined, login in zip(shell["joined"], session["logins"]):
            assert children(joined["outer"]) == [joined["inner"]]
            assert alive(login["process"])
            assert {joined["inner"], joined["outer"], *children(joined["inner"])} <= set(session["pids"])
        assert row_of(session)["LOGINS"] == "2" and row_of(session)["FROM"] == "127.0.0.1"
        assert first.ask("echo $NSSHELL_SESSION").out == session["id"]
        tree = {process["pid"]: process for process in ctl_json("ps", session["id"])["processes"]}
        assert tree[shell["init"]]["inside"] == 1 and len(tree) == len(session["pids"])
        first.close()
        assert count_is(1)["id"] == session["id"]
        assert second.ask("true").rc == OK
    await_sessions(0)


def test_logins_without_a_shell(framed_sshd, policy, alice):
    """sftp and forwarding of every connection are in the frame; they are logins of the same session."""
    lifetime(policy, alice, "user")
    with logins(framed_sshd, alice, 1), framed_sshd.shared_connection(alice):
        session = count_is(2)
        assert len(session["shells"][0]["joined"]) == 1
    await_sessions(0)


def test_lingering(framed_sshd, policy, alice):
    """"it stays when the last login leaves ... until linger_max has passed", and is seen while it does."""
    lifetime(policy, alice, "linger", "linger_max=1h")
    login = Login(framed_sshd, alice)
    before = count_is(1)
    assert before["ends"] is None and before["lifetime"] == "linger"
    leave_job(login)
    session = count_is(0)
    assert session["id"] == before["id"] and session["logins"] == []
    assert session["from"] is None and session["tty"] is None
    assert 3500 < session["ends"] <= 3600
    (shell,) = session["shells"]
    assert shell["shared"] and shell["joined"] == []
    row = row_of(session)
    assert row["LOGINS"] == "0" and row["FROM"] == "-"
    # Who does not say in time what it executes is shown without.
    wait_until(
        lambda: "sleep 300" in [process["command"] for process in ctl_json("ps", session["id"])["processes"]], "the job"
    )
    assert ctl("top", "-n", "1").out.startswith("1 session\n")
    with logins(framed_sshd, alice, 1) as (back,):
        assert count_is(1)["id"] == before["id"] and only()["ends"] is None
        assert "sleep 300" in back.ask("ps ax").out
    count_is(0)
    kill_gently(session["id"][:8])
    assert_killed(alice)
    await_nothing(alice)


@pytest.mark.parametrize("kind", ["user", "linger"])
def test_kill_ends_all_of_it(framed_sshd, policy, alice, kind):
    """"until nsshellctl kill": all logins end, what lingers ends, and nothing is left."""
    lifetime(policy, alice, kind)
    server = framed_sshd.process.pid
    with logins(framed_sshd, alice, 3) as made:
        made[0].ask(JOB)
        session = count_is(3)
        kill_gently(alice.name)
        assert_killed(alice)
        wait_until(lambda: not any(alive(login["process"]) for login in session["logins"]), "the end of sshd's processes")
        for login in made:
            assert login.process.wait(timeout=30) != 0
    assert alive(server)
    await_nothing(alice)
    with logins(framed_sshd, alice, 1):
        assert only()["id"] != session["id"]
    await_sessions(0)


def test_kill_what_does_not_want_to_end(framed_sshd, policy, alice):
    lifetime(policy, alice, "linger")
    with logins(framed_sshd, alice) as (first, second):
        first.ask("(trap '' HUP TERM INT; >/tmp/one; while :; do sleep 1; done) </dev/null >/dev/null 2>&1 &")
        second.tell("trap '' HUP TERM; >/tmp/two; while :; do sleep 1; done")
        wait_until(lambda: first.ask("ls /tmp/one /tmp/two").rc == 0, "the traps")
        session = count_is(2)
        assert 0.9 < kill(session["id"], "--timeout", "1") < 25
        assert_killed(alice)
    await_nothing(alice)


def test_joined_stale(framed_sshd, policy, alice):
    """"the next login is told which of the two it gets, nsshellctl list shows it": stale = join."""
    lifetime(policy, alice, "user", "stale=join")
    with logins(framed_sshd, alice, 1):
        session = count_is(1)
        lifetime(policy, alice, "user", "stale=join\n[shell] umask=077")
        with logins(framed_sshd, alice, 1):
            session = count_is(2)
            assert [login["stale"] for login in session["logins"]] == [False, True]
            assert session["policy"]["state"] == "changed" and session["lifetime"] == "user"
            row = row_of(session)
            assert row["LOGINS"] == "2, 1 stale" and row["POLICY"] == "changed"
    await_sessions(0)


def test_new_beside_stale(framed_sshd, policy, alice):
    """Likewise stale = new: two sandboxes, of which the newer takes the logins."""
    lifetime(policy, alice, "user")
    with logins(framed_sshd, alice, 1):
        old = count_is(1)["id"]
        lifetime(policy, alice, "user", "[shell] umask=077")
        with logins(framed_sshd, alice):
            await_sessions(2)
            found = {one["id"] == old: one for one in sessions()}
            assert [login["stale"] for one in found.values() for login in one["logins"]] == [False] * 3
            assert found[True]["open"] is True and found[False]["open"] is True
            assert found[True]["policy"]["state"] == "changed"
            assert found[False]["policy"]["state"] == "current"
            assert row_of(found[True])["LOGINS"] == "1" and row_of(found[False])["LOGINS"] == "2"
            kill_gently(old)
            assert only()["id"] == found[False]["id"] and only()["login_count"] == 2
    await_sessions(0)


def test_own_sessions_that_are_counted(framed_sshd, policy, alice):
    """max_sessions with lifetime = session: the hub counts, and each login has a session of its own."""
    policy.user(alice.name, "[session] max_sessions=2\nruntime_max=2h")
    with logins(framed_sshd, alice):
        for session in await_sessions(2):
            assert session["lifetime"] == "session" and session["login_count"] == 1
            (login,) = session["logins"]
            assert login["process"] in session["pids"]
            (shell,) = session["shells"]
            assert not shell["shared"] and shell["joined"] == []
            assert 7000 < session["ends"] <= 7200
    await_sessions(0)


def test_own_sessions(framed_sshd, alice):
    """Nobody counts them, and each is one login."""
    with logins(framed_sshd, alice, 1):
        session = only()
        assert session["lifetime"] == "session" and session["login_count"] == 1
        assert session["logins"] is None and session["open"] is None and session["ends"] is None
        assert only(account=alice)["login_count"] == 1


@pytest.mark.parametrize("form", ["standalone", "framed"])
def test_users_see_and_end_their_own(form, pam, policy, alice, bob):
    """Of a shared sandbox too: PID 1, which nobody may look at, is nobody's parent in it."""
    lifetime(policy, alice, "linger")
    places = [held_in(form, pam, alice) for _ in range(2)]
    mine, roots = only(account=alice), only()
    assert mine["id"] == roots["id"] and mine["form"] == roots["form"] == form
    (shell,) = mine["shells"]
    assert shell["shared"] and shell["init"] == roots["shells"][0]["init"]
    assert shell["joined"] == roots["shells"][0]["joined"]
    assert [one["outer"] for one in shell["joined"]] == [place.outer for place in places]
    assert mine["login_count"] == (2 if form == "standalone" else None)
    assert roots["login_count"] == 2
    assert sessions(account=bob) == []
    places[0].close()
    leave_job(places[1])
    count_is(0)
    assert only(account=alice)["login_count"] == (0 if form == "standalone" else None)
    kill(alice.name, account=alice)
    # Who waits for PID 1 is root's to see alone.
    await_sessions(0)
    await_nothing(alice)


@pytest.mark.parametrize("form", ["standalone", "framed"])
def test_status(form, pam, policy, alice):
    """"nsshellctl status shows what is left"."""
    lifetime(policy, alice, "linger", "linger_max=3d\nruntime_max=2h\nidle_max=1h")
    first = held_in(form, pam, alice)
    found = status_in(first)
    assert found["kind"] == "linger" and found["shells"] == 1
    assert found["logins"] == (1 if form == "standalone" else None)
    assert found["runtime"]["max"] == 7200 and 7000 < found["runtime"]["left"] <= 7200
    assert found["idle"] == {"max": 3600, "left": None}, "there is no terminal"
    assert found["linger"] == {"max": 259200, "left": None}
    second = held_in(form, pam, alice)
    assert status_in(first)["shells"] == 2
    text = second.ask(f"{CTL} status").out
    assert re.search(r"^  logins +2", text, re.MULTILINE)
    assert re.search(r"^  runtime +at most 2h00m, 1h5\dm left$", text, re.MULTILINE)
    assert re.search(r"^  linger +at most 3d00h without a login$", text, re.MULTILINE)
    second.close()
    first.close()
    await_sessions(0)


def test_status_of_an_own_session(session, policy, alice):
    policy.user(alice.name, "[session] idle_max=30m")
    place = session.hold(alice)
    assert status_in(place) == {"kind": "session", "logins": 1, "shells": None, "runtime": None,
                                "idle": {"max": 1800, "left": None}, "linger": None}
    assert "with its shell" in place.ask(f"{CTL} status").out
    place.close()


def test_status_on_a_terminal(framed_sshd, policy, alice):
    """Whoever types has just done so."""
    lifetime(policy, alice, "user", "idle_max=1h")
    done = subprocess.run(
        framed_sshd.command(alice, f"read line; {CTL} status --json", options=("-tt",)),
        input="hello\n", capture_output=True, text=True, timeout=60, check=True,
    )
    found = checked("status", done.stdout[done.stdout.index("{"):])["lifetime"]
    assert found["idle"]["max"] == 3600 and 3500 < found["idle"]["left"] <= 3600
    await_sessions(0)


def test_end_by_runtime(framed_sshd, policy, alice):
    """What is left of runtime_max is told outside too, from when the shared sandbox was made."""
    lifetime(policy, alice, "user", "runtime_max=2h")
    with logins(framed_sshd, alice, 1):
        first = only()["ends"]
        assert 7000 < first <= 7200
        with logins(framed_sshd, alice, 1):
            assert count_is(2)["ends"] <= first
    await_sessions(0)


@pytest.mark.parametrize("form", ["standalone", "framed"])
def test_enter(form, pam, policy, alice):
    """A command in a shared sandbox sees what is in it, and is no login."""
    lifetime(policy, alice, "linger")
    leave_job(held_in(form, pam, alice))
    session = count_is(0)
    result = ctl("enter", session["id"], "ps", "-eo", "args")
    assert result.rc == OK and "sleep 300" in result.out
    assert ctl("enter", session["id"], "sh", "-c", "exit 7").rc == 7
    with HeldProgram(alice, [str(CTL), "enter", session["id"], "sh"]) as entered:
        assert entered.ask("hostname").out == session["hostname"]
        assert only()["login_count"] == 0 and only()["shells"][0]["joined"] == []
        kill_gently(alice.name)
    await_nothing(alice)
