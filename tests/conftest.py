# SPDX-License-Identifier: MIT
"""Fixtures: users, a policy and an sshd of the tests' own, all of which is taken away again."""

import fcntl
import os
import resource
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "system"))

import lib_accounts  # noqa: E402
import lib_frame  # noqa: E402
import lib_mounts  # noqa: E402
import lib_pam  # noqa: E402
import lib_policy  # noqa: E402
import lib_root  # noqa: E402
import lib_sshd  # noqa: E402
import lib_syslog  # noqa: E402
import lib_view  # noqa: E402
import lib_vm  # noqa: E402
from lib_process import kill_all_of, run, sh  # noqa: E402
from lib_settings import IS_NSSHELL, LOGIN_SHELL, PATIENCE, RUN, SRV  # noqa: E402

# Longest time that one test may take, in seconds.
TEST_TIMEOUT = 240 * PATIENCE

# What has one of these has pam_nsshell.
FRAMED = {"framed_sshd", "make_sshd"}


def pytest_configure(config):
    # In Debian 13 sudo has taken it away. Root of a container may not have it back.
    with suppress(ValueError):
        soft = resource.getrlimit(resource.RLIMIT_CORE)[0]
        resource.setrlimit(resource.RLIMIT_CORE, (soft, resource.RLIM_INFINITY))
    config.addinivalue_line(
        "markers", "faithful: holds for every login shell, and so for /bin/bash in nsshell's place"
    )
    config.addinivalue_line("markers", "ephemeral: has home = ephemeral, as what has the fixture or the parameter")


def pytest_collection_finish():
    """The clone is often below /home, and so hidden in sessions."""
    os.chdir("/")


def pytest_addoption(parser):
    parser.addoption("--one-case", action="store_true", help="of each test the first case alone")
    parser.addoption("--share", metavar="K/N", default="1/1", help="of N shares of the tests the K-th")


def first_of_each(items):
    """By the functions, of which fixtures and parameters make many."""
    firsts = {}
    for item in items:
        firsts.setdefault((item.path, item.originalname), item)
    return set(firsts.values())


def share_of(items, share):
    """share is K/N. Of neighbours each is in another one."""
    number, count = map(int, share.split("/"))
    return set(items[number - 1::count])


def is_possible(item):
    """Where tmpfs has no user attributes there is no ephemeral home but in a frame: test_view_home's
    test_standalone_by_the_kernel."""
    values = getattr(item, "callspec", None) and item.callspec.params
    is_ephemeral = (
        "ephemeral" in item.fixturenames or item.get_closest_marker("ephemeral")
        or values and values.get("home") == "ephemeral"
    )
    is_framed = values and {"framed", "frame"} & set(map(str, values.values())) or FRAMED & set(item.fixturenames)
    return lib_view.HAS_USER_ATTRIBUTES or is_framed or not is_ephemeral


def pytest_collection_modifyitems(config, items):
    """With another login shell only what holds for every login shell is run. What waits for machines comes last."""
    possible = [item for item in items if is_possible(item)]
    wanted = first_of_each(possible) if config.getoption("--one-case") else set(possible)
    wanted = share_of([item for item in items if item in wanted], config.getoption("--share"))
    if not IS_NSSHELL:
        wanted = {item for item in wanted if item.get_closest_marker("faithful")}
    others = [item for item in items if item not in wanted]
    items[:] = sorted((item for item in items if item in wanted), key=lib_vm.is_wanted_by)
    config.hook.pytest_deselected(items=others)


