# SPDX-License-Identifier: MIT
"""Where the bench measures, and what: users, policies, and the programs that are compared."""

import os
import shutil
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from lib_borrowed import Borrowed, as_user, borrow_installation, borrow_user

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
BUILD = TOP / "build/bench"
PREFIX = Path("/opt/nsshell-bench")
NSSHELL = PREFIX / "bin/nsshell"
NSSHELLCTL = PREFIX / "bin/nsshellctl"
POLICY = PREFIX / "etc/nsshell"
SESSION = PREFIX / "lib/nsshell/session"
TOOLS = PREFIX / "bench"
PAM = TOOLS / "pam.d"
ROOT = TOOLS / "root"
FILTER = TOOLS / "filter.bpf"
SPAWN, LAST, PAMLOGIN = (str(TOOLS / name) for name in ("spawn", "last", "pamlogin"))

USER = "nshbench"  # with nsshell as login shell
PLAIN_USER = "nshbenchsh"  # with bash
SCRIPT_USER = "nshbenchbw"  # with bubblewrap in a script
NAME = f"{USER}-{socket.gethostname()}"[:63]
SHELL = ["/bin/sh", "-c", "true"]

ROUNDS = int(os.environ.get("BENCH_N", "500"))
PAUSE = int(os.environ.get("BENCH_PAUSE", "3000"))
USERS = int(os.environ.get("BENCH_USERS", "100000"))
SESSIONS = int(os.environ.get("BENCH_SESSIONS", "1000"))
MIB = int(os.environ.get("BENCH_MIB", "1024"))

NEEDED = ("bare", "least", "nsshell")


def share(part):
    """A part of the rounds, but at least three, as quartiles need some."""
    return max(int(ROUNDS * part), 3)


@dataclass
class Setting:
    """What the measurements are given."""

    borrowed: Borrowed
    user: object = None
    plain: object = None
    script: object = None
    programs: dict = field(default_factory=dict)
    left_out: dict = field(default_factory=dict)
    libc: str = ""  # of the least program
    leasts: dict = field(default_factory=dict)  # the least program, by its C library


# Programs of our own


def give_to_builder(path):
    """make runs as somebody, this as root: what is left in build/ must not be root's."""
    owner = BUILD.stat()
    os.chown(path, owner.st_uid, owner.st_gid)


def build(name, *words, compiler=("cc",)):
    """Builds a C program, and puts it where the users can reach it. words: sources and flags, in order."""
    made = BUILD / name
    subprocess.run([*compiler, "-O2", f"-I{TOP}", f"-I{TOP}/include", "-o", made, *words], check=True,
                   capture_output=True)
    give_to_builder(made)
    shutil.copy(made, TOOLS / name)
    return str(TOOLS / name)


def compilers():
    """By C library: what links a static program with it. The small ones are told where the kernel's headers are."""
    triple = subprocess.run(["cc", "-print-multiarch"], stdout=subprocess.PIPE, text=True, check=True)
    headers = ["-idirafter", "/usr/include", "-idirafter", f"/usr/include/{triple.stdout.strip()}"]
    found = {
        "glibc": ["cc", "-static"],
        "musl": ["musl-gcc", "-static", *headers],
        "dietlibc": ["diet", "gcc", "-static", *headers],
    }
    return {name: argv for name, argv in found.items() if shutil.which(argv[0])}


def build_all(setting):
    shutil.rmtree(TOOLS, ignore_errors=True)
    TOOLS.mkdir()
    for name in ("spawn", "hold"):
        build(name, HERE / f"{name}.c")
    build("tasks", HERE / "tasks.c", "-lpthread")
    build("last", HERE / "last.c", compiler=compilers().get("musl", ["cc", "-static"]))
    build("lookup", HERE / "lookup.c", BUILD / "libnsh-conf.a", "-liniparser")
    build("filter", HERE / "filter.c", *BUILD.glob(f"filter_{os.uname().machine}.o"))
    build("pamlogin", "-D_GNU_SOURCE", TOP / "tests/tools/pamlogin.c", "-lpam", "-lpthread")
    with open(FILTER, "wb") as file:
        subprocess.run([TOOLS / "filter"], stdout=file, check=True)
    for libc, compiler in compilers().items():
        try:
            setting.leasts[libc] = build_least(f"least-{libc}", compiler)
        except subprocess.CalledProcessError as error:
            setting.left_out[f"least, {libc}"] = error.stderr.decode()


def build_least(name, compiler, *flags):
    return build(name, f'-DSESSION="{SESSION}"', *flags, HERE / "least.c", compiler=compiler)


# Files and users


def write_files():
    """The policy, and the files that nsshell makes itself and others are given."""
    sample = (TOP / "conf/nsshell.conf").read_text()
    policy = sample.replace("# program = /bin/bash", "program = /bin/sh")
    assert policy != sample, "conf/nsshell.conf has no line '# program = /bin/bash'"
    (POLICY / "nsshell.conf").write_text(policy)
    own_policy().write_text("")
    (TOOLS / "hosts").write_text(f"127.0.1.1\t{NAME}\n" + Path("/etc/hosts").read_text())
    (TOOLS / "hostname").write_text(f"{NAME}\n")
    (TOOLS / "empty").write_text("")
    (TOOLS / "shown").mkdir()
    PAM.mkdir()
    module = next(PREFIX.glob("lib/*/security/pam_nsshell.so"))
    (PAM / "permit").write_text("session required pam_permit.so\n")
    (PAM / "nsshell").write_text(f"session required {module}\n")


def own_policy():
    return POLICY / "users.d" / f"{USER}.conf"


