# SPDX-License-Identifier: MIT
"""One session at a time: how long it takes, in which circumstances, and what it holds."""

import os
import random
import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

from lib_borrowed import borrow_user
from lib_measure import (
    frame, helper, place, spawn, spread, start, summaries, summary, times,
)
from lib_setting import (
    FILTER, LAST, MIB, NSSHELL, PAM, PAMLOGIN, POLICY, ROOT, SHELL, TOOLS, USER, USERS, become, bubblewrap,
    environment, least_of, own_policy, share,
)
from lib_ssh import Ways

BLOCKS = 10  # so many turns, where circumstances change that not every round can change
MOUNTS = 500
TASKS = 6000
SLOW = ("firejail", "podman")
NSSHELL_TRUE = [str(NSSHELL), *SHELL[1:]]


def chosen(setting, *names):
    return {name: setting.programs[name] for name in names if name in setting.programs}


def with_ratios(figures):
    for figure in figures.values():
        for other in ("least", "bubblewrap"):
            figure[f"times_{other}"] = times(figure, figures.get(other))
    return figures


# A session


def start_up(setting):
    """All programs, in turn with nsshell in a frame; and those that take long, in rounds of their own."""
    programs = {name: argv for name, argv in setting.programs.items() if name not in SLOW}
    slow = chosen(setting, "bare", *SLOW)
    rows, framed = [], []
    with frame(setting.user) as where:
        for _ in range(BLOCKS):
            rows += spawn(programs.values(), setting.user, rounds=share(1 / BLOCKS))
            framed += spawn([SHELL, NSSHELL_TRUE], setting.user, rounds=share(1 / BLOCKS), place=where)
    figures = summaries(rows, programs)
    figures["nsshell, in a frame"] = summary(framed, 1)
    if len(slow) > 1:
        rows = spawn(slow.values(), setting.user, rounds=share(0.06), seconds=40)
        figures.update({name: summary(rows, column + 1) for column, name in enumerate(list(slow)[1:])})
    return with_ratios(figures)


def all_features(setting):
    """The sample policy and read_only = system, with the system call filter that both are given."""
    own_policy().write_text("[view]\nread_only = system\n")
    wrapped = bubblewrap(setting.user.pw_dir, "--ro-bind", ["--seccomp", "9"])
    programs = {"bare": SHELL, "bubblewrap": [*wrapped, *SHELL], "nsshell": NSSHELL_TRUE}
    if "bubblewrap" not in setting.programs:
        del programs["bubblewrap"]
    rows = spawn(programs.values(), setting.user, rounds=share(1), options=["-f", str(FILTER)])
    own_policy().write_text("")
    return with_ratios(summaries(rows, programs))


MANY_MOUNTS = place(f"""\
mkdir -p {TOOLS}/many
mount -t tmpfs none {TOOLS}/many
for i in $(seq {MOUNTS}); do
    mkdir {TOOLS}/many/$i
    mount -t tmpfs none {TOOLS}/many/$i
done
""", "-m")


def many_mounts(setting):
    """On a machine that has MOUNTS more mounts."""
    programs = chosen(setting, "bare", "least", "bubblewrap", "nsshell")
    rows = spawn(programs.values(), setting.user, rounds=share(0.5), place=MANY_MOUNTS)
    return with_ratios(summaries(rows, programs))


def many_tasks(setting):
    """With TASKS idle tasks on the machine and with none, in turn."""
    programs = chosen(setting, "bare", "least", "bubblewrap", "nsshell")
    found = {"0": [], str(TASKS): []}
    for _ in range(4):
        for count, rows in found.items():
            with helper("tasks", count):
                rows += spawn(programs.values(), setting.user, rounds=share(0.1))
    none, many = (summaries(rows, programs) for rows in found.values())
    for name, figure in many.items():
        figure["none"] = none[name]
        figure["times_none"] = times(figure, none[name])
    return many


def ending(setting):
    """From the shell's last act to what its parent is told: spawn -e, and a shell that writes the time."""
    own_policy().write_text(f"[shell]\nprogram = {LAST}\n")
    least = least_of(setting, LAST, LAST)
    programs = {
        "bare": [LAST],
        "least": least,
        "least, own memory": [setting.programs["least, own memory"][0], *least[1:]],
        "least, glibc": least_of(setting, LAST, LAST, libc="glibc"),
        "bubblewrap": [*bubblewrap(setting.user.pw_dir), LAST],
        "nsshell": NSSHELL_TRUE,
    }
    programs = {name: argv for name, argv in programs.items() if name in setting.programs}
    rows = spawn(programs.values(), setting.user, rounds=share(1), options=["-e"])
    own_policy().write_text("")
    figures = summaries(rows, programs)
    for figure in figures.values():
        figure["times_least"] = times(figure, figures["least"], "median")
    return figures


