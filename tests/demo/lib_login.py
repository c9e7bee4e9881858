# SPDX-License-Identifier: MIT
"""A private sshd on loopback, and logins to it.

The sshd is a copy of the machine's under a name of its own. OpenSSH takes its PAM service from that
name, and from PAMServiceName since 9.8, so that neither /etc/pam.d/sshd nor /etc/ssh matters.
"""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

from lib_borrowed import borrow_file, borrow_folder, end_processes

PAM_FOLDER = Path("/etc/pam.d")
PAM_STACK = """\
# Made by nsshell's make demo or make bench, and removed at its end.
auth     required pam_deny.so
account  required pam_unix.so
password required pam_deny.so
session  required {module}
"""
SERVER = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
PidFile none
AllowUsers {users}
AuthorizedKeysFile {folder}/client_key.pub
AuthenticationMethods publickey
UsePAM yes
PrintMotd no
PrintLastLog no
UseDNS no
Subsystem sftp internal-sftp
"""
CLIENT = """\
HostName 127.0.0.1
Port {port}
IdentityFile {folder}/client_key
IdentitiesOnly yes
IdentityAgent none
UserKnownHostsFile {folder}/known_hosts
GlobalKnownHostsFile /dev/null
HostKeyAlias localhost
StrictHostKeyChecking yes
PasswordAuthentication no
KbdInteractiveAuthentication no
LogLevel ERROR
ConnectTimeout 20
"""
START_SECONDS = 20


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _make_key(path):
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)],
        check=True, stdin=subprocess.DEVNULL,
    )


def _processes_of(program):
    """The ids of the processes that run this file, also after it was removed."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.readlink(entry / "exe").split(" (")[0] == str(program):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


class Sshd:
    """The server; it ends with the Borrowed that it was made for."""

    def __init__(self, borrowed, name, folder, users, module):
        """name: of the program and its PAM service. module: the one of its session stack."""
        self.name = name
        self.folder = folder
        self.program = folder / name
        self.log = folder / "log"
        self.port = _free_port()
        borrowed.promise(
            name,
            lambda: end_processes(lambda: _processes_of(self.program)),
            lambda: bool(_processes_of(self.program)),
        )
        end_processes(lambda: _processes_of(self.program))
        borrow_folder(borrowed, "/run/sshd")
        borrow_file(borrowed, PAM_FOLDER / name, PAM_STACK.format(module=module))
        self._write_files(users)
        self._start()

    def _write_files(self, users):
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(mode=0o755)
        shutil.copy("/usr/sbin/sshd", self.program)
        _make_key(self.folder / "host_key")
        _make_key(self.folder / "client_key")
        names = {"port": self.port, "folder": self.folder, "users": " ".join(users)}
        server = SERVER.format(**names)
        if Path("/usr/lib/openssh/sshd-session").exists():
            server += f"PAMServiceName {self.name}\n"
        (self.folder / "sshd_config").write_text(server)
        (self.folder / "ssh_config").write_text(CLIENT.format(**names))
        key = (self.folder / "host_key.pub").read_text()
        (self.folder / "known_hosts").write_text(f"localhost {key}")
        for name in ("client_key.pub", "sshd_config", "ssh_config", "known_hosts"):
            (self.folder / name).chmod(0o644)

    def _start(self):
        with open(self.log, "wb") as log:
            server = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM",
                 self.program, "-D", "-e", "-f", self.folder / "sshd_config"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
            )
        deadline = time.monotonic() + START_SECONDS
        while "Server listening" not in self.log.read_text():
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"sshd did not start:\n{self.log.read_text()}")
            time.sleep(0.02)

    def command(self, user, *words, program="ssh"):
        """The command line of ssh, or of a program that uses it, as that user."""
        return [program, "-F", self.folder / "ssh_config", *words, f"{user.pw_name}@localhost"]

    def ssh(self, user, *words, program="ssh"):
        """Starts it."""
        return subprocess.Popen(
            self.command(user, *words, program=program),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "TERM": "dumb", "HOME": "/root"}, cwd="/",
            text=True, errors="replace",
        )

    def list_by_sftp(self, user, folder):
        """What sftp lists of a folder: sshd's own work (internal-sftp), which starts no shell."""
        client = self.ssh(user, "-q", "-b", "-", program="sftp")
        listed, said = client.communicate(f"ls -1a {folder}\n", timeout=START_SECONDS)
        if client.returncode != 0:
            raise SystemExit(f"sftp: {said}")
        names = [os.path.basename(line) for line in listed.splitlines() if "sftp>" not in line]
        return [name for name in names if name not in (".", "..")]
