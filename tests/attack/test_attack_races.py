# SPDX-License-Identifier: MIT
"""What changes while a session is made: links, policies, and two thousand others.

CVE-2025-6020 and CVE-2010-3853 (pam_namespace: a user exchanges a part of a path for a link, and root
mounts on what that leads to), CVE-2024-22365 (a fifo in the way of root), CVE-2017-5226 and firejail's
CVE-2022-31214 (somebody makes a session up while another is joined). design.md, promises 1, 2 and 4.
"""

import os
import resource
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from lib_attack_look import LOOKED, PROGRAM, facts_of, is_session, names_in, numbers_of, part
from lib_attack_race import Editor, Exchange
from lib_left import Machine, assert_nothing_left
from lib_process import environment, start
from lib_settings import FRAME, MARKER, NSSHELL, PATIENCE, REFUSED, RUN, SRV
from lib_view import snapshot

LOGINS = 40


def rounds(is_enough):
    """So many logins, and more of them for as long as one side has won them all."""
    for number in range(10 * LOGINS):
        if number >= LOGINS and is_enough():
            return
        yield number


def opened(result):
    """Of each path that look was told first whether it could be read and written."""
    return {
        line.split()[1]: tuple(line.split()[2:])
        for line in result.out.splitlines() if line.startswith("open ")
    }


# Links in the place of what the policy names


@pytest.fixture
def field(bob):
    """A folder of bob's with a thing of his, where the policy of alice's sessions names it, and a link that
    he exchanges it with: to what only root can enter, or to what everybody needs. As nobody but root
    can write to those, only root could be made to change them."""
    top = SRV / "field"
    shutil.rmtree(top, ignore_errors=True)
    for folder in ("bobs/thing", "bobs/target", "locked/inner", "needed", "target", "source"):
        (top / folder).mkdir(parents=True)
        (top / folder / "file").write_text("text\n")
        (top / folder / "file").chmod(0o666)
    (top / "locked").chmod(0o700)
    for path in (top / "bobs", top / "bobs/thing", top / "bobs/target"):
        os.chown(path, bob.uid, bob.gid)
    yield top
    shutil.rmtree(top)


# The key, where the link leads, and what of alice's must then be as ever: (path, read, write).
NAMED = {
    "hide": ("hide={top}/bobs/thing", "needed", [("needed/file", "yes", "yes")]),
    "read_only": ("read_only={top}/bobs/thing", "needed", [("needed/file", "yes", "yes")]),
    "writable": (
        "read_only=system\nwritable={top}/bobs/thing", "needed", [("needed/file", "yes", "EROFS")],
    ),
    "bind source": (
        "bind={top}/bobs/thing:{top}/target", "locked/inner", [("locked/inner/file", "EACCES", "EACCES")],
    ),
    "bind target": ("bind={top}/source:{top}/bobs/thing", "needed", [("needed/file", "yes", "yes")]),
}


@pytest.mark.parametrize("key", NAMED)
def test_a_link_of_another_user(look, policy, field, bob, key):
    """alice's policy names a thing in a folder of bob's, who works with her: what he puts there is never
    followed by root, and what it leads to stays as it is (CVE-2025-6020)."""
    text, leads_to, kept = NAMED[key]
    policy.conf(f"[shell]\nprogram={PROGRAM}\n[view]\n{text.format(top=field)}\n")
    link = field / "bobs/link"
    link.symlink_to(field / leads_to)
    os.lchown(link, bob.uid, bob.gid)
    marks = [field / "locked/inner", field / "needed", field / "source"]
    if leads_to == "needed":
        # Something that tells from inside which of the two folders is on the target.
        (field / "needed/mark").write_text("mark\n")
    before = {path: snapshot(path) for path in marks}
    words = " ".join(str(field / path) for path, *_ in kept) + f" {field}/target/file"
    outcomes = []

    def both_happened():
        return LOOKED in outcomes and len(set(outcomes)) > 1

    with Exchange(bob, field / "bobs/thing", link):
        for _ in rounds(both_happened):
            result = look(words=words)
            outcomes.append(result.rc)
            if result.rc != LOOKED:
                assert result.out == "", result
                continue
            seen = opened(result)
            for path, *can in kept:
                assert seen[str(field / path)] == tuple(can), (key, path, seen)
            mounts = part(result.out.splitlines(), "file /proc/self/mountinfo").splitlines()
            points = [line.split()[4] for line in mounts]
            never = (f"{field}/needed", f"{field}/locked")
            assert not [point for point in points if point.startswith(never)], points
    assert {path: snapshot(path) for path in marks} == before
    print(key, {code: outcomes.count(code) for code in set(outcomes)})
    # Else it was no race.
    assert both_happened(), outcomes


AGENT = Path("/tmp/ssh-nshrace")


@pytest.fixture
def agent(alice):
    """A folder as sshd makes it for an agent, with alice's own socket."""
    shutil.rmtree(AGENT, ignore_errors=True)
    AGENT.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(AGENT / "agent.1"))
        for path in (AGENT, AGENT / "agent.1"):
            os.chown(path, alice.uid, alice.gid)
        yield AGENT / "agent.1"
    shutil.rmtree(AGENT)


