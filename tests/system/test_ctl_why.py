# SPDX-License-Identifier: MIT
"""nsshellctl why: what the log has about an id, and what of it can be believed."""

import bz2
import gzip
import json
import lzma
import os
import re
import subprocess

import pytest

import lib_pam
from lib_ctl import CTL, FAILED, OK, WARN, checked, ctl, ctl_json
from lib_frame import HeldLogin
from lib_process import as_root, assert_refused, sh
from lib_settings import NSSHELL, POLICY

ID = "0123456789abcdef"
HEAD = "Nov 24 18:25:00 lab "
LINE = (
    f'session={ID} verdict=deny user="ann" uid=1001 service="sshd" rhost="192.0.2.7" tty="ssh" '
    f'shell="/bin/sh" policy="/etc/nsshell/nsshell.conf" kind=policy '
    f'reason="/etc/nsshell/nsshell.conf:3: view.tpm: unknown key"'
)


COMPRESS = {
    ".gz": gzip.compress, ".xz": lzma.compress, ".bz2": bz2.compress,
    ".zst": lambda data: subprocess.run(["zstd", "-c"], input=data, capture_output=True, check=True).stdout,
}


def packed(name, text):
    """What stands in a file of that name."""
    return COMPRESS.get(os.path.splitext(name)[1], bytes)(text.encode())


def as_file_has_it(text):
    """A line of the tests' syslog as syslogd would write it: with the machine's name, without priority."""
    return re.sub(r"^<\d+>(\w{3} [ \d]\d \d\d:\d\d:\d\d) ", r"\1 lab ", text) + "\n"


@pytest.fixture
def log(tmp_path):
    """log(line...): a log file of them."""

    def write(*lines, name="auth.log"):
        path = tmp_path / name
        text = "".join(line if line.endswith("\n") else line + "\n" for line in lines)
        path.write_bytes(packed(name, text))
        return path

    return write


def why(path, session_id=ID, rc=OK):
    return ctl_json("why", session_id, "--log", path, rc=rc)["lines"]


def test_standalone_refusal(alice, policy, syslog, log):
    """A real one: the id that the user was shown leads to the reason and the file."""
    conf = policy.user(alice.name, "[view] tpm=private")
    incident = assert_refused(sh(alice, "true"))["incident"]
    path = log(as_file_has_it(syslog.line_with(f"session={incident}")))
    (line,) = why(path, incident)
    assert line["verdict"] == "deny" and line["kind"] == "policy" and line["uid"] == str(alice.uid)
    assert f"{conf}:2: view.tpm" in line["reason"] and not line["verified"]
    assert line["next"].startswith("nsshellctl check: ")
    text = ctl("why", incident, "--log", path).out
    assert "unverified: written by the user's own process" in text
    assert f"incident {incident}" in text and str(conf) in text


def test_framed_refusal(alice, policy, syslog, pam, log):
    """Likewise of the session helper."""
    conf = policy.user(alice.name, "[session] confine=deny")
    incident = lib_pam.assert_denied(pam.login(alice.name))["incident"]
    path = log(as_file_has_it(syslog.line_with(f"session={incident}")))
    (line,) = why(path, incident)
    assert line["user"] == alice.name and line["kind"] == "denied" and line["service"]
    assert line["reason"] == f"{conf}:2: session.confine = deny"
    assert line["next"].startswith(f"nsshellctl show {alice.name}: ")
    assert "a file does not tell who has written it" in ctl("why", incident, "--log", path).out


@pytest.mark.parametrize("kind, before, after, reason", [
    ("sessions", "max_sessions=1", "max_sessions=1", "session.max_sessions = 1"),
    ("stale", "lifetime=user\nstale=refuse", "lifetime=user\nstale=refuse\n[shell] umask=077",
     "session.stale = refuse"),
])
def test_refused_beside_another(alice, policy, syslog, pam, log, kind, before, after, reason):
    """Of issue 7: one login too many, and a shared sandbox of another policy that is not to be joined."""
    policy.user(alice.name, f"[session]\n{before}")
    with HeldLogin(pam, alice, str(NSSHELL)):
        policy.user(alice.name, f"[session]\n{after}")
        incident = lib_pam.assert_denied(pam.login(alice.name))["incident"]
    path = log(as_file_has_it(syslog.line_with(f"session={incident}")))
    (line,) = why(path, incident)
    assert line["kind"] == kind and line["reason"].startswith(reason)
    assert line["next"].startswith(f"nsshellctl list {alice.name}: ")


