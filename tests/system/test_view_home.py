# SPDX-License-Identifier: MIT
"""home = ephemeral: whatever is done in it is gone at the end, and the home itself is as it was.

nsshell.conf(5), [view] home; design.md, promises 1, 2 and 7. And homes that root may not read, that are
full, that are read-only: there is a session all the same, with the right view.
"""

import os
import shutil
from pathlib import Path

import pytest

import lib_fuse
from lib_accounts import home_at
from lib_left import memory
from lib_mounts import command, mounted, tmpfs
from lib_process import Held, as_root, kill_all_of, sh, wait_until
from lib_settings import REFUSED, SRV
from lib_view import HAS_USER_ATTRIBUTES, Frame, Standalone, snapshot

pytestmark = pytest.mark.usefixtures("nested_userns")

# Everything that one can do to a home, in a copy that may not be there twice.
DEEDS = """\
set -e
cd
echo more >>secret
echo new >new; mkdir -p made/deep; echo deep >made/deep/file
rm -rf .config; mkdir .config; echo other >.config/other
mv box moved; mv moved/inner taken-out
rm .bashrc; ln -s /etc/passwd .bashrc
ln secret hard; ln -s new soft; mkfifo fifo
chmod 700 .; chmod 600 .profile; chmod -R a-w box-of-files; chmod -R u+w box-of-files
truncate -s 0 .vimrc
touch -d 2001-02-03 .kshrc
cp -r --preserve=mode,timestamps /etc/skel skel-copy
dd if=/dev/zero of=big bs=1M count=64 status=none; test $(stat -c %s big) = 67108864
git init -q repository 2>/dev/null
python3 - <<'PROGRAM'
import mmap, os
with open(os.path.expanduser("~/box-of-files/3"), "r+b") as file, mmap.mmap(file.fileno(), 0) as view:
    view[0:4] = b"MMAP"
PROGRAM
test "$(head -c 4 box-of-files/3)" = MMAP
test "$(tail -n 1 secret)" = more
test "$(cat made/deep/file taken-out/file .config/other)" = "deep
boxed
other"
test ! -e box -a ! -e .config/fish -a -L .bashrc
rm -rf moved made
echo done
"""


@pytest.fixture
def full_home(alice):
    """alice's home with some more in it."""
    made = [alice.write("box/inner/file", "boxed\n").parents[1]]
    for number in range(5):
        alice.write(f"box-of-files/{number}", f"file {number}\n")
    made.append(alice.path("box-of-files"))
    yield alice
    for path in made:
        shutil.rmtree(path)


@pytest.fixture
def ephemeral(policy):
    policy.conf("[view] home=ephemeral")


@pytest.mark.usefixtures("ephemeral")
def test_all_deeds_vanish(place, full_home):
    """They work, the home itself is as it was, with its times, and the next session begins anew."""
    before = snapshot(full_home.home)
    assert place.lines(full_home, DEEDS)[-1:] == ["done"]
    assert snapshot(full_home.home) == before
    assert place.lines(full_home, DEEDS)[-1:] == ["done"]
    assert snapshot(full_home.home) == before


def test_the_deeds_stay_otherwise(place, full_home, policy):
    """So that the test above can fail: with home = keep they are there afterwards."""
    policy.conf("[view] home=keep")
    copy = SRV / "copy"
    command("cp", "-a", full_home.home, str(copy))
    try:
        before = snapshot(full_home.home)
        assert place.lines(full_home, DEEDS)[-1:] == ["done"]
        after = snapshot(full_home.home)
        assert sum(before.get(path) != after.get(path) for path in before | after) > 10
    finally:
        command("find", full_home.home, "-mindepth", "1", "-delete")
        command("cp", "-a", f"{copy}/.", full_home.home)
        shutil.rmtree(copy)


