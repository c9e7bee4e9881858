# SPDX-License-Identifier: MIT
"""The README's two commands, on machines that have git and sudo and nothing else. The checks are those of
tests/bare/checks-*.sh.
"""

import pytest

import lib_bare
import lib_vm


@pytest.mark.parametrize("results, check", lib_vm.cases(lib_bare.checks_of), indirect=["results"])
def test_check(results, check):
    results.assert_ok(check)


@pytest.mark.parametrize("results", lib_vm.RELEASES, indirect=True)
def test_the_checks_came_to_their_end(results):
    assert results.is_complete, lib_vm.last_lines(results.console)
