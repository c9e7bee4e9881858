# SPDX-License-Identifier: MIT
"""The machines that the chosen tests need. Each runs once."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import lib_bare  # noqa: E402
import lib_vm  # noqa: E402

NOTES = []


def run(machine):
    machine.finish_making()
    return machine.boot()


@pytest.fixture(scope="session")
def all_results(request):
    """What the checks said, by release."""
    wanted = sorted({item.callspec.params["results"] for item in request.session.items})
    with lib_vm.Machines(wanted, lib_bare.KIND) as machines, ThreadPoolExecutor(lib_bare.KIND.at_once) as pool:
        found = dict(zip(machines, pool.map(run, machines.values())))
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
