# SPDX-License-Identifier: MIT
"""The checks of tests/vm, each a test, in virtual machines with Debian's own kernel and services.

design.md, the promises that depend on the machine: its kernel, systemd, AppArmor, sshd and PAM.
"""

import pytest

import lib_vm


@pytest.fixture(scope="module")
def all_results(machines):
    """What each machine said. It is waited for before the time of a test begins."""
    return machines.all_returned()


@pytest.fixture
def results(request, all_results):
    """What the checks in that release's machine said."""
    return all_results[request.param]


@pytest.mark.parametrize("results, check", lib_vm.cases(lib_vm.checks_of), indirect=["results"])
def test_check(results, check):
    results.assert_ok(check)


@pytest.mark.parametrize("results", lib_vm.RELEASES, indirect=True)
def test_the_checks_came_to_their_end(results, request):
    """All of them were run, and none that is not a test here."""
    release = request.node.callspec.params["results"]
    assert results.is_complete, lib_vm.last_lines(results.console)
    assert sorted(results.checks) == sorted(lib_vm.checks_of(release))
