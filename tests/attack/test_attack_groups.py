# SPDX-License-Identifier: MIT
"""A group that must not read: whoever drops it reads.

CVE-2018-7169 (newgidmap), CVE-2014-8989 (the kernel, hence /proc/PID/setgroups).
"""

import os
import shutil

import pytest

from lib_attack_tool import Root, set_security
from lib_settings import FRAME, SRV
from lib_view import Framed, Outside

TEXT = "not for this group"
# Each is followed by reading the file, with whatever powers it has got. {0}: the file, {1}: how many seconds it has.
DROPS = {
    "nothing": "cat {0}",
    "setgroups": "python3 -c 'import os; os.setgroups([]); print(open(\"{0}\").read())'",
    "other id": "python3 -c 'import os; os.setgid(os.getgid()); os.setgroups([100]); print(open(\"{0}\").read())'",
    "setpriv": "setpriv --clear-groups cat {0}",
    "newgrp": "sg nogroup 'cat {0}'",
    "allow": "echo allow >/proc/self/setgroups; setpriv --clear-groups cat {0}",
    "own namespace": "timeout {1} unshare -U setpriv --clear-groups cat {0}",
    "own namespace, root": "timeout {1} unshare -Ur setpriv --clear-groups cat {0}",
    "own namespace, allow": "timeout {1} unshare -Ur --setgroups allow setpriv --clear-groups cat {0}",
    "own namespace, range": "timeout {1} unshare -Ur --map-auto setpriv --clear-groups cat {0}",
    "own namespace, another of the range": "timeout {1} unshare -Ur --map-auto setpriv --regid 5 --clear-groups cat {0}",
    "own namespace, another and kept": "timeout {1} unshare -Ur --map-auto setpriv --regid 5 --keep-groups cat {0}",
    "namespace of the frame": f"nsenter --preserve-credentials --user={FRAME}/user setpriv --clear-groups cat {{0}}",
    "subordinate group": "setpriv --regid $(getsubids -g $USER | cut -d' ' -f3) --clear-groups cat {0}",
    "subordinate group, kept": "setpriv --regid $(getsubids -g $USER | cut -d' ' -f3) --keep-groups cat {0}",
}


@pytest.fixture
def forbidden(alice):
    """A file that everybody may read but the members of nshteam, of whom alice is one."""
    folder = SRV / "forbidden"
    folder.mkdir()
    folder.chmod(0o755)
    file = folder / "file"
    file.write_text(TEXT)
    shutil.chown(file, "root", "nshteam")
    file.chmod(0o604)
    yield file
    shutil.rmtree(folder)


def read_by(place, account, file):
    """By which of the ways it could be read. Not through a pipe: where it may make no namespace, the child of
    unshare --map-auto waits for ever, and would keep it open."""
    seconds = 15 if isinstance(place, Outside) else 2
    lines = [f"{{ {way.format(file, seconds)}; }} >$out 2>/dev/null; grep -q '{TEXT}' $out && echo '{name}'"
             for name, way in DROPS.items()]
    return set(place.lines(account, "\n".join(["out=$(mktemp)", *lines, "rm $out"])))


# Whoever has subordinate ids drops groups on the machine itself, with its set-user-ID newgidmap(1).
ON_THE_MACHINE = {"own namespace, range", "own namespace, another of the range"}


@pytest.mark.parametrize("uid", ["keep", "root"])
@pytest.mark.parametrize("nested", ["no", "yes"])
def test_dropping_a_group(session, alice, policy, forbidden, nested, uid):
    """Not in a session, and not in user namespaces of the user's in it."""
    assert read_by(Outside(), alice, forbidden) == ON_THE_MACHINE
    set_security(policy, f"[identity] uid={uid}", nested_userns=nested, seccomp="off")
    assert read_by(session, alice, forbidden) == set()


@pytest.mark.parametrize("uid", ["keep", "root"])
def test_dropping_a_group_with_subordinate_ids(pam, syslog, alice, policy, forbidden, uid):
    """Nor with CAP_SETGID over the session's user namespace, which the module grants with the ids."""
    set_security(policy, f"[identity]\nuid={uid}\nsubids=yes", nested_userns="yes", seccomp="off")
    assert read_by(Framed(pam, syslog), alice, forbidden) == set()


def test_a_dropped_group(alice, forbidden):
    """So that the tests above can fail: who has dropped the group reads the file."""
    assert os.stat(forbidden).st_gid in alice.groups
    become = f"setpriv --reuid={alice.uid} --regid={alice.gid}"
    assert Root.sh(None, f"{become} --clear-groups cat {forbidden}").out == TEXT
    assert Root.sh(None, f"{become} --groups=$(id -G {alice.name} | tr ' ' ,) cat {forbidden}").rc != 0