def make_link_to(target):
    return lambda path: path.symlink_to(target)


def make_fifo(path):
    os.mkfifo(path)
    path.chmod(0o666)


OTHERS = {
    "a link to shadow": make_link_to("/etc/shadow"),
    "a link to a readable file": make_link_to("/etc/passwd"),
    "a link to another's home": make_link_to("/home/nshbob/secret"),
    "a fifo": make_fifo,
    "a folder": lambda path: path.mkdir(mode=0o777),
    "a file": lambda path: path.write_text("text\n"),
}


@pytest.mark.parametrize("other", OTHERS)
def test_an_agents_socket_that_is_exchanged(look, agent, alice, other):
    """The environment names the socket, and what is there is now the socket and now something else: the
    session has the socket or nothing. No fifo is waited for (CVE-2024-22365)."""
    beside = AGENT / "beside"
    OTHERS[other](beside)
    os.lchown(beside, alice.uid, alice.gid)
    seen = set()
    # In a frame the machine's /tmp is not there at all.
    possible = 1 if hasattr(look, "pam") else 2
    with Exchange(alice, agent, beside):
        for _ in rounds(lambda: len(seen) == possible):
            result = look(words=str(agent), env={"SSH_AUTH_SOCK": str(agent)})
            assert result.rc == LOOKED, result
            facts_of(result.out)
            seen.add(opened(result)[str(agent)])
    assert seen <= {("ENXIO", "ENXIO"), ("ENOENT", "ENOENT")}, seen
    assert len(seen) == possible, seen


def test_what_the_socket_would_be(agent):
    """So that the test above can fail: what is opened in its place otherwise, and what waits."""
    beside = AGENT / "beside"
    beside.symlink_to("/etc/passwd")
    assert beside.read_bytes()
    with pytest.raises(OSError):
        os.open(agent, os.O_RDONLY)
    fifo = AGENT / "fifo"
    make_fifo(fifo)
    with pytest.raises(subprocess.TimeoutExpired):
        subprocess.run(["cat", str(fifo)], timeout=0.3, check=False)


# Something else in the place of a folder


def replaced(path, make):
    """Context in which something else is in the place of a folder of root's."""

    class Replaced:
        def __enter__(self):
            path.rename(f"{path}.away")
            make(path)

        def __exit__(self, *_):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
            Path(f"{path}.away").rename(path)

    return Replaced()


def make_socket(path):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


def make_device(path):
    os.mknod(path, 0o020666, os.makedev(1, 5))


