# SPDX-License-Identifier: MIT
"""Releases: the tarball, what can be made from it, and docs/releasing.md.

A release is the tracked files of one commit, the same bytes whoever makes it; it builds, passes its tests
and can be packaged without git's records.
"""

import re
import tarfile

from lib_dist import TOP, VERSION, give_away
from lib_tree import names_in

NOBODY = 65534


def test_same_commit_same_bytes(place, repository, tarball):
    """Also in a clone that is another user's, with another umask and with settings that change what git writes."""
    clone = place.folder / "clone"
    place.git(place.folder, "clone", "--quiet", repository, clone)
    give_away(clone, NOBODY)
    (place.home / ".gitconfig").write_text("[tar]\n\tumask = 077\n[core]\n\tautocrlf = true\n")
    place.run("sh", "-c", "umask 077; packaging/make-dist ../other", cwd=clone, TZ="Asia/Tokyo")
    (place.home / ".gitconfig").unlink()
    other = place.folder / "other" / tarball.name
    assert other.read_bytes() == tarball.read_bytes()
    assert place.run("sha256sum", "-c", f"{tarball.name}.sha256", cwd=other.parent) == f"{tarball.name}: OK\n"


def test_has_the_tracked_files_and_no_others(repository, tarball):
    with tarfile.open(tarball) as tar:
        members = [member for member in tar if not member.isdir()]
        assert {(m.uid, m.gid, m.mtime) for m in tar} == {(0, 0, 1700000000)}
    prefix = f"nsshell-{VERSION}/"
    assert all(member.name.startswith(prefix) for member in members)
    assert sorted(member.name.removeprefix(prefix) for member in members) == names_in(repository)
    assert names_in(repository) == names_in(TOP)


def test_unpacked_it_knows_its_files(repository, unpacked):
    """After a build too."""
    assert names_in(unpacked) == names_in(repository)


def test_refused_with_something_uncommitted(place, repository):
    extra = repository / "extra.c"
    extra.write_text("\n")
    said = place.run("packaging/make-dist", place.folder / "dirty", cwd=repository, is_ok=False)
    extra.unlink()
    assert "?? extra.c" in said
    assert not list((place.folder / "dirty").iterdir())


def test_unpacked_it_passes_the_unit_tests(place, unpacked):
    said = place.run("tests/run", cwd=unpacked, NSH_KINDS="unit")
    passed = re.fullmatch(r"(\d+) passed, 0 failed, 0 skipped", said.splitlines()[-1])
    assert passed and int(passed[1]) > 100, said[-2000:]


def test_unpacked_it_makes_the_debian_package(place, unpacked):
    said = place.run("packaging/make-deb", place.folder / "deb", cwd=unpacked)
    listed = place.run("dpkg-deb", "--contents", said.split()[-1], cwd=unpacked)
    assert re.search(r" \./usr/bin/nsshell$", listed, re.M)


def test_is_the_source_of_the_rpm(repository, tarball):
    """So that rpmbuild -ta takes it as it is."""
    spec = (repository / "packaging/rpm/nsshell.spec").read_text()
    source = re.search(r"^Source0: *(\S+)$", spec, re.M)[1]
    assert source.replace("%{name}", "nsshell").replace("%{version}", VERSION) == tarball.name


def commands_in(heading):
    """The indented lines of that part of docs/releasing.md."""
    text = (TOP / "docs/releasing.md").read_text()
    part = text.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return [line[4:] for line in part.splitlines() if line.startswith("    ")]


def script(lines):
    """Checks are not run in checks: for those the goal must be there."""
    said = [re.sub(r"^make (check.*|fuzz)", r"make -n \1 >/dev/null", line) for line in lines]
    return "\n".join(["set -eux", *said])


def make_key(place):
    place.run("gpg", "--batch", "--passphrase", "", "--quick-generate-key", "Tess Ter <tess@example.org>", "ed25519",
              "sign", cwd=place.folder)
    listed = place.run("gpg", "--list-keys", "--with-colons", cwd=place.folder)
    return re.search(r"^fpr:+(\w+):", listed, re.M)[1]


def test_all_that_releasing_says(place):
    """Every command, in its order: first the maintainer's, then, with no secret key, the user's."""
    work = place.repository("work")
    place.git(place.folder, "init", "--quiet", "--bare", "server")
    place.git(work, "remote", "add", "origin", place.folder / "server")
    for key, value in (("user.signingkey", make_key(place)), ("user.name", "Tess Ter"),
                       ("user.email", "tess@example.org")):
        place.git(work, "config", key, value)
    make = commands_in("Make it")
    assert any(line.startswith("git tag -s") for line in make)
    place.run("bash", "-c", script(make), cwd=work)
    place.run("tests/lint/version", cwd=work)

    verify = commands_in("Verify it")
    place.run("gpgconf", "--kill", "all", cwd=work)
    user = place.folder / "user"
    user.mkdir(mode=0o700)
    theirs = {"HOME": str(user), "GNUPGHOME": str(user)}
    for file in (work / "build/dist").iterdir():
        (user / file.name).write_bytes(file.read_bytes())
    place.git(user, "clone", "--quiet", place.folder / "server", "nsshell")
    version = next(line for line in verify if line.startswith("version=")).removeprefix("version=")
    said = place.run("bash", "-c", script(verify), cwd=user, **theirs)
    assert said.count("Good signature") == 3, said

    release = user / f"nsshell-{version}.tar.xz"
    release.write_bytes(release.read_bytes() + b"\0")
    place.run("gpg", "--verify", f"{release}.asc", release, cwd=user, is_ok=False, **theirs)
    place.run("sha256sum", "-c", f"{release}.sha256", cwd=user, is_ok=False)
    place.run("gpgconf", "--kill", "all", cwd=user, **theirs)


def test_new_version_wants_something_new(place):
    tree = place.repository("version")
    place.run("packaging/new-version", "1.2", cwd=tree, is_ok=False)
    place.run("packaging/new-version", "1.2.3", cwd=tree)
    place.run("packaging/new-version", "1.2.4", cwd=tree, is_ok=False)
    assert (tree / "VERSION").read_text() == "1.2.3\n"


def test_lint_finds_other_versions(place):
    tree = place.repository("lint-version")
    lint = TOP / "tests/lint/version"
    place.run(lint, tree, cwd=tree)
    for name, old, new in (
        ("packaging/debian/changelog", f"({VERSION})", "(9.9.9)"),
        ("CHANGELOG.md", "\n## [Unreleased]\n", "\n## [9.9.9] - 2026-01-01\n"),
        ("CHANGELOG.md", "\n### Added\n", "\n### Novelties\n"),
        ("Makefile", "$(file < VERSION)", VERSION),
        ("VERSION", VERSION, "9.9"),
    ):
        path = tree / name
        before = path.read_text()
        assert old in before
        path.write_text(before.replace(old, new, 1))
        assert name in place.run(lint, tree, cwd=tree, is_ok=False)
        path.write_text(before)


def test_lint_finds_what_has_no_licence(place):
    tree = place.repository("lint-licences")
    lint = TOP / "tests/lint/licences"
    place.run(lint, tree, cwd=tree)
    for name, text in (
        ("conf/bare.c", "int nothing;\n"),
        ("tests/unlicensed", "#!/bin/sh\n"),
        ("docs/foreign.md", "<!-- SPDX-License-" + "Identifier: GPL-2.0-only -->\n"),
    ):
        (tree / name).write_text(text)
        place.git(tree, "add", name)
        said = place.run(lint, tree, cwd=tree, is_ok=False)
        assert name in said, said
        place.git(tree, "rm", "--quiet", "-f", name)
