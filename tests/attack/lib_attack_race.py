# SPDX-License-Identifier: MIT
"""What somebody does to files as fast as they can while others log in."""

import subprocess
import sys
import threading
import time

from lib_process import wait_until

# renameat2(2) with RENAME_EXCHANGE until the standard input ends; then how often.
EXCHANGE = """
import ctypes, os, select, sys
libc, one, other = ctypes.CDLL(None, use_errno=True), *map(os.fsencode, sys.argv[1:])
count = 0
print("begins", flush=True)
while count % 64 or not select.select([0], [], [], 0)[0]:
    if libc.renameat2(-100, one, -100, other, 2):
        sys.exit(os.strerror(ctypes.get_errno()))
    count += 1
print(count)
"""


class Exchange:
    """A process of an account's, outside of every session, that exchanges two paths all the time."""

    def __init__(self, account, one, other):
        self.argv = [sys.executable, "-c", EXCHANGE, str(one), str(other)]
        self.account, self.count = account, 0

    def __enter__(self):
        self.process = subprocess.Popen(
            self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/",
            user=self.account.uid, group=self.account.gid, extra_groups=self.account.groups,
        )
        assert self.process.stdout.readline() == "begins\n"
        return self

    def __exit__(self, kind, *_):
        out = self.process.communicate("")[0]
        if kind is None:
            self.count = int(out)
            assert self.count > 1000, out


class Editor(threading.Thread):
    """An administrator's editor that saves one text and then another, and leaves them for a while."""

    PAUSE = 0.05

    def __init__(self, save, texts):
        super().__init__(daemon=True)
        self.save, self.texts = save, texts
        self.ends, self.saved = threading.Event(), 0

    def run(self):
        while not self.ends.is_set():
            self.save(self.texts[self.saved % len(self.texts)])
            self.saved += 1
            time.sleep(self.PAUSE)

    def __enter__(self):
        self.start()
        wait_until(lambda: self.saved, "the first text")
        return self

    def __exit__(self, kind, *_):
        self.ends.set()
        self.join()
        assert kind or self.saved > 5, self.saved
