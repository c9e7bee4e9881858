# SPDX-License-Identifier: MIT
"""What a session may do and take: the filter of system calls, powers, limits of processes, the size of /tmp.

nsshell.conf(5), [security], [limits] and [view] tmp_size; design.md, promise 5. What an attacker would try
is in tests/attack, what a control group limits in tests/vm.
"""

import subprocess
from pathlib import Path

import pytest

from lib_process import HeldProgram, assert_refused, await_outer, run, sh, status, wait_until
from lib_settings import NSSHELL, POLICY

NO_POWERS = {name: "0" * 16 for name in ("CapEff", "CapPrm", "CapInh", "CapAmb", "CapBnd")}

# prctl(PR_GET_SECUREBITS): noroot, no_setuid_fixup and no_cap_ambient_raise, and all of them locked.
SECUREBITS = 0b11_10_11_11
STATUS = "grep -E '^(Cap|NoNewPrivs|Seccomp_filters)' /proc/{pid}/status"


def facts(session, account, pid):
    lines = session.lines(account, STATUS.format(pid=pid))
    return dict(line.split(":\t") for line in lines)


@pytest.mark.parametrize("mode, filters", [("default", 1), ("strict", 2), ("off", 0)])
@pytest.mark.parametrize("uid", ["keep", "root"])
def test_powers(session, alice, policy, mode, filters, uid):
    """The shell and PID 1 are under the same filter and have no capability in any set."""
    policy.conf(f"[security] seccomp={mode}\n[identity] uid={uid}")
    for pid in ("self", 1):
        assert facts(session, alice, pid) == {
            **NO_POWERS, "NoNewPrivs": "1", "Seccomp_filters": str(filters),
        }
    script = "import ctypes; print(ctypes.CDLL(None).prctl(27))"
    assert session.lines(alice, f"python3 -c '{script}'") == [str(SECUREBITS)]


@pytest.mark.parametrize("mode, filters", [("default", "1"), ("strict", "2"), ("off", "0")])
def test_the_outer_process(session, alice, policy, mode, filters):
    """It is under the filter too; standalone its bounding set is not its to empty, and means nothing."""
    policy.conf(f"[security] seccomp={mode}")
    with session.hold(alice) as held:
        await_outer(held.outer)
        shown = status(held.outer)
    assert (shown["NoNewPrivs"], shown["Seccomp_filters"]) == ("1", filters)
    for name in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
        assert shown[name] == NO_POWERS[name]


def test_new_privileges(session, alice, policy):
    """no_new_privs = no is for domains of security modules: there is no more to gain inside."""
    policy.conf("[security] no_new_privs=no")
    assert facts(session, alice, "self") == {
        **NO_POWERS, "NoNewPrivs": "0", "Seccomp_filters": "1",
    }
    result = session.sh(alice, "su -c id; mount -t tmpfs none /mnt; id -u")
    assert result.out.split() == [str(alice.uid)]