@pytest.mark.usefixtures("ephemeral")
def test_it_shows_the_home(place, alice, scratch):
    """What is in the home, who it belongs to and its modes are seen as they are."""
    show = "cd; find . -mindepth 1 -type d -printf '%p %m %u %g %T@\\n' -o -printf '%p %m %u %g %s %T@ %l\\n' | sort"
    alice.write("scratch/file", "text\n", mode=0o640)
    os.symlink("file", scratch / "link")
    os.lchown(scratch / "link", alice.uid, alice.gid)
    expected = as_root("sh", "-c", show, env={"HOME": alice.home, "PATH": os.environ["PATH"]}).out
    assert place.lines(alice, show) == expected.splitlines()


@pytest.mark.usefixtures("ephemeral")
def test_modes_count(place, alice, scratch):
    """What the user may not write or read in the home cannot be written or read, new copy or not."""
    for name, mode in (("roots", 0o600), ("readable", 0o644)):
        (scratch / name).write_text("root's\n")
        (scratch / name).chmod(mode)
    result = place.sh(alice, f"cd {scratch}; cat roots; echo x >>readable; chmod 666 roots; cat readable")
    assert result.out == "root's\n" and result.err.count("ermitted") + result.err.count("denied") == 3, result


@pytest.mark.usefixtures("ephemeral")
def test_the_folder_that_it_starts_in(place, alice, scratch):
    """The current folder is in the copy too: nothing that is written relative to it stays."""
    assert place.lines(alice, "pwd; echo x >here; echo x >scratch/here; ls here scratch/here") == [
        alice.home, "here", "scratch/here"]
    assert not alice.path("here").exists() and os.listdir(scratch) == []


@pytest.mark.usefixtures("ephemeral")
def test_the_folder_that_it_starts_in_below(alice, scratch):
    """Likewise when nsshell is started further down."""
    assert sh(alice, "pwd; echo x >here; cd ..; echo x >there; ls scratch", cwd=scratch).out.split() == [
        str(scratch), "here"]
    assert os.listdir(scratch) == [] and not alice.path("there").exists()


@pytest.mark.usefixtures("ephemeral")
def test_there_is_no_way_to_the_home(place, alice, scratch):
    """It has one name, and that is the copy's; what covers it cannot be taken away, or be reached from a
    mount of its own."""
    (scratch / "nsh-once").write_text("as it was\n")
    before = snapshot(alice.home)
    assert place.lines(alice, "find / -path '/proc/[0-9]*' -prune -o -name nsh-once -print 2>/dev/null; true") == [
        f"{scratch}/nsh-once"]
    attempts = [
        "umount ~", "umount -l ~", "umount -R ~", "umount -l /home", "mount -o remount,ro ~; umount -l ~",
        "mount --bind / /mnt && cd /mnt/home/nshalice", "mount --rbind / /mnt && umount -l /mnt/home",
        "mount --rbind / /mnt && umount -l /mnt/home/nshalice; cd /mnt/home/nshalice", "umount -l /",
        "mount --move ~ /mnt",
    ]
    for attempt in attempts:
        for way in ("unshare -Urm", "unshare -Ucm --keep-caps"):
            place.sh(alice, f"{way} sh -c '{attempt}; touch ~/nsh-found nsh-found; rm -f ~/scratch/nsh-once'")
    assert snapshot(alice.home) == before


@pytest.mark.usefixtures("ephemeral")
def test_what_is_not_the_home_stays(place, alice):
    """Only the home is a copy."""
    folder = SRV / "stays"
    folder.mkdir()
    os.chown(folder, alice.uid, alice.gid)
    try:
        assert place.lines(alice, f"echo x >{folder}/file") == []
        assert (folder / "file").read_text() == "x\n"
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("name", ["nshdeep", "nshelse", "nsh.dot"])
@pytest.mark.usefixtures("ephemeral")
def test_other_homes(place, accounts, name):
    """Further down in a folder of homes, or in none."""
    account = accounts[name]
    before = snapshot(account.home)
    assert place.lines(account, "echo x >~/new; cat ~/new; cat ~/secret") == ["x", f"secret of {name}"]
    assert snapshot(account.home) == before


