# SPDX-License-Identifier: MIT
"""Bad input to [view]: the view that was asked for, or a clear refusal; never another view.

nsshell.conf(5), [view]; design.md, promises 1, 2 and 3. Whatever happens, nothing of the machine's is
changed by it.
"""

import ctypes
import os
import shutil
import socket
import threading
from pathlib import Path

import pytest

from lib_mounts import command, tmpfs
from lib_pam import CHANGED
from lib_process import SHOW_NAMESPACES, as_root, assert_confined
from lib_settings import FRAME, MARKER, POLICY, REFUSED, SRV
from lib_view import Frame, Standalone, make_open, snapshot

# How each key has a path. {t} and {s}: a folder to show something on, and one to show.
KEYS = {
    "hide": "hide={0}",
    "read_only": "read_only={0}",
    "writable": "read_only=system\nwritable={0}",
    "bind source": "bind={0}:{t}",
    "bind target": "bind={s}:{0}",
}
OPTIONAL = {key: text.replace("={0}", "=-{0}") for key, text in KEYS.items() if key != "bind target"}
TEXT = "of the ground\n"


def lines_of(key):
    """The key's lines: as they are, and with the path optional, if it can be."""
    return [{**KEYS, "root": "root={0}"}[key], *([OPTIONAL[key]] if key in OPTIONAL else [])]


class Ground:
    """Folders of root's below SRV: real with a file, and source and target for bind."""

    def __init__(self):
        self.top = SRV / "ground"
        self.renew()

    def renew(self):
        """Makes it as it was."""
        shutil.rmtree(self.top, ignore_errors=True)
        self.top.mkdir(parents=True)
        for name in ("real", "source", "target"):
            (self.top / name).mkdir()
            # So that only the view can be why it is not written or read.
            make_open(self.top / name / "file", TEXT if name == "real" else f"{name}\n")
        (self.top / "real/inner").mkdir()

    def policy(self, text, path):
        return "[view]\n" + text.format(path, s=self.top / "source", t=self.top / "target")

    def holds(self, place, account, key, path):
        """Whether the key does for path what it says, in a session that there must be."""
        target = self.top / "target"
        command_line = {
            "hide": f"cat {path}/file || echo yes",
            "read_only": f"cat {path}/file; echo x >>{path}/file || echo yes",
            "writable": f"echo x >>{path}/file && ! echo x >>{target}/file && echo yes",
            "bind source": f"cat {target}/file",
            "bind target": f"cat {path}/file",
        }[key]
        result = place.sh(account, f"{{ {command_line}; }} 2>/dev/null")
        expected = {"hide": "yes\n", "read_only": TEXT + "yes\n", "writable": "yes\n", "bind source": TEXT,
                    "bind target": "source\n"}
        assert result.rc in (0, 1), result
        if key == "writable":
            (self.top / "real/file").write_text(TEXT)
        return result.out == expected[key]


@pytest.fixture
def ground():
    made = Ground()
    yield made
    shutil.rmtree(made.top)


@pytest.fixture(params=[*KEYS, "root"])
def any_key(request):
    """Every key that has paths."""
    return request.param


@pytest.fixture
def place_of(place, any_key):
    """A place where the key counts: root does not in a frame."""
    if any_key == "root" and isinstance(place, Frame):
        return Standalone()
    return place


@pytest.mark.parametrize("key", KEYS)
def test_the_ground(place, alice, policy, ground, key):
    """So that what follows can fail: with a path that is right each key does what it says."""
    real = ground.top / "real"
    policy.conf("[view] read_only=")
    assert not ground.holds(place, alice, key, real)
    ground.renew()
    policy.conf(ground.policy(KEYS[key], real))
    assert ground.holds(place, alice, key, real)


# Texts


NOT_PATHS = ["srv", "./srv", "/srv/../etc", "/srv/./x", "/srv//x", "/srv/", "//srv", "/..", "/", "", "-", "--/srv", "~",
             "/srv/x:y", "system", "/srv/" + "x" * 256, "/srv/\tx", "/" + "x/" * 500 + "x"]