def shared(setting):
    """Making a shared sandbox, joining one, and an own session, each of a user of its own, in turn.

    The pause is what a sandbox has to end before the next one is made.
    """
    users = {"an own session": setting.user}
    for what in ("make", "join"):
        users[what] = borrow_user(setting.borrowed, f"{USER}-{what}", "/bin/sh")
        (POLICY / "users.d" / f"{USER}-{what}.conf").write_text("[session]\nlifetime = user\n")
    argvs = [[*become(setting.user), *SHELL]]
    argvs += [[*become(user), *NSSHELL_TRUE] for user in users.values()]
    holder = start([*become(users["join"]), str(NSSHELL), "-c", "echo; read line"], users["join"],
                   stdin=subprocess.PIPE)
    try:
        holder.stdout.readline()
        rows = spawn(argvs, rounds=share(0.25), pause=40000)
    finally:
        holder.communicate("\n")
    return {name: summary(rows, column + 1) for column, name in enumerate(users)}


# What is kept while a session is idle


def children_of(pid):
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def pss_of(pid):
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def idle_memory(argv, user):
    """KB of PSS of a program and its child, PID 1, while the shell waits for input."""
    session = subprocess.Popen([*become(user), *argv, "-c", "read line"], stdin=subprocess.PIPE,
                               env=environment(user), cwd=user.pw_dir)
    time.sleep(4)
    (init,) = children_of(session.pid)
    figures = {"outer": pss_of(session.pid), "init": pss_of(init)}
    session.communicate(b"\n")
    return {**figures, "sum": sum(figures.values())}


def memory(setting):
    programs = {"nsshell": [str(NSSHELL)], "bubblewrap": [*bubblewrap(setting.user.pw_dir), "/bin/sh"]}
    return {name: idle_memory(argv, setting.user) for name, argv in programs.items()
            if name in setting.programs}


# Policies

KEYS = {
    "sample policy": "",
    "tmp = host": "[view]\ntmp = host\n",
    "others = host": "[view]\nothers = host\n",
    "dev = host": "[view]\ndev = host\n",
    "homes =": "[view]\nhomes =\n",
    "hide, one path": f"[view]\nhide = {TOOLS}/hosts\n",
    "read_only, one path": f"[view]\nread_only = {TOOLS}/shown\n",
    "read_only = system": "[view]\nread_only = system\n",
    "and writable": f"[view]\nread_only = system\nwritable = {TOOLS}/shown\n",
    "bind": f"[view]\nbind = /usr/share:{TOOLS}/shown\n",
    "home = ephemeral": "[view]\nhome = ephemeral\n",
    "root = PATH": f"[view]\nroot = {ROOT}\n",
    "seccomp = off": "[security]\nseccomp = off\n",
    "seccomp = strict": "[security]\nseccomp = strict\n",
    "nested_userns = yes": "[security]\nnested_userns = yes\n",
    "nofile and its like": "[limits]\nnofile = 1000\nnproc = 1000\ncore = 0\nfsize = 1G\n",
    "mode = none": "[network]\nmode = none\n",
    "mode = nat": "[network]\nmode = nat\n",
}

# What pasta asks of a machine, whatever the real one has. Nothing is sent.
NETWORK = place("""\
ip link set lo up
ip link add wan0 type veth peer name wan1
ip address add 198.51.100.2/24 dev wan0
ip link set wan0 up
ip route add default via 198.51.100.1
mkdir -p /dev/net
mount -t tmpfs none /dev/net -o mode=755
mknod -m 666 /dev/net/tun c 10 200
""", "-mn")


# The kernel takes networks down late, and the next key is not to pay for it.
NETWORK_SECONDS = 0.3


def keys(setting):
    """The overhead with one key of the policy at a time, all in turn, each time in another order."""
    found = {name: [] for name in KEYS}
    order = random.Random(1)
    for _ in range(BLOCKS):
        for name, policy in order.sample(list(KEYS.items()), len(KEYS)):
            own_policy().write_text(policy)
            # A network costs hundreds of times what the others do.
            rounds = share(0.004 if name == "mode = nat" else 0.04)
            where = NETWORK if "[network]" in policy else ()
            found[name] += spawn([SHELL, NSSHELL_TRUE], setting.user, rounds=rounds, place=where)
            if where:
                time.sleep(NETWORK_SECONDS)
    own_policy().write_text("")
    return {name: summary(rows, 1) for name, rows in found.items()}


def make_users(folder):
    """Empty but for the user's own: what is to be seen is what it takes to find that one."""
    folder.mkdir()
    for number in range(USERS - 1):
        os.close(os.open(folder / f"user{number:06}.conf", os.O_CREAT | os.O_WRONLY, 0o644))


