# SPDX-License-Identifier: MIT
"""A repository of this tree that is thrown away, and commands that know nothing of the user's configuration."""

import os
import subprocess
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
VERSION = (TOP / "VERSION").read_text().strip()
SECONDS = 300


class Place:
    """A folder with a home of its own, in which commands are run."""

    def __init__(self, folder):
        self.folder = folder
        self.home = folder / "home"
        self.home.mkdir(mode=0o700)
        self.env = {
            "HOME": str(self.home), "GNUPGHOME": str(self.home), "PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8",
            "NSH_BUILD": "build",
        }

    def run(self, *argv, cwd, is_ok=True, **env):
        """Returns what it printed."""
        done = subprocess.run(
            [str(word) for word in argv], cwd=cwd, env={**self.env, **env}, text=True, timeout=SECONDS, check=False,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace",
        )
        assert (done.returncode == 0) == is_ok, f"{argv} ended with {done.returncode}:\n{done.stdout[-8000:]}"
        return done.stdout

    def git(self, repository, *argv):
        who = ("-c", "user.name=Tess Ter", "-c", "user.email=tess@example.org")
        return self.run("git", *who, *argv, cwd=repository)

    def repository(self, name, **env):
        """One commit with the files that are here now, committed or not."""
        made = self.folder / name
        self.run(TOP / "packaging/make-tree", made, cwd=TOP)
        self.git(made, "init", "--quiet", "--initial-branch=main")
        self.git(made, "add", "--all")
        when = {"GIT_AUTHOR_DATE": "@1700000000 +0000", "GIT_COMMITTER_DATE": "@1700000000 +0000", **env}
        self.run("git", "-c", "user.name=Tess Ter", "-c", "user.email=tess@example.org", "commit", "--quiet",
                 "-m", "All of it", cwd=made, **when)
        return made


def give_away(folder, uid):
    """To another user, with all that is in it."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, uid, uid, follow_symlinks=False)