@pytest.mark.parametrize("fields, words", [
    ("joined=yes", "joined one that was there"),
    ("joined=yes stale=joined", "joined one that was there, of another policy"),
    ('hostname="x" stale=new', "a new one, beside one of another policy"),
])
def test_shared_sandbox(log, fields, words):
    """Which sandbox a login got: "the next login is told which of the two it gets"."""
    path = log(f"{HEAD}nsshell-session[7]: "
               + LINE.replace("=deny", "=confine").replace("kind=policy", fields))
    (line,) = why(path)
    assert {key: line.get(key) for key in ("joined", "stale")} == {
        "joined": "yes" if "joined=" in fields else None,
        "stale": fields.partition("stale=")[2] or None,
    }
    assert re.search(rf"^  sandbox +{words}$", ctl("why", ID, "--log", path).out, re.MULTILINE)


def test_all_words(log):
    text = ctl("why", ID, "--log", log(f"{HEAD}nsshell-session[7]: {LINE}")).out
    for title, value in (
        ("when", "Nov 24 18:25:00"), ("who", "ann"), ("user id", "1001"), ("service", "sshd"),
        ("from", "192.0.2.7"), ("terminal", "ssh"), ("verdict", "deny: there was no session"),
        ("reason", "/etc/nsshell/nsshell.conf:3: view.tpm: unknown key"),
        ("policy", "/etc/nsshell/nsshell.conf"), ("next", "nsshellctl check"),
    ):
        assert re.search(rf"^  {title} +{re.escape(value)}", text, re.MULTILINE), (title, text)


@pytest.mark.parametrize("kind, command", [
    ("account", "getent passwd ann"), ("shell", "nsshellctl show ann"),
    ("namespaces", "nsshellctl doctor ann"), ("view", "nsshellctl try ann"),
    ("frame", "nsshellctl doctor ann"), ("denied", "nsshellctl show ann"),
    ("login_shell", "nsshellctl enable ann"), ("limits", "nsshellctl doctor ann"),
    ("sessions", "nsshellctl list ann"), ("stale", "nsshellctl list ann"),
    ("ended", "nsshellctl list ann"), ("machine", "nsshellctl doctor ann"), ("novel", "nsshellctl doctor ann"),
])
def test_what_next(log, kind, command):
    path = log(f"{HEAD}nsshell-session[7]: " + LINE.replace("kind=policy", f"kind={kind}"))
    (line,) = why(path)
    assert line["next"].startswith(f"{command}: ")


@pytest.mark.parametrize("reason, command", [
    ("/srv/tried.conf:3: view.tpm: unknown key", "nsshellctl check /srv/tried.conf"),
    (f"{POLICY}/users.d/ann.conf:3: view.tpm: unknown key", "nsshellctl check"),
    (f"the policy for this account is not valid: {POLICY}/match.d: Permission denied", "nsshellctl check"),
    (f"{POLICY}: can be written by others than its owner (mode 0777)", "nsshellctl check"),
    (f"{POLICY}/match.d/10-a.conf:2: match.source: cannot be told for a login without the PAM module",
     "nsshellctl show --no-pam ann"),
])
def test_what_next_about_a_policy(log, reason, command):
    """check clears a file that it is given, whoever it belongs to: those that are installed are checked together."""
    (line,) = why(log(f"{HEAD}nsshell-session[7]: " + re.sub('reason=".*"', f'reason="{reason}"', LINE)))
    assert line["next"].startswith(f"{command}: ")


def test_refused_without_the_module(alice, policy, syslog, log):
    """What is advised shows the error, where check finds none."""
    policy.match("10-a.conf", "[match] source=10.0.0.0/8")
    incident = assert_refused(sh(alice, "true"))["incident"]
    (line,) = why(log(as_file_has_it(syslog.line_with(f"session={incident}"))), incident)
    command, _, _ = line["next"].partition(":")
    assert command.split()[:3] == ["nsshellctl", "show", "--no-pam"]
    result = ctl(*command.split()[1:])
    assert result.rc == FAILED and "cannot be told for a login without the PAM module" in result.err
    assert ctl("check").rc == OK


