# SPDX-License-Identifier: MIT
"""What the tests of packages share: a Debian of their own, in which nothing of this machine is changed, and how they
are run: RUNNER FOLDER [NAME], as root.

A runner has functions test_*, each of which begins with a fresh copy of that Debian; with NAME only those whose name
has it. The Debian (FOLDER/base) stays for the next run. The last line says how many passed, failed and were skipped.
"""

import os
import re
import shutil
import subprocess
import sys
import traceback
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
VERSION = (TOP / "VERSION").read_text().strip()
NEXT = VERSION + "+next"
RELEASE = "bookworm"
PACKAGES = "apparmor libiniparser1 libjansson4 libnss-extrausers libpam-systemd procps rpm"
SECONDS = 600

# What installing and removing any package leaves behind: dpkg's, rpm's, apt's and debconf's own records, logs, and the
# copies that passwd's programs and pam-auth-update keep.
RECORDS = re.compile(
    r"/(var/lib/dpkg|var/lib/rpm|var/lib/apt|var/cache|var/log|var/lib/systemd|var/lib/pam|tmp|root)(/|$)"
    r"|/etc/(passwd|group|shadow|gshadow|subuid|subgid|shells)-?$|/etc/.*\.lock$"
)


def run(*argv, ok=True, **more):
    done = subprocess.run(
        [str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        stderr=subprocess.STDOUT, timeout=SECONDS, check=False, errors="replace", **more,
    )
    assert not ok or done.returncode == 0, f"{argv} ended with {done.returncode}:\n{done.stdout}"
    return done


class Debian:
    """One copy of the Debian; commands are run in it as root."""

    def __init__(self, folder):
        self.root = folder / "root"
        shutil.rmtree(self.root, ignore_errors=True)
        run("cp", "-a", folder.parent / "base", self.root)
        self("useradd -m -s /bin/sh ann && useradd -m -s /bin/bash ben")
        self.before = self.files()

    def __call__(self, script, ok=True):
        return run(TOP / "tests/tools/inside", self.root, "nsshell-package", "sh", "-c", script, ok=ok)

    def says(self, script):
        return self(script).stdout.strip()

    def fails(self, script):
        done = self(script, ok=False)
        assert done.returncode != 0, f"{script} succeeded:\n{done.stdout}"
        return done.stdout

    def read(self, path):
        return (self.root / path).read_text()

    def write(self, path, text):
        (self.root / path).write_text(text)

    def files(self):
        """All files but records, with their modes, owners and, below /etc, contents."""
        found = {}
        for folder, folders, names in os.walk(self.root):
            for name in folders + names:
                path = Path(folder, name)
                inside = "/" + str(path.relative_to(self.root))
                if RECORDS.search(inside):
                    continue
                st = path.lstat()
                text = path.read_bytes() if inside.startswith("/etc/") and path.is_file() else b""
                found[inside] = (st.st_mode, st.st_uid, st.st_gid, text)
        return found

    def assert_as_before(self):
        now = self.files()
        other = {path for path in now.keys() | self.before.keys() if now.get(path) != self.before.get(path)}
        assert not other, f"other than before: {sorted(other)}"

    def assert_logins(self):
        for user in ("root", "ann", "ben"):
            assert self.says(f"su -l {user} -c 'id -un'") == user

    def shell_of(self, user):
        return self.says(f"getent passwd {user}").split(":")[-1]

    def first_process(self, user):
        """nsshell in a session, the test's own first process outside of all sessions."""
        return self.says(f"su -l {user} -c 'cat /proc/1/comm'")

    def has_frame(self, user):
        script = "grep -c ' /run/nsshell/session ' /proc/self/mountinfo"
        return self(f"su -l {user} -c \"{script}\"", ok=False).stdout.strip() not in ("", "0")


def make_base(folder):
    if (folder / "base").is_dir():
        return
    new = folder / "base.new"
    shutil.rmtree(new, ignore_errors=True)
    script = f"""set -e; . "{TOP}/tests/tools/bootstrap.sh"; unset TMPDIR; use_proxy_of_apt
    debootstrap --variant=minbase {RELEASE} "$1" "$(mirror)"
    install_in "$1" {PACKAGES}
    """
    done = subprocess.run(
        ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc",
         "bash", "-c", script, "make_base", str(new)],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        timeout=1800,
    )
    assert done.returncode == 0, done.stdout[-5000:]
    new.rename(folder / "base")


def main(own, kind, build, machine):
    """own: the runner's globals(); build(folder) makes the packages, machine(folder) a fresh Debian."""
    top = Path(sys.argv[1]).resolve()
    name = sys.argv[2] if len(sys.argv) > 2 else ""
    folder = top / kind
    folder.mkdir(parents=True, exist_ok=True)
    tests = [test for key, test in own.items() if key.startswith("test_") and name in key]
    failed = 0
    try:
        make_base(top)
        packages = build(folder)
    except (AssertionError, OSError, subprocess.SubprocessError):
        traceback.print_exc(file=sys.stdout)
        print(f"0 passed, {len(tests) or 1} failed, 0 skipped")
        return 1
    for test in tests:
        needs_debian = test.__code__.co_varnames[1] == "debian"
        try:
            test(packages, machine(folder) if needs_debian else None)
            print(f"passed  {test.__name__}", flush=True)
        except (AssertionError, OSError, subprocess.SubprocessError):
            failed += 1
            print(f"failed  {test.__name__}", flush=True)
            traceback.print_exc(file=sys.stdout)
    shutil.rmtree(folder / "root", ignore_errors=True)
    failed += not tests
    print(f"{len(tests) - failed if tests else 0} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0
