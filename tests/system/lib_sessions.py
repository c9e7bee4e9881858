# SPDX-License-Identifier: MIT
"""What nsshellctl says of the sessions that there are."""

from contextlib import contextmanager

from lib_ctl import ctl_json
from lib_process import Held, wait_until


def sessions(*users, **how):
    return ctl_json("list", *users, **how)["sessions"]


def ids(*users, **how):
    return {session["id"] for session in sessions(*users, **how)}


def only(*users, **how):
    """The one session that there is of them, when it has begun and the one before has ended."""

    def look():
        found = sessions(*users, **how)
        return found[0] if len(found) == 1 else None

    return wait_until(look, "one session")


def await_sessions(count, *users):
    """Until there are that many; returns them."""

    def look():
        found = sessions(*users)
        return found if len(found) == count else None

    if count:
        return wait_until(look, f"{count} sessions")
    return wait_until(lambda: look() is not None, "no session") and []


@contextmanager
def held(account, **how):
    """A standalone session that is kept open."""
    session = Held(account, **how)
    try:
        yield session
    finally:
        session.close()