def test_what_is_no_path(session, alice, policy, ground, any_key):
    """An error of the policy that names file and line, or of the session that names the key."""
    for text in NOT_PATHS:
        if (any_key in ("hide", "read_only", "writable") and text == "") or (any_key, text) in (
            ("read_only", "system"), ("root", "/"), ("bind source", "/"),
        ):
            continue
        policy.conf(ground.policy(lines_of(any_key)[0], text))
        why = session.refusal(alice)
        assert f"view.{any_key.partition(' ')[0]}" in why or f"{POLICY}/nsshell.conf:" in why, (text, why)


@pytest.mark.parametrize("path", [MARKER, MARKER.parent, FRAME, FRAME.parent], ids=str)
def test_what_nsshell_needs_is_not_hidden(session, alice, policy, path):
    """Without it a session could not be told from none. That it may be absent makes no difference."""
    for text in (path, f"-{path}", f"/srv, {path}"):
        policy.conf(f"[view] hide={text}")
        session.refusal(alice, "view.hide", f"{path}: cannot be hidden, nsshell needs what is there")


NOT_BINDS = [
    "/a", "/a:", ":/a", "/a:/b:rw", "/a:/b:ro:ro", "/a:/b:/c", "/a:b", "-/a:-/b", ":", "::", "/a:/b:",
    "/a:/b:ro ro",
]


def test_what_is_no_bind(session, alice, policy):
    """SOURCE:PATH, with :ro or without, and nothing else."""
    for text in NOT_BINDS:
        policy.conf(f"[view] bind={text}")
        assert f"{POLICY}/nsshell.conf:2: " in session.refusal(alice, "view.bind"), text


def test_a_file_for_a_folder(place_of, alice, policy, ground, any_key):
    """Something below a file is not there; a file is no folder."""
    for path in (ground.top / "real/file/x", ground.top / "real/file"):
        policy.conf(ground.policy(lines_of(any_key)[0], path))
        if path.name == "x" or any_key in ("bind source", "bind target", "root"):
            place_of.refusal(alice, path)


# Links


def make_loop(path, _):
    path.symlink_to(path.name + "-back")
    path.with_name(path.name + "-back").symlink_to(path.name)


def make_self_loop(path, _):
    path.symlink_to(path.name)


def make_users_link(path, real, uid):
    path.symlink_to(real)
    os.lchown(path, uid, uid)


PARTS = ("one", "two", "three")


def ground_path(ground, at, make):
    """SRV/ground/one/two/three, where the part number `at` is made by make(path, real)."""
    folder = ground.top
    for number, part in enumerate(PARTS):
        path = folder / part
        if number == at:
            # What it should lead to: the rest of the path is there too.
            real = ground.top / "real"
            for below in PARTS[number + 1:]:
                real = real / below
                real.mkdir()
                make_open(real / "file", TEXT)
            make(path, ground.top / "real")
            break
        path.mkdir()
        folder = path
    return ground.top.joinpath(*PARTS)


def refused_with(ground, policy, place, account, key, path, *words):
    """With the path in the key, optional or not, there is no session, and the reason has the words."""
    for line in lines_of(key):
        policy.conf(ground.policy(line, path))
        place.refusal(account, *words)


@pytest.mark.parametrize("at", range(3))
def test_loops(place_of, alice, policy, ground, any_key, at):
    """Links that lead to each other, or to themselves, at every place in the path."""
    for make in (make_loop, make_self_loop):
        path = ground_path(ground, at, make)
        refused_with(ground, policy, place_of, alice, any_key, path, path, "Too many levels of symbolic links")
        ground.renew()


@pytest.mark.parametrize("at", range(3))
def test_links_of_users(place_of, accounts, alice, policy, ground, any_key, at):
    """A link that is not root's, whoever's it is, at every place in the path."""
    for owner in ("nshalice", "nshbob"):
        path = ground_path(ground, at, lambda p, real: make_users_link(p, real, accounts[owner].uid))
        refused_with(ground, policy, place_of, alice, any_key, path, path, "symbolic link")
        ground.renew()


