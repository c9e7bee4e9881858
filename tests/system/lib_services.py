# SPDX-License-Identifier: MIT
"""The machine's own services with a PAM stack of the tests': su, sudo, login, runuser, cron, sshd.

Their PAM services have fixed names, and they keep their records at fixed places. So each is run in
a mount namespace of its own, a Place, in which copies are bound over /etc/pam.d, /etc/passwd and
others. The machine's own files stay what they are.
"""

import os
import re
import shutil
import struct
import subprocess
from collections import namedtuple
from pathlib import Path

import lib_sshd
from lib_pam import PROBE
from lib_process import as_root, children, environment, wait_until
from lib_settings import FRAME, MODULE, PAM_FOLDER, RUN
from lib_terminal import Terminal

SERVICES = ("su", "su-l", "sudo", "sudo-i", "login", "remote", "runuser", "runuser-l", "cron")
SESSION_LINE = f"session required {MODULE}\n"
UTMP, WTMP, LASTLOG, BTMP = "/run/utmp", "/var/log/wtmp", "/var/log/lastlog", "/var/log/btmp"
RECORDS = (UTMP, WTMP, LASTLOG, BTMP)
LEFT_IN_RUN = {"utmp", "motd.dynamic", "motd.dynamic.new", "crond.pid", "crond.reboot"}

# A service that takes over the session modules of another one.
INCLUDE = re.compile(r"^\s*(?:session\s+include\s+|@include\s+)(\S+)\s*$", re.MULTILINE)

# What is bound inside: pairs of source and target up to "--", then the program. What has gone since
# the pairs were made, in a folder of which all is shown, is left out.
ENTER = """\
while [ "$1" != -- ]; do
	mount --rbind "$1" "$2" || [ ! -e "$1" ] || exit 99
	shift 2
done
shift
exec "$@"
"""

SEES_OUTSIDE = """\
test -e /tmp/nsh-outside && echo "sees /tmp"
ls -A /home | grep -vx "$(id -un)" && echo "sees other homes"
for f in /proc/self/fd/*; do test -d $f && echo "holds a folder open: $f"; done
for p in {processes}; do
	test "$(stat -c %u $p)" = "$(id -u)" || test ! -e $p || echo "sees process $p"
done 2>/dev/null
"""
MODES = {FRAME: "755", FRAME / "policy": "444", FRAME / "account": "444", "/tmp": "1777",
         "/var/tmp": "1777", "/dev/shm": "1777"}

# Says what is wrong with where it stands, and ends with the session's id. For a shell in a session
# of nsshell's; /proc is then the session's, where PID 1 cannot be looked into and so is nobody's.
STANDS_IN_SESSION = SEES_OUTSIDE.format(processes="/proc/[2-9]* /proc/1?*") + f"""\
test "$(cat /proc/1/comm)" = nsshell || echo "PID 1 is not nsshell"
test "$NSSHELL_SESSION" = "$(cat {FRAME}/id)" || echo "another id than the frame's"
for mode in {" ".join(f"{mode}:{path}" for path, mode in MODES.items())}; do
	stat -c %a:%n ${{mode#*:}} | grep -vxF "$mode"
done
echo "session $NSSHELL_SESSION"
"""
IN_SESSION = re.compile(r"session ([0-9a-f]{16})\n")

# The same for a shell that stands in the frame alone: /proc is the frame's.
STANDS_IN_FRAME = SEES_OUTSIDE.format(processes="/proc/[0-9]*") + f"""\
echo "frame $(cat {FRAME}/id)"
"""
IN_FRAME = re.compile(r"frame ([0-9a-f]{16})\n")

# For somebody who is left alone: nothing is hidden and there is no frame.
STANDS_OUTSIDE = (
    f"test -e {FRAME}/id && echo framed; cat /tmp/nsh-outside; readlink /proc/self/ns/mnt"
)


def assert_in_session(text):
    """text: what STANDS_IN_SESSION printed. Returns the session's id."""
    match = IN_SESSION.fullmatch(text.replace("\r", ""))
    assert match, text
    return match[1]


def assert_in_frame(text):
    match = IN_FRAME.fullmatch(text.replace("\r", ""))
    assert match, text
    return match[1]


def fields_of(line):
    """The key=value fields of a line of the log."""
    return {key: value.strip('"') for key, value in re.findall(r'(\w+)=("[^"]*"|\S+)', line)}


def record_of(syslog, session, service, user="nshalice"):
    """The log's one line of a session, which must be there and be of that service and user."""
    fields = fields_of(syslog.line_with(f"session={session} "))
    assert len([line for line in syslog.lines if f"session={session} " in line]) == 1
    assert (fields["verdict"], fields["service"], fields["user"]) == ("confine", service, user)
    return fields


