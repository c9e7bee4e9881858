# SPDX-License-Identifier: MIT
"""nsshellctl check: all that is wrong with a policy, and nothing else.

Its errors mean that a login is refused, its silence that one works: each sample is logged in with too.
"""

import os
import pwd
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import lib_fuse
from lib_ctl import CTL, FAILED, OK, WARN, ctl, ctl_json
from lib_policy import expand
from lib_process import as_root
from lib_settings import MARKER, NSSHELL, POLICY, SRV
from lib_terminal import COLUMNS, Terminal

MAIN, MATCH, OWN = "nsshell.conf", "match.d/10-a.conf", "users.d/nshalice.conf"


def write(policy, name, text):
    """One of the three files, by its name below the folder."""
    if name == MAIN:
        return policy.conf(text)
    folder, _, rest = name.partition("/")
    if folder == "match.d":
        return policy.match(rest, text)
    return policy.user(rest.removesuffix(".conf"), text)


def lines_of(result):
    """What it printed, with names below the folder of policies."""
    return [line.removeprefix(f"{POLICY}/") for line in result.out.splitlines()]


def other_shells():
    """Warnings about people who have another login shell depend on the machine's accounts."""
    return [user.pw_name for user in pwd.getpwall()
            if 1000 <= user.pw_uid <= 60000 and user.pw_shell not in (str(NSSHELL), "/usr/sbin/nologin", "/bin/false")]