def make_absolute(path, real):
    path.symlink_to(real)


def make_relative(path, real):
    path.symlink_to(os.path.relpath(real, path.parent))


def make_through_the_top(path, real):
    path.symlink_to("../" * 20 + str(real)[1:])


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("make", [make_absolute, make_relative, make_through_the_top])
def test_links_of_roots(place, alice, policy, ground, key, make):
    """Root's links are followed, and the key holds for what they lead to, by both its names."""
    for at in range(3):
        path = ground_path(ground, at, make)
        policy.conf(ground.policy(KEYS[key], path))
        assert ground.holds(place, alice, key, path), at
        assert ground.holds(place, alice, key, path.resolve()), at
        ground.renew()


@pytest.mark.parametrize("at", range(3))
def test_folders_of_users(place_of, alice, policy, ground, any_key, at):
    """A folder above that is the user's, or that they may write to: they could put a link there at any
    time, so it is refused although there is none."""
    path = ground.top.joinpath(*PARTS)
    folder = ground.top.joinpath(*PARTS[:at])
    for uid, group, mode in ((alice.uid, 0, 0o755), (0, 0, 0o777), (0, "nshteam", 0o775)):
        path.mkdir(parents=True)
        make_open(path / "file", TEXT)
        shutil.chown(folder, uid, group)
        folder.chmod(mode)
        # A source beside it cannot be held either, and can be the one that is named.
        refused_with(ground, policy, place_of, alice, any_key, path, folder)
        ground.renew()


@pytest.mark.parametrize("key", KEYS)
def test_a_sticky_folder(place, alice, policy, ground, key):
    """In a folder like /tmp nobody can replace what is root's, so that can be held."""
    ground.top.chmod(0o1777)
    policy.conf(ground.policy(KEYS[key], ground.top / "real"))
    assert ground.holds(place, alice, key, ground.top / "real")
    os.chown(ground.top / "real", alice.uid, alice.gid)
    place.refusal(alice, ground.top / "real")


# Kinds, sizes, numbers


def make_kind(path, kind):
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(path))
    else:
        os.mknod(path, 0o020666, os.makedev(1, 5))
    path.chmod(0o666)


@pytest.mark.parametrize("key", KEYS)
def test_other_kinds_of_files(place, alice, policy, ground, key):
    """Nothing waits for a fifo. What is hidden gives nothing; a file of any kind is not shown on a folder,
    and has no folder shown on it."""
    for kind in ("fifo", "socket", "device"):
        path = ground.top / kind
        make_kind(path, kind)
        policy.conf(ground.policy(KEYS[key], path))
        look = f"timeout 20 dd if={path} bs=2 count=1 iflag=nonblock status=none | od -An -tx1; echo end"
        if key.startswith("bind"):
            place.refusal(alice, "view.bind", path)
        else:
            result = place.sh(alice, look)
            expected = " 00 00\nend\n" if kind == "device" and key != "hide" else "end\n"
            assert result.out == expected, (kind, result)


@pytest.mark.parametrize("key", KEYS)
def test_a_folder_that_nobody_can_enter(place, alice, policy, ground, key):
    """Mode 0, as lost mount points have it: each key does with it what it says."""
    path = ground.top / "closed"
    path.mkdir()
    path.chmod(0)
    policy.conf(ground.policy(KEYS[key], path))
    result = place.sh(alice, f"ls {path}; ls {ground.top}/target; ls {ground.top}/source; echo end")
    shown = {"bind source": "file\nend\n", "bind target": "file\nfile\nfile\nend\n"}
    assert result.out == shown.get(key, "file\nfile\nend\n"), result


def test_hidden_kinds(place, alice, policy, ground):
    """A socket that is hidden cannot be connected to, a fifo not be written to, a device not be read."""
    paths = {kind: ground.top / kind for kind in ("fifo", "socket", "device")}
    for kind, path in paths.items():
        if kind != "socket":
            make_kind(path, kind)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(paths["socket"]))
        listener.listen()
        paths["socket"].chmod(0o666)
        script = (
            f"python3 -c 'import socket; socket.socket(1).connect(\"{paths['socket']}\")' && echo socket; "
            f"timeout 20 sh -c 'exec 3<>{paths['fifo']}' && echo fifo; head -c 1 {paths['device']} && echo device; true"
        )
        assert place.sh(alice, script).out.split() == ["socket", "fifo", "\0device"]
        policy.conf(f"[view] hide={', '.join(map(str, paths.values()))}")
        assert place.sh(alice, script).out == ""


