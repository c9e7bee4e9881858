# SPDX-License-Identifier: MIT
"""Typing into the terminal of whoever started the session: what is pushed is read by the shell there.

The worst case is root who looks at a user's session from a shell of root's, with su or PAM alike.
"""

import os
import shlex

import pytest

from lib_attack_tool import is_value, parsed, set_security, tool
from lib_frame import as_user
from lib_process import PATH, as_root
from lib_settings import NSSHELL
from lib_terminal import CALLER_PROMPT, Terminal

# When a shell reads it, it says "42pushed".
TYPED = "echo $((6*7))pushed\n"
STI = {
    "plain": ("0x5412", "", ""),
    "/dev/tty": ("0x5412", "", "exec </dev/tty;"),
    "upper half": ("0x100005412", "", ""),
    "all of the upper half": ("0xffffffff00005412", "", ""),
}
# What the kernels of today mostly have no more: without the filter too it then comes to nothing.
RARE = ("i386", "x32") if os.uname().machine == "x86_64" else ()
STI |= {way: ("0x5412", f"{way}:", "") for way in RARE}


@pytest.fixture
def legacy():
    """The machine lets programs type into their terminal, as all did before Linux 6.2."""
    path = "/proc/sys/dev/tty/legacy_tiocsti"
    if not os.path.exists(path):
        yield
        return
    with open(path, "r+", encoding="ascii") as file:
        before = file.read()
        file.write("1")
        file.flush()
        yield
        file.seek(0)
        file.write(before)


def typing(case):
    """The command that types."""
    request, way, before = STI[case]
    calls = " , ".join(f"{way}ioctl 0 {request} x={ord(letter):02x}" for letter in TYPED)
    return f"{before} {tool()} {calls} >/dev/null"


def command_line(session, account, program, command):
    """What root types to start a program of the user's on the same terminal."""
    argv = [str(program), "-c", command]
    pam = getattr(session, "pam", None)
    return shlex.join(pam.command(account.name, *argv) if pam else as_user(account, *argv))


def pushed(session, account, program, command):
    """Whether root's shell, on whose terminal the user's program runs, then executes what was typed."""
    argv = ["/bin/bash", "--norc", "--noprofile", "-i"]
    with Terminal(None, argv, env={"PS1": CALLER_PROMPT, "PATH": PATH, "TERM": "dumb"}) as terminal:
        terminal.prompt = CALLER_PROMPT
        terminal.at_prompt()
        line = command_line(session, account, program, f"{command}; echo tri$((1))ed")
        terminal.sendline(line.replace("\n", "\\n"))
        terminal.expect_exact("tri1ed")
        seen = terminal.before
        terminal.sendline("echo don$((1))e")
        terminal.expect_exact("don1e")
        return "42pushed" in seen + terminal.before


@pytest.mark.parametrize("case", STI)
def test_typing(session, alice, legacy, case):
    """TIOCSTI, also with something in the upper half of the request, of which the kernel sees only the
    lower one, and by the entries for other programs.

    CVE-2017-5226 (bubblewrap), CVE-2019-10063 (flatpak), CVE-2023-28339 (doas), CVE-2016-2779 (runuser).
    """
    assert not pushed(session, alice, NSSHELL, typing(case))


@pytest.mark.parametrize("case", [case for case in STI if case not in RARE])
def test_typing_without_the_filter(session, alice, policy, legacy, case):
    """So that the test above can fail: a plain shell types, and so does a session without the filter."""
    assert pushed(session, alice, "/bin/bash", typing(case))
    set_security(policy, seccomp="off")
    assert pushed(session, alice, NSSHELL, typing(case))


CONSOLE = "/dev/tty9"
PASTE = {
    # TIOCL_GETSHIFTSTATE, which changes nothing; the kernel asks for the same rights as for pasting.
    "plain": "ioctl 0 0x541c x=06",
    "upper half": "ioctl 0 0x10000541c x=06",
}


def on_console(session, account, program, case):
    """How the call ends for a program of the user's on a virtual console of its own."""
    command = f'echo "control: $({tool()} getpriority 0 0)"; echo "{case}: $({tool()} {PASTE[case]})"'
    line = f"exec setsid -w -c {command_line(session, account, program, command)} <{CONSOLE} 2>/dev/null"
    return parsed(as_root("/bin/sh", "-c", line).out)[case]


@pytest.mark.parametrize("case", PASTE)
def test_pasting(session, alice, case):
    """TIOCLINUX: selecting and pasting on a virtual console is typing too.

    CVE-2023-1523 (snapd), CVE-2023-28100 (flatpak).
    """
    assert not is_value(on_console(session, alice, NSSHELL, case))


@pytest.mark.parametrize("case", PASTE)
def test_pasting_without_the_filter(session, alice, policy, case):
    """So that the test above can fail."""
    assert is_value(on_console(session, alice, "/bin/bash", case))
    set_security(policy, seccomp="off")
    assert is_value(on_console(session, alice, NSSHELL, case))
