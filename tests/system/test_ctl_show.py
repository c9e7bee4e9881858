# SPDX-License-Identifier: MIT
"""nsshellctl show: what it says a login gets is what a login gets, and why."""

import os
import re
import subprocess

import pytest

from lib_ctl import CTL, FAILED, OK, WARN, checked, ctl, ctl_json
from lib_sessions import held
from lib_settings import FRAME, MARKER, NSSHELL, POLICY
from lib_terminal import COLUMNS, Terminal


def key_of(shown, name):
    (key,) = [key for key in shown["keys"] if f"{key['section']}.{key['key']}" == name]
    return key


def short(path):
    return os.path.relpath(path, POLICY) if path else None


@pytest.fixture
def rich(policy):
    """A policy in which every kind of thing happens."""
    policy.conf(
        "[policy] locked=shell.umask\n[shell]\numask=027\nprogram=/bin/sh\n"
        "[session] hostname=%u.one\n[view] hide=-/no/such, /usr/games"
    )
    policy.match("10-a.conf", "[match] group=nshteam\n[shell] program=/bin/dash\n[policy] locked=env.set")
    policy.match("20-b.conf", "[match] service=nshcheck, su\n[session] hostname=%u.two\n[limits] nofile=512")
    policy.match("30-c.conf", "[match] source=192.0.2.0/24\n[env] unset=A")
    policy.user("nshalice", "[shell]\nprogram=/bin/bash\numask=022\n[env] set=X=y\n[view] tmp_size=32M")
    return policy


def test_origins(alice, rich):
    """Each value with file and line, what it overrode and what was locked out."""
    shown = ctl_json("show", "nshalice", "--service", "nshcheck")
    program = key_of(shown, "shell.program")
    assert (program["value"], short(program["file"]), program["line"]) == ("/bin/bash", "users.d/nshalice.conf", 2)
    assert [(one["value"], short(one["file"]), one["line"]) for one in program["overrode"]] == [
        ("/bin/sh", "nsshell.conf", 5), ("/bin/dash", "match.d/10-a.conf", 4)]
    umask = key_of(shown, "shell.umask")
    assert umask["value"] == "027" and umask["overrode"] == []
    assert umask["locked_out"] == [{
        "value": "022", "file": f"{POLICY}/users.d/nshalice.conf", "line": 3,
        "locked_by": {"file": f"{POLICY}/nsshell.conf", "line": 2}}]
    assert key_of(shown, "env.set")["default"] and len(key_of(shown, "env.set")["locked_out"]) == 1
    assert [short(file) for file in shown["files"]] == [
        "nsshell.conf", "match.d/10-a.conf", "match.d/20-b.conf", "users.d/nshalice.conf"]
    assert shown["hostname"] == "nshalice.two" and shown["uid"] == alice.uid
    assert shown["confined"] == {"verdict": "session", "why": "session.confine = auto by default"}
    assert ctl_json("show", "nshalice", "--service", "nshcheck", account=alice) == shown


def test_in_words(alice, rich):
    lines = ctl("show", "nshalice", account=alice).out.splitlines()
    assert lines[0] == f"user       nshalice, user id {alice.uid}"
    assert "login      sshd, from 127.0.0.1" in lines and "confined   yes" in lines
    assert "host name  nshalice.one" in lines
    table = [re.split(r"  +", line.strip()) for line in lines[lines.index("") + 1:]]
    assert table[0] == ["KEY", "FROM", "VALUE"]
    at = table.index(["shell.program", "users.d/nshalice.conf:2", "/bin/bash"])
    assert table[at + 1:at + 3] == [
        ["overrides", "nsshell.conf:5", "/bin/sh"], ["overrides", "match.d/10-a.conf:4", "/bin/dash"]]
    at = table.index(["shell.umask", "nsshell.conf:4", "027"])
    assert table[at + 1] == ["not", "users.d/nshalice.conf:3", "022 (locked by nsshell.conf:2)"]
    at = table.index(["policy.locked", "match.d/10-a.conf:6", "env.set"])
    assert table[at + 1] == ["and", "nsshell.conf:2", "shell.umask"]
    assert re.fullmatch(r"\d+ keys have their defaults; --all shows them\.", lines[-1])
    assert ["view.dev", "default", "minimal"] not in table
    whole = ctl("show", "nshalice", "--all").out
    assert re.search(r"(?m)^view\.dev +default +minimal$", whole) and "--all" not in whole