@pytest.mark.parametrize("key", KEYS)
def test_long_paths(place, alice, policy, ground, key):
    """As long as a line of the policy can be; and by links to what has no path of less than 4096 bytes."""
    path = ground.top / "real"
    for _ in range(3):
        path /= "x" * 250
        path.mkdir()
        make_open(path / "file", TEXT)
    assert len(str(path)) > 700
    policy.conf(ground.policy(KEYS[key], path))
    if "bind" not in key:
        assert ground.holds(place, alice, key, path)
    deep = ground.top / "deep"
    deep.mkdir()
    make_deep(deep, 17)
    # Two links of root's, each with as much as a link can have.
    (ground.top / "half").symlink_to(str(Path(deep, *["x" * 240] * 9)))
    (deep.joinpath(*["x" * 240] * 9) / "rest").symlink_to("/".join(["x" * 240] * 8))
    policy.conf(ground.policy(KEYS[key], ground.top / "half/rest"))
    result = place.sh(alice, f"cd -P {ground.top}/half/rest && cat file; echo end")
    assert result.rc == REFUSED or result.out.endswith("end\n"), result
    if result.rc == REFUSED:
        place.refusal(alice, ground.top / "half/rest")
    assert os.stat(ground.top / "half/rest/file").st_size == len(TEXT)


def make_deep(top, count):
    """Folders in each other whose path is longer than any call takes."""
    fd = os.open(top, os.O_RDONLY)
    for _ in range(count):
        os.mkdir("x" * 240, dir_fd=fd)
        inner = os.open("x" * 240, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    file = os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=fd)
    os.fchmod(file, 0o666)
    os.write(file, TEXT.encode())
    os.close(file)
    os.close(fd)


def test_many_paths(place, alice, policy, ground):
    """As many as a line can have, of all keys at once, some of them twice."""
    top = SRV / "g"
    ground.top.rename(top)
    try:
        for kind in "hrwb":
            for number in range(30):
                (top / f"{kind}{number}").mkdir()
                make_open(top / f"{kind}{number}/file", TEXT)
        names = {kind: [f"{top}/{kind}{number}" for number in (*range(30), 0)] for kind in "hrwb"}
        binds = [f"{top}/r{number}:{top}/b{number}" for number in range(15)]
        policy.conf(
            f"[view]\nhide={','.join(names['h'])}\nread_only=system,{','.join(names['r'])}\n"
            f"writable={','.join(names['w'])}\nbind={','.join(binds)}"
        )
        look = "for n in $(seq 0 29); do echo x >>{0}/r$n/file || echo r; echo x >>{0}/w$n/file && echo w; done" \
            " 2>/dev/null; ls {0}/h*/file 2>/dev/null | wc -l"
        lines = place.lines(alice, look.format(top))
        assert lines[:-1] == ["r", "w"] * 30 and lines[-1] == "0"
    finally:
        top.rename(ground.top)


@pytest.mark.parametrize("items", [
    "{r},{r}", "{r},{r}/inner", "{r}/inner,{r}", "-{r},{r}", "{r},-{r}/nothing", "{l},{r}",
])
def test_the_same_path_twice(place, alice, policy, ground, items):
    """By one name or by two, or in each other, in any order: it is hidden."""
    (ground.top / "link").symlink_to("real")
    text = items.format(r=ground.top / "real", l=ground.top / "link")
    policy.conf(f"[view] hide={text}")
    assert ground.holds(place, alice, "hide", ground.top / "real")
    policy.conf(f"[view] read_only={text}")
    assert ground.holds(place, alice, "read_only", ground.top / "real")