@pytest.fixture(scope="session", autouse=True)
def alone():
    """One run at a time on a machine: users and policy are the same for all runs."""
    if os.geteuid() != 0:
        pytest.exit("the system tests make users and start an sshd: run them as root", 2)
    if not os.access(LOGIN_SHELL, os.X_OK):
        pytest.exit(f"{LOGIN_SHELL} is missing: make check builds and installs it", 2)
    lock = os.open(SRV.parent, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    yield
    os.close(lock)


@pytest.fixture(scope="session", autouse=True)
def run_folder(alone):
    """Everything that a killed run left is removed first."""
    lib_syslog.remove_left_over()
    lib_sshd.remove_left_over()
    lib_mounts.remove_left_over()
    shutil.rmtree(RUN, ignore_errors=True)
    RUN.mkdir(mode=0o755)
    yield RUN
    shutil.rmtree(RUN, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def machines(request, alone):
    """The virtual machines that the chosen tests need: they are made, and run, from the start on."""
    with lib_vm.Machines(lib_vm.wanted_by(request.session.items), lib_vm.Machine.run) as made:
        yield made


@pytest.fixture(scope="session")
def accounts(run_folder):
    """All test users by name."""
    lib_accounts.remove_all()
    try:
        made = lib_accounts.create_all()
        yield made
        kill_all_of(made.values())
    finally:
        lib_accounts.remove_all()


@pytest.fixture(scope="session")
def alice(accounts):
    return accounts["nshalice"]


@pytest.fixture(scope="session")
def bob(accounts):
    return accounts["nshbob"]


@pytest.fixture(scope="session")
def installed_policy(run_folder):
    """What was installed is kept aside; the tests begin with the sample policy."""
    if not IS_NSSHELL:
        yield
        return
    lib_policy.save()
    yield
    lib_policy.recover()


@pytest.fixture
def policy(installed_policy):
    """The policy's files, to be changed; afterwards they are the sample again."""
    changed = lib_policy.Policy()
    yield changed
    changed.restore()


@pytest.fixture
def nested_userns(policy):
    """Users may make user namespaces, and there is no filter: nothing else may rest on either."""
    policy.match("00-nested.conf", "[match] user=*\n[security]\nnested_userns=yes\nseccomp=off")


@pytest.fixture
def no_nested_userns(nested_userns, policy):
    """No user namespaces by the namespace's own limit alone: there is no filter."""
    policy.match("01-not-nested.conf", "[match] user=*\n[security] nested_userns=no")


@pytest.fixture
def use_program(policy):
    """Makes a program the users' shell. Returns what is to be started for it."""

    def use(program):
        if not IS_NSSHELL:
            return program
        policy.conf(f"[shell] program={program}")
        return LOGIN_SHELL

    return use


@pytest.fixture(scope="session")
def syslog(run_folder):
    listener = lib_syslog.Syslog()
    yield listener
    listener.close()


@pytest.fixture(scope="session")
def plain_sshd(accounts, installed_policy, syslog):
    """An sshd without pam_nsshell: nsshell is standalone."""
    server = lib_sshd.Sshd(accounts, "-plain")
    yield server
    server.close()


@pytest.fixture(scope="session")
def framed_sshd(accounts, installed_policy, syslog):
    """An sshd whose PAM stack has pam_nsshell."""
    server = lib_sshd.Sshd(accounts, "-framed", lib_sshd.WITH_MODULE)
    yield server
    server.close()


@pytest.fixture(params=["plain", "framed"] if IS_NSSHELL else ["plain"])
def sshd(request):
    """Both: what holds for a login over ssh holds in both forms of nsshell."""
    return request.getfixturevalue(f"{request.param}_sshd")


@pytest.fixture
def make_sshd(accounts, installed_policy, syslog):
    """make_sshd(session=..., config=...): another server for one test."""
    servers = []

    def make(session=lib_sshd.WITH_MODULE, config=""):
        servers.append(lib_sshd.Sshd(accounts, f"-{len(servers) + 2}", session, config))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


@pytest.fixture(autouse=True)
def clean_end(accounts, installed_policy):
    """No test runs for ever, and none leaves processes or files for the next."""

    def too_long(*_):
        # What the test waits for is ended as well, so that its own end cannot hang.
        kill_all_of(accounts.values())
        raise TimeoutError(f"the test took longer than {TEST_TIMEOUT} s")

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(TEST_TIMEOUT)
    yield
    signal.alarm(0)
    kill_all_of(accounts.values())
    lib_sshd.await_end_of_connections()
    for account in accounts.values():
        lib_accounts.tidy(account)


@pytest.fixture
def scratch(alice):
    """A folder that both sides see: in alice's home, hers. It goes with all that tests have put there, when no process of
    hers is left that could still write to it."""
    folder = alice.path("scratch")
    folder.mkdir(mode=0o755)
    os.chown(folder, alice.uid, alice.gid)
    return folder


@pytest.fixture
def inside(alice):
    """inside("command"): runs it as alice's login shell does, and returns the Result."""
    return lambda command, *args, **how: sh(alice, command, *args, **how)


@pytest.fixture
def login(alice):
    """login("command"): a login shell that reads the command from its stdin."""
    return lambda command, **how: run(
        alice, argv0="-" + os.path.basename(LOGIN_SHELL), stdin=command, **how
    )


@pytest.fixture
def pam(run_folder, installed_policy):
    """PAM configurations for tests/tools/pamlogin.c."""
    folder = lib_pam.Pam()
    yield folder
    folder.remove()


@pytest.fixture(params=["standalone", "framed"])
def session(request, pam, syslog):
    """nsshell's sessions in both forms, for tests of the view."""
    return lib_view.Standalone() if request.param == "standalone" else lib_view.Framed(pam, syslog)


@pytest.fixture(params=["standalone", "framed", "frame"])
def place(request, pam, syslog):
    """Likewise, and the frame itself, where sshd does its own work."""
    made = {"framed": lib_view.Framed, "frame": lib_view.Frame}.get(request.param)
    return made(pam, syslog) if made else lib_view.Standalone()


@pytest.fixture(scope="session")
def shared_root(accounts):
    """A Debian below SRV that no test changes."""
    yield lib_root.unpack("root")


@pytest.fixture
def own_root(shared_root):
    """The same, to be changed."""
    with lib_root.copy_of(shared_root) as folder:
        yield folder


@pytest.fixture
def fake(pam, alice, bob):
    """What looks like a frame, to be made wrong."""
    made = lib_frame.FakeFrame(pam, alice, bob)
    yield made
    shutil.rmtree(made.good)


@pytest.fixture
def holder(alice):
    """A process in a user namespace such as root makes for a frame."""
    with lib_frame.user_namespace(alice, "-Um") as pid:
        lib_frame.map_ids(pid, alice)
        yield pid


@pytest.fixture
def outside():
    """A file in the machine's /tmp, for whoever can see it."""
    path = Path("/tmp/nsh-outside")
    path.write_text("outside\n")
    path.chmod(0o644)
    yield path
    path.unlink(missing_ok=True)
