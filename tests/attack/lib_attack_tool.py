# SPDX-License-Identifier: MIT
"""What the attacks are made of: system calls as they come, and how they ended."""

import shutil
import subprocess
from contextlib import contextmanager

from lib_frame import name_of
from lib_process import Result, start, wait_until
from lib_settings import RUN, TOOLS

# From the prompt of a user, where the build may be in a folder that only root sees.
WAYOUT = RUN / "wayout"

# All of a process's power over a user namespace and a mount namespace of its own.
IN_OWN = "unshare -Urm"


def tool():
    """tests/tools/wayout.c, where the users can execute it."""
    if not WAYOUT.exists():
        shutil.copy(TOOLS / "wayout", WAYOUT)
        WAYOUT.chmod(0o755)
    return str(WAYOUT)


def commands(attempts, way=""):
    """The shell commands that make each attempt's system calls and say how they ended."""
    lines = [f'echo "control: $({tool()} getpriority 0 0)"']
    for name, calls in attempts.items():
        calls = " , ".join(f"{way}{call}" for call in calls.split(" , "))
        lines.append(f'echo "{name}: $(exec 2>&1; {tool()} {calls})"')
    return "\n".join(lines)


def outcomes(place, account, attempts, before="true", way="", **how):
    """Makes the attempts one after the other, as the user in one session. attempts: by name, what
    wayout is to do. before: shell commands that come first. way: the entry of all calls. Returns by
    name what the last call came to: its value, the name of its error, or "killed"."""
    result = place.sh(account, f"{before}\n{commands(attempts, way)}", **how)
    assert result.rc == 0, result
    return parsed(result.out)


def asked(held, attempts, way=""):
    """Likewise in a session that is held."""
    return parsed(held.ask(commands(attempts, way)).out)


def parsed(text):
    """Each name stands in front of what wayout printed for it: lines of two words, and memory."""
    found, current = {}, None
    for line in text.splitlines():
        name, colon, rest = line.partition(":")
        if colon:
            current = name
            found[current] = "killed"
        words = (rest if colon else line).split()
        if current and len(words) > 1:
            found[current] = words[-1]
    assert is_value(found.pop("control")), text
    return found


def is_value(outcome):
    return outcome.lstrip("-").isdigit()


def successful(found):
    return {name for name, outcome in found.items() if is_value(outcome)}


def script(code, *args):
    """The command that runs Python code."""
    quoted = " ".join(map(str, args))
    return f"python3 -c '{code}' {quoted}"


@contextmanager
def program(account, *argv, **how):
    """A program of the user's that is in no session. Yields its process when it has begun."""
    how.setdefault("cwd", "/")
    process = start(account, *argv[1:], program=argv[0], **how)
    try:
        wait_until(lambda: name_of(process.pid) == argv[0].rpartition("/")[2][:15], argv[0])
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()


def sleeper(account, **how):
    return program(account, "/bin/sleep", "600", **how)


@contextmanager
def serving(account, code, *args):
    """Python code of the user's, outside of every session, that prints a line when it is ready."""
    process = start(account, "-c", code, *map(str, args), program="/usr/bin/python3", cwd="/",
                    stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def set_security(policy, *more, **keys):
    """A policy with that in [security], and what else is to be in it."""
    policy.conf("\n".join(["[security]", *(f"{key}={value}" for key, value in keys.items()), *more]))


class Root:
    """The machine's root, in a mount namespace that ends with the command."""

    @staticmethod
    def sh(_, command, timeout=30):
        done = subprocess.run(
            ["unshare", "-m", "--propagation", "private", "/bin/sh", "-c", command], cwd="/", text=True,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)