def test_not_refused(log):
    path = log(f"{HEAD}nsshell-session[7]: " + LINE.replace("=deny", "=confine"))
    (line,) = why(path)
    assert line["next"] is None
    assert ctl("why", ID, "--log", path).out.startswith("session ")


@pytest.mark.parametrize("ending", COMPRESS)
def test_compressed(log, ending):
    """Of one that is damaged nothing is known but what was found before."""
    path = log(f"{HEAD}nsshell-session[7]: {LINE}", *map(str, range(100_000)), name=f"auth.log.2{ending}")
    (line,) = why(path)
    assert line["user"] == "ann" and line["source"] == str(path)
    other = "fedcba9876543210"
    assert "knows nothing" in ctl("why", other, "--log", path).err
    path.write_bytes(path.read_bytes()[:-1000])
    result = ctl("why", other, "--log", path)
    assert result.rc == FAILED and f"cannot be read: {path}: " in result.err


def test_unknown(log):
    path = log(f"{HEAD}nsshell-session[7]: {LINE}")
    for session_id in ("fedcba9876543210", "0123456789abcde0"):
        result = ctl("why", session_id, "--log", path)
        assert result.rc == WARN and not result.out and "knows nothing" in result.err


@pytest.mark.parametrize("word", ["", "0123456789abcde", ID + "0", "../etc/passwd", ID.upper(), ".*"])
def test_no_id(log, word):
    result = ctl("why", word, "--log", log(LINE))
    assert result.rc == FAILED and "is no id" in result.err


def test_no_rights(alice, log):
    """What cannot be read is not unknown."""
    path = log(f"{HEAD}nsshell-session[7]: {LINE}")
    result = ctl("why", ID, "--log", path, account=alice)
    assert result.rc == FAILED and "cannot be read" in result.err and not result.out


# What users write to the log.


@pytest.mark.parametrize("line", [
    f"{HEAD}sshd[7]: Invalid user nsshell-session[7]: {LINE} from 192.0.2.9 port 1",
    f"{HEAD}sshd[7]: Invalid user x pam_nsshell(sshd:session): {LINE}",
    f"{HEAD}logger: {LINE}",
    f"{HEAD}nsshell-sessions[7]: {LINE}",
    f"{HEAD}nsshell-session[7]: hello {LINE}",
    f'{HEAD}nsshell-session[7]: session=fedcba9876543210 verdict=deny user="session={ID}"',
])
def test_imitations(log, line):
    """What only looks like a line of nsshell's is none."""
    assert ctl("why", ID, "--log", log(line)).rc == WARN


def test_forged_later(log):
    """With the right tag nobody can tell, and it says so; what was there first comes first."""
    forged = LINE.replace('"ann"', '"root"').replace("kind=policy", "kind=login_shell")
    path = log(
        f"{HEAD}nsshell-session[7]: {LINE}",
        *(f"Nov 24 18:26:{n:02} lab nsshell-session[7]: {forged}" for n in range(60)),
    )
    lines = why(path)
    assert lines[0]["user"] == "ann" and not any(line["verified"] for line in lines)
    assert len(lines) <= 64
    assert "more than one line" in ctl("why", ID, "--log", path).out


def test_standalone_comes_last(log):
    """The user's own process may say anything, with any time."""
    path = log(
        f"Jan  1 00:00:00 lab nsshell[7]: session={ID} verdict=confine reason=\"all is well\"",
        f"{HEAD}nsshell-session[7]: {LINE}",
    )
    assert [line["verdict"] for line in why(path)] == ["deny", "confine"]


@pytest.mark.parametrize("user", ["ann; reboot", "$(reboot)", "-rf", "`id`", "a b", "a\u202eb"])
def test_advice_is_safe_to_copy(log, user):
    """Nothing of a line gets into a command that is more than a word."""
    line = LINE.replace('"ann"', f'"{user}"').replace("kind=policy", "kind=login_shell")
    (found,) = why(log(f"{HEAD}nsshell-session[7]: {line}"))
    assert found["next"].startswith("nsshellctl enable USER: ")
    bad = LINE.replace("nsshell.conf:3", f"{user};x:3").replace('reason="/etc', 'reason="/etc/$(id)')
    (found,) = why(log(f"{HEAD}nsshell-session[7]: {bad}"))
    assert found["next"].startswith("nsshellctl check: ")