@pytest.mark.usefixtures("ephemeral")
def test_no_home(place, accounts):
    """An account without a home has nothing to copy."""
    result = place.sh(accounts["nshnohome"], "pwd")
    assert result.out == "/\n", result


@pytest.mark.usefixtures("ephemeral")
def test_a_home_through_a_link(place, accounts):
    """The name in the account database is a link of root's: the copy is shown under both names."""
    account = accounts["nshelse"]
    link = SRV / "link-to-homes"
    link.symlink_to("homes")
    before = snapshot(account.home)
    try:
        with home_at(account, link / "nshelse"):
            assert place.lines(account, f"echo x >{link}/nshelse/new; cat {account.home}/new") == ["x"]
    finally:
        link.unlink()
    assert snapshot(account.home) == before


@pytest.mark.usefixtures("ephemeral")
def test_a_home_with_a_mount_in_it(place, alice, scratch):
    """Refused with that reason: what is mounted there would be written to."""
    with tmpfs(scratch):
        place.refusal(alice, "view.home", alice.home)
    # One that the home itself is on is none in it.
    with tmpfs(alice.home, f"mode=755,uid={alice.uid},gid={alice.gid}"):
        assert place.lines(alice, "echo x >~/new; cat ~/new") == ["x"]
        assert os.listdir(alice.home) == []


@pytest.mark.ephemeral
def test_with_a_read_only_system(place, alice, policy):
    """The copy can be written where all else cannot."""
    policy.conf("[view]\nread_only=system\nhome=ephemeral")
    before = snapshot(alice.home)
    assert place.lines(alice, "echo x >~/new; cat ~/new; rm ~/secret; echo x >/tmp/new && echo tmp") == ["x", "tmp"]
    assert snapshot(alice.home) == before


@pytest.mark.ephemeral
def test_with_user_id_0_inside(session, full_home, policy):
    """User id 0 inside has no way around it."""
    policy.conf("[view] home=ephemeral\n[identity] uid=root")
    before = snapshot(full_home.home)
    assert session.lines(full_home, DEEDS)[-1:] == ["done"]
    assert snapshot(full_home.home) == before


def test_standalone_by_the_kernel(alice, policy):
    """Without the module it takes user attributes of a tmpfs (Linux 6.6): there is a copy, or no session."""
    policy.conf("[view] home=ephemeral")
    deed = "echo x >~/new; cat ~/new"
    if HAS_USER_ATTRIBUTES:
        assert Standalone().lines(alice, deed) == ["x"]
    else:
        Standalone().refusal(alice, "view.home = ephemeral needs pam_nsshell", command=deed)
    assert not alice.path("new").exists()


# Sessions beside each other


@pytest.mark.usefixtures("ephemeral")
def test_two_sessions_of_one_connection(framed_sshd, alice, tmp_path):
    """With the PAM module all of a connection has the same copy; another connection has its own."""
    before = snapshot(alice.home)
    with framed_sshd.shared_connection(alice) as options:
        assert framed_sshd.ssh(alice, "echo one >~/new; rm ~/secret", options=options).rc == 0
        assert framed_sshd.ssh(alice, "cat ~/new; ls ~", options=options).out.split() == ["one", "new"]
        batch = f"get new {tmp_path}/new\nls\n"
        done = as_root(
            *framed_sshd.client("sftp", *options), "-b", "-", f"{alice.name}@{framed_sshd.HOST}", stdin=batch
        )
        assert (tmp_path / "new").read_text() == "one\n" and "secret" not in done.out, done
        assert "secret" in framed_sshd.ssh(alice, "ls ~").out
        assert framed_sshd.ssh(alice, "ls ~/new").rc != 0
    assert snapshot(alice.home) == before


@pytest.mark.usefixtures("ephemeral")
def test_two_sessions_without_the_module(alice):
    """Without it each session has its own."""
    before = snapshot(alice.home)
    with Held(alice) as one, Held(alice) as two:
        assert one.ask("echo one >~/new").rc == 0
        assert two.ask("ls ~").out == "secret"
        assert two.ask("rm ~/secret").rc == 0
        assert one.ask("cat ~/secret ~/new").out == "secret of nshalice\none"
    assert snapshot(alice.home) == before


