# SPDX-License-Identifier: MIT
"""What somebody sees and can change: all mounts, devices, sockets and fifos, and every file and folder
that they can write to. A shell script walks the tree as the user; it needs nothing but findutils."""

from dataclasses import dataclass, field

from lib_making import TOP

# Not what is below the numbers of processes, which are the user's own, nor what machines are made of meanwhile. access(2)
# is what -writable asks, so a read-only mount counts. What find(1) knows from the folder alone is what a device is
# mounted on: -xtype and %Y look at the file itself.
SCRIPT = rf"""
cat /proc/self/mountinfo
printf '\0'
find / -path '/proc/[0-9]*' -prune -o -path {TOP}/build -prune -o ! -type l '(' -type b -o -type c -o -type s -o -type p -o \
    -type f ! -xtype f -o -writable ')' -printf '%Y%p\0' 2>/dev/null
exit 0
"""


@dataclass(frozen=True)
class Mount:
    """A line of mountinfo (proc_pid_mountinfo(5))."""

    id: int
    parent: int
    point: str
    type: str
    can_be_written: bool

    @classmethod
    def of(cls, line):
        fields = line.split()
        point = fields[4].encode().decode("unicode_escape")
        kind, _, of_file_system = fields[fields.index("-") + 1:][:3]
        can_be_written = "rw" in fields[5].split(",") and "rw" in of_file_system.split(",")
        return cls(int(fields[0]), int(fields[1]), point, kind, can_be_written)


@dataclass
class Walk:
    """What SCRIPT printed. Sets of paths, and the mounts in their order."""

    mounts: list = field(default_factory=list)
    devices: set = field(default_factory=set)
    sockets: set = field(default_factory=set)
    fifos: set = field(default_factory=set)
    writable: set = field(default_factory=set)

    @classmethod
    def of(cls, result):
        assert result.rc == 0, result
        mounts, *found = result.out.split("\0")
        walk = cls([Mount.of(line) for line in mounts.splitlines()])
        kinds = {
            "b": walk.devices, "c": walk.devices, "s": walk.sockets, "p": walk.fifos,
            "f": walk.writable, "d": walk.writable,
        }
        for entry in filter(None, found):
            kinds[entry[0]].add(entry[1:])
        return walk

    @property
    def all(self):
        return self.devices | self.sockets | self.fifos | self.writable

    @property
    def shown(self):
        """The mounts that a path leads to, by their points."""
        return {
            mount.point: mount for mount in self.mounts
            if self._is_reached(mount) and not self._has_on_it(mount)
        }

    def _is_reached(self, mount):
        """What is mounted on a folder covers all mounts of the same parent further down."""
        if any(
            other.parent == mount.parent and other is not mount and other.point != mount.point
            and is_at_or_below(mount.point, [other.point]) for other in self.mounts
        ):
            return False
        above = [other for other in self.mounts if other.id == mount.parent and other is not mount]
        return all(map(self._is_reached, above))

    def _has_on_it(self, mount):
        return any(o.parent == mount.id and o.point == mount.point for o in self.mounts)


def is_at_or_below(path, folders):
    return any(path == folder or path.startswith(folder.rstrip("/") + "/") for folder in folders)


def without(paths, folders):
    """The paths that are neither one of the folders nor in one."""
    return {path for path in paths if not is_at_or_below(path, folders)}