def test_terminal_is_safe(log):
    """A log that somebody has filled with what a terminal obeys."""
    line = LINE.replace('"ssh"', '"\u009b31m"').replace('"192.0.2.7"', '"a\u202eb"')
    text = ctl("why", ID, "--log", log(f"{HEAD}nsshell-session[7]: {line}")).out
    assert "\u009b" not in text and "\u202e" not in text


def test_cut_line(log):
    (line,) = why(log(f"{HEAD}nsshell-session[7]: {LINE[:-30]}"))
    assert line["cut"] and "reason" not in line
    assert "the line is cut" in ctl("why", ID, "--log", log(f"{HEAD}nsshell-session[7]: {LINE[:-30]}")).out


def test_odd_files(tmp_path, log):
    """A fifo is no log, and neither is a folder; a huge line is only long."""
    os.mkfifo(tmp_path / "fifo")
    result = ctl("why", ID, "--log", tmp_path / "fifo", "--log", tmp_path, timeout=60)
    assert result.rc in (WARN, FAILED) and not result.out
    path = log("x" * 5_000_000 + f"session={ID}", f"{HEAD}nsshell-session[7]: {LINE}")
    assert ctl("why", ID, "--log", path, timeout=60).rc in (OK, WARN)
    assert "cannot be read" in ctl("why", ID, "--log", "/missing/log").err


def test_binary_file(log, tmp_path):
    path = tmp_path / "binary"
    path.write_bytes(bytes(range(256)) * 100 + f"\n{HEAD}nsshell-session[7]: {LINE}\n".encode())
    assert why(path)[0]["user"] == "ann"


# The machine's own log: its files, and a journal that a stand-in for journalctl tells.

JOURNALCTL = """\
#!/usr/bin/python3
import json, re, sys, time
time.sleep({delay})
words = sys.argv[1:]
pattern, most = (words[words.index(option) + 1] for option in ("-g", "-n"))
with open("{entries}") as entries:
    found = [line for line in entries
             if re.search(pattern, str(json.loads(line).get("MESSAGE")))
             and all(json.loads(line).get(word.partition("=")[0]) == word.partition("=")[2]
                     for word in words if re.fullmatch("[A-Z_]+=[0-9]+", word))]
print(*found[:int(most)], sep="", end="")
sys.stderr.write("{says}")
sys.exit(not found)
"""

# In a mount namespace of its own. What is looked for in the journal says journalctl's man page.
ON_A_MACHINE = """\
mount -t overlay -o lowerdir=$1/bin:/usr/sbin none /usr/sbin && mount -t tmpfs none /var/log || exit 99
test -z "$4" || mount --bind /dev/null "/usr/bin/$4" || exit 99
cp -a $1/log/. /var/log && exec $2 why $3 --json
"""


@pytest.fixture
def machine(tmp_path):
    """machine(entries, files): what "why" says on a machine with this journal, newest first, and these in /var/log,
    oldest first."""

    def ask(entries=(), files=None, rc=OK, delay=0, lacking="", says=""):
        for name in ("bin", "log"):
            (tmp_path / name).mkdir(mode=0o755)
        if entries:
            (tmp_path / "log/journal").mkdir()
        (tmp_path / "bin/journalctl").write_text(JOURNALCTL.format(
            entries=tmp_path / "entries", delay=delay, says=says))
        (tmp_path / "bin/journalctl").chmod(0o755)
        (tmp_path / "entries").write_text("".join(json.dumps(e) + "\n" for e in entries))
        ages = {name: age for age, name in enumerate(files or {})}
        for name in sorted(ages):
            (tmp_path / "log" / name).write_bytes(packed(name, files[name]))
            os.utime(tmp_path / "log" / name, (ages[name], ages[name]))
        result = as_root("unshare", "-m", "sh", "-c", ON_A_MACHINE, "sh", str(tmp_path), str(CTL), ID, lacking,
                         timeout=100)
        assert result.rc == rc, result
        return checked("why", result.out)["lines"] if rc == OK else result.err

    return ask