@pytest.mark.parametrize("order", [1, -1])
def test_read_only_and_writable_of_the_same_path(place, alice, policy, ground, order):
    """A contradiction: refused, or one of them holds, and always the same one."""
    lines = [f"read_only={ground.top}/real", f"writable={ground.top}/real"][::order]
    policy.conf("[view]\n" + "\n".join(lines))
    result = place.sh(alice, f"echo x >>{ground.top}/real/file")
    assert result.rc in (1, REFUSED) or (result.rc == 0 and ground.top.joinpath("real/file").read_text() != TEXT)


def test_two_sources_for_one_target(place, alice, policy, ground):
    """The last one of the list is seen, or it is refused."""
    top = ground.top
    policy.conf(f"[view] bind={top}/real:{top}/target, {top}/source:{top}/target")
    result = place.sh(alice, f"cat {top}/target/file")
    assert result.rc == REFUSED or result.out == "source\n", result


def test_bind_in_a_circle(place, alice, policy, ground):
    """A folder on another and that one on it; a folder on itself; in itself: as it says, or refused."""
    top = ground.top
    for binds, path, text in (
        (f"{top}/real:{top}/target,{top}/target:{top}/real", "real", "target\n"),
        (f"{top}/real:{top}/real", "real", TEXT),
        (f"{top}/real:{top}/real/inner", "real/inner", TEXT),
        (f"{top}:{top}/real", "real/real", TEXT),
        (f"/:{top}/target", f"target{top}/real", TEXT),
    ):
        policy.conf(f"[view] bind={binds}")
        result = place.sh(alice, f"cat {top}/{path}/file")
        assert result.rc == REFUSED or result.out == text, (binds, result)


# Places that are nsshell's own


SPECIAL = [
    "/", "/bin", "/bin/bash", "/dev", "/dev/null", "/dev/pts", "/dev/shm", "/dev/tty", "/etc", "/etc/hosts",
    "/etc/passwd", "/home", "/home/nshalice", "/home/nshalice/secret", "/home/nshbob", "/proc", "/proc/1", "/proc/self", "/proc/sys",
    "/proc/version", "/run", "/run/lock", "/run/user", "/sys", "/sys/fs/cgroup", "/tmp", "/tmp/nsh-outside", "/usr",
    "/var", "/var/log/wtmp", "/var/mail", "/var/tmp", str(MARKER), str(MARKER.parent), str(FRAME), str(FRAME.parent),
    str(POLICY), "/usr/bin/cat",
]


# What is seen of a folder or a file that is shown in that place.
SHOWN_THERE = {"/home": {"file"}, "/home/nshbob": {"nshbob"}, "/tmp/nsh-outside": {"source"}}

LOOK_AT_SPECIAL = (
    f"{SHOW_NAMESPACES}; echo --; ls -A /home | grep -v -x nshalice; cat /home/nshbob/secret; cat /tmp/nsh-outside;"
    "echo x >/tmp/nsh-new; echo x >/proc/sys/kernel/domainname; ls /proc | grep -x '[1-9]'; echo end"
)


@pytest.fixture
def nothing_new():
    """What is written to a /tmp that is the machine's does not stay."""
    yield
    Path("/tmp/nsh-new").unlink(missing_ok=True)