def make_matches(folder):
    """For another user each, so that all are read and none is applied."""
    names = sorted(set(KEY_LINES))
    assert len(names) == 20
    for number in range(200):
        text = "[match]\nuser = nobody-else\n"
        for section in dict.fromkeys(line.split(".")[0] for line in KEY_LINES):
            text += f"[{section}]\n"
            text += "".join(f"{line.split('.', 1)[1]}\n" for line in KEY_LINES
                            if line.startswith(f"{section}."))
        (folder / f"{number:03}-some.conf").write_text(text)


KEY_LINES = (
    "session.hostname = %u-%h", "session.lifetime = session", "session.linger_max = none",
    "session.max_sessions = none", "session.idle_max = none", "shell.umask = keep",
    "identity.uid = keep", "identity.subids = no", "view.tmp = private", "view.homes = /home",
    "view.home = keep", "view.others = hidden", "view.read_only = system", "view.dev = minimal",
    "network.mode = host", "limits.nofile = keep", "limits.nproc = keep", "limits.core = keep",
    "security.seccomp = default", "security.no_new_privs = yes",
)


def look_ups(setting):
    """Microseconds of nsh_policy_load() alone, warm: one file in users.d, many, and 200 of match.d, in turn."""
    folders = {"1": POLICY, str(USERS): TOOLS / "many-users", "match.d": TOOLS / "many-matches"}
    for folder in list(folders.values())[1:]:
        shutil.copytree(POLICY, folder)
    shutil.rmtree(folders[str(USERS)] / "users.d")
    make_users(folders[str(USERS)] / "users.d")
    make_matches(folders["match.d"] / "match.d")
    for folder in folders.values():
        (folder / "users.d" / f"{USER}.conf").write_text("[session]\nhostname = %u-%h\n")
    found = {name: [] for name in folders}
    for _ in range(BLOCKS):
        for name, folder in folders.items():
            argv = [TOOLS / "lookup", str(share(0.1)), folder, setting.user.pw_name]
            said = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=True).stdout
            found[name] += [int(line) / 1000 for line in said.splitlines()]
    own_policy().write_text("")
    shutil.rmtree(folders[str(USERS)])
    return {name: spread(values) for name, values in found.items()}


# Connections


def pam(setting):
    """A process that opens a PAM session and ends: with pam_permit, and with the module for two users. It has looked up the
    account and its groups before, as sshd has."""
    ways = {"pam_permit": ("permit", setting.user), "not confined": ("nsshell", setting.plain),
            "confined": ("nsshell", setting.user)}
    argvs = [[PAMLOGIN, str(PAM), service, user.pw_name, "", "", "-"]
             for service, user in ways.values()]
    return summaries(spawn(argvs, rounds=share(0.6)), ways)


def ssh(setting):
    """Sessions on an open connection, and whole logins."""
    own_policy().write_text("[shell]\nprogram = /bin/bash\n")
    with ExitStack() as stack:
        ways = Ways(setting, stack)
        found = {}
        for name, argvs, rounds in (
            ("session", ways.sessions(), share(0.6)), ("login", ways.logins(), share(0.06)),
        ):
            found[name] = summaries(spawn(argvs.values(), rounds=rounds, pause=10000), argvs)
            for figure in found[name].values():
                figure["times_bash"] = times(figure, found[name]["bash"], "median")
    own_policy().write_text("")
    return found


# Data


def throughput(setting):
    """MIB MiB by tar into and out of a session, through pipes; in memory, or the disk would be measured."""
    folder = Path(setting.user.pw_dir) / "data"
    folder.mkdir()
    where = place(f"""\
mount -t tmpfs none {folder} -o mode=755,uid={setting.user.pw_uid}
mkdir {folder}/in {folder}/out
chown {setting.user.pw_uid} {folder}/in {folder}/out
i=0
while [ $i -lt 16 ]; do
    head -c {MIB * 65536} /dev/zero > {folder}/out/$i
    i=$((i + 1))
done
tar -C {folder}/out -cf {folder}/all.tar .
""", "-m")
    into = "cat {0}/all.tar | {1} -c 'tar -C {0}/in -xf -'"
    out = "{1} -c 'tar -C {0}/out -cf - .' | cat > /dev/null"
    programs = {
        (way, name): ["/bin/sh", "-c", text.format(folder, shell)]
        for way, text in (("into", into), ("out of", out))
        for name, shell in (("bare", "/bin/sh"), ("nsshell", NSSHELL))
    }
    rows = spawn(programs.values(), setting.user, rounds=8, place=where, seconds=45)
    found = {}
    for column, (way, name) in enumerate(programs):
        base = column - (name == "nsshell")
        figure = summary(rows, column, base)
        ratios = [row[column] / row[base] for row in rows]
        found[f"{way} {name}"] = {**figure, "mib_per_second": MIB * 1e6 / figure["median"],
                                  "times_bare": spread(ratios)}
    return found
