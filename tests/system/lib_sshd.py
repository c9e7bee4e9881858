# SPDX-License-Identifier: MIT
"""A private sshd on loopback, and the clients that use it.

Private means: a copy of the binary under a name of its own, because sshd takes its PAM service from
that name (before OpenSSH 9.8; later there is an option for it), its own host key, port and files.
Each server has a folder of its own below RUN, so that there can be several: one without the PAM module
(nsshell standalone), one with it, and others with what a test adds to their configuration.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

from lib_process import as_root, children, end_ssh, wait_until
from lib_settings import MODULE, PAM_FOLDER, PATIENCE, RUN, SSHD_NAME

SFTP_SERVER = "/usr/lib/openssh/sftp-server"
SEPARATION_FOLDER = Path("/run/sshd")

PAM_STACK = """\
auth     required pam_deny.so
account  required pam_unix.so
password required pam_deny.so
"""
NO_MODULE = "session required pam_permit.so\n"
WITH_MODULE = f"session required {MODULE}\n"

CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
PidFile none
AuthorizedKeysFile {folder}/authorized_keys/%u
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
    IdentityFile {folder}/client_key
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    HostKeyAlias nsshell-check
    PasswordAuthentication no
    KbdInteractiveAuthentication no
    LogLevel ERROR
    ConnectTimeout 60
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
    """The server of a killed run: known by its file, which only the tests have. One that has another root is another
    run's, in a Debian of its own."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            program = os.readlink(f"/proc/{entry}/exe")
            is_ours = os.path.samefile(f"/proc/{entry}/root", "/")
        except OSError:
            continue
        if is_ours and program.startswith(str(RUN)) and os.path.basename(program).startswith(SSHD_NAME):
            os.kill(int(entry), signal.SIGKILL)
    for file in PAM_FOLDER.glob(f"{SSHD_NAME}*"):
        file.unlink()


def await_end_of_connections():
    """Of all servers: root's processes for them outlive what is the users'."""
    deadline = time.monotonic() + 10 * PATIENCE
    while any(children(server.pid) for server in Sshd.servers) and time.monotonic() < deadline:
        time.sleep(0.005)


class Sshd:
    """The server. The client's side runs as root with a key that all test users accept."""

    HOST = "nsshell-check"
    servers = set()  # the processes of those that listen

    def __init__(self, accounts, name="", session=NO_MODULE, config="", prefix=()):
        """session: the PAM stack's session lines. config: more lines for sshd_config, in front.
        prefix: what runs the server and the clients in another network, by executing them."""
        self.prefix = prefix
        self.port = free_port()
        self.service = SSHD_NAME + name
        self.folder = RUN / f"sshd{name}"
        self.binary = self.folder / self.service
        self.pam_file = PAM_FOLDER / self.service
        self.log = self.folder / "sshd.log"
        self.made_separation_folder = not SEPARATION_FOLDER.exists()
        self.process = None
        self._write_files(accounts, session, config)
        try:
            self._start()
        except BaseException:
            self.close()
            raise

    def set_session(self, session):
        """Changes the PAM stack's session lines, for the connections that follow."""
        self.pam_file.write_text(PAM_STACK + session)

    def _write_files(self, accounts, session, config):
        SEPARATION_FOLDER.mkdir(mode=0o755, exist_ok=True)
        self.folder.mkdir(mode=0o755)
        shutil.copy("/usr/sbin/sshd", self.binary)
        self.set_session(session)
        make_key(self.folder / "host_key")
        make_key(self.folder / "client_key")
        keys = self.folder / "authorized_keys"
        keys.mkdir()
        for name in accounts:
            shutil.copy(self.folder / "client_key.pub", keys / name)
        names = {"port": self.port, "folder": self.folder, "sftp_server": SFTP_SERVER}
        text = config + CONFIG.format(**names)
        if os.path.exists("/usr/lib/openssh/sshd-session"):
            text = f"PAMServiceName {self.service}\n" + text
        (self.folder / "sshd_config").write_text(text)
        (self.folder / "ssh_config").write_text(CLIENT_CONFIG.format(**names))
        key = (self.folder / "host_key.pub").read_text()
        (self.folder / "known_hosts").write_text(f"{self.HOST} {key}")

    def _start(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*self.prefix, str(self.binary), "-D", "-e",
                 "-f", str(self.folder / "sshd_config")],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        self._await_start()

    def _await_start(self):
        self.servers.add(self.process)
        wait_until(self._answers, f"sshd to listen; see {self.log}")

    def _answers(self):
        assert self.process.poll() is None, self.log.read_text()
        # Not by connecting: that may be another network than ours.
        listening = f":{self.port:04X} 00000000:0000 0A "
        return listening in Path(f"/proc/{self.process.pid}/net/tcp").read_text()

    def restart(self):
        """Ends the server, but not its connections, and starts it anew."""
        self._end()
        self._start()

    def _end(self):
        self.servers.discard(self.process)
        self.process.terminate()
        self.process.wait(timeout=60 * PATIENCE)

    def close(self):
        if self.process:
            self._end()
        if self.made_separation_folder:
            SEPARATION_FOLDER.rmdir()
        self.pam_file.unlink(missing_ok=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def client(self, program="ssh", *options):
        """The beginning of a client's command line."""
        return [*self.prefix, program, "-F", str(self.folder / "ssh_config"), *options]

    def command(self, account, *words, options=()):
        """The command line of ssh for that user."""
        return [*self.client("ssh", *options), "-l", account.name, self.HOST, *words]

    def ssh(self, account, *words, options=(), **how):
        """Runs a command over ssh and returns a Result."""
        return as_root(*self.command(account, *words, options=options), **how)

    @contextlib.contextmanager
    def shared_connection(self, account):
        """A multiplexed connection: several sessions, one login at sshd. Yields the options."""
        control = self.folder / f"mux-{account.name}"
        options = ("-o", f"ControlPath={control}")
        master = subprocess.Popen(
            self.command(account, options=(*options, "-M", "-N")), stdin=subprocess.DEVNULL
        )
        try:
            wait_until(
                lambda: as_root(*self.command(account, options=(*options, "-O", "check"))).rc == 0,
                "the master connection",
            )
            yield options
        finally:
            end_ssh(master)
            # What is killed leaves it, and then the next master would not serve.
            control.unlink(missing_ok=True)

    @contextlib.contextmanager
    def agent(self):
        """An agent on the client's side with the key of the tests. Yields the client's environment."""
        path = self.folder / "agent"
        process = subprocess.Popen(
            ["ssh-agent", "-D", "-a", str(path)], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        try:
            env = {**os.environ, "SSH_AUTH_SOCK": str(path)}
            add = ["ssh-add", "-q", str(self.folder / "client_key")]
            wait_until(lambda: as_root(*add, env=env).rc == 0, "the agent")
            yield env
        finally:
            process.terminate()
            process.wait(timeout=60 * PATIENCE)
            path.unlink(missing_ok=True)

    def remote(self, account, path=""):
        """USER@HOST:PATH for scp, rsync and git."""
        return f"{account.name}@{self.HOST}:{path}"
