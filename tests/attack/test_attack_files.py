# SPDX-License-Identifier: MIT
"""Open files and folders that lead out: inherited ones, the current one, and those that are handed in.

design.md, promise 3.
"""

import os
import shlex
import subprocess
from contextlib import ExitStack, contextmanager

import pytest

from lib_attack_tool import script, serving
from lib_process import Held, await_outer, called, open_files, status, wait_until
from lib_settings import NSSHELL
from lib_view import Outside, Standalone

SECRET = "secret of nshbob"
# By way of every open file of the shell's and of its current folder.
THROUGH = """
for way in /proc/$$/fd/* /proc/$$/cwd /proc/$$/cwd/.. .. ../.. ../../..; do
	for name in secret nshbob/secret home/nshbob/secret ../nshbob/secret ../home/nshbob/secret; do
		cat $way/$name
	done
	( cd -P $way && cat secret ../nshbob/secret ../../home/nshbob/secret; cd .. && cat nshbob/secret )
	( cd -P $way && ls -a .. ../.. )
done 2>/dev/null; echo tried
"""


@pytest.fixture
def folders(bob):
    """Folders of the machine's, opened in each way that leads further."""
    with ExitStack() as stack:
        opened = []
        for path in ("/", "/home", bob.home):
            for flags in (os.O_RDONLY | os.O_DIRECTORY, os.O_PATH, os.O_PATH | os.O_DIRECTORY):
                opened.append(os.open(path, flags))
                stack.callback(os.close, opened[-1])
        # In the middle of being read.
        for folder in opened[::3]:
            os.listdir(folder)
        yield opened


def assert_tried(result):
    assert result.out.endswith("tried\n"), result


def test_inherited_folders(session, alice, folders):
    """Folders of the machine's that whoever starts the session has left open.

    CVE-2024-21626 (runc): the current folder /proc/self/fd/7; CVE-2016-9962.
    """
    how = {"pass_fds": folders}
    if not isinstance(session, Standalone):
        how = {"popen": {"cwd": "/", **how}}
    result = session.sh(alice, THROUGH, **how)
    assert_tried(result)
    assert SECRET not in result.out and "nshbob" not in result.out, result
    assert SECRET in Outside().sh(alice, THROUGH, pass_fds=folders).out


def start_in(folder, program):
    return f"cd -P {folder} && exec {program} -c {shlex.quote(THROUGH)}"


@pytest.mark.parametrize("folder", ["/home", "/home/nshbob", "/home/nshdepartment", "/proc/{}/cwd",
                                    "/proc/{}/root/home/nshbob", "/proc/self/cwd/../nshbob"])
def test_current_folder(session, alice, bob, folder):
    """A current folder that is covered inside, by its name and by a name in /proc that is a door.

    CVE-2024-21626.
    """
    with Held(alice, program="/bin/bash", cwd=bob.home) as plain:
        path = folder.format(plain.process.pid)
        line = start_in(path, NSSHELL)
        if isinstance(session, Standalone):
            result = Outside().sh(alice, line)
        else:
            login = session.pam.login(alice.name, "/bin/sh", "-c", f"cd -P {path}; {line.partition('&& ')[2]}")
            result = login.result
        assert_tried(result)
        assert SECRET not in result.out and "nshbob" not in result.out, result
        assert SECRET in Outside().sh(alice, start_in(path, "/bin/bash")).out


def parent(pid):
    return int(status(pid)["PPid"])


@contextmanager
def shell_over_ssh(sshd, account, *options):
    """Yields the number of a shell that waits at the far end."""
    argv = sshd.command(account, "echo ready; sleep 600; true", options=options)
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as client:
        try:
            assert client.stdout.readline().strip() == "ready"
            # Its child is called as the shell until it executes sleep.
            wait_until(lambda: called("sleep", account), "sleep")
            (shell,) = called("bash", account)
            yield shell
        finally:
            client.kill()


@pytest.mark.parametrize("options", [(), ("-tt",)], ids=["without a terminal", "terminal"])
def test_files_over_ssh(sshd, alice, options):
    """What sshd, the module and nsshell leave open: the shell has its three streams, and neither it nor
    nsshell's two processes a folder, a namespace or a file of the machine's.

    CVE-2024-21626, CVE-2016-9962.
    """
    with shell_over_ssh(sshd, alice, *options) as shell:
        assert sorted(open_files(shell)) == [0, 1, 2]
        init = parent(shell)
        await_outer(parent(init))
        for pid in (shell, init, parent(init)):
            for link in open_files(pid).values():
                assert link.startswith(("pipe:", "socket:", "anon_inode:", "/dev/pts/", "/dev/null")), link


SEND = """
import array, os, socket, sys
path = sys.argv[1] if len(sys.argv) > 1 else "\\0nsh-attack"
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
print("ready", flush=True)
fd = array.array("i", [os.open("/", os.O_PATH)])
while True:
    listener.accept()[0].sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fd)])
"""
RECEIVE = """
import os, socket, sys
path = sys.argv[1] if len(sys.argv) > 1 else "\\0nsh-attack"
server = socket.socket(socket.AF_UNIX)
server.connect(path)
fds = socket.recv_fds(server, 1, 1)[1]
print(open(os.open("home/nshbob/secret", os.O_RDONLY, dir_fd=fds[0])).read())
"""


def test_files_handed_in(session, alice, policy):
    """A program of the user's outside of every session that hands in a folder of the machine's
    (SCM_RIGHTS): with a network of its own the session does not find it by a name that is no path.

    unix(7); CVE-2020-15257.
    """
    with serving(alice, SEND) as ready:
        assert ready == "ready"
        assert SECRET in session.sh(alice, script(RECEIVE)).out
        policy.conf("[network] mode=none")
        result = session.sh(alice, script(RECEIVE))
        assert SECRET not in result.out and "ConnectionRefusedError" in result.err, result


def test_files_handed_in_by_path(session, alice, policy, scratch):
    """No boundary, as SECURITY.md says: both see the home, and so a socket in it."""
    policy.conf("[network] mode=none")
    with serving(alice, SEND, scratch / "socket") as ready:
        assert ready == "ready"
        assert SECRET in session.sh(alice, script(RECEIVE, scratch / "socket")).out