@pytest.mark.usefixtures("ephemeral")
def test_what_comes_over_ssh_vanishes(sshd, alice, tmp_path):
    """scp and sftp work, and what they bring is gone."""
    before = snapshot(alice.home)
    sent = tmp_path / "sent"
    sent.write_text("sent\n")
    assert as_root(*sshd.client("scp"), "-q", str(sent), sshd.remote(alice)).rc == 0
    batch = f"put {sent} other\nls\nget other {tmp_path}/back\n"
    done = as_root(*sshd.client("sftp"), "-b", "-", f"{alice.name}@{sshd.HOST}", stdin=batch)
    assert done.rc == 0 and "other" in done.out, done
    assert (tmp_path / "back").read_text() == "sent\n"
    assert snapshot(alice.home) == before


@pytest.mark.usefixtures("ephemeral")
def test_internal_sftp(make_sshd, alice, tmp_path):
    """sshd's own sftp, which starts no program, works in the copy too."""
    server = make_sshd(config="ForceCommand internal-sftp\n")
    before = snapshot(alice.home)
    (tmp_path / "sent").write_text("sent\n")
    batch = f"put {tmp_path}/sent new\nget new {tmp_path}/back\nrm secret\nls\n"
    done = as_root(*server.client("sftp"), "-b", "-", f"{alice.name}@{server.HOST}", stdin=batch)
    assert done.rc == 0 and (tmp_path / "back").read_text() == "sent\n", done
    assert snapshot(alice.home) == before


@pytest.mark.usefixtures("ephemeral")
def test_nothing_of_a_copy_is_left(place, alice):
    """No mount, and no file system in memory that a process could still hold."""
    points = Path("/proc/self/mountinfo").read_text()
    before = memory()["Shmem"]
    with place.hold(alice) as held:
        assert held.ask("head -c 200M /dev/zero >~/big; (sleep 600 &) >/dev/null 2>&1").rc == 0
        assert memory()["Shmem"] - before > 150 << 10
        assert held.close() == 0
    if isinstance(place, Frame):
        # There nothing ends what a shell has left.
        kill_all_of([alice])
    assert Path("/proc/self/mountinfo").read_text() == points
    wait_until(lambda: memory()["Shmem"] - before < 100 << 10, "the memory to be given back")


@pytest.mark.ephemeral
@pytest.mark.parametrize("option", ["exec", "noexec"])
def test_a_copy_has_the_options_of_the_home(place, alice, policy, option):
    """What cannot be executed, or give powers, in the home cannot in its copy."""
    policy.conf("[view] home=ephemeral")
    show = f"grep ' {alice.home} ' /proc/self/mountinfo | tail -n 1 | cut -d' ' -f6; cp /bin/echo ~/; ~/echo ran 2>&1"
    with mounted(alice.home, "-o", "bind", alice.home):
        command("mount", "-o", f"remount,bind,nosuid,nodev,{option}", alice.home)
        result = place.sh(alice, show)
    options, said = result.out.splitlines()
    options = set(options.split(","))
    assert {"nosuid", "nodev"} <= options and ("noexec" in options) == (option == "noexec"), result
    assert said == "ran" if option == "exec" else "ermission denied" in said, result


# Homes on other file systems


PROBE = f"readlink /proc/self/ns/mnt; ls -A /home; cat ~/secret; touch ~/touched && echo touched"


def assert_right_view(result, account, last="touched"):
    """It is not the machine's, and the home is the account's."""
    namespace, *lines = result.out.splitlines()
    assert namespace != os.readlink("/proc/self/ns/mnt")
    assert lines[:2] == [account.name, f"secret of {account.name}"], result
    assert (lines[2:] == ["touched"]) is (last == "touched"), result


@pytest.fixture
def squashed(alice):
    """alice's home, which root may not read. The folder behind it."""
    with lib_fuse.home_of(alice) as behind:
        yield behind


