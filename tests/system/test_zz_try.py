import time
import pytest
from test_network import *
@pytest.mark.parametrize("kind", [k for k in RESOLVERS] * 1)
@pytest.mark.usefixtures("nat")
def test_t(world, server, alice, kind):
    world.resolvers(RESOLVERS[kind][0])
    slow = []
    for i in range(12):
        sh = HeldProgram(alice, server.command(alice, "exec bash"))
        begin = len(world.outside.server.seen), len(world.machine.server.seen)
        t = time.monotonic(); out = sh.ask(f"getent ahosts {NAME} | cut -d' ' -f1").out; d = time.monotonic() - t
        if d > .5: slow.append((i, round(d, 2), out.split(), world.outside.server.seen[begin[0]:], world.machine.server.seen[begin[1]:]))
        sh.close()
    assert not slow