# Everyday work, each a script that ends with 0 and prints "done" last.
EVERYDAY = {
    "compiler": """
        echo 'int main(void) { return 0; }' >hello.c; gcc -pipe -o hello hello.c && ./hello""",
    "make": r"printf 'all:\n\t@true\n' >Makefile; make -j4 all",
    "python": """
        python3 -c 'import multiprocessing, socket, subprocess, threading, tempfile
if __name__ == "__main__":
    with multiprocessing.Pool(2) as pool:
        assert pool.map(abs, [-1, 2]) == [1, 2]
    with tempfile.TemporaryFile() as file:
        file.write(b"x")
    thread = threading.Thread(target=print); thread.start(); thread.join()
    subprocess.run(["true"], check=True)
    a, b = socket.socketpair(); a.send(b"x"); assert b.recv(1) == b"x"
    socket.getaddrinfo("localhost", 22)'""",
    "node": """
        node -e 'const { Worker } = require("worker_threads"); require("fs").readFileSync("/etc/passwd");
            new Worker("1", { eval: true }).on("exit", (code) => process.exit(code))'""",
    "perl": "perl -MSocket -e 'fork or exit; wait; exit $?'",
    "vim": "vim -es -u NONE +'normal ihello' +'wq' vimmed </dev/null; grep -x hello vimmed",
    "tmux": """
        tmux -L test -f /dev/null new-session -d 'sleep 60' && tmux -L test list-sessions &&
        tmux -L test kill-server""",
    "git": """
        git init -q repo && cd repo && echo x >file && git add file &&
        git -c user.name=x -c user.email=x@x commit -qm x && git clone -q . ../clone && cd .. && test -e clone/file""",
    "rsync": "mkdir -p from/a; echo x >from/a/b; rsync -a --delete from/ to/ && cmp from/a/b to/a/b",
    "archives": "tar cf a.tar /etc/hosts 2>/dev/null && gzip a.tar && xz -k a.tar.gz && xz -d <a.tar.gz.xz >/dev/null",
    "network": "ip -o address | grep -q 127.0.0.1 && ss -lnt >/dev/null",
    "shells": "dash -c : && zsh -fc : && ksh -c : && tcsh -fc : && fish -Nc true",
    "processes": "ps ax >/dev/null && top -bn1 >/dev/null && nice -n 5 true && timeout 5 true && nproc >/dev/null",
    "addresses": "setarch -R true",
    "files": "dd if=/dev/zero of=big bs=1M count=2 2>/dev/null && cp --reflink=auto big other && truncate -s 1G sparse && ls -la >/dev/null && find . -newer big >/dev/null && flock big true",
}
# ... and what strict leaves out.
DEBUGGERS = {
    "gdb": "gdb -q -batch -ex run -ex 'info registers' /bin/true 2>&1 | grep -q 'exited normally'",
    "gdb attach": """
        sleep 60 & gdb -q -batch -p $! -ex bt >/dev/null 2>err; status=$?; kill $!; [ $status = 0 ]""",
    "strace": "strace -f -o trace sh -c 'true; :' && grep -q exit_group trace",
    "ltrace of own": "python3 -c 'import os; open(f\"/proc/{os.getpid()}/mem\", \"rb\")'",
}


def does(session, account, script):
    result = session.sh(account, f"cd /tmp && {{ {script}\n}} && echo done")
    return result.rc == 0 and result.out.endswith("done\n"), result


@pytest.mark.parametrize("mode", ["default", "strict"])
@pytest.mark.parametrize("name", EVERYDAY)
def test_everyday_work(session, alice, policy, mode, name):
    policy.conf(f"[security] seccomp={mode}")
    works, result = does(session, alice, EVERYDAY[name])
    assert works, result


@pytest.mark.parametrize("name", DEBUGGERS)
def test_debuggers_of_own_processes(session, alice, name):
    works, result = does(session, alice, DEBUGGERS[name])
    assert works, result


@pytest.mark.parametrize("name", ["gdb", "strace"])
def test_no_debuggers_under_strict(session, alice, policy, name):
    policy.conf("[security] seccomp=strict")
    works, result = does(session, alice, DEBUGGERS[name])
    assert not works, result


# A system call by number and three arguments; what errno it ends with, or "done".
CALL = """python3 -c '
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
for line in {calls!r}:
    done = libc.syscall(*(ctypes.c_long(word) for word in line))
    print("done" if done >= 0 else errno.errorcode[ctypes.get_errno()])'"""

REFUSED_CALLS = {
    "kexec_load": ((246, 0, 0, 0), "EPERM"),
    "init_module": ((175, 0, 0, 0), "EPERM"),
    "bpf": ((321, 0, 0, 0), "EPERM"),
    "perf_event_open": ((298, 0, 0, 0), "EACCES"),
    "userfaultfd": ((323, 1, 0, 0), "EPERM"),
    "io_uring_setup": ((425, 8, 0, 0), "ENOSYS"),
    "keyctl": ((250, 0, -3, 0), "ENOSYS"),
    "add_key": ((248, 0, 0, 0), "ENOSYS"),
    "open_by_handle_at": ((304, 0, 0, 0), "EPERM"),
    "mount": ((165, 0, 0, 0), "EPERM"),
    "setns": ((308, 0, 0, 0), "EPERM"),
    "clone3": ((435, 0, 0, 0), "ENOSYS"),
    "unshare": ((272, 0x10000000, 0, 0), "EPERM"),
    "chroot": ((161, 0, 0, 0), "EPERM"),
    "AF_ALG": ((41, 38, 5, 0), "EAFNOSUPPORT"),
    "AF_VSOCK": ((41, 40, 1, 0), "EAFNOSUPPORT"),
    "netfilter": ((41, 16, 3, 12), "EPROTONOSUPPORT"),
    "READ_IMPLIES_EXEC": ((135, 0x400000, 0, 0), "EPERM"),
    "MMAP_PAGE_ZERO": ((135, 0x100000, 0, 0), "EPERM"),
    "x32": ((0x40000000 | 39, 0, 0, 0), "ENOSYS"),
}
ALLOWED_CALLS = {
    "personality": (135, 0xFFFFFFFF, 0, 0), "getpid": (39, 0, 0, 0), "unshare files": (272, 0x600, 0, 0),
    "netlink": (41, 16, 3, 0), "IPv6": (41, 10, 1, 0),
}


