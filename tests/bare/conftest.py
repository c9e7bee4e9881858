# SPDX-License-Identifier: MIT
"""The machines, one after the other: each has as many processors as there are."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import lib_bare  # noqa: E402
import lib_vm  # noqa: E402

NOTES = []


@pytest.fixture(scope="session")
def all_results():
    return {}


@pytest.fixture
def results(request, all_results):
    """What the checks in that release's machine said."""
    if request.param not in all_results:
        with lib_vm.Machines([request.param], lib_bare.KIND) as machines:
            machine = machines[request.param]
            machine.finish_making()
            all_results[request.param] = machine.boot()
        NOTES.extend(all_results[request.param].notes)
    return all_results[request.param]


def pytest_terminal_summary(terminalreporter):
    for note in NOTES:
        terminalreporter.write_line(note)
