# SPDX-License-Identifier: MIT
"""User namespaces made inside: most of what lets users become root begins with one.

CVE-2022-0185 (fsconfig), CVE-2022-25636, CVE-2023-32233, CVE-2024-1086 (netfilter), CVE-2023-0386
(overlayfs): each needs a user namespace in which to have capabilities.
"""

import os

import pytest

from lib_attack_tool import outcomes, set_security, successful
from lib_view import Outside

# struct clone_args: flags CLONE_NEWUSER, exit_signal SIGCHLD; 64 and 88 bytes are its sizes.
CLONE_ARGS = f"x={'00000010':0<64}11"
NEW = {
    "unshare": "unshare 0x10000000",
    "unshare with more": "unshare 0x10020200",
    "clone": "clone 0x10000011 0 0 0 0",
    "clone with more": "clone 0x30000011 0 0 0 0",
    "clone3": f"clone3 {CLONE_ARGS} 64",
    "larger clone3": f"clone3 {CLONE_ARGS} 88",
}
# Not only by the kernel's usual entry.
WAYS = ("", "i386:", "x32:") if os.uname().machine == "x86_64" else ("",)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("uid", ["keep", "root"])
@pytest.mark.parametrize("seccomp", ["default", "strict", "off"])
def test_new_user_namespace(session, alice, policy, seccomp, uid, way):
    """Not by default, whatever the call, and not without the filter either."""
    set_security(policy, f"[identity] uid={uid}", seccomp=seccomp)
    assert successful(outcomes(session, alice, NEW, way=way)) == set()


@pytest.mark.parametrize("seccomp", ["default", "off"])
def test_new_user_namespace_if_allowed(session, alice, policy, seccomp):
    """So that the test above can fail: outside, and where the policy allows it."""
    assert successful(outcomes(Outside(), alice, NEW)) == set(NEW)
    set_security(policy, nested_userns="yes", seccomp=seccomp)
    assert successful(outcomes(session, alice, NEW)) == set(NEW)


@pytest.mark.parametrize("uid", ["keep", "root"])
def test_the_limit_cannot_be_raised(session, alice, policy, uid):
    """/proc/sys/user/max_user_namespaces is that of the session's user namespace, and not its user's."""
    set_security(policy, f"[identity] uid={uid}", seccomp="off")
    path = "/proc/sys/user/max_user_namespaces"
    assert session.sh(alice, f"echo 100 >{path}").rc != 0
    raised = outcomes(session, alice, NEW, before=f"echo 100 2>/dev/null >{path}")
    # By the limit, and by nothing else.
    assert set(raised.values()) == {"ENOSPC"}, raised