@pytest.mark.parametrize("mode", ["default", "strict"])
def test_refused_calls(session, alice, policy, mode):
    """By an error that programs know, and not by a signal. (The numbers are x86-64's.)"""
    policy.conf(f"[security] seccomp={mode}")
    calls = [call for call, _ in REFUSED_CALLS.values()] + list(ALLOWED_CALLS.values())
    seen = session.lines(alice, CALL.format(calls=calls))
    wanted = {name: error for name, (_, error) in REFUSED_CALLS.items()}
    wanted.update({name: "done" for name in ALLOWED_CALLS})
    assert dict(zip(wanted, seen)) == wanted


def test_no_filter(session, alice, policy):
    """off: what is refused without a filter is refused by the kernel itself, for want of powers."""
    policy.conf("[security] seccomp=off")
    calls = [REFUSED_CALLS[name][0] for name in ("READ_IMPLIES_EXEC", "keyctl", "clone3", "unshare")]
    assert session.lines(alice, CALL.format(calls=calls)) == ["done", "done", "EINVAL", "ENOSPC"]


def test_nested_user_namespaces(session, alice, policy):
    """Off by default, by the filter and by a limit that the filter is not needed for."""
    limit = "cat /proc/sys/user/max_user_namespaces"
    for mode in ("default", "strict", "off"):
        policy.conf(f"[security] seccomp={mode}")
        result = session.sh(alice, f"unshare -Ur true; echo $?; {limit}")
        assert result.out.split() == ["1", "0"], result
        assert session.sh(alice, "echo 5 >/proc/sys/user/max_user_namespaces").rc != 0
    for mode in ("default", "strict", "off"):
        policy.conf(f"[security]\nseccomp={mode}\nnested_userns=yes")
        seen = session.lines(alice, "unshare -Urmpf --mount-proc sh -c 'echo $$; mount -t tmpfs none /mnt'")
        assert seen == ["1"]


def test_nested_user_namespaces_for_all_sessions_of_a_frame(framed_sshd, alice):
    """The limit is of the frame's user namespace, which later sessions of the connection join."""
    with framed_sshd.shared_connection(alice) as mux:
        for _ in range(3):
            with HeldProgram(alice, framed_sshd.command(alice, options=(*mux, "-T"))) as shell:
                assert shell.ask("unshare -U true").rc != 0
                assert shell.ask("cat /proc/sys/user/max_user_namespaces").out == "0"


def test_session_keyring(session, alice, policy):
    """Each session has a new one: its number, by KEYCTL_GET_KEYRING_ID, is another one each time."""
    policy.conf("[security] seccomp=off")
    number = "python3 -c 'import ctypes; print(ctypes.CDLL(None).syscall(250, 0, -3, 0))'"
    outside = int(run(alice, "-c", number, program="/bin/sh").out)
    inside = [int(session.lines(alice, number)[0]) for _ in range(2)]
    assert min(inside) > 0 and len({outside, *inside}) == 3


# [limits] of processes


def test_process_limits(session, alice, policy):
    policy.conf("[limits]\nnofile=100\nnproc=50\ncore=64K\nfsize=1M")
    seen = session.lines(alice, "ulimit -Hn; ulimit -Hu; ulimit -Hc; ulimit -Hf; ulimit -n; ulimit -f")
    # bash counts core and file sizes in units of 1024 bytes.
    assert seen == ["100", "50", "64", "1024", "100", "1024"]
    assert session.sh(alice, "ulimit -Hn 200").rc != 0
    assert session.sh(alice, "head -c 2M /dev/zero >/tmp/big").rc != 0
    assert session.lines(alice, "stat -c %s /tmp/big; head -c 1M /dev/zero >/tmp/big; stat -c %s /tmp/big 2>&1")[-1] \
        == str(1 << 20)