def resolved(text):
    """A session's own policy: values, and where they come from, by section.key."""
    found, section, origin = {}, None, None
    for line in text.splitlines():
        if line.startswith("# "):
            origin = line[2:]
        elif line.startswith("["):
            section = line.strip("[]")
        elif line:
            key, _, value = line.partition("=")
            found[f"{section}.{key.strip()}"] = (value.strip(), origin)
    return found


def test_is_what_a_login_gets(session, alice, bob, rich):
    """Value by value and origin by origin, for a login with and without the module."""
    framed = session.__class__.__name__ == "Framed"
    how = ("--service", "nshcheck", "--source", "192.0.2.7") if framed else ("--no-pam",)
    if not framed:
        for name in ("20-b.conf", "30-c.conf"):
            rich.match_path(name).unlink()
    for account in (alice, bob):
        shown = ctl_json("show", account.name, *how)
        theirs = resolved("\n".join(session.lines(account, f"cat {FRAME if framed else MARKER}/policy")))
        assert shown["confined"]["verdict"] == "session" and len(shown["keys"]) == len(theirs)
        for key in shown["keys"]:
            name = f"{key['section']}.{key['key']}"
            origin = "default" if key["default"] else f"{key['file']}:{key['line']}"
            value = key["value"]
            # What is settled for a frame.
            if framed and name == "session.hostname":
                value = shown["hostname"]
            if framed and name == "view.hide":
                value = "/usr/games"
            assert theirs[name] == (value, origin), name
        assert session.lines(account, "hostname") == [shown["hostname"]]
    assert shown["files"] == [f"{POLICY}/{name}" for name in (
        ("nsshell.conf", "match.d/20-b.conf", "match.d/30-c.conf") if framed else ("nsshell.conf",))]


@pytest.mark.parametrize("confine", ["auto", "yes", "no", "deny"])
@pytest.mark.parametrize("shell", [str(NSSHELL), "/bin/bash", "/usr/sbin/nologin"])
def test_verdict(pam, alice, policy, confine, shell):
    """Whether it is confined, and by which line: what the module then does."""
    policy.conf(f"[session] confine={confine}")
    subprocess.run(["usermod", "-s", shell, "nshalice"], check=True)
    try:
        shown = ctl_json("show", "nshalice", "--service", "nshcheck", "--source", "192.0.2.7")
        alone = ctl_json("show", "nshalice", "--no-pam")
        probe = pam.login("nshalice", "/bin/sh", "-c", "ls -d /home/nshbob")
    finally:
        subprocess.run(["usermod", "-s", str(NSSHELL), "nshalice"], check=True)
    verdict = shown["confined"]["verdict"]
    if probe.pam != 0:
        assert verdict == "refused", (shown["confined"], probe)
    elif probe.result.rc == 0:
        assert verdict == "open"
    else:
        assert verdict == ("frame" if "nologin" in shell else "session")
    assert shown["confined"]["why"].startswith(f"{POLICY}/nsshell.conf:2: session.confine = {confine}")
    expected = {"no": "open", "deny": "refused"}.get(confine, "session") if shell == str(NSSHELL) else "open"
    assert alone["confined"]["verdict"] == expected


LEFT_ALONE = "[match] {}\n[session] confine=no"


@pytest.mark.parametrize("key, shown", [
    ("service=nshcheck", ["--service=nshcheck", "--source=10.1.2.3"]),
    ("source=10.0.0.0/8", ["--service=nshcheck", "--source=10.1.2.3"]),
])
def test_left_alone_by_what_only_pam_tells(pam, alice, policy, key, shown):
    """The module lets such a login be, and nsshell, which has no frame then, refuses it."""
    policy.match("10-a.conf", LEFT_ALONE.format(key))
    verdict = ctl_json("show", alice.name, *shown)["confined"]
    name = key.partition("=")[0]
    assert verdict["verdict"] == "refused", verdict
    assert verdict["why"].startswith(f"{POLICY}/match.d/10-a.conf:2: match.{name}: cannot be told")
    assert "cannot be told" in ctl("show", alice.name, *shown).out
    probe = pam.login(alice.name, str(NSSHELL), "-c", "echo ran", rhost="10.1.2.3")
    assert probe.pam == 0 and probe.result.rc == 125 and f"match.{name}: cannot" in probe.result.err, probe
    policy.user(alice.name, "[session] confine=no")
    policy.match("10-a.conf", LEFT_ALONE.format(key).replace("[session] confine=no", "[view] tmp=host"))
    assert ctl_json("show", alice.name, *shown)["confined"]["verdict"] == "open"
    probe = pam.login(alice.name, str(NSSHELL), "-c", "echo ran", rhost="10.1.2.3")
    assert probe.result.out == "ran\n", probe