def assert_right_or_refused(place, account, result):
    """Returns whether there is a session."""
    if result.rc == REFUSED:
        place.refusal(account, account.home)
        return False
    assert_right_view(result, account)
    return True


def test_a_home_that_root_may_not_read(place, alice, squashed):
    """It is found and shown with the user's own powers, or there is no session; never one without it."""
    assert not lib_fuse.root_may_read(alice.home)
    works = assert_right_or_refused(place, alice, place.sh(alice, PROBE))
    assert (squashed / "touched").exists() is works


@pytest.mark.parametrize("setting", ["read_only=system", f"homes={SRV}", "homes="])
def test_other_views_with_it(place, alice, policy, squashed, setting):
    """Likewise where everything around it is read-only, and where its folder is not covered."""
    policy.conf(f"[view] {setting}")
    result = place.sh(alice, "cat ~/secret; touch ~/touched && echo touched")
    if result.rc == REFUSED:
        place.refusal(alice, alice.home)
    else:
        assert result.out.splitlines() == [f"secret of {alice.name}", "touched"], result


@pytest.mark.usefixtures("ephemeral")
def test_an_ephemeral_home_that_root_may_not_read(place, alice, squashed):
    """A copy of it, or a refusal that names it; never the home itself, and never another."""
    before = snapshot(squashed)
    assert_right_or_refused(place, alice, place.sh(alice, PROBE))
    assert snapshot(squashed) == before


@pytest.mark.parametrize("key", ["hide", "read_only", "bind"])
def test_paths_in_a_home_that_root_may_not_read(place, alice, bob, policy, key):
    """In bob's home, which neither alice nor root can look into: refused, because it may mean something
    that must be held."""
    with lib_fuse.home_of(bob):
        path = f"{bob.home}/secret"
        policy.conf(f"[view] {key}={path}:/etc/motd" if key == "bind" else f"[view] {key}={path}")
        place.refusal(alice, f"view.{key}", path)
        policy.conf(f"[view] {key}=-{path}:/etc/motd" if key == "bind" else f"[view] {key}=-{path}")
        place.refusal(alice, f"view.{key}", path)


def test_over_ssh_with_a_home_that_root_may_not_read(sshd, alice, squashed):
    """A login over ssh, where sshd's own processes look for the home as well."""
    result = sshd.ssh(alice, PROBE)
    if "no session" in result.out + result.err:
        assert result.rc != 0 and "secret" not in result.out, result
    else:
        assert_right_view(result, alice)
        assert (squashed / "touched").exists()


@pytest.mark.parametrize("home", ["keep", "ephemeral"])
def test_a_full_home(place, alice, policy, home):
    """Not a block is free in it: there is a session, and what it says about the disk is the truth."""
    policy.conf(f"[view] home={home}")
    with tmpfs(alice.home, f"mode=755,uid={alice.uid},gid={alice.gid},size=64k,nr_inodes=5"):
        alice.write("secret", f"secret of {alice.name}\n")
        as_root("sh", "-c", f"cat /dev/zero >{alice.home}/zeros; touch {alice.home}/1 {alice.home}/2")
        assert os.statvfs(alice.home).f_bfree == 0 and os.statvfs(alice.home).f_ffree == 0
        result = place.sh(alice, PROBE)
        assert_right_view(result, alice, "touched" if home == "ephemeral" else None)
        assert not alice.path("touched").exists()


@pytest.mark.parametrize("home", ["keep", "ephemeral"])
@pytest.mark.parametrize("setting", ["", "read_only=system"])
def test_a_read_only_home(place, alice, policy, home, setting):
    """A home on a disk that is mounted read-only stays so; a copy of it can be written."""
    policy.conf(f"[view]\nhome={home}\n{setting}")
    with mounted(alice.home, "-o", "bind", alice.home):
        command("mount", "-o", "remount,bind,ro", alice.home)
        result = place.sh(alice, PROBE)
        assert_right_view(result, alice, "touched" if home == "ephemeral" else None)
        assert not alice.path("touched").exists()
