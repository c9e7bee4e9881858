# SPDX-License-Identifier: MIT
"""Nothing can stand in docs/guide that tests/guide would not run: tests/lint/guide finds it. And what it runs and is not as
the guide says is found by tests/guide/inside, here with root's shell on this machine.
"""

import importlib.machinery
import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
LINT = TREE / "tests/lint/guide"
GUIDE = TREE / "docs/guide"

# What is put at the end of a page, and what the lint has to say of it.
FAULTS = {
    "another language": ("```sh\nid\n```\n", "is nothing that is run"),
    "no language": ("```\nid\n```\n", "is nothing that is run"),
    "a policy without a place": ("```ini\n[view]\n```\n", "is nothing that is run"),
    "nobody types it": ("```console\n$ id\n```\n", "begins with something that nobody types"),
    "nobody types a later line": ("```console\n# id\n$ id\n```\n", "does not say who types"),
    "a command to be looked at": ("```text\n# id\n```\n", "has a command, and is not run"),
    "in a list": ("- so:\n\n  ```console\n  # id\n  ```\n", "indented place"),
    "without a fence": ("So:\n\n    # id\n", "indented block"),
    "no end": ("```console\n# id\n", "a block without an end"),
    "in a sentence": ("Say `nsshellctl list nobody`.\n", "is run nowhere: nsshellctl list nobody"),
    "a wrong link": ("See [this](that.md).\n", "leads nowhere: that.md"),
}


def run_lint(folder):
    return subprocess.run([LINT, folder], capture_output=True, text=True, check=False)


@pytest.fixture
def guide(tmp_path):
    return Path(shutil.copytree(GUIDE, tmp_path / "guide"))


def test_the_guide_is_whole(guide):
    done = run_lint(guide)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("text, said", FAULTS.values(), ids=FAULTS.keys())
def test_what_is_not_run_is_found(guide, text, said):
    with open(guide / "fleet.md", "a", encoding="utf-8") as page:
        page.write("\n" + text)
    done = run_lint(guide)
    assert done.returncode == 1 and said in done.stdout, done.stdout


def test_a_page_that_is_not_linked_is_found(guide):
    shutil.copy(guide / "fleet.md", guide / "lost.md")
    done = run_lint(guide)
    assert done.returncode == 1 and "is no page" in done.stdout


def test_a_guide_without_commands_is_found(tmp_path):
    (tmp_path / "README.md").write_text("# Nothing\n")
    assert run_lint(tmp_path).returncode == 1


@pytest.fixture(scope="module")
def inside():
    loader = importlib.machinery.SourceFileLoader("inside", str(TREE / "tests/guide/inside"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("inside", loader))
    before = list(sys.path)
    loader.exec_module(module)
    sys.path[:] = before
    return module


def run_block(inside, text):
    block = inside.pages.Block("name-1", 1, ["console"], text.splitlines())
    assert not list(block.faults())
    return inside.run_block(block)


@pytest.mark.parametrize(
    "text",
    (
        "# echo one; echo two\none\n...\n",
        "# printf 'a\\n\\nb c d\\n'\na\n...\nb ... d\n",
        "# x=1\n# echo $x\n1\n",
        "# false # fails\n",
        "# sh -c 'exit 7' # ends with 7\n",
        "# exit 3 # ends with 3\n# echo anew\nanew\n",
    ),
)
def test_what_is_as_the_guide_says_passes(inside, text):
    assert run_block(inside, text) is None


@pytest.mark.parametrize(
    "text, said",
    (
        ("# false\n", "ended with 1: false"),
        ("# no-such-command\n", "ended with 127"),
        ("# true # fails\n", "ended with 0"),
        ("# false # ends with 2\n", "ended with 1"),
        ("# echo one\n", "shows something else: echo one"),
        ("# true\none\n", "shows something else"),
        ("# echo one two\none\n", "shows something else"),
        ("# echo one; echo two\none\n", "shows something else"),
        ("# echo a.c\na.b\n", "shows something else"),
        ("# true\n# false\n# true\n", "ended with 1: false"),
    ),
)
def test_what_is_not_as_the_guide_says_fails(inside, text, said):
    assert said in run_block(inside, text)