def by_user(account, *argv):
    """A command line that root runs and that goes on as that user, outside of every session."""
    env = [f"{name}={value}" for name, value in environment(account, SHELL="/bin/bash").items()]
    return ["setpriv", f"--reuid={account.uid}", f"--regid={account.gid}", "--init-groups",
            "env", "-i", *env, *argv]


class Place:
    """What is bound over what for the programs that are started in it, and how they are started."""

    def __init__(self, name, line=SESSION_LINE, first=False):
        """line: what is added to the services' PAM stacks, as the last thing or the first."""
        self.folder = RUN / f"place-{name}"
        self.folder.mkdir(mode=0o755)
        self.stands_in_session = self._script("stands-in-session", STANDS_IN_SESSION)
        self.stands_in_frame = self._script("stands-in-frame", STANDS_IN_FRAME)
        self.probe = self._script("probe", PROBE)
        self.binds = []
        self.run_folder = None
        self.pam = self.folder / "pam.d"
        shutil.copytree(PAM_FOLDER, self.pam, symlinks=True)
        self.bind(self.pam, PAM_FOLDER)
        # Debian 13's login(1) has that service for logins from elsewhere, and no file for it.
        if not (self.pam / "remote").exists():
            shutil.copy(self.pam / "login", self.pam / "remote")
        for service in SERVICES:
            self.add_to(service, line, first)
        # What root has in its start files may say anything, and take its time.
        self.own_folder("/root")
        for path in RECORDS:
            if os.path.exists(path):
                self.own_file(path, mode=0o664)

    def remove(self):
        shutil.rmtree(self.folder)

    def _script(self, name, text):
        """A command that runs it, also inside: sudo -i would change what it means."""
        path = self.folder / name
        path.write_text(text)
        return f"sh {path}"

    def bind(self, source, target):
        self.binds += [str(source), str(target)]

    def add_to(self, service, line, first=False):
        """A service that takes over the stack of another one gets what is added there."""
        path = self.pam / service
        if not path.exists():
            return
        text = path.read_text()
        if not set(INCLUDE.findall(text)) & set(SERVICES):
            path.write_text(line + text if first else f"{text}\n{line}")

    def own_file(self, target, text="", mode=0o644):
        """Another file, of root's, in the place of one that the machine has."""
        path = self.folder / os.path.basename(target)
        path.write_text(text)
        path.chmod(mode)
        self.bind(path, target)
        return path

    def own_folder(self, target):
        """An empty folder in the place of one that the machine has."""
        path = self.folder / target.strip("/").replace("/", "-")
        path.mkdir(mode=0o755)
        self.bind(path, target)
        return path

    def show_all_but(self, target, names):
        """A folder of the machine without those names, in which others can be made."""
        path = self.own_folder(target)
        pair = [self.binds.pop(), self.binds.pop()]
        for entry in Path(target).iterdir():
            self._show(entry, path / entry.name, names)
        self.binds += reversed(pair)
        return path

    def _show(self, entry, copy, names):
        if entry.name in names:
            return
        if entry.is_symlink():
            copy.symlink_to(os.readlink(entry))
            return
        if entry.is_dir():
            copy.mkdir()
        else:
            copy.touch()
        self.bind(entry, copy)

    def own_run(self):
        """/run without what services leave there, so that they begin anew and leave it here."""
        if not self.run_folder:
            self.run_folder = self.show_all_but("/run", LEFT_IN_RUN)
            (self.run_folder / "sshd").mkdir(exist_ok=True)
        return self.run_folder

    def argv(self, *argv):
        """The command line that runs argv in the place. The process is then that of argv itself."""
        return ["unshare", "-m", "--propagation", "private", "sh", "-c", ENTER, "enter",
                *self.binds, "--", *argv]

    def run(self, *argv, **how):
        """Runs a program in the place to its end and returns a Result."""
        how.setdefault("cwd", "/")
        return as_root(*self.argv(*argv), **how)

    def start(self, *argv, **how):
        """A program that goes on in the place. Its outputs can be read, its input is empty."""
        how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "text": True, "cwd": "/",
               **how}
        return subprocess.Popen(self.argv(*argv), **how)

    def terminal(self, *argv):
        """A program on a terminal."""
        env = {**os.environ, "TERM": "dumb"}
        return Terminal(None, self.argv(*argv), env=env, timeout=60)


def open_to_all(place, *services):
    """A service that asks nobody for a password."""
    for service in services:
        path = place.pam / service
        path.write_text(f"auth sufficient pam_permit.so\n{path.read_text()}")


