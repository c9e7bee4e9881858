# SPDX-License-Identifier: MIT
"""Files by which the kernel is told what to execute as root of the machine, and its memory.

CVE-2022-0492 (release_agent), and the write-ups of core_pattern, modprobe and uevent_helper as ways
out of containers.
"""

import pytest

from lib_attack_tool import Root, set_security

# What of it there is depends on the kernel.
WRITTEN = """
/proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe /proc/sys/kernel/hotplug
/proc/sys/kernel/poweroff_cmd /proc/sys/kernel/usermodehelper/bset /proc/sys/kernel/usermodehelper/inheritable
/proc/sys/kernel/core_pipe_limit /proc/sys/kernel/yama/ptrace_scope /proc/sys/kernel/unprivileged_userns_clone
/proc/sys/kernel/unprivileged_bpf_disabled /proc/sys/kernel/ns_last_pid /proc/sys/kernel/randomize_va_space
/proc/sys/vm/overcommit_memory /proc/sys/vm/mmap_min_addr /proc/sys/fs/suid_dumpable
/proc/sys/fs/protected_symlinks /proc/sys/fs/binfmt_misc/register /proc/sys/dev/tty/legacy_tiocsti
/proc/sysrq-trigger /proc/kcore /proc/kmem /proc/acpi/wakeup /proc/mtrr /proc/scsi/scsi
/proc/irq/default_smp_affinity /proc/timer_list
/sys/kernel/uevent_helper /sys/kernel/mm/transparent_hugepage/enabled /sys/power/state
/sys/kernel/profiling /sys/module/firmware_class/parameters/path /sys/kernel/debug /sys/kernel/security
/sys/fs/cgroup/release_agent /sys/fs/cgroup/*/release_agent /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/tasks
/sys/fs/cgroup/*/cgroup.procs /sys/fs/cgroup/cgroup.subtree_control
/dev/mem /dev/kmem /dev/port /dev/kmsg /dev/sda /dev/vda /dev/nvme0n1 /dev/loop-control /dev/fuse /dev/kvm
"""
# Opened for writing and closed again: nothing is changed, and nothing made. Prints those that could be
# opened.
OPEN = f"for f in {' '.join(WRITTEN.split())}; do test -e $f && ( exec >>$f ) 2>/dev/null && echo $f; done; true"
# Who the attacker is: as they come, and with all of a root's power over namespaces of their own.
WHO = {
    "user": "sh -c",
    "root of an own namespace": "unshare -Ur sh -c",
    "with an own /proc": "unshare -Urmpf --mount-proc sh -c",
    "with an own /sys": "unshare -Urmn --propagation private sh -c 'mount -t sysfs none /sys; eval \"$0\"'",
    "with own control groups": "unshare -UrmC sh -c",
}
# These are the user namespace's own.
OWN = {"/proc/sys/kernel/ns_last_pid"}


# Who is called 0 in the session cannot give that id to a namespace: the kernel asks for CAP_SETFCAP.
@pytest.mark.parametrize("who, uid", [("user", "root"), *((who, "keep") for who in WHO)])
def test_what_the_kernel_executes(session, alice, policy, who, uid):
    """None of these files can be opened for writing."""
    set_security(policy, f"[identity] uid={uid}", nested_userns="yes", seccomp="off")
    result = session.sh(alice, f"{WHO[who]} '{OPEN}' && echo tried")
    *opened, tried = result.out.split()
    assert tried == "tried", result
    assert set(opened) <= OWN, result


def test_root_can(alice):
    """So that the test above can fail."""
    opened = Root.sh(alice, OPEN).out.split()
    assert {"/proc/sys/kernel/core_pattern", "/dev/kmsg"} < set(opened)


# A hierarchy of one's own, or the machine's. Prints the file that could be opened.
RELEASE_AGENT = """
for what in none,name=nsh-attack memory cpu rdma pids; do
	mount -t cgroup -o $what none {0} && ( exec >>{0}/release_agent ) && echo opened $what
	umount {0}
done 2>/dev/null
mount -t cgroup2 none {0} && echo mounted 2
true
"""


def test_release_agent(session, alice, policy, scratch):
    """cgroup v1 has a file with the program that the kernel executes as root when a group is empty.

    CVE-2022-0492.
    """
    attack = RELEASE_AGENT.format(scratch / "on")
    (scratch / "on").mkdir()
    assert "opened none,name=nsh-attack" in Root.sh(alice, attack).out
    set_security(policy, nested_userns="yes", seccomp="off")
    for who in ("user", "root of an own namespace", "with own control groups"):
        result = session.sh(alice, f"{WHO[who]} '{attack}' && echo tried")
        assert result.out.endswith("tried\n") and "opened" not in result.out, (who, result)


REGISTER = """
mount -t binfmt_misc none {0} && echo ":nsh-attack:M::NSHATTACK::/bin/echo:" >{0}/register && echo registered
"""


def test_program_formats(session, alice, policy, scratch):
    """binfmt_misc says what is executed for which file, with F and C as whom: a namespace's own is
    nobody else's.

    "Shadow SUID" (SentinelOne 2019).
    """
    (scratch / "on").mkdir()
    alice.write("scratch/program", "NSHATTACK\n", 0o755)
    set_security(policy, nested_userns="yes", seccomp="off")
    for who in ("user", "root of an own namespace"):
        session.sh(alice, f"{WHO[who]} '{REGISTER.format(scratch / 'on')}'")
        look = f"mount -t binfmt_misc none {scratch}/on && ls {scratch}/on"
        assert Root.sh(alice, look).out.split() == ["register", "status"]
    assert session.sh(alice, f"{WHO['user']} '{REGISTER.format(scratch / 'on')}'").out == ""