def make_root(root=ROOT):
    """The least that is a root: a shell with its libraries, and the places that a sandbox needs."""
    for name in ("proc", "dev", "sys", "run", "tmp", "var/tmp", "home", "etc"):
        (root / name).mkdir(parents=True)
    listed = subprocess.run(["ldd", "/bin/sh"], stdout=subprocess.PIPE, text=True, check=True).stdout
    for path in ["/bin/sh", *(word for word in listed.split() if word.startswith("/"))]:
        (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / path[1:])


def make_own_root(root, user):
    """One that is the user's, for podman, which writes to it."""
    make_root(root)
    (root / "runtime").mkdir(mode=0o700)
    subprocess.run(["chown", "-R", f"{user.pw_uid}:{user.pw_gid}", root], check=True)


def script_text(home):
    words = " ".join(bubblewrap(home))
    return f'#!/bin/sh\nexec {words} /bin/bash "$@"\n'


# What is compared


def existing(*paths):
    return [path for path in paths if os.path.exists(path)]


def bubblewrap(home, base="--bind", more=()):
    """The view of the sample policy with bwrap. --disable-userns is left out: it makes a second user namespace."""
    argv = ["/usr/bin/bwrap", "--unshare-all", "--share-net", "--die-with-parent", *more,
            base, "/", "/", "--dev", "/dev", "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys"]
    for folder in existing("/tmp", "/var/tmp", "/run/lock", "/run/screen", "/run/user"):
        argv += ["--perms", "1777", "--tmpfs", folder]
    argv += ["--tmpfs", "/home", "--bind", home, home]
    argv += ["--ro-bind", f"{TOOLS}/hosts", "/etc/hosts"]
    argv += ["--ro-bind", f"{TOOLS}/hostname", "/etc/hostname"]
    for path in existing("/run/utmp", "/var/log/wtmp", "/var/log/btmp", "/var/log/lastlog",
                         "/var/log/faillog"):
        argv += ["--ro-bind", f"{TOOLS}/empty", path]
    for path in existing("/run/systemd/sessions", "/run/systemd/users", "/var/mail"):
        argv += ["--ro-bind", f"{TOOLS}/shown", path]
    return argv + ["--hostname", NAME]


def podman(user):
    """With a folder as root, and without what takes it longest: a network, control groups and a log."""
    root = TOOLS / "podman"
    if not root.exists():
        make_own_root(root, user)
    return ["/usr/bin/env", f"XDG_RUNTIME_DIR={root}/runtime", "podman", "--cgroup-manager=cgroupfs",
            "run", "--rm", "--network=host", "--cgroups=disabled", "--log-driver=none",
            "--hostname", NAME, "--rootfs", str(root), *SHELL]


def least_of(setting, *shell, libc=None):
    """The least program with another shell, given with its argv[0]."""
    return [setting.leasts[libc or setting.libc], setting.user.pw_dir, NAME, *shell]


def least_true(setting, libc=None):
    return least_of(setting, SHELL[0], "sh", *SHELL[1:], libc=libc)


def all_programs(setting):
    """What is compared, by name. The first is what the others are measured against."""
    home = setting.user.pw_dir
    own = build_least("least-own", compilers()[setting.libc], "-DOWN_MEMORY")
    return {
        "bare": SHELL,
        "least": least_true(setting),
        "least, own memory": [own, *least_true(setting)[1:]],
        "least, glibc": least_true(setting, "glibc"),
        "unshare": ["/usr/bin/unshare", "--user", "--map-current-user", "--pid", "--fork",
                    "--kill-child", "--mount", "--uts", "--ipc", "--cgroup", "--mount-proc", *SHELL],
        "bubblewrap": [*bubblewrap(home), *SHELL],
        "nsshell": [str(NSSHELL), *SHELL[1:]],
        "firejail": ["/usr/bin/firejail", "--quiet", "--noprofile", "--private-tmp", "--noroot",
                     "--ipc-namespace", "--caps.drop=all", "--nonewprivs", f"--hostname={NAME}",
                     f"--hosts-file={TOOLS}/hosts", *SHELL],
        "podman": podman(setting.user),
    }


def environment(user):
    return as_user(user)["env"]


def become(user):
    """A command line of root's that runs what follows as the user, with the groups of a login."""
    return ["/usr/bin/setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--init-groups"]


def works(argv, user):
    """Tries a program out; one that cannot run on this machine is left out, with its reason."""
    if not os.path.exists(argv[0]):
        return "not there"
    try:
        done = subprocess.run([*become(user), *argv], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False, timeout=30, cwd=user.pw_dir,
                              env=environment(user))
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    said = done.stderr.strip().splitlines() or [""]
    return None if done.returncode == 0 else f"exit {done.returncode}: {said[-1]}"


def choose(setting):
    for name, argv in all_programs(setting).items():
        trouble = works(argv, setting.user)
        if trouble and name in NEEDED:
            raise SystemExit(f"{name} does not run: {trouble}")
        if trouble:
            setting.left_out[name] = trouble
        else:
            setting.programs[name] = argv


def set_up(borrowed):
    borrow_installation(borrowed, PREFIX)
    setting = Setting(borrowed)
    build_all(setting)
    setting.user = borrow_user(borrowed, USER, str(NSSHELL))
    setting.plain = borrow_user(borrowed, PLAIN_USER, "/bin/bash")
    setting.script = borrow_user(borrowed, SCRIPT_USER, str(TOOLS / "bwrap-shell"))
    write_files()
    (TOOLS / "bwrap-shell").write_text(script_text(setting.script.pw_dir))
    (TOOLS / "bwrap-shell").chmod(0o755)
    make_root()
    return setting
