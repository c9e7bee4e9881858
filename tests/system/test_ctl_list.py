# SPDX-License-Identifier: MIT
"""nsshellctl list and ps: what is there, whoever asks and whatever users have put in the way."""

import dataclasses
import os
import re
import subprocess
import time

import pytest

from lib_ctl import CTL, FAILED, OK, WARN, checked, ctl, ctl_json
from lib_frame import HeldLogin
from lib_process import as_root, environment, start, wait_until
from lib_sessions import await_sessions, held, ids, only, sessions
from lib_settings import FRAME, LOGIN_SHELL, MARKER, NSSHELL, POLICY
from lib_terminal import Terminal

# Forged folders, in namespaces of a user's own: ID is copied from somebody else's session.
FORGE = """
mount -t tmpfs -o mode=755 none {where} && printf %s "$ID" >{where}/id && ln -s "$ID" {where}/session &&
printf '%s:x:%s:0::/:/bin/sh\\n' nshbob {uid} >{where}/account && echo forged >{where}/hostname &&
mount -o remount,bind,ro {where} && echo ready && exec sleep 60
"""


@pytest.fixture
def both(pam, alice):
    """A session of alice's in each form."""
    with held(alice) as standalone:
        framed = HeldLogin(pam, alice, str(NSSHELL))
        yield standalone, framed
        framed.close()


def test_both_forms(both, alice):
    standalone, framed = both
    before = time.time()
    found = {session["form"]: session for session in sessions()}
    assert set(found) == {"standalone", "framed"}
    for form, place in (("standalone", standalone), ("framed", framed)):
        session = found[form]
        assert session["user"] == alice.name and session["uid"] == alice.uid
        assert session["id"] == place.ask("echo $NSSHELL_SESSION").out
        assert session["hostname"] == place.ask("hostname").out
        assert {place.outer, place.init, place.shell} <= set(session["pids"])
        (shell,) = session["shells"]
        assert (shell["init"], shell["outer"]) == (place.init, place.outer)
        assert os.stat(f"/proc/{place.shell}/ns/mnt").st_ino in session["mount_namespaces"]
        assert os.stat("/proc/self/ns/mnt").st_ino not in session["mount_namespaces"]
        assert before - 60 < session["since"] <= before and session["memory"] > 0
        assert session["policy"]["state"] == "current" and session["limits"] is None
    assert found["framed"]["source"] == found["framed"]["from"] == "192.0.2.7"
    assert found["framed"]["service"] == "nshcheck" and found["framed"]["login_tty"] == "ssh"
    assert found["standalone"]["source"] is None


def test_very_many_groups(alice):
    """What /proc tells of such a process is longer than of others."""
    with held(dataclasses.replace(alice, groups=list(range(4294000000, 4294002000)))) as place:
        assert {place.outer, place.init, place.shell} <= set(only()["pids"])


def test_users_see_their_own(both, alice, bob):
    standalone, framed = both
    with held(bob) as other:
        assert len(sessions()) == 3 and len(sessions(alice.name, str(bob.uid))) == 3
        own = {session["id"]: session for session in sessions(account=alice)}
        assert set(own) == ids(alice.name)
        for place in (standalone, framed):
            (session,) = [one for one in own.values() if place.shell in one["pids"]]
            assert {place.outer, place.init} <= set(session["pids"])
        assert only(account=bob)["user"] == bob.name
        assert sessions(bob.name, account=alice) == []
        theirs = only(bob.name)["id"]
        result = ctl("ps", theirs, account=alice)
        assert result.rc == WARN and "no such session" in result.err and not result.out
        assert only(account=bob)["pids"] and other.ask("true").rc == 0


def test_inside(both):
    """The present one, and no other of the same user."""
    for place in both:
        result = place.ask(f"{CTL} list --json")
        (session,) = checked("list", result.out)["sessions"]
        assert session["id"] == place.ask("echo $NSSHELL_SESSION").out
        assert session["policy"]["state"] == "current"
        assert place.ask(f"{CTL} ps {session['id'][:6]}").rc == OK


def test_other_root(pam, alice, policy, own_root):
    """The frame is not to be seen in the shell's own root; user and root find one session all the same."""
    (own_root / str(MARKER).lstrip("/")).mkdir(parents=True, exist_ok=True)
    policy.user(alice.name, f"[view] root={own_root}")
    framed = HeldLogin(pam, alice, str(NSSHELL))
    assert only()["form"] == only(account=alice)["form"] == "framed"
    assert only()["source"] == only(account=alice)["source"] == "192.0.2.7"
    framed.close()


def test_sftp_only_and_multiplexed(framed_sshd, alice):
    command = [*framed_sshd.client("sftp"), "-b", "-", f"{alice.name}@{framed_sshd.HOST}"]
    with framed_sshd.shared_connection(alice) as options:
        (session,) = await_sessions(1)
        assert session["shells"] == [] and session["from"] == "127.0.0.1"
        assert session["service"] == framed_sshd.service
        shells = [
            subprocess.Popen(framed_sshd.command(alice, "sleep 60", options=options),
                             stdin=subprocess.DEVNULL)
            for _ in range(3)
        ]
        wait_until(lambda: len(only()["shells"]) == 3, "three shells of one session")
        assert only()["id"] == session["id"]
        for shell in shells:
            shell.kill()
            shell.wait()
    # sshd leaves what has no terminal alone when the connection ends.
    assert ctl("kill", alice.name).rc == OK
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    (found,) = await_sessions(1)
    assert found["form"] == "framed"
    process.stdin.close()
    process.wait(timeout=60)
    await_sessions(0)