KINDS = {
    "fifo": make_fifo, "socket": make_socket, "device": make_device, "file": lambda path: path.write_text(""),
    "nothing": lambda path: None,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("folder", [FRAME, FRAME.parent, MARKER], ids=lambda path: path.name)
def test_something_in_the_place_of_nsshells_folders(look, good, folder, kind):
    """A session as asked or none, and at once. Where the frame is missing the module makes it anew."""
    begin = time.monotonic()
    with replaced(folder, KINDS[kind]):
        session = is_session(good, look(timeout=10))
    assert time.monotonic() - begin < 9
    # What is not the folder is never used as one.
    if folder == MARKER or hasattr(look, "pam"):
        assert not session or kind == "nothing"
    else:
        assert session or folder == FRAME.parent


@pytest.mark.parametrize("home", ["keep", "ephemeral"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_home_that_is_no_folder(session, accounts, policy, home, kind):
    """Whoever owns the folder above can make it anything: no session, or one that starts in /, at once."""
    account = accounts["nshdeep"]
    policy.conf(f"[view] home={home}")
    with replaced(Path(account.home), KINDS[kind]):
        result = session.sh(account, "pwd; ls /home", timeout=10)
    assert result.rc == REFUSED or result.out.split()[:1] == ["/"], result


# A policy that is being written


def policy_text(name, mask):
    return f"[shell]\nprogram={PROGRAM}\n# {'x' * 60}\numask={mask}\n[session]\nhostname={name}\n"


TEXTS = (policy_text("one", "021"), policy_text("other", "025"))
EXPECTED = {("one", "021"), ("other", "025")}


def save_by_rename(path):
    """sed -i, dpkg, ansible and most others."""

    def save(text):
        new = path.with_name(".new")
        new.write_text(text)
        new.chmod(0o644)
        new.rename(path)

    return save


@pytest.mark.parametrize("where", ["conf", "match", "user"])
def test_a_policy_that_is_being_saved(look, policy, alice, where):
    """Each login has the whole old policy or the whole new one: never a part of both, and never that of the
    other files because this one was away for a moment. It is for editors that write a new file and rename
    it; of one that empties the file first nobody can tell whether it is at its end."""
    policy.conf(policy_text("lost", "000"))
    policy.user_path(alice.name).unlink()
    policy.match_path("50-team.conf").unlink()
    path, head = {
        "conf": (policy.conf_path, ""),
        "match": (policy.match_path("50-team.conf"), "[match]\ngroup=nshteam\n"),
        "user": (policy.user_path(alice.name), ""),
    }[where]
    path.write_text(head + TEXTS[0])
    path.chmod(0o644)
    seen = set()
    with Editor(save_by_rename(path), [head + text for text in TEXTS]):
        begin = time.monotonic()
        # Longer where there is time for a few logins only, and all have had the same text.
        while (took := time.monotonic() - begin) < 2.5 or (len(seen) < len(EXPECTED) and took < 60):
            result = look()
            assert result.rc == LOOKED, result
            facts = facts_of(result.out)
            seen.add((facts.hostname, facts.umask.split()[1]))
    print(where, seen)
    assert seen == EXPECTED, seen


# Many at once


MANY = 2000
AT_ONCE = 50
# Half a minute where nothing else runs.
TIME = 600 * PATIENCE
WORDS = "@1 /tmp/nsh-outside /home/nshbob/secret"


def one_by_one(text):
    """What each of many sessions printed."""
    return [part + "looked" for part in text.split("looked\n") if part]


def assert_own_session(text):
    """Confined, and nothing of another session is seen. Returns its namespaces."""
    facts = facts_of(text)
    assert all(not is_host for kind, is_host in facts.namespaces if kind != "net"), facts.namespaces
    lines = text.splitlines()
    assert names_in(lines, "/home") == (".", "..", "nshalice")
    assert len(names_in(lines, "/tmp")) == 3, names_in(lines, "/tmp")
    assert names_in(lines, "/proc") == ("1", "2")
    assert all(line.endswith("ENOENT ENOENT") for line in facts.opened), facts.opened
    return numbers_of(text)


@pytest.fixture
def output(alice):
    """A file that all write to, each with one write(2)."""
    path = RUN / "many"
    path.touch()
    os.chown(path, alice.uid, alice.gid)
    yield path
    path.unlink()


def many_standalone(account, output, preexec=None):
    """xargs as the user, which starts so many at once."""
    with open(output, "ab") as out:
        process = start(
            account, "-P", str(AT_ONCE), "-I{}", str(NSSHELL), "-c", WORDS, program="/usr/bin/xargs",
            stdin=subprocess.PIPE, stdout=out, stderr=subprocess.PIPE, preexec_fn=preexec,
        )
        return process.communicate(b"x\n" * MANY)[1].decode()


def many_framed(pam, account, output, preexec=None):
    """As many services with a PAM stack, each of which has one login after the other."""
    script = 'for i in $(seq $0); do "$@"; done'
    command = pam.command(account.name, str(NSSHELL), "-c", WORDS)
    with open(output, "ab") as out:
        processes = [
            subprocess.Popen(
                ["sh", "-c", script, str(MANY // AT_ONCE), *command], cwd="/", stdin=subprocess.DEVNULL,
                stdout=out, stderr=subprocess.PIPE, text=True, env=environment(account), preexec_fn=preexec,
            )
            for _ in range(AT_ONCE)
        ]
    return "".join(process.communicate()[1] for process in processes)


@pytest.fixture(params=["standalone", "framed"])
def many(request, policy, pam, alice, output, lookers, syslog):
    """many(preexec): MANY logins. What their sessions printed, and what was said besides."""
    policy.conf(f"[shell] program={PROGRAM}")
    policy.user_path(alice.name).unlink()
    # The module waits longer than it does by itself: for the last of fifty helpers.
    pam.service("nshcheck", "timeout=60")

    def start_many(preexec=None):
        if request.param == "framed":
            said = many_framed(pam, alice, output, preexec)
        else:
            said = many_standalone(alice, output, preexec)
        return one_by_one(output.read_text()), said

    return start_many


def machine_of(account):
    """Without the files in /tmp and the like, which others make in so long a time."""
    machine = Machine([account])
    machine.found.pop("file")
    return machine


def test_two_thousand_logins(many, alice):
    """Fifty at a time, of one user: each has a session of its own, and nothing is left of any."""
    signal.alarm(TIME)
    machine = machine_of(alice)
    begin = time.monotonic()
    sessions, said = many()
    took = time.monotonic() - begin
    assert len(sessions) == MANY, (len(sessions), said[-500:])
    pids = [assert_own_session(text)["pid"] for text in sessions]
    print(f"{MANY} logins in {took:.0f} s, {len(set(pids))} numbers of PID namespaces")
    assert "no session" not in said
    assert_nothing_left(machine)


def test_two_thousand_logins_where_there_is_room_for_few(many, alice):
    """RLIMIT_NPROC is reached by the first dozens: the others are refused, and those are as ever."""
    signal.alarm(TIME)
    machine = machine_of(alice)
    room = 40

    def few():
        resource.setrlimit(resource.RLIMIT_NPROC, (room, room))

    sessions, said = many(few)
    print(f"{len(sessions)} sessions, {said.count('no session')} refusals")
    assert 0 < len(sessions) < MANY
    for text in sessions:
        assert_own_session(text)
    assert_nothing_left(machine)