def entry(tag="nsshell-session", uid="0", comm="nsshell-session", message=LINE, seconds=1700000000):
    return {
        "__REALTIME_TIMESTAMP": str(seconds * 1000000), "SYSLOG_IDENTIFIER": tag, "_UID": uid,
        "_COMM": comm, "MESSAGE": message, "SYSLOG_FACILITY": "10",
    }


def test_journal(machine):
    """What root has written is marked, once, and comes before all that users add, however much."""
    forged = [entry(uid="1001", comm="logger", seconds=1600000000) for _ in range(40)]
    lines = machine([*forged, entry(), entry("nsshell", "1001", "nsshell")])
    assert [line["verified"] for line in lines] == [True] + [False] * (len(lines) - 1)
    assert lines[0]["time"].startswith("2023-11-1")


def test_journal_of_what_root_repeats(machine):
    """sshd logs, as root, whatever name a client sends."""
    sent = [entry("sshd", comm="sshd", message=f"{begin}session={ID} verdict=confine{end}")
            for begin, end in (("Invalid user ", " from ::1 port 4"), ("a pam_nsshell(x): ", "")) for _ in range(40)]
    (line,) = machine([*sent, entry()])
    assert line["verified"] and line["verdict"] == "deny"


@pytest.mark.parametrize("found, verified", [
    (entry(), True),
    (entry(comm=""), True),
    (entry("sshd", comm="sshd", message=f"pam_nsshell(sshd:session): {LINE}"), True),
    (entry("su", "1001", "su", f"pam_nsshell(su:session): {LINE}"), False),
    (entry(comm="logger"), False),
    (entry("nsshell"), False),
    (entry(uid="1001"), False),
])
def test_journal_knows_who(machine, found, verified):
    (line,) = machine([found])
    assert line["verified"] is verified


@pytest.mark.parametrize("found", [
    entry(message=[1, 2, 3]), entry(message=None), entry("logger"), {"_UID": "0"}, entry(message="x"),
    entry(message=f'x"_UID":"0" {LINE}'), {**entry(), "SYSLOG_FACILITY": "3"},
])
def test_journal_of_others(machine, found):
    assert "knows nothing" in machine([found], rc=WARN)


def test_journal_that_takes_too_long(machine):
    """What was not looked at to its end is not unknown. (40 s)"""
    assert "the log cannot be read: the journal took longer than 20 s" in machine([entry()], rc=FAILED, delay=60)


@pytest.mark.parametrize("found", [entry("logger"), entry(message="x")])
def test_journal_that_fails(machine, found):
    """journalctl ends with 1 then, as if there was nothing, or with 0 when it has found another; but it says why."""
    said = "Journal file system.journal is truncated, ignoring file."
    assert f"cannot be read: the journal: {said}" in machine([found], rc=FAILED, says=said)


def test_file_for_which_the_program_is_missing(machine):
    assert "cannot be read: /var/log/secure-20261124.xz: " in machine(
        files={"secure": "x\n", "secure-20261124.xz": "x\n"}, lacking="xzgrep", rc=FAILED)


def test_many_files_of_the_machine(machine):
    """The newest are read, whatever they are called, and wherever the folder has them."""
    old = {f"{name}-{number}": "x\n" for name in ("auth.log", "secure") for number in range(100)}
    new = {f"messages-{number}": f"{HEAD}nsshell-session[7]: {LINE}\n" for number in range(60)}
    assert {found["source"] for found in machine(files={**old, **new})} == {f"/var/log/{name}" for name in new}


def test_more_files_than_are_read(machine):
    """The rest of them could know."""
    assert "of 65 files only the newest 64 are read" in machine(
        files={f"messages-{number}": "x\n" for number in range(65)}, rc=FAILED)


def test_files_of_the_machine(machine):
    """The present ones and those that were put aside, of all the names; and nothing else there."""
    line = f"{HEAD}nsshell-session[7]: {LINE}\n"
    names = ("auth.log", "auth.log.1", "auth.log.2.gz", "secure-20261124", "messages")
    others = ("auth.logs", "syslog", "xauth.log")
    lines = machine(files={name: line for name in (*names, *others)})
    assert {found["source"] for found in lines} == {f"/var/log/{name}" for name in names}


def test_no_log(machine):
    assert "there is no log" in machine(rc=FAILED)