@pytest.mark.parametrize("where", [FRAME, MARKER], ids=["frame", "session"])
def test_forged(nested_userns, where, alice, bob):
    """bob copies the id of alice's session: hers stays what it is, and what he made is his at most."""
    with held(alice) as hers:
        before = only()
        script = FORGE.format(where=where, uid=alice.uid)
        process = start(
            bob, "-rm", "sh", "-c", script, program="/usr/bin/unshare", stdout=subprocess.PIPE,
            env=environment(bob, ID=before["id"]),
        )
        assert process.stdout.readline() == b"ready\n"
        found = sessions()
        (kept,) = [session for session in found if session["user"] == alice.name]
        assert kept["pids"] == before["pids"] and kept["id"] == before["id"]
        assert kept["hostname"] == before["hostname"]
        others = [session for session in found if session["user"] != alice.name]
        assert len(others) == (where == MARKER)
        assert all(one["uid"] == bob.uid and one["form"] == "standalone" for one in others)
        process.kill()
        process.wait()
        process.stdout.close()
        assert hers.ask("true").rc == 0


def test_forged_inside(nested_userns, pam, alice):
    """What is mounted in namespaces made inside a session hides nothing of it."""
    framed = HeldLogin(pam, alice, str(NSSHELL))
    before = only()
    script = FORGE.format(where=MARKER, uid=alice.uid).replace("exec sleep", "sleep")
    framed.tell(f"ID=0123456789abcdef unshare -rmpf sh -c '{script}' >ready 2>&1 &")
    ready = alice.path("ready")
    wait_until(lambda: ready.exists() and "ready" in ready.read_text(), "the forged folder")
    session = only()
    assert session["id"] == before["id"] and len(session["pids"]) > len(before["pids"])
    assert len(session["shells"]) == 1
    ready.unlink()
    framed.close()


