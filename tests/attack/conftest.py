# SPDX-License-Identifier: MIT
"""Fixtures of the attacks alone."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import lib_attack_look  # noqa: E402


@pytest.fixture
def lookers(policy, alice, outside):
    """The policy of lib_attack_look, and a program that says what it sees as alice's shell."""
    made = lib_attack_look.Lookers(policy, alice)
    yield made
    made.remove()


@pytest.fixture(params=["standalone", "framed"])
def look(request, lookers, pam):
    """look(preexec=..., words=...): a login in that form."""
    if request.param == "framed":
        return lib_attack_look.FramedLook(lookers, pam)
    return lib_attack_look.StandaloneLook(lookers)


@pytest.fixture
def good(look):
    """The Facts of a login that nobody disturbs."""
    result = look()
    assert result.rc == lib_attack_look.LOOKED, result
    return lib_attack_look.facts_of(result.out)