# Errors: where, text, and the line that it gives.
BROKEN = {
    "unknown key": (MAIN, "[session]\nhostnam = x\n",
                    "nsshell.conf:2: error: session.hostnam: unknown key, did you mean session.hostname?"),
    "wrong section": (MAIN, "[shell]\nhostname = x\n",
                      "nsshell.conf:2: error: shell.hostname: unknown key, did you mean session.hostname?"),
    "unknown section": (MAIN, "[zzz]\n", "nsshell.conf:1: error: [zzz]: unknown section"),
    "choice": (OWN, "[session]\n\nconfine = maybe\n",
               'users.d/nshalice.conf:3: error: session.confine: "maybe" is not one of auto|yes|no|deny'),
    "no key": (OWN, "[session]\nconfine\n",
               "users.d/nshalice.conf:2: error: neither [section], key = value nor a comment"),
    "comment": (MATCH, "[match]\nuser = *\n[session]\nconfine = no ; x\n",
                "match.d/10-a.conf:4: error: the character ; is allowed in comment lines only"),
    "twice": (MAIN, "[shell]\numask = 022\numask = 022\n",
              "nsshell.conf:3: error: shell.umask stands here a second time"),
    "section twice": (MAIN, "[shell]\n[view]\n[shell]\n",
                      "nsshell.conf:3: error: section [shell] stands here a second time"),
    "no section": (MAIN, "umask = 022\n", "nsshell.conf:1: error: a key before the first [section]"),
    "not ASCII": (MAIN, "[shell]\nprogram = /bin/\xe4\n", "nsshell.conf:2: error: a character that is not ASCII"),
    "long": (MAIN, "[env]\nset = A=" + "x" * 1000, "nsshell.conf:2: error: the line is longer than 1000 bytes"),
    "size": (MAIN, "#\n" * 40000, "nsshell.conf: error: is larger than 64 KiB"),
    "match elsewhere": (OWN, "[match]\nuser = nshalice\n",
                        "users.d/nshalice.conf:2: error: match.user: is for files in match.d only"),
    "no match": (MATCH, "[shell]\numask = 022\n",
                 "match.d/10-a.conf:1: error: has no [match] that says whom it is for"),
    "empty match": (MATCH, "[match]\nuser =\n", "match.d/10-a.conf:2: error: match.user: the list is empty"),
    "other's match": (MATCH, "[match]\nuser = nshbob\n[shell]\numask = 9\n",
                      'match.d/10-a.conf:4: error: shell.umask: "9" is neither keep nor three or four octal digits'),
    "source": (MATCH, "[match]\nuser = nshbob\nsource = 10.0.0.1/8\n",
               'match.d/10-a.conf:3: error: match.source: "10.0.0.1/8" has bits set behind its prefix'),
    "lock": (MAIN, "[policy]\nlocked = view.hid\n",
             'nsshell.conf:2: error: policy.locked: "view.hid" is not a known section.key, did you mean view.hide?'),
    "publish": (MAIN, "[network]\npublish = 8080\n",
                "nsshell.conf:2: error: network.publish: needs network.mode = nat"),
    "subids": (OWN, "[identity]\nsubids = yes\n",
               "users.d/nshalice.conf:2: error: identity.subids: needs security.nested_userns = yes"),
    "hide": (MAIN, "[view]\nhide = /usr, /no/such\n",
             'nsshell.conf:2: error: view.hide: /no/such: No such file or directory ("-" before it admits that)'),
    "bind": (OWN, "[view]\nbind = /no/such:/srv\n",
             'users.d/nshalice.conf:2: error: view.bind: /no/such: No such file or directory ("-" before it admits'
             " that)"),
    "bind in the machine's /tmp": (MAIN, "[view]\ntmp = host\nbind = /usr:/tmp/no/such\n",
                                   "nsshell.conf:3: error: view.bind: /tmp/no/such: No such file or directory, and it is "
                                   "to be shown there"),
    "bind's second path": (MAIN, "[view]\nbind = -/usr:/no/such\n",
                           "nsshell.conf:2: error: view.bind: /no/such: No such file or directory, and it is to be shown"
                           " there"),
    "root": (MAIN, "[view]\nroot = /no/such\n",
             "nsshell.conf:2: error: view.root: /no/such: No such file or directory"),
    "own path": (OWN, "[view]\nread_only = /home/nshalice/.profile\n",
                 "users.d/nshalice.conf:2: error: view.read_only: for nshalice: /home/nshalice/.profile: cannot be "
                 "held, because the user can write to /home/nshalice"),
    "two keys": (OWN, "[view]\nread_only = /srv\nwritable = /srv\n",
                 "users.d/nshalice.conf: error: for nshalice: /srv is named by view.read_only and by view.writable"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_error(session, alice, policy, name):
    """One line, exit status 2, and the login is refused for that reason."""
    where, text, line = BROKEN[name]
    write(policy, where, text.encode("latin-1"))
    result = ctl("check")
    assert result.rc == FAILED, result
    errors = [found for found in lines_of(result) if ": error: " in found]
    assert len(errors) == 1 and errors[0].startswith(line), result
    if name == "root" and session.__class__.__name__ == "Framed":
        return
    what = re.sub(r'.* error: (for nshalice: )?| \("-" before.*|, and it is to be.*', "", line)
    # The log has no double quotes in its fields.
    assert what.rpartition(": ")[2].replace('"', "'") in session.refusal(alice).replace('"', "'")


# Of a file of match.d together with those for everybody.
UNFIT = {
    "publish of everybody": ({MAIN: "[network]\nmode = nat\npublish = 8080\n",
                              MATCH: "[match]\ngroup = nshteam\n[network]\nmode = host\n"},
                             "match.d/10-a.conf:4: error: network.mode: network.publish of {}/nsshell.conf:3 needs "
                             "network.mode = nat"),
    "publish of a file": ({MAIN: "[network]\nmode = nat\n", "match.d/05.conf": "[match] user=*\n[network] mode=none",
                           MATCH: "[match]\ngroup = nshteam\n[network]\npublish = 8080\n"},
                          "match.d/10-a.conf:4: error: network.publish: needs network.mode = nat"),
    "subids of a file": ({MATCH: "[match]\nuser = nshalice\n[identity]\nsubids = yes\n",
                          "users.d/nshbob.conf": "[security] nested_userns=yes"},
                         "match.d/10-a.conf:4: error: identity.subids: needs security.nested_userns = yes"),
    "nested_userns": ({MAIN: "[identity]\nsubids = yes\n[security]\nnested_userns = yes\n",
                       MATCH: "[match]\nuser = nshalice\n[security]\nnested_userns = no\n"},
                      "match.d/10-a.conf:4: error: security.nested_userns: identity.subids of {}/nsshell.conf:2 needs "
                      "security.nested_userns = yes"),
    "locked": ({MAIN: "[policy] locked=network.mode", MATCH: "[match] user=nshalice\n[network]\nmode = nat\npublish=8080\n"},
               "match.d/10-a.conf:5: error: network.publish: needs network.mode = nat"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_files_that_do_not_go_together(session, alice, policy, name):
    """At the line of the file by which some are refused, who need not have one of their own."""
    files, line = UNFIT[name]
    for where, text in files.items():
        write(policy, where, text)
    result = ctl("check")
    assert result.rc == FAILED and [one for one in lines_of(result) if ": error: " in one] == [line.format(POLICY)], result
    assert line.rpartition("needs ")[2] in session.refusal(alice)


GOOD = {
    "sample": {},
    "all kinds": {
        MAIN: "[policy]\nlocked = shell.umask\n[shell]\numask = 027\n[view]\nhide = -/no/such, /usr/games\n",
        MATCH: "[match]\ngroup = nshteam\n[view]\nread_only = system\nwritable = -/srv/none\n",
        OWN: "[session]\nhostname = %u.x\nconfine = yes\n[limits]\nnofile = 512\n",
    },
    "bind": {MAIN: "[view]\nbind = /usr:/home/made/usr, -/no/such:/no/place\n"},
    "bind in the own /tmp": {MAIN: "[view]\nbind = /usr:/tmp/made/usr, /etc/passwd:/dev/shm/made\n"},
    "bind in a /tmp that one user has": {MAIN: "[view]\ntmp = host\n", MATCH: "[match] user=*\n[view] tmp=private",
                                         OWN: "[view]\nbind = /usr:/var/tmp/made\n"},
    "publish": {MAIN: "[network]\nmode = none\n", OWN: "[network]\nmode = host\n"},
    "left alone": {MATCH: "[match]\nuser = nshbob\n[session]\nconfine = no\n"},
    "needed by two files": {MATCH: "[match] user=nshbob\n[network] mode=none",
                            "match.d/20.conf": "[match] group=nshguest\n[network]\npublish = 8080\n",
                            "match.d/30.conf": "[match] group=nshguest\n[network] mode=nat"},
    "needed with the user's own file": {MATCH: "[match] user=nshbob\n[identity] subids=yes",
                                        "users.d/nshbob.conf": "[security] nested_userns=yes"},
    "locked": {MAIN: "[policy] locked=identity.subids", MATCH: "[match] user=nshbob\n[security] nested_userns=yes"},
    "names": {MATCH: "[match]\nuser = nshalice, nshbob\ngroup = !nshguest\n[env]\nset = A=b\n"},
}


@pytest.mark.parametrize("name", GOOD)
def test_silence(session, alice, policy, name):
    """Not a word, exit status 0, and the login works."""
    for where, text in GOOD[name].items():
        write(policy, where, text)
    result = ctl("check")
    assert (result.rc, result.out, result.err) == (OK, "", "")
    assert session.lines(alice, "echo ran") == ["ran"]


WARNINGS = {
    "no account": ({"users.d/nobody-has-it.conf": ""}, "users.d/nobody-has-it.conf: warning: there is no account of that name"),
    "number": ({"users.d/1000.conf": ""}, "users.d/1000.conf: warning: there is no account of that name"),
    "root": ({"users.d/root.conf": ""}, "users.d/root.conf: warning: user id 0 is never confined"),
    "no user": ({MATCH: "[match] user=nshalice, nshzork"},
                'match.d/10-a.conf:2: warning: match.user: there is no account "nshzork"'),
    "nobody": ({MATCH: "[match] user=nshzork"}, "match.d/10-a.conf:2: warning: match.user: the file is for nobody"),
    "excluded": ({MATCH: "[match] user=!nshzork"},
                 'match.d/10-a.conf:2: warning: match.user: there is no account "nshzork"'),
    "no group": ({MATCH: "[match] group=nshzork"},
                 'match.d/10-a.conf:2: warning: match.group: there is no group "nshzork"'),
    "empty group": ({MATCH: "[match] group=nshempty"},
                    'match.d/10-a.conf:2: warning: match.group: nobody is in the group "nshempty"'),
    "no service": ({MATCH: "[match]\nuser=nshbob\nservice=nshzork"},
                   'match.d/10-a.conf:3: warning: match.service: there is no PAM service "nshzork"'),
    "locked": ({MAIN: "[policy] locked=shell.umask", MATCH: "[match] user=*\n[shell] umask=022"},
               "match.d/10-a.conf:4: warning: shell.umask: does not count: {}/nsshell.conf:2 has it locked"),
    "locked by a match": ({MATCH: "[match] group=nshteam\n[policy] locked=shell.umask", OWN: "[shell] umask=022"},
                          "users.d/nshalice.conf:2: warning: shell.umask: does not count: {}/match.d/10-a.conf:4 has "
                          "it locked"),
    "shell": ({"match.d/20-b.conf": "[match] user=nshbob\n[shell] program=/bin/zork"},
              "match.d/20-b.conf:4: warning: shell.program: /bin/zork: No such file or directory; there is no session "
              "then"),
    "no shell": ({"users.d/nshbob.conf": "[shell] program=/etc/passwd"},
                 "users.d/nshbob.conf:2: warning: shell.program: /etc/passwd: cannot be executed; there is no session "
                 "then"),
    "left alone by source": ({MATCH: "[match]\nuser=nshbob\nsource=10.0.0.0/8\n[session] confine=no"},
                             "match.d/10-a.conf:5: warning: session.confine: an account whose login shell is nsshell is "
                             "refused by this, as nsshell cannot see match.source then"),
    "left alone by service": ({MATCH: "[match]\nuser=nshbob\nservice=sshd\n[session] confine=no"},
                              "match.d/10-a.conf:5: warning: session.confine: an account whose login shell is nsshell "
                              "is refused by this, as nsshell cannot see match.service then"),
    "itself": ({"users.d/nshbob.conf": f"[shell] program={NSSHELL}"},
               f"users.d/nshbob.conf:2: warning: shell.program: {NSSHELL}: is nsshell itself; there is no session then"),
}


@pytest.fixture
def empty_group():
    subprocess.run(["groupadd", "nshempty"], check=True)
    yield
    subprocess.run(["groupdel", "nshempty"], check=True)


@pytest.mark.parametrize("name", WARNINGS)
def test_warning(alice, policy, inside, empty_group, name):
    """What is legal and surely wrong: exit status 1. It refuses nobody whom it is not about."""
    files, line = WARNINGS[name]
    for where, text in files.items():
        write(policy, where, text)
    result = ctl("check")
    assert result.rc == WARN, result
    assert line.format(POLICY) in lines_of(result)
    assert all(": warning: " in found for found in lines_of(result))
    assert inside("echo ran").out == "ran\n"


def test_names_as_directories_have_them(policy, tmp_path):
    """Some find a name in any letters, and getent takes numbers for ids: [match] fits neither."""
    (tmp_path / "nss.c").write_text(NSS_SOURCE)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", tmp_path / "nss.so", tmp_path / "nss.c"], check=True)
    policy.match("10-a.conf", "[match]\nuser = NshDir, nshdir\ngroup = NshDirs, 4711, nshdirs")
    result = as_root("env", f"LD_PRELOAD={tmp_path}/nss.so", str(CTL), "check")
    assert (result.rc, lines_of(result)) == (WARN, [
        'match.d/10-a.conf:2: warning: match.user: the account is called "nshdir", and not "NshDir"',
        "match.d/10-a.conf:3: warning: match.group: getent(1) takes for the id of a group, and finds none of the name "
        '"4711"',
        'match.d/10-a.conf:3: warning: match.group: the group is called "nshdirs", and not "NshDirs"']), result


NSS_SOURCE = """
#define _GNU_SOURCE
#include <grp.h>
#include <pwd.h>
#include <string.h>
struct passwd *getpwnam(const char *name)
{
	static struct passwd made = {"nshdir", "x", 4242, 4242, "", "/", "/bin/sh"};
	return strcasecmp(name, "nshdir") ? 0 : &made;
}
struct group *getgrnam(const char *name)
{
	static char *members[] = {"nshdir", 0};
	static struct group made = {"nshdirs", "x", 4242, members}, number = {"4711", "x", 4243, members};
	return !strcmp(name, "4711") ? &number : strcasecmp(name, "nshdirs") ? 0 : &made;
}
"""


def test_lock_that_is_for_others(policy):
    """What a file of match.d has locked for some is not said to be locked for others."""
    policy.match("10-a.conf", "[match] group=nshguest\n[policy] locked=shell.umask")
    policy.match("20-b.conf", "[match] user=*\n[shell] umask=022")
    policy.user("nshalice", "[shell] umask=027")
    assert ctl("check").rc == OK
    policy.match("10-a.conf", "[match] group=*\n[policy] locked=shell.umask")
    assert len(lines_of(ctl("check"))) == 2


def test_files_that_are_not_read(policy):
    for name in ("match.d/10-a.conf~", "match.d/README", "match.d/.10-a.conf.swp", "users.d/nshalice", "nshalice.conf"):
        (policy.conf_path.parent / name).write_text("rubbish\n")
    policy.match_path("folder").mkdir()
    result = ctl("check")
    assert result.rc == WARN and len(lines_of(result)) == 6, result
    assert all(": warning: is not read: " in line for line in lines_of(result))


def test_confine_without_the_login_shell(accounts, policy):
    """Whom a line keeps out: by what each of them gets, and not nologin and the like."""
    policy.user("nshalice", "[session] confine=yes")
    assert ctl("check").rc == OK
    subprocess.run(["usermod", "-s", "/bin/bash", "nshalice"], check=True)
    try:
        result = ctl("check")
        assert result.rc == WARN and lines_of(result) == [
            f"users.d/nshalice.conf:2: warning: session.confine: 1 account whose login shell is not {NSSHELL} cannot "
            "log in: nshalice"]
        policy.match("10-a.conf", "[match] group=nshteam\n[session] confine=yes")
        policy.user("nshalice", "[session] confine=auto")
        assert ctl("check").rc == OK
        policy.user("nshalice", "")
        assert "match.d/10-a.conf:4: warning: session.confine: 1 account" in ctl("check").out
        policy.conf("[session] confine=yes\n[zzz] a=b")
        result = ctl("check")
        count = len(other_shells())
        assert f"nsshell.conf:2: warning: session.confine: {count - 1} account" in result.out or count == 1
        assert "match.d/10-a.conf:4: warning: session.confine: 1 account" in result.out and result.rc == FAILED
        subprocess.run(["usermod", "-s", "/usr/sbin/nologin", "nshalice"], check=True)
        assert "match.d/10-a.conf" not in ctl("check").out
    finally:
        subprocess.run(["usermod", "-s", str(NSSHELL), "nshalice"], check=True)


@pytest.fixture
def empty_root():
    made = SRV / "empty-root"
    made.mkdir()
    yield made
    shutil.rmtree(made)


def test_root_without_the_folder_of_sessions(policy, empty_root):
    """Sessions in it cannot be told from others' processes; logins work all the same."""
    folder = empty_root / str(MARKER).lstrip("/")
    policy.match("10-a.conf", f"[match] user=nshbob\n[view] root={empty_root}")
    result = ctl("check")
    assert (result.rc, lines_of(result)) == (WARN, [
        f"match.d/10-a.conf:4: warning: view.root: {folder} is not there: nsshellctl does not see what runs in that root"
    ]), result
    folder.mkdir(parents=True)
    assert ctl("check").rc == OK


def test_everything_at_once(alice, policy):
    """Not the first only: all files, all lines, in the order in which they are read."""
    policy.conf("[session]\nhostnam = x\nconfine = maybe\n[zzz]\n")
    policy.match("10-a.conf", "[shell]\numask = 9\n")
    policy.match("20-b.conf", "[match]\nuser = nshzork\ngroup =\n")
    policy.user("nshalice", "[view]\ntmp = none\nhide = x\n")
    policy.user("nshbob", "rubbish\n")
    result = ctl("check")
    places = [line.split(": ")[:2] for line in lines_of(result)]
    assert [(place, level) for place, level in places] == [
        ("nsshell.conf:2", "error"), ("nsshell.conf:3", "error"), ("nsshell.conf:4", "error"),
        ("match.d/10-a.conf:1", "error"), ("match.d/10-a.conf:2", "error"),
        ("match.d/20-b.conf:2", "warning"), ("match.d/20-b.conf:2", "warning"), ("match.d/20-b.conf:3", "error"),
        ("users.d/nshalice.conf:2", "error"), ("users.d/nshalice.conf:3", "error"), ("users.d/nshbob.conf:1", "error"),
    ]
    assert result.rc == FAILED and result.err == "9 errors, 2 warnings in 5 files\n"
    assert ctl("check", account=alice) == result
    found = ctl_json("check", rc=FAILED)
    assert (found["errors"], found["warnings"], found["files"]) == (9, 2, 5)
    assert [f"{Path(one['file']).relative_to(POLICY)}:{one['line']}" for one in found["findings"]] == [
        place for place, _ in places]
    assert found["findings"][0]["section"] == "session" and found["findings"][0]["key"] == "hostnam"


def test_owner_and_mode(alice, policy):
    """As at a login: of files and folders; what is in them is checked all the same."""
    bad = policy.user("nshbob", "[shell] umask=9")
    bad.chmod(0o664)
    os.chown(policy.match("10-a.conf", "[match] user=*"), alice.uid, 0)
    (POLICY / "match.d").chmod(0o777)
    lines = lines_of(ctl("check"))
    assert [line for line in lines if "umask" not in line] == [
        "match.d: error: can be written by others than its owner (mode 0777)",
        f"match.d/10-a.conf: error: belongs to user id {alice.uid} and not to 0",
        "users.d/nshbob.conf: error: can be written by others than its owner (mode 0664)"]
    assert len(lines) == 4


UNREADABLE = "users cannot read it: nsshell without the PAM module refuses them (chmod o+"


def test_what_users_cannot_read(alice, policy, session):
    """Root's umask can have done it. One user's file can be for that user's group."""
    own = policy.user("nshalice", "[shell] umask=022")
    match = policy.match("10-a.conf", "[match] user=nshbob")
    for path, mode, right in ((POLICY, 0o700, "rx"), (match.parent, 0o750, "rx"), (policy.conf_path, 0o600, "r"),
                              (match, 0o640, "r"), (own, 0o600, "r")):
        before = path.stat().st_mode & 0o777
        path.chmod(mode)
        result = ctl("check")
        name = path.relative_to(POLICY) if path != POLICY else POLICY
        assert (result.rc, lines_of(result)) == (FAILED, [f"{name}: error: {UNREADABLE}{right})"]), result
        if session.__class__.__name__ == "Standalone":
            assert "Permission denied" in session.refusal(alice)
        path.chmod(before)
    assert ctl("check").rc == OK
    own.chmod(0o640)
    os.chown(own, 0, alice.gid)
    assert ctl("check").rc == OK
    os.chown(own, 0, 0)
    policy.conf("[policy] require_pam=yes")
    result = ctl("check")
    assert (result.rc, lines_of(result)) == (WARN, [f"users.d/nshalice.conf: warning: {UNREADABLE}r)"]), result


@pytest.mark.parametrize("kind", ["link", "fifo", "folder", "missing", "device"])
def test_odd_files(policy, kind):
    """Nothing of this is waited for or followed."""
    path = policy.conf_path
    path.unlink()
    if kind == "link":
        path.symlink_to("/dev/null")
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "device":
        os.mknod(path, 0o20600, os.makedev(1, 5))
    result = ctl("check")
    says = {"link": "is a symbolic link", "missing": "No such file or directory"}
    assert result.rc == FAILED
    assert lines_of(result) == [f"nsshell.conf: error: {says.get(kind, 'is not a regular file')}"]


def test_no_folder_at_all(policy):
    policy.conf_path.unlink()
    shutil.rmtree(POLICY)
    result = ctl("check")
    assert result.rc == FAILED and result.out == f"{POLICY}: error: No such file or directory\n"


def test_names_that_attack(policy):
    """What a name or a line has in it arrives at no terminal."""
    policy.match("\033]0;x\a\n.conf", "[match]\nuser = \033[2J\n")
    policy.user("\033[31m", "[view]\nhide = \033[2J\n")
    policy.user_path("x").with_name("\033[32m").touch()
    result = ctl("check")
    assert result.rc == FAILED and "\033" not in result.out and "\a" not in result.out
    assert len(result.out.splitlines()) == 4
    assert len(ctl_json("check", rc=FAILED)["findings"]) == 4


def test_paths_of_users_are_not_waited_for(alice, policy):
    """root waits for no file system of a user's. (10 s)"""
    policy.user(alice.name, f"[view]\nhide={alice.home}/a/b\nbind={alice.home}/a/c:/srv\n[shell] program={alice.home}/x/y")
    with lib_fuse.silent_home_of(alice):
        result = ctl("check", timeout=60)
    assert result.rc == FAILED, result
    assert "users.d/nshalice.conf: error: for nshalice: make the plan: Connection timed out" in lines_of(result)


# Files and folders that are given


@pytest.fixture
def checkout(alice):
    """A folder of alice's that is like /etc/nsshell."""
    top = SRV / "checkout"
    for name in ("match.d", "users.d"):
        (top / name).mkdir(parents=True)
    (top / "nsshell.conf").write_text("[policy]\nlocked = shell.umask\n")
    for path in (top, *top.rglob("*")):
        os.chown(path, alice.uid, alice.gid)
        path.chmod(path.stat().st_mode | 0o020)
    yield top
    shutil.rmtree(top)


def put(path, text):
    path.write_text(expand(text))
    return str(path)


def test_given_files(checkout, alice):
    """Only what they say counts, whoever they belong to. The kind is that of the folder, or goes by [match]."""
    good = put(checkout / "match.d/10.conf", "[match] user=nobody-at-all\n[view] hide=/no/such")
    user = put(checkout / "users.d/zork.conf", "[shell] umask=022")
    loose = put(checkout / "loose", "[match] user=x\n[shell] umask=022")
    for path in (good, user, loose, str(checkout / "nsshell.conf")):
        for account in (None, alice):
            result = ctl("check", path, account=account)
            assert (result.rc, result.out, result.err) == (OK, "", ""), result
    bad = put(checkout / "users.d/bad.conf", "[match] user=x")
    result = ctl("check", bad, good, put(checkout / "match.d/bad.conf", "[shell] umask=022"))
    assert result.rc == FAILED and [line.split(": ")[0] for line in lines_of(result)] == [
        f"{checkout}/match.d/bad.conf:1", f"{checkout}/users.d/bad.conf:2"]
    assert result.err == "2 errors, 0 warnings in 3 files\n"
    assert ctl("check", str(checkout / "missing")).rc == FAILED


def test_given_from_inside(checkout):
    """By a name without a folder, as a hook has it."""
    put(checkout / "users.d/bad.conf", "[match] user=x")
    result = ctl("check", "bad.conf", cwd=checkout / "users.d")
    assert result.out == "bad.conf:2: error: match.user: is for files in match.d only\n"


def test_given_folder(checkout, alice):
    """All of it together, without the machine's accounts."""
    put(checkout / "users.d/zork.conf", "[shell] umask=022\n[network] publish=1")
    put(checkout / "match.d/10.conf", "[match] user=zork\n[shell] umask=022")
    for argument in (str(checkout), f"{checkout}/"):
        result = ctl("check", argument, account=alice)
        assert result.out.replace(f"{checkout}/", "").splitlines() == [
            "match.d/10.conf:4: warning: shell.umask: does not count: nsshell.conf:2 has it locked",
            "users.d/zork.conf:2: warning: shell.umask: does not count: nsshell.conf:2 has it locked",
            "users.d/zork.conf:4: error: network.publish: needs network.mode = nat"]
        assert result.rc == FAILED
    assert len(ctl_json("check", str(checkout), rc=FAILED)["findings"]) == 3


# Where it prints to


def test_on_a_terminal(policy, accounts):
    """Coloured, with a summary; nothing is cut off, as editors and people need the end of it."""
    policy.conf("[session] hostnam=x")
    with Terminal(None, [str(CTL), "check"], env={"TERM": "xterm", "PATH": "/bin"}) as terminal:
        assert terminal.finish() == FAILED
        text = terminal.before.replace("\r", "")
    assert "\033[31merror\033[0m: session.hostnam: unknown key, did you mean session.hostname?" in text
    assert "1 error, 0 warnings in 1 file\n" in text and COLUMNS == 80
    policy.conf("")
    with Terminal(None, [str(CTL), "check"], env={"TERM": "xterm", "PATH": "/bin"}) as terminal:
        assert terminal.finish() == OK
        assert terminal.before.replace("\r", "") == "0 errors, 0 warnings in 1 file\n"


def test_many_files(policy):
    """A thousand users with an error each, into a pipe that is closed at once, and counted."""
    for number in range(1000):
        policy.user(f"nshmany{number}", "[shell] umask=9")
    result = ctl("check", timeout=60)
    assert result.err == "1000 errors, 1000 warnings in 1001 files\n"
    done = subprocess.run(["bash", "-c", f"trap - PIPE; {CTL} check 2>&1 | head -n 1"], capture_output=True, text=True,
                          check=True)
    assert done.stdout.count("\n") == 1
