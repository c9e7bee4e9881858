# SPDX-License-Identifier: MIT
"""nsshellctl itself, and its keys: what all commands have in common."""

import re
import subprocess

import pytest

from lib_ctl import CTL, FAILED, OK, ctl, ctl_json
from lib_settings import SAMPLE_POLICY


def commands():
    """All that --help lists."""
    return re.findall(r"^  ([a-z]+) +\S", ctl("--help").out, re.MULTILINE)


def test_all_commands_have_help():
    assert len(commands()) > 0
    for command in commands():
        result = ctl(command, "--help")
        assert result.rc == OK and not result.err, (command, result)
        assert result.out.startswith(f"Usage: nsshellctl {command}"), result
        assert ctl("help", command) == result


def test_wrong_usage():
    assert "exclude each other" in ctl("pam", "--enable", "--disable").err
    assert ctl().rc == FAILED
    assert 'there is no command "nonsense"' in ctl("nonsense").err
    assert ctl("nonsense").rc == FAILED
    for command in commands():
        result = ctl(command, "--no-such-option")
        assert result.rc == FAILED and not result.out, (command, result)


def test_keys_are_those_of_the_sample():
    found = {f"{key['section']}.{key['key']}" for key in ctl_json("keys")["keys"]}
    section = None
    for line in SAMPLE_POLICY.read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        match = re.fullmatch(r"(?:# )?([a-z_]+) =.*", line)
        if match:
            assert f"{section}.{match[1]}" in found, line
    assert "match.user" in found


def test_keys_of_a_section(alice):
    table = ctl("keys", "session", account=alice).out.splitlines()
    assert table[0].startswith("KEY")
    assert all(line.startswith("session.") for line in table[1:])
    (key,) = ctl_json("keys", "view.tmp")["keys"]
    assert key["choices"] == ["private", "host"] and key["default"] == "private"
    assert ctl("keys", "view.nonsense").rc == FAILED


def test_as_a_pipe():
    """"| head" ends it, without a word."""
    script = f"trap - PIPE; {CTL} keys | head -n 1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("KEY") and not done.stderr


@pytest.mark.parametrize("words", [("keys",), ("keys", "--json"), ("--help",), ("--version",)])
def test_full_disk(words):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([CTL, *words], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == FAILED and b"No space left" in done.stderr