@pytest.mark.parametrize("key", [key for key in KEYS if key != "bind source"])
@pytest.mark.usefixtures("nothing_new")
def test_special_places(place, alice, policy, outside, ground, key):
    """Of what nsshell itself covers, shows or needs: a confined session with the other promises kept, or a
    refusal; the machine is as it was."""
    tops = (SRV, "/etc", alice.home, "/var/mail", "/var/log")
    before = [snapshot(top) for top in tops]
    points = Path("/proc/self/mountinfo").read_text()
    for path in filter(os.path.exists, SPECIAL):
        source = ground.top / ("source/file" if os.path.isfile(path) else "source")
        text = f"bind={source}:{path}" if key == "bind target" else KEYS[key].format(path)
        policy.conf(f"[view]\n{text}")
        result = place.sh(alice, LOOK_AT_SPECIAL)
        assert Path("/proc/self/mountinfo").read_text() == points, path
        assert not os.path.exists("/tmp/nsh-new"), path
        # Where there are no programs and no accounts any more, a login ends in other ways.
        if result.rc in (REFUSED, 126, 127, CHANGED):
            assert result.out == "", (path, result)
            continue
        shown, _, seen = result.out.partition("--\n")
        is_shown = key not in ("hide", "bind target") or not path.startswith(("/proc", "/bin", "/usr"))
        if is_shown and path != "/" and not isinstance(place, Frame):
            assert_confined(shown)
        # What is shown on a folder is to be seen there.
        allowed = SHOWN_THERE.get(path, set()) if key == "bind target" else set()
        rest = set(seen.splitlines()) - {*"123456789", "end"} - allowed
        assert rest == set() and (seen.endswith("end\n") or not is_shown), (path, result)
    for top, known in zip(tops, before):
        now = snapshot(top)
        changed = {path for path in known | now if known.get(path) != now.get(path)}
        assert changed <= {str(POLICY / "nsshell.conf")}


# What changes in the middle