def test_limits_keep(session, alice, policy):
    """keep is as it was, and what is lower stays lower."""
    policy.conf("[limits]\nnofile=1000000000")
    show = "ulimit -Hn; ulimit -Hu; ulimit -Hc; ulimit -Hf"
    before = sh(alice, show, program="/bin/bash").out
    assert session.sh(alice, show).out == before
    lower = sh(alice, f"ulimit -n 90; exec {NSSHELL} -c 'ulimit -Hn'", program="/bin/bash")
    assert lower.out == "90\n"


FORKS = """python3 -c '
import os, time
made = 0
try:
    while made < 500:
        if not os.fork():
            time.sleep(20)
            os._exit(0)
        made += 1
except OSError as full:
    print(made, full.errno == 11)'"""


def test_a_fork_bomb_is_bounded(session, alice, policy):
    """nproc is for the session's own user namespace: other sessions of the user are not touched by it."""
    policy.conf("[limits] nproc=40")
    with session.hold(alice) as held:
        made, again = held.ask(FORKS).out.split()
        assert again == "True" and 30 <= int(made) <= 38
        assert session.lines(alice, "(true); echo works") == ["works"]


# [view] tmp_size


def test_size_of_tmp(session, alice, policy):
    policy.conf("[view] tmp_size=16M")
    for path in ("/tmp", "/dev/shm", "/var/tmp"):
        assert session.lines(alice, f"stat -f -c '%b %S %c' {path}") == ["4096 4096 4096"]
    result = session.sh(
        alice, "head -c 10M /dev/zero >/tmp/a; head -c 10M /dev/zero >/dev/shm/b; echo $?; du -sm /tmp /dev/shm"
    )
    assert "No space left" in result.err
    assert result.out.split() == ["1", "10", "/tmp", "6", "/dev/shm"]
    result = session.sh(
        alice, "i=0; while [ $i -lt 5000 ] && (: >/tmp/$i) 2>/dev/null; do i=$((i+1)); done; echo $i"
    )
    assert 4000 < int(result.out) < 4096, result


def test_size_of_tmp_by_share(session, alice, policy):
    memory = int(Path("/proc/meminfo").read_text().split()[1])
    for text, share in (("", 0.25), ("[view] tmp_size=10%", 0.1), ("[view] tmp_size=keep", 0.5)):
        policy.conf(text)
        size = int(session.lines(alice, "df --output=size -k /tmp")[1])
        assert abs(size - memory * share) < memory * 0.01, (text, size)


@pytest.mark.ephemeral
def test_size_of_an_ephemeral_home(session, alice, policy):
    policy.conf("[view]\nhome=ephemeral\ntmp_size=16M")
    result = session.sh(alice, "head -c 20M /dev/zero >~/big; echo $?")
    assert result.out == "1\n" and "No space left" in result.err


def test_number_of_terminals(session, alice):
    """A session does not use up the machine's."""
    script = """python3 -c '
import os, resource
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
made = []
try:
    while len(made) < 3000:
        made.append(os.open("/dev/ptmx", os.O_RDWR | os.O_NOCTTY))
except OSError as full:
    print(len(made), full.errno == 28)'"""
    with session.hold(alice) as held:
        assert held.ask(script).out == "256 True"
        assert session.lines(alice, "python3 -c 'import os; os.openpty(); print(1)'") == ["1"]


@pytest.mark.parametrize(
    "line",
    ["[limits] nofile=7", "[limits] nofile=-1", "[limits] nofile=1K", "[limits] nproc=0", "[limits] nproc=x",
     "[limits] core=1X", "[limits] fsize=99999999999999999999", "[limits] memory_max=1M",
     "[limits] memory_max=101%", "[limits] tasks_max=7", "[limits] cpu_max=0%", "[limits] cpu_max=50",
     "[view] tmp_size=0", "[view] tmp_size=100", "[security] seccomp=on", "[security] nested_userns=1",
     "[security] no_new_privs=maybe", "[security] architectures=x86", "[limits] nofile="],
)
def test_invalid_values(session, alice, policy, line):
    policy.conf(line)
    key = line[1:].replace("] ", ".").partition("=")[0]
    session.refusal(alice, f"{POLICY}/nsshell.conf:2: {key}:")


def test_subids_need_nested_namespaces(plain_sshd, alice, policy):
    policy.conf("[identity] subids=yes")
    assert "security.nested_userns" in assert_refused(plain_sshd.ssh(alice, "echo ran"))["why"]