def with_shell(place, account, shell):
    """In the place that account has another login shell."""
    lines = Path("/etc/passwd").read_text().splitlines(keepends=True)
    changed = [
        re.sub(r"[^:]*$", f"{shell}\n", line) if line.startswith(f"{account.name}:") else line
        for line in lines
    ]
    assert changed != lines
    place.own_file("/etc/passwd", "".join(changed))


def with_sudoers(place, account):
    """In the place that account may run everything as everybody."""
    text = Path("/etc/sudoers").read_text()
    place.own_file("/etc/sudoers", f"{text}\n{account.name} ALL=(ALL:ALL) NOPASSWD: ALL\n", 0o440)


# Records of logins

# utmp(5), in the form that amd64 has with 64 and with 32 bits: type, pid, line, id, user, host,
# exit status in two parts, session, time in two parts, address.
UTMP_FORM = struct.Struct("=hxxi32s4s32s256shhiii16s20x")
LASTLOG_FORM = struct.Struct("=I32s256s")
DEAD_PROCESS, USER_PROCESS = 8, 7

Record = namedtuple("Record", "type line id user host termination exit address")


def text_of(field):
    return field.partition(b"\0")[0].decode()


def without_number(text):
    """Lines and their ids have the number of the terminal, which is whatever was free."""
    return re.sub(r"\d+$", "N", text)


def read_records(path):
    """The records of a utmp or wtmp file, but for times and process ids."""
    records = []
    for entry in UTMP_FORM.iter_unpack(Path(path).read_bytes()):
        kind, _, line, name, user, host, termination, code, _, _, _, address = entry
        line, name = (without_number(text_of(field)) for field in (line, name))
        records.append(
            Record(kind, line, name, text_of(user), text_of(host), termination, code, address)
        )
    return records


def read_lastlog(path, uid):
    """Line and host of the last login, and whether it has a time. None when there was no login."""
    data = Path(path).read_bytes()[uid * LASTLOG_FORM.size:][:LASTLOG_FORM.size]
    if not any(data):
        return None
    when, line, host = LASTLOG_FORM.unpack(data)
    return bool(when), without_number(text_of(line)), text_of(host)


class Records:
    """The records in a place, which keeps them also where the machine does not."""

    def __init__(self, place):
        names = {os.path.basename(path): path for path in RECORDS if path != UTMP}
        self.files = {UTMP: _empty(place.own_run() / "utmp")}
        if all(os.path.exists(path) for path in names.values()):
            for path in names.values():
                self.files[path] = _empty(place.own_file(path))
        else:
            folder = place.show_all_but("/var/log", names)
            for name, path in names.items():
                self.files[path] = _empty(folder / name)

    def clear(self):
        for path in self.files.values():
            os.truncate(path, 0)

    def read(self, uid):
        """All that the records say, to be compared with what they say at another time."""
        return {
            "utmp": read_records(self.files[UTMP]),
            "wtmp": read_records(self.files[WTMP]),
            "btmp": read_records(self.files[BTMP]),
            "lastlog": read_lastlog(self.files[LASTLOG], uid),
        }


def _empty(path):
    path.touch()
    path.chmod(0o664)
    return path


# Servers


class PlacedSshd(lib_sshd.Sshd):
    """An sshd that runs in a place."""

    def __init__(self, place, accounts, name, session=lib_sshd.WITH_MODULE, config=""):
        self.place = place
        super().__init__(accounts, name, session, config)

    def set_session(self, session):
        (self.place.pam / self.service).write_text(lib_sshd.PAM_STACK + session)

    def _start(self):
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                self.place.argv(
                    str(self.binary), "-D", "-e", "-f", str(self.folder / "sshd_config")
                ),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )
        self._await_start()


class Cron:
    """The real daemon in a place, with nothing to do but what the tests want.

    Jobs are for @reboot: cron runs them as soon as it starts, if /run does not tell it that it was
    there before, and so nobody has to wait for the next minute.
    """

    def __init__(self, place):
        self.place = place
        self.process = None
        place.own_run()
        place.own_file("/etc/crontab")
        place.own_folder("/etc/cron.d")
        self.tables = place.own_folder("/var/spool/cron") / "crontabs"
        self.tables.mkdir()
        self.tables.chmod(0o1730)

    def table(self, name, uid, gid, text):
        """The crontab of a user, owned and protected as cron wants it."""
        path = self.tables / name
        path.write_text(f"MAILTO=\"\"\n{text}")
        path.chmod(0o600)
        os.chown(path, uid, gid)

    def start(self):
        self.process = subprocess.Popen(
            self.place.argv("cron", "-f", "-L", "15"), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )

    def wait_idle(self):
        """Until every job that cron has started is gone."""
        wait_until(lambda: not children(self.process.pid), "cron's jobs to end")

    def close(self):
        if self.process:
            self.process.terminate()
            self.process.wait(timeout=60)