class Flicker(threading.Thread):
    """Takes something away and puts it back, as fast as it can."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.path, self.away = str(path), f"{path}.away"
        self.ends = threading.Event()

    def run(self):
        while not self.ends.is_set():
            os.rename(self.path, self.away)
            os.rename(self.away, self.path)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.join()


@pytest.mark.parametrize("key", KEYS)
def test_what_vanishes_in_the_middle(place, alice, policy, ground, key):
    """Each login has the view that was asked for, or is refused with the path."""
    path = ground.top / "real"
    policy.conf(ground.policy(KEYS[key], path))
    # The path may be gone when the session looks: it waits for it.
    look = {
        "hide": f"until ls {path} 2>&1 | grep -q denied; do cat {path}/file; done 2>/dev/null",
        "read_only": f"until test -e {path}/file; do :; done; touch {path}/file 2>/dev/null && echo written",
        "writable": f"touch {ground.top}/target/file 2>/dev/null && echo written",
        "bind source": f"cat {ground.top}/target/file",
        "bind target": f"until cat {path}/file 2>/dev/null; do :; done",
    }[key]
    outcomes = []
    before = snapshot(ground.top / "source")
    with Flicker(path):
        for _ in range(25):
            result = place.sh(alice, f"timeout 40 sh -c '{look}'; true")
            if result.rc == REFUSED:
                assert str(path) in result.err, result
            else:
                assert result.out == {"bind source": TEXT, "bind target": "source\n"}.get(key, ""), result
            outcomes.append(result.rc)
    assert set(outcomes) <= {0, REFUSED}
    assert snapshot(ground.top / "source") == before and (path / "file").read_text() == TEXT


# Homes that an attacker can replace


@pytest.fixture
def department(accounts, bob):
    """The folder that holds nshdeep's home belongs to bob, who has moved the home away. Afterwards it is
    as it was."""
    folder = Path("/home/nshdepartment")
    os.chown(folder, bob.uid, bob.gid)
    home, away = folder / "nshdeep", folder / "nshdeep.away"
    home.rename(away)
    yield home
    if home.is_symlink():
        home.unlink()
    elif home.exists():
        shutil.rmtree(home)
    away.rename(home)
    os.chown(folder, 0, 0)


@pytest.fixture
def locked():
    """A folder that anybody could read, in one that only root can enter."""
    top = SRV / "locked"
    make_open(top / "inner")
    make_open(top / "inner/secret", "of the locked folder\n")
    top.chmod(0o700)
    yield top / "inner"
    shutil.rmtree(top)


LINKED = ("/root", "/etc", "/home/nshalice", "/home/nshdepartment/nshdeep2", "/")


@pytest.mark.parametrize("home", ["keep", "ephemeral"])
@pytest.mark.parametrize("setting", ["", "read_only=system", "homes="])
def test_a_home_that_is_an_attackers_link(place, accounts, bob, policy, department, locked, home, setting):
    """It leads to where the user cannot go, to another's home, to the machine's folders: no session, or one
    in which that is not shown as the home."""
    account = accounts["nshdeep"]
    policy.conf(f"[view]\nhome={home}\n{setting}")
    before = {top: snapshot(top) for top in (locked, "/etc")}
    for target in (str(locked), *LINKED):
        department.symlink_to(target)
        os.lchown(department, bob.uid, bob.gid)
        result = place.sh(account, f"cat ~/secret; echo x >~/new; ls -d ~/passwd ~/etc; grep -c ' {account.home} ' "
                          "/proc/self/mountinfo; true")
        if result.rc == REFUSED:
            assert account.home in result.err, (target, result)
        else:
            # Where nothing covers the link it leads where it did, with the user's powers: it is no mount.
            assert result.out.endswith("0\n"), (target, result)
            assert setting == "homes=" or result.out == "0\n", (target, result)
        department.unlink()
    assert {top: snapshot(top) for top in before} == before


@pytest.mark.parametrize("home", ["keep", "ephemeral"])
def test_a_home_that_is_anothers_folder(place, accounts, bob, policy, department, home):
    """A folder that bob has put there, which only bob can read: nothing of it is shown."""
    policy.conf(f"[view] home={home}")
    department.mkdir(mode=0o700)
    (department / "secret").write_text("bob's\n")
    as_root("chown", "-R", f"{bob.uid}:{bob.gid}", str(department))
    result = place.sh(accounts["nshdeep"], f"cat {department}/secret; echo x >{department}/new; echo end")
    assert result.rc == REFUSED or result.out == "end\n", result
    assert os.listdir(department) == ["secret"]


@pytest.mark.parametrize("home", ["keep", "ephemeral"])
def test_a_home_that_is_exchanged_all_the_time(place, accounts, bob, policy, department, locked, home):
    """Now the home, now a link to a folder that only root can enter."""
    account = accounts["nshdeep"]
    policy.conf(f"[view] home={home}")
    folder = department.with_name("real")
    folder.mkdir()
    (folder / "secret").write_text("of the home\n")
    os.chown(folder, account.uid, account.gid)
    link = department.with_name("link")
    link.symlink_to(locked)
    os.lchown(link, bob.uid, bob.gid)
    folder.rename(department)

    class Exchange(Flicker):
        def run(self):
            while not self.ends.is_set():
                exchange(department, link)

    before = snapshot(locked)
    try:
        with Exchange(department):
            for _ in range(30):
                result = place.sh(account, f"cat {account.home}/secret; echo x >{account.home}/new; true")
                assert result.rc in (0, REFUSED) and "locked" not in result.out, result
        assert snapshot(locked) == before
    finally:
        for path in (department, link):
            path.unlink() if path.is_symlink() else shutil.rmtree(path)


def exchange(one, other):
    """renameat2(2) with RENAME_EXCHANGE."""
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.renameat2(-100, bytes(one), -100, bytes(other), 2) == 0, ctypes.get_errno()


# Disks


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("disk", ["full", "read-only"])
def test_disks(place, alice, policy, ground, key, disk):
    """Paths on a disk that has no room left, or that is mounted read-only."""
    top = make_open(ground.top / "disk")
    with tmpfs(top, "mode=755,size=64k,nr_inodes=7"):
        for name in ("real", "target"):
            (top / name).mkdir()
            make_open(top / name / "file", TEXT)
        if disk == "full":
            as_root("sh", "-c", f"cat /dev/zero >{top}/zeros; touch {top}/1 {top}/2 {top}/3")
            assert os.statvfs(top).f_bfree == os.statvfs(top).f_ffree == 0
        else:
            command("mount", "-o", "remount,ro", str(top))
        policy.conf(ground.policy(KEYS[key], top / "real"))
        if key != "writable":
            assert ground.holds(place, alice, key, top / "real")
        else:
            # It stays as it is: nothing becomes writable that was not, or gets room.
            result = place.sh(alice, f"touch {top}/real/file; echo $?; touch {top}/target/file; echo $?")
            assert result.out.split() == (["0", "1"] if disk == "full" else ["1", "1"]), result
