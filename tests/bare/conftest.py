# SPDX-License-Identifier: MIT
"""The machines that the chosen tests need. Each runs once."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import lib_bare  # noqa: E402
import lib_vm  # noqa: E402

NOTES = []


@pytest.fixture(scope="session")
def all_results(request):
    """What the checks said, by release."""
    wanted = lib_vm.wanted_by(request.session.items, "test_bare.py")
    with lib_vm.Machines(wanted, lib_bare.KIND.run, lib_bare.KIND) as machines:
        found = machines.all_returned()
    for results in found.values():
        NOTES.extend(results.notes)
    return found


@pytest.fixture
def results(request, all_results):
    """Of that release."""
    return all_results[request.param]


def pytest_terminal_summary(terminalreporter):
    for note in NOTES:
        terminalreporter.write_line(note)
