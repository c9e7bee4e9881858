# SPDX-License-Identifier: MIT
"""The completion for bash, and the lint that keeps commands, manual, completion and schemas together."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from lib_ctl import CTL, ctl
from lib_settings import PREFIX

TREE = Path(__file__).resolve().parents[2]
FILE = PREFIX / "share/bash-completion/completions/nsshellctl"
PACKAGE = Path("/usr/share/bash-completion/bash_completion")
LINT = TREE / "tests/lint/commands"

# Completes as bash would: the words, and the number of the one that the cursor is at.
ASK = r"""
set -u
test -z "$1" || . "$1"
. "$2"
shift 2
COMP_WORDS=("$@")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
COMP_LINE="$*"
COMP_POINT=${#COMP_LINE}
complete -p nsshellctl >/dev/null || exit 1
_nsshellctl nsshellctl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
test ${#COMPREPLY[@]} = 0 || printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(params=["alone", "with the package"])
def complete(request):
    """complete(word...): what bash offers for the last of them."""
    package = "" if request.param == "alone" else str(PACKAGE)

    def ask(*words, **how):
        done = subprocess.run(
            ["bash", "--norc", "-c", ASK, "bash", package, str(FILE), str(CTL), *words],
            capture_output=True, text=True, timeout=20, check=True, **how,
        )
        # "compopt" says that it is not completing; that is all that there may be.
        assert not [line for line in done.stderr.splitlines() if "compopt" not in line], done
        return done.stdout.split("\n")[:-1]

    return ask


def commands():
    return set(re.findall(r"^  ([a-z]+) +\S", ctl("--help").out, re.MULTILINE))


def test_commands(complete):
    offered = set(complete(""))
    assert commands() <= offered
    assert complete("ke") == ["keys"]
    assert complete("nonsense") == []


def test_options(complete):
    """Those of --help, and no others."""
    for command in commands():
        offered = set(complete(command, "--"))
        known = set(re.findall(r"--[a-z][a-z-]*", ctl(command, "--help").out))
        assert offered == {name for name in known if name != "--"} and "--help" in offered, command
    assert complete("why", "--j") == ["--json"]


def test_users_and_keys(complete, alice):
    assert complete("try", "nshali") == [alice.name]
    assert complete("selftest", "nshali") == [alice.name]
    assert complete("list", "nshali") == [alice.name]
    assert complete("list", "root", "nshali") == [alice.name]
    assert "view.tmp" in complete("keys", "view.")
    assert complete("keys", "vie")[0] == "view"


def test_values(complete, tmp_path):
    (tmp_path / "a file.conf").touch()
    for words in (["try", "--policy", "a"], ["try", "--policy", "=", "a"], ["why", "--log", "a"]):
        assert complete(*words, cwd=tmp_path) == ["a file.conf"], words
    assert complete("try", "--policy", "=", cwd=tmp_path) == ["a file.conf"]
    assert complete("selftest", "--only", "sf") == ["sftp"]
    assert complete("try", "ann", "--", "--") == []
    for words in (["doctor", "--pam-folder"], ["doctor", "--sshd", "="], ["doctor", "--sshd-config"],
                  ["why", "-l"], ["try", "-p"], ["selftest", "-p"]):
        assert complete(*words, "a", cwd=tmp_path) == ["a file.conf"], words
    assert complete("selftest", "-o", "sf") == ["sftp"]
    assert complete("enable", "-t", "10") == complete("enable", "--try", "10") == ["10m"]
    assert complete("kill", "-s", "TE") == complete("kill", "--signal", "TE") == ["TERM"]


def test_services(complete):
    """Those of both folders, and -s is another thing where it is another option."""
    services = {path.name for folder in ("/etc/pam.d", "/usr/lib/pam.d") for path in Path(folder).glob("[!.]*")}
    for words in (["try", "--service"], ["try", "-s"], ["show", "-s"], ["show", "--service", "="]):
        assert set(complete(*words, "")) == services, words


@pytest.mark.parametrize("words", [
    ["kill", "--timeout"], ["kill", "-t"], ["kill", "--timeout", "="], ["enter", "--shell"], ["enter", "-s"],
    ["top", "--interval"], ["top", "-i"], ["top", "--count"], ["top", "-n"], ["show", "--source"],
    ["show", "-f"], ["try", "-f"],
])
def test_values_that_nobody_knows(complete, words):
    """Neither users nor sessions are offered for a number or an address."""
    assert complete(*words, "") == []


def test_last_argument(complete, alice):
    """Nothing is offered behind the last argument; options and their values are none."""
    for words in (["show", "root"], ["doctor", "--sshd", "/x", "root"], ["kill", "root"], ["keys", "view"],
                  ["selftest", "--only", "=", "sftp", "root"], ["help", "list"], ["enable", "--try=1h", "root"]):
        assert complete(*words, "") == [], words
    assert complete("enter", "0123456789abcdef", "") == complete("enter", "0123", "ls", "--") == []
    assert complete("show", "-s", "sshd", "nshali") == [alice.name]
    assert complete("kill", "--timeout", "=", "3", "nshali") == [alice.name]
    assert "--json" in complete("show", "root", "--")


def test_tests_of_selftest(complete, policy, alice):
    """All that it offers are tests, and all tests are offered."""
    source = "".join(path.read_text() for path in (TREE / "ctl").glob("selftest_*.c"))
    tests = re.findall(r'^\t\{"([a-z]+)", "', source, re.MULTILINE)
    assert sorted(complete("selftest", "--only", "")) == sorted(tests) and tests


def test_as_user(alice):
    """It works for who may do nothing."""
    done = subprocess.run(
        ["bash", "--norc", "-c", ASK, "bash", "", str(FILE), str(CTL), "keys", "shell."],
        capture_output=True, text=True, timeout=20, check=True, user=alice.uid, cwd="/",
    )
    assert "shell.program" in done.stdout


# The lint.


@pytest.fixture
def tree(tmp_path):
    """What the lint looks at, to be broken."""
    for name in ("ctl", "docs", "packaging"):
        shutil.copytree(TREE / name, tmp_path / name)
    return tmp_path


def lint(tree):
    done = subprocess.run([LINT, tree], capture_output=True, text=True, timeout=20, check=False)
    return done.returncode, done.stdout


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_lint_is_green(tree):
    assert lint(tree) == (0, "")


@pytest.mark.parametrize("path, old, new, says", [
    ("docs/nsshellctl.8.scd", "## why\n", "", "why: has no heading"),
    ("docs/nsshellctl.8.scd", "*# nsshellctl try", "*# nsshell try", "try: has no example"),
    ("packaging/completion/nsshellctl", " selftest try", " try", "selftest: is not in"),
    ("ctl/try.c", "struct command nsh_command_try", "struct command nsh_command_tri",
     "try: no file of ctl/"),
])
def test_lint_finds(tree, path, old, new, says):
    change(tree / path, old, new)
    code, said = lint(tree)
    assert code == 1 and says in said, said


def test_lint_finds_a_missing_schema(tree):
    (tree / "ctl/schema/why.json").unlink()
    assert lint(tree) == (1, "why: has --json and no ctl/schema/why.json\n")


def test_lint_finds_a_new_command(tree):
    """One that is in the table alone."""
    change(tree / "ctl/commands.h", "X(why)", "X(why) X(novel)")
    (tree / "ctl/novel.c").write_text(
        'const struct command nsh_command_novel = {\n\t.name = "novel",\n\t{"json"},\n};\n'
    )
    code, said = lint(tree)
    assert code == 1 and said.count("novel: ") == 4, said