@pytest.mark.parametrize("text, why", [
    ("[policy] require_pam=yes", "policy.require_pam = yes"),
    ("[limits] memory_max=1G", "limits.memory_max needs pam_nsshell"),
    ("[identity] subids=yes\n[security] nested_userns=yes", "identity.subids = yes needs pam_nsshell"),
])
def test_standalone_cannot(alice, policy, inside, text, why):
    policy.conf(text)
    assert why in ctl_json("show", "nshalice", "--no-pam")["confined"]["why"]
    assert ctl_json("show", "nshalice", "--no-pam")["confined"]["verdict"] == "refused"
    assert why in inside("echo ran").err
    assert ctl_json("show", "nshalice")["confined"]["verdict"] == "session"


def test_root_is_not_confined(policy):
    policy.conf("[session] confine=yes")
    assert ctl_json("show", "root")["confined"] == {"verdict": "open", "why": "user id 0 is never confined"}


def test_errors(alice, policy):
    """As check has them, all of them, and nothing on standard output."""
    policy.conf("[session]\nhostnam=x\nconfine=maybe")
    policy.match("10-a.conf", "[match] service=su")
    for words in ((), ("--json",), ("--plan",), ("--diff", "nshbob")):
        result = ctl("show", "nshalice", *words, account=alice)
        assert result.rc == FAILED and not result.out
        assert [line.removeprefix(f"{POLICY}/") for line in result.err.splitlines()] == [
            "nsshell.conf:2: error: session.hostnam: unknown key, did you mean session.hostname?",
            'nsshell.conf:3: error: session.confine: "maybe" is not one of auto|yes|no|deny']
    policy.conf("")
    result = ctl("show", "nshalice", "--no-pam")
    assert result.rc == FAILED and "10-a.conf:2: error: match.service: cannot be told" in result.err
    assert ctl("show", "nshalice").rc == OK
    policy.match("10-a.conf", "[match] source=::1")
    result = ctl("show", "nshalice", "--source", "a.b.example")
    assert result.rc == FAILED and 'match.source: the login comes from "a.b.example"' in result.err


def test_wrong_usage(alice):
    for words in ((), ("nshalice", "nshbob"), ("nshalice", "--no-pam", "--service", "su"),
                  ("nshalice", "--diff", "nshbob", "--plan"), ("nshzork",), ("nshalice", "--diff", "nshzork")):
        result = ctl("show", *words)
        assert result.rc == FAILED and not result.out and result.err, words


def test_by_number(alice):
    assert ctl_json("show", str(alice.uid))["user"] == "nshalice"


# --plan


def test_plan(alice, policy, inside):
    """In order, for each form; that of the frame is root's and the user's alike."""
    policy.conf("[view]\nhide=/usr/games\nread_only=/srv")
    framed = ctl_json("show", "nshalice", "--plan")["plan"]
    assert ctl_json("show", "nshalice", "--plan", account=alice)["plan"] == framed
    stages = [op["stage"] for op in framed]
    assert stages == sorted(stages) and set(stages) == {"frame", "shell"}
    kinds = [(op["kind"], op["path"]) for op in framed]
    assert kinds[0] == ("slave", None) and kinds[-1] == ("hostname", None)
    assert ("hide", "/usr/games") in kinds and ("read_only", "/srv") in kinds
    (home,) = [op for op in framed if op["kind"] == "show" and op["path"] == "/home/nshalice"]
    assert home["with"] == "/home/nshalice"
    whole = ctl_json("show", "nshalice", "--plan", "--no-pam")["plan"]
    assert {op["stage"] for op in whole} == {"whole"} and whole[0]["kind"] == "idmap"
    assert whole[0]["with"].startswith(f"uid {alice.uid} to {alice.uid}, ")
    lines = ctl("show", "nshalice", "--plan", "--no-pam").out.splitlines()
    assert sum(line.startswith("whole ") for line in lines) == len(whole)


def test_plan_changes_nothing(alice, policy):
    before = sorted(os.listdir("/tmp")), open("/proc/self/mountinfo", encoding="ascii").read()
    ctl_json("show", "nshalice", "--plan")
    assert (sorted(os.listdir("/tmp")), open("/proc/self/mountinfo", encoding="ascii").read()) == before


