# SPDX-License-Identifier: MIT
"""Running programs in turn, and what the figures say."""

import statistics
import subprocess
from contextlib import contextmanager

from lib_setting import PAM, PAMLOGIN, PAUSE, SPAWN, TOOLS, become, environment


def command(argvs, *, user=None, rounds=1, seconds=60, pause=PAUSE, place=(), options=()):
    """The command line of spawn.c. user None: as root. place: root's command line that runs it elsewhere."""
    argv = [*place, *(become(user) if user else ()), SPAWN, "-n", str(rounds), "-s", str(seconds),
            "-p", str(pause), *options]
    for program in argvs:
        argv += [":::", *program]
    return argv


def start(argv, user=None, **more):
    more.setdefault("stdin", subprocess.DEVNULL)
    surroundings = {"env": environment(user), "cwd": user.pw_dir} if user else {"cwd": "/"}
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, **surroundings, **more)


def rounds_of(process):
    """A list of rounds, each a list of microseconds in the order of the programs."""
    lines = process.communicate()[0].splitlines()
    broken = [line for line in lines if line.startswith("failed")]
    if process.returncode or broken or not lines:
        raise SystemExit(f"while measuring: {broken or 'no round was completed'}")
    return [[int(word) / 1000 for word in line.split()] for line in lines]


def spawn(argvs, user=None, **how):
    return rounds_of(start(command(argvs, user=user, **how), user))


def place(script, *namespaces):
    """A command line that runs what follows in namespaces of its own, when the script has changed them."""
    return ["unshare", *namespaces, "--propagation", "private", "sh", "-ec",
            script + 'exec "$@"\n', "-"]


@contextmanager
def frame(user):
    """A command line that runs what follows where the module has put a connection of the user's."""
    argv = [PAMLOGIN, str(PAM), "nsshell", user.pw_name, "", "", "/bin/sh", "-c", "echo; read line"]
    holder = start(argv, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        if not holder.stdout.readline():
            raise SystemExit("the module gave no session")
        yield ["/usr/bin/nsenter", "--target", str(holder.pid), "--mount", "--uts",
               f"--wdns={user.pw_dir}"]
    finally:
        holder.communicate("\n")


@contextmanager
def helper(*argv, user=None):
    """A program of this folder's that is there when it has said so; its lines before that."""
    process = start([*(become(user) if user else ()), str(TOOLS / argv[0]), *argv[1:]], user,
                    stdin=subprocess.PIPE)
    lines = []
    try:
        for line in process.stdout:
            if line == "there\n":
                break
            lines.append(int(line) / 1000)
        else:
            raise SystemExit(f"{argv[0]} is not there: {len(lines)} lines")
        yield lines
    finally:
        process.communicate()


def percentile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def quartiles(values):
    low, _, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return [low, high]


def spread(values):
    low, high = quartiles(values)
    return {"median": statistics.median(values), "quartiles": [low, high],
            "p95": percentile(values, 0.95), "count": len(values)}


def summary(rows, column, base=0):
    """Microseconds of one program, and its overhead over another one in the same rounds."""
    over = [row[column] - row[base] for row in rows]
    low, high = quartiles(over)
    return {
        **spread([row[column] for row in rows]),
        "overhead": statistics.median(over),
        "overhead_quartiles": [low, high],
        # Of the median, taken from the quartiles: a few slow rounds say nothing about the rest.
        "standard_error": 0.93 * (high - low) / len(over) ** 0.5,
    }


def summaries(rows, names):
    return {name: summary(rows, column) for column, name in enumerate(names)}


def times(one, other, key="overhead"):
    """How many times as much; None where something was not measured."""
    return one[key] / other[key] if one and other and other[key] > 0 else None
