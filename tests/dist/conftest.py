# SPDX-License-Identifier: MIT
"""One repository, one release and one tree unpacked from it, for all tests of releases."""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "system")]

import lib_dist  # noqa: E402


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    made = lib_dist.Place(tmp_path_factory.mktemp("dist"))
    yield made
    subprocess.run(["gpgconf", "--kill", "all"], env=made.env, check=True)


@pytest.fixture(scope="session")
def repository(place):
    return place.repository("repository")


@pytest.fixture(scope="session")
def tarball(place, repository):
    place.run("packaging/make-dist", "build/dist", cwd=repository)
    return repository / f"build/dist/nsshell-{lib_dist.VERSION}.tar.xz"


@pytest.fixture(scope="session")
def unpacked(place, tarball):
    """Built too, as whoever unpacks it would: it is no repository."""
    place.run("tar", "-xf", tarball, cwd=place.folder)
    tree = place.folder / f"nsshell-{lib_dist.VERSION}"
    place.run("make", "-j2", "all", "unit-tests", cwd=tree)
    return tree