@pytest.mark.parametrize(
    "trap", ["mkfifo {where}/session", "ln -s /etc/passwd {where}/session", "mkdir {where}/session",
             "head -c 100000 /dev/zero >{where}/session", "ln -s g000000000000000 {where}/session",
             "printf %s $ID >{where}/session", "ln -s 0123456789abcdef0 {where}/session"],
)
def test_traps(nested_userns, trap, alice):
    script = FORGE.format(where=MARKER, uid=0).replace(f'ln -s "$ID" {MARKER}/session',
                                                      trap.format(where=MARKER))
    process = start(alice, "-rm", "sh", "-c", script, program="/usr/bin/unshare",
                    stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    assert sessions() == sessions(account=alice) == []
    process.kill()
    process.wait()
    process.stdout.close()


def test_hostile_texts(pam, alice):
    """A source and a terminal that whoever logs in has chosen, and a process's name and arguments."""
    bad = 'x" rhost="6.6.6.6\n\033[31m\u202e'
    framed = HeldLogin(pam, alice, str(NSSHELL), rhost=bad, tty=bad)
    framed.tell("perl -e '$0 = \"a\\033]0;b\\007\\n) S 1 1\"; sleep 60' &")
    session = only()

    def named():
        found = ctl_json("ps", session["id"])["processes"]
        return [process for process in found if "]0;b" in process["command"]]

    found = wait_until(named, "perl")
    assert session["source"].startswith("x' rhost='6.6.6.6?") and "\033" not in session["from"]
    for command in (("list",), ("ps", session["id"])):
        out = ctl(*command).out
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", out), out
    assert "\033" not in found[0]["command"]
    framed.close()


def test_changed(both, policy, alice, bob):
    def states():
        return {session["policy"]["state"] for session in sessions()}

    assert states() == {"current"}
    policy.user(bob.name, "[shell] umask=077")
    assert states() == {"current"}
    policy.user(alice.name, "[shell] umask=077")
    assert states() == {"changed"}
    for session in sessions():
        assert [(file["changed"], file["new"]) for file in session["policy"]["files"]] == [
            (False, False), (False, True)]
    policy.user_path(alice.name).unlink()
    assert states() == {"current"}
    conf = policy.conf_path
    conf.write_text(conf.read_text() + "\n# nothing\n")
    assert states() == {"changed"}
    assert "changed" in ctl("list").out
    conf.write_text("[nonsense]\na = b\n")
    assert states() == {"invalid"}
    assert "nonsense" in sessions()[0]["policy"]["reason"]


def test_inside_as_root(policy, alice):
    """Alone it does not say there whose it is, and root's policy is another one."""
    policy.user(alice.name, "[identity] uid=root")
    with held(alice) as place:
        (session,) = checked("list", place.ask(f"{CTL} list --json").out)["sessions"]
    assert session["policy"]["state"] == "unknown"


def test_inside_where_it_is_hidden(pam, policy, alice):
    """What a login would get is not to be told from there."""
    policy.user(alice.name, f"[view] hide={POLICY}")
    framed = HeldLogin(pam, alice, str(NSSHELL))
    with held(alice) as standalone:
        for place in (standalone, framed):
            (session,) = checked("list", place.ask(f"{CTL} list --json").out)["sessions"]
            assert session["policy"]["state"] == "unknown"
    framed.close()


def test_unreadable(both, policy, alice):
    """What the module would make of a policy that the user may not read is not known to that user."""
    policy.user(alice.name, "").chmod(0o600)
    assert {session["form"]: session["policy"]["state"] for session in sessions(account=alice)} == {
        "framed": "unknown", "standalone": "invalid"}


def test_changed_by_source(pam, policy, alice):
    """A file that is for logins from elsewhere is none for this one."""
    framed = HeldLogin(pam, alice, str(NSSHELL))
    policy.match("10-here.conf", "[match] source=192.0.2.0/28\n[shell] umask=077")
    assert only()["policy"]["state"] == "changed"
    policy.match("10-here.conf", "[match] source=198.51.100.0/24\n[shell] umask=077")
    assert only()["policy"]["state"] == "current"
    framed.close()


def test_on_a_terminal(pam, alice):
    """80 columns, and no line is longer."""
    with Terminal(alice, [LOGIN_SHELL]) as terminal:
        terminal.at_prompt()
        assert only()["tty"] == terminal.device.removeprefix("/dev/")
        with Terminal(None, [str(CTL), "list"]) as shown:
            assert shown.finish() == OK
            lines = re.sub(r"\033\[\d+m", "", shown.before).replace("\r", "").split("\n")
            assert any(alice.name in line for line in lines)
            assert all(len(line) <= 80 for line in lines), lines


def test_ps(both):
    _, framed = both
    (session,) = [one for one in sessions() if one["form"] == "framed"]
    framed.tell("sleep 300 &")

    def sleeps():
        tree = ctl_json("ps", session["id"])["processes"]
        return tree if "sleep 300" in [process["command"] for process in tree] else None

    tree = wait_until(sleeps, "sleep")
    by_pid = {process["pid"]: process for process in tree}
    assert by_pid[framed.init]["inside"] == 1
    depths = [by_pid[pid]["depth"] for pid in (framed.outer, framed.init, framed.shell)]
    assert depths == list(range(depths[0], depths[0] + 3))
    (sleep,) = [process for process in tree if process["command"] == "sleep 300"]
    assert sleep["parent"] == framed.shell and sleep["inside"] > 1
    assert ctl("ps", "").rc == WARN and ctl("ps", "zz").rc == WARN
    assert ctl("ps").rc == FAILED
    first = os.path.commonprefix([one["id"] for one in sessions()])
    if first:
        assert ctl("ps", first).rc == FAILED


def test_with_few_open_files(alice):
    """Where there are more namespaces than can be held open no session is left out for that."""
    others = [subprocess.Popen(["unshare", "-m", "sleep", "600"]) for _ in range(120)]
    wait_until(lambda: len({os.readlink(f"/proc/{one.pid}/ns/mnt") for one in others}) == 120, "the namespaces")
    with held(alice):
        result = as_root("prlimit", "--nofile=100:100", str(CTL), "list", "--json")
        (found,) = checked("list", result.out)["sessions"]
        assert (found["id"], found["pids"]) == (only()["id"], only()["pids"])
    result = as_root("prlimit", "--nofile=60:60", str(CTL), "list")
    assert result.rc == FAILED and "Too many open files" in result.err
    for one in others:
        one.kill()
        one.wait()


def test_hundreds_that_come_and_go(alice, bob):
    """300 that stay, and others that begin and end all the time: those that stay are always found."""
    many = [
        start(alice, "-c", "exec sleep 300", stdout=subprocess.DEVNULL) for _ in range(300)
    ]
    loop = f"while :; do for i in 0 1 2 3; do {LOGIN_SHELL} -c \"sleep 0.$i\" & done; wait; done"
    wait_until(lambda: len(ids(alice.name)) == 300, "300 sessions", 50)
    churn = start(bob, "-c", loop, program="/bin/sh", cwd="/", stderr=subprocess.DEVNULL)
    stays = ids(alice.name)
    seen = set()
    for _ in range(12):
        found = sessions()
        assert {one["id"] for one in found if one["uid"] == alice.uid} == stays
        for session in found:
            assert session["user"] in (alice.name, bob.name) and session["hostname"]
            assert session["policy"]["state"] == "current"
        seen |= {one["id"] for one in found if one["uid"] == bob.uid}
    assert seen, "none of those that come and go was there"
    churn.kill()
    churn.wait()
    assert len(ctl("list").out.splitlines()) >= 301
    script = f"trap - PIPE; {CTL} list | head -n 1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("ID") and not done.stderr
    for process in many:
        process.kill()
    for process in many:
        process.wait()
