"""A private sshd on loopback, and the clients that use it.

Private means: a copy of the binary under a name of its own, because sshd takes its PAM service from
that name (before OpenSSH 9.8; later there is an option for it), its own host key, port and files.
"""

import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

from lib_process import as_root, wait_until
from lib_settings import PAM_FILE, RUN, SSHD_NAME

SFTP_SERVER = "/usr/lib/openssh/sftp-server"
SEPARATION_FOLDER = Path("/run/sshd")

PAM_STACK = """\
auth     required pam_deny.so
account  required pam_unix.so
password required pam_deny.so
session  required pam_permit.so
"""

CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {run}/host_key
PidFile none
AuthorizedKeysFile {run}/authorized_keys/%u
UsePAM yes
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitUserEnvironment no
AcceptEnv LANG LC_*
PrintMotd no
PrintLastLog no
UseDNS no
MaxStartups 100
Subsystem sftp {sftp_server}
LogLevel VERBOSE
"""

CLIENT_CONFIG = """\
Host *
    HostName 127.0.0.1
    Port {port}
    IdentityFile {run}/client_key
    IdentitiesOnly yes
    UserKnownHostsFile {run}/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    HostKeyAlias nsshell-check
    PasswordAuthentication no
    KbdInteractiveAuthentication no
    LogLevel ERROR
    ConnectTimeout 10
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def make_key(path):
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)],
        check=True, capture_output=True,
    )


def remove_left_over():
    """The server of a killed run: known by its file, which only the tests have."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            program = os.readlink(f"/proc/{entry}/exe")
        except OSError:
            continue
        if program.startswith(str(RUN / SSHD_NAME)):
            os.kill(int(entry), signal.SIGKILL)
    PAM_FILE.unlink(missing_ok=True)


class Sshd:
    """The server. The client's side runs as root with a key that all test users accept."""

    HOST = "nsshell-check"

    def __init__(self, accounts):
        self.port = free_port()
        self.binary = RUN / SSHD_NAME
        self.log = RUN / "sshd.log"
        self.made_separation_folder = not SEPARATION_FOLDER.exists()
        self.process = None
        self._write_files(accounts)
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def _write_files(self, accounts):
        SEPARATION_FOLDER.mkdir(mode=0o755, exist_ok=True)
        shutil.copy("/usr/sbin/sshd", self.binary)
        PAM_FILE.write_text(PAM_STACK)
        make_key(RUN / "host_key")
        make_key(RUN / "client_key")
        keys = RUN / "authorized_keys"
        keys.mkdir()
        for name in accounts:
            shutil.copy(RUN / "client_key.pub", keys / name)
        names = {"port": self.port, "run": RUN, "sftp_server": SFTP_SERVER}
        config = CONFIG.format(**names)
        if os.path.exists("/usr/lib/openssh/sshd-session"):
            config += f"PAMServiceName {SSHD_NAME}\n"
        (RUN / "sshd_config").write_text(config)
        (RUN / "ssh_config").write_text(CLIENT_CONFIG.format(**names))
        key = (RUN / "host_key.pub").read_text()
        (RUN / "known_hosts").write_text(f"{self.HOST} {key}")

    def _start(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [str(self.binary), "-D", "-e", "-f", str(RUN / "sshd_config")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        wait_until(self._answers, f"sshd to listen; see {self.log}")

    def _answers(self):
        assert self.process.poll() is None, self.log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def close(self):
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=10)
        if self.made_separation_folder:
            SEPARATION_FOLDER.rmdir()
        PAM_FILE.unlink(missing_ok=True)

    @staticmethod
    def client(program="ssh", *options):
        """The beginning of a client's command line."""
        return [program, "-F", str(RUN / "ssh_config"), *options]

    def command(self, account, *words, options=()):
        """The command line of ssh for that user."""
        return [*self.client("ssh", *options), "-l", account.name, self.HOST, *words]

    def ssh(self, account, *words, options=(), **how):
        """Runs a command over ssh and returns a Result."""
        return as_root(*self.command(account, *words, options=options), **how)

    def remote(self, account, path=""):
        """USER@HOST:PATH for scp, rsync and git."""
        return f"{account.name}@{self.HOST}:{path}"