def test_plan_of_nothing(alice, policy):
    policy.conf("[session] confine=no")
    assert ctl_json("show", "nshalice", "--plan")["plan"] == []
    assert "Nothing is made for it." in ctl("show", "nshalice", "--plan").out


def test_plan_that_fails(session, alice, policy):
    """With the user's powers: what root could see and the user not is what the login says."""
    policy.user("nshalice", "[view] hide=/root/secret")
    how = () if session.__class__.__name__ == "Framed" else ("--no-pam",)
    result = ctl("show", "nshalice", "--plan", *how)
    assert result.rc == FAILED and not result.out
    why = result.err.removeprefix("nsshellctl: there is no session: ").strip()
    assert why == "view.hide: /root/secret: Permission denied" and session.refusal(alice).endswith(why)


def test_plan_of_others(alice, policy):
    result = ctl("show", "nshbob", "--plan", account=alice)
    assert result.rc == FAILED and "only root can see the plan of another user" in result.err
    assert ctl("show", "nshbob", account=alice).rc == OK


# --diff


def test_diff(alice, bob, rich):
    result = ctl("show", "nshalice", "--diff", "nshbob", "--service", "nshcheck", account=alice)
    assert result.rc == WARN
    table = [re.split(r"  +", line.strip()) for line in result.out.splitlines()]
    assert table == [
        ["KEY", "USER", "FROM", "VALUE"],
        ["policy.locked", "nshalice", "match.d/10-a.conf:6", "env.set"], ["nshbob", "nsshell.conf:2", "shell.umask"],
        ["shell.program", "nshalice", "users.d/nshalice.conf:2", "/bin/bash"], ["nshbob", "nsshell.conf:5", "/bin/sh"],
        ["view.tmp_size", "nshalice", "users.d/nshalice.conf:7", "32M"], ["nshbob", "default", "25%"]]
    found = ctl_json("show", "nshalice", "--diff", "nshbob", rc=WARN)
    assert found["users"] == ["nshalice", "nshbob"]
    assert [f"{one['section']}.{one['key']}" for one in found["differences"]] == [
        "policy.locked", "shell.program", "view.tmp_size"]
    assert [value["value"] for value in found["differences"][2]["values"]] == ["32M", "25%"]


def test_diff_of_the_same(policy):
    result = ctl("show", "nshalice", "--diff", "nshbob")
    assert (result.rc, result.out, result.err) == (OK, "", "")
    assert ctl_json("show", "nshalice", "--diff", "nshbob")["differences"] == []


# Where it prints to


def test_on_a_terminal(rich):
    """The table fits; what is cut off is the end of long values."""
    rich.user("nshbob", "[env] set=A=" + "x" * 200)
    with Terminal(None, [str(CTL), "show", "nshbob", "--plan"], env={"TERM": "xterm", "PATH": "/bin"}) as terminal:
        assert terminal.finish() == OK
        text = terminal.before.replace("\r", "")
    assert "\033[1mKEY" in text
    tables = re.sub(r"\033\[[0-9]*m", "", text).partition("\n\n")[2]
    assert max(map(len, tables.splitlines())) == COLUMNS
    assert re.search(r"(?m)^env\.set +users\.d/nshbob\.conf:2 +A=x+$", tables)


def test_texts_that_attack(policy, alice):
    """The name of a file is shown without what a terminal would act on."""
    policy.match("10-\033]0;x\a.conf", "[match] user=*\n[shell] umask=022")
    for words in ((), ("--plan",), ("--json",), ("--diff", "root")):
        result = ctl("show", "nshalice", *words)
        assert "\033" not in result.out + result.err and "\a" not in result.out
    checked("show", ctl("show", "nshalice", "--json").out)


def test_as_a_pipe(policy):
    script = f"trap - PIPE; {CTL} show nshalice --plan | head -n 1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("user ") and not done.stderr
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([CTL, "show", "nshalice"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == FAILED and b"No space left" in done.stderr


@pytest.mark.parametrize("uid", ["keep", "root"])
def test_inside(policy, alice, uid):
    """A session shows the policy, whose files are not root's there by the number, and not the machine."""
    policy.user(alice.name, f"[identity] uid={uid}")
    with held(alice) as place:
        for words in ("check", f"show {alice.name}"):
            result = place.ask(f"{CTL} {words} 2>&1")
            assert result.rc == OK and " 65534 " not in result.out, result
        for words, said in (("doctor", "in a session"), (f"enable {alice.name}", "only root can")):
            result = place.ask(f"{CTL} {words} 2>&1")
            assert result.rc == FAILED and said in result.out, result
