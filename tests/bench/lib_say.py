# SPDX-License-Identifier: MIT
"""What was measured, as Markdown: the same on the terminal and in docs/performance.md."""

from lib_many import FEW
from lib_one import MOUNTS, TASKS
from lib_setting import MIB, SESSIONS, USERS


def table(heads, rows):
    """Columns of equal width, the first to the left, the others to the right."""
    rows = [[cell if isinstance(cell, str) else "" if cell is None else f"{cell:,.0f}" for cell in row]
            for row in rows]
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    aligned = [f"{':' if not i else '':-<{width - bool(i)}}{':' if i else '-'}"[-width:] if width > 1 else "-"
               for i, width in enumerate(widths)]
    lines = []
    for row in [heads, aligned, *rows]:
        cells = [f"{cell:{'>' if i else '<'}{widths[i]}}" for i, cell in enumerate(row)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def ratio(value):
    return "" if value is None else f"{value:.2f}"


def between(quartiles, digits=0):
    low, high = quartiles
    return f"{low:,.{digits}f} to {high:,.{digits}f}"


def overheads(figures, *ratios, skip=("bare",)):
    """A row for each program: median, p95, overhead with its quartiles, and ratios."""
    heads = ["us", "median", "p95", "overhead", "quartiles", *(name for _, name in ratios)]
    return table(heads, [
        [name, one["median"], one["p95"], *(
            ["", ""] if name in skip else [one["overhead"], between(one["overhead_quartiles"])]
        ), *("" if name in skip else ratio(one.get(key)) for key, _ in ratios)]
        for name, one in figures.items()
    ])


LEAST = ("times_least", "x least")
WRAP = ("times_bubblewrap", "x bubblewrap")


def say_machine(found):
    lines = [f"{found['cpu']}, {found['cores']} cores, Linux {found['kernel']}, {found['libc']}; "
             + ", ".join(found["versions"].values())
             + f"; the least program with {found['least_libc']}. {found['date']}."]
    if found["busy"] > 0.1:
        lines.append(f"**The machine did other things too ({found['busy']:.0%} of its time): measure again on an "
                     "idle one.**")
    mounts = found["mounts"]
    differ = f"; they differ: {', '.join(mounts['differ'])}" if mounts["differ"] else ", the same"
    lines.append(f"Mounts in a session: nsshell {mounts['nsshell']}, the least program {mounts['least']}{differ}.")
    for name, why in found["left_out"].items():
        lines.append(f"Left out: {name} ({' '.join(why.split())}).")
    return "\n\n".join(lines)


def say_start_up(found):
    return ("A session: `sh -c true`\n\n"
            + overheads(found, LEAST, WRAP)
            + f"\n\n{found['nsshell']['count']} rounds; of firejail and podman fewer.")


def say_features(found):
    return ("The same with seccomp, minimal /dev, a read-only system and hidden homes, of both\n\n"
            + overheads(found, WRAP))


def say_mounts(found):
    return f"With {MOUNTS} more mounts on the machine\n\n" + overheads(found, LEAST, WRAP)


def say_tasks(found):
    rows = [[name, one["none"]["overhead"], between(one["none"]["overhead_quartiles"]),
             one["overhead"], between(one["overhead_quartiles"]), ratio(one["times_none"])]
            for name, one in found.items() if name != "bare"]
    return (f"With {TASKS:,} idle tasks on the machine\n\n"
            + table(["overhead, us", "none", "quartiles", f"{TASKS:,}", "quartiles", "x none"], rows))


def say_ending(found):
    rows = [[name, one["median"], between(one["quartiles"]), one["p95"], ratio(one["times_least"])]
            for name, one in found.items()]
    return ("The end of a session: from the shell's last act to its parent's notice\n\n"
            + table(["us", "median", "quartiles", "p95", "x least"], rows))


def say_shared(found):
    return "A shared sandbox: making one, joining one\n\n" + overheads(found)


def say_memory(found):
    rows = [[name, one["sum"], one["outer"], one["init"]] for name, one in found.items()]
    return ("PSS of the waiting processes of an idle session\n\n"
            + table(["KB", "both", "outer", "PID 1"], rows))


def say_keys(found):
    sample = found["sample policy"]["overhead"]
    rows = [[f"`{name}`" if "=" in name else name, one["overhead"], between(one["overhead_quartiles"]),
             f"{one['overhead'] - sample:+,.0f}"] for name, one in found.items()]
    return ("One key of the policy at a time, and what it adds or saves\n\n"
            + table(["us", "overhead", "quartiles", "adds"], rows))


def say_look_ups(found):
    names = {"1": "one file in users.d", str(USERS): f"{USERS:,} files in users.d",
             "match.d": "200 files of 20 keys in match.d"}
    rows = [[names[name], f"{one['median']:.1f}", between(one["quartiles"], 1), f"{one['p95']:.1f}"]
            for name, one in found.items()]
    return "A look-up of a policy\n\n" + table(["us", "median", "quartiles", "p95"], rows)


def say_pam(found):
    return ("A connection's PAM session, from fork to end: module and helper, whole\n\n"
            + overheads(found, skip=("pam_permit",)))


def say_ssh(found):
    texts = {"session": "`ssh true`, a new session on an open connection",
             "login": "`ssh true`, a whole login"}
    return "\n\n".join(
        f"{text}\n\n" + overheads(found[name], ("times_bash", "x bash"), skip=("bash",))
        for name, text in texts.items())


def say_many(found):
    rows = [[name, f"{one['memory']:.0f}", f"{one['memory_above_shell']:.0f}", one["first"]["median"],
             one["last"]["median"], ratio(one["times_first"]), one["rate_alone"]["median"],
             between(one["rate_alone"]["quartiles"]), one["rate"]["median"],
             between(one["rate"]["quartiles"])] for name, one in found.items()]
    heads = ["", "KB each", "above the shell", f"first {FEW}, us", f"last {FEW}, us", "ratio",
             "a second, alone", "quartiles", f"with {SESSIONS:,}", "quartiles"]
    listing = found["nsshell"]["list"]
    return (f"{SESSIONS:,} idle sessions: all memory, start-up, and sessions a second of two launchers\n\n"
            + table(heads, rows) + f"\n\n`nsshellctl list` with {SESSIONS:,} sessions: "
            f"{listing['median'] / 1000:.0f} ms ({between([x / 1000 for x in listing['quartiles']])}).")


def say_throughput(found):
    rows = [[name, one["mib_per_second"], between([q / 1000 for q in one["quartiles"]]),
             f"{one['times_bare']['median']:.3f}", between(one["times_bare"]["quartiles"], 3)]
            for name, one in found.items()]
    return (f"tar of {MIB:,} MiB into and out of a session, {rows and found['into bare']['count']} rounds\n\n"
            + table(["", "MiB a second", "ms, quartiles", "time, x bare", "quartiles"], rows))


def say_steps(found, kind):
    traced = {name: one[kind] for name, one in found.items() if kind in one}
    steps = dict.fromkeys(step for one in traced.values() for step in one)
    rows = [[step, *(one.get(step) for one in traced.values())] for step in steps]
    rows.append(["sum", *(sum(one.values()) for one in traced.values())])
    return table(["us", *traced], rows)


def say_tracing(found):
    if not found:
        return "System calls and steps: not measured, the machine has no tracefs."
    names = list(found)
    counts = table(["", *names], [["system calls", *(one["calls"] for one in found.values())]])
    dear = found["nsshell"]["dearest"]
    calls = table(["system call", "number", "us"], [[f"`{name}`", one["calls"], one["us"]]
                                                    for name, one in dear.items()])
    return ("System calls of a start and an end, whole tree, the shell's own not counted\n\n" + counts
            + f"\n\nWhere the time goes, medians of {found['nsshell']['runs']} traced runs\n\n"
            + say_steps(found, "steps")
            + "\n\nThe end, of the same runs\n\n"
            + say_steps(found, "ending")
            + "\n\nThe system calls that take longest together, standalone, waiting excepted\n\n" + calls)


SAY = {
    "machine": say_machine, "start_up": say_start_up, "features": say_features, "mounts": say_mounts,
    "tasks": say_tasks, "ending": say_ending, "shared": say_shared, "memory": say_memory,
    "keys": say_keys, "look_ups": say_look_ups, "pam": say_pam, "ssh": say_ssh, "many": say_many,
    "throughput": say_throughput, "tracing": say_tracing,
}


# Targets


def over(one, other):
    """one / other, if both were measured."""
    return one / other if one is not None and other else None


def get(found, *path):
    for word in path:
        found = found.get(word) if found else None
    return found


def targets(result):
    """The figures that the project wants to reach: text, figure, "<=" or ">=", limit."""
    def of(*path):
        return get(result, *path)

    one, files = of("look_ups", "1", "median"), of("look_ups", str(USERS), "median")
    slower = [of("throughput", f"{way} nsshell", "times_bare", "quartiles") for way in ("into", "out of")]
    alone, crowded = ("many", "{}", "rate_alone", "median"), ("many", "{}", "rate", "median")

    def rate(path):
        return over(*(of(*(word.format(name) for word in path)) for name in ("nsshell", "bubblewrap")))

    return [
        ("overhead, x least", of("start_up", "nsshell", "times_least"), "<=", 1.8),
        ("overhead, x bubblewrap", of("start_up", "nsshell", "times_bubblewrap"), "<=", 0.42),
        ("in a frame, x least", of("start_up", "nsshell, in a frame", "times_least"), "<=", 1.4),
        ("in a frame, x bubblewrap", of("start_up", "nsshell, in a frame", "times_bubblewrap"), "<=", 0.33),
        ("all features, x bubblewrap", of("features", "nsshell", "times_bubblewrap"), "<=", 0.5),
        (f"{MOUNTS} more mounts, x least", of("mounts", "nsshell", "times_least"), "<=", 1.25),
        (f"{TASKS:,} idle tasks, x none", of("tasks", "nsshell", "times_none"), "<=", 1.15),
        ("PAM, confined, ms", over(of("pam", "confined", "overhead"), 1000), "<=", 2),
        ("PAM, not confined, ms", over(of("pam", "not confined", "overhead"), 1000), "<=", 0.3),
        ("multiplexed ssh true, x bash", of("ssh", "session", "nsshell, module", "times_bash"), "<=", 1.1),
        ("PSS of an idle session, KB", of("memory", "nsshell", "sum"), "<=", 80),
        (f"last {FEW} of {SESSIONS:,}, x first {FEW}", of("many", "nsshell", "times_first"), "<=", 1.15),
        ("memory above the shell, x bubblewrap",
         over(of("many", "nsshell", "memory_above_shell"),
              of("many", "bubblewrap", "memory_above_shell")), "<=", 0.5),
        ("sessions a second, x bubblewrap", rate(alone), ">=", 3),
        (f"the same with {SESSIONS:,} open", rate(crowded), ">=", 8),
        ("system calls", of("tracing", "nsshell", "calls"), "<=", 60),
        ("a look-up, us", one, "<=", 50),
        (f"a look-up, {USERS:,} files, x one", over(files, one), "<=", 1 + flat(result)),
        ("a look-up, 200 files of match.d, ms more",
         over(one and of("look_ups", "match.d", "median") - one, 1000), "<=", 1),
        ("joining, x making", over(of("shared", "join", "overhead"), of("shared", "make", "overhead")),
         "<=", 0.5),
        (f"nsshellctl list, {SESSIONS:,} sessions, ms",
         over(of("many", "nsshell", "list", "median"), 1000), "<=", 100),
        ("the end, x least", of("ending", "nsshell", "times_least"), "<=", 1.2),
        ("tar, time x bare, lower quartile", max((low for low, _ in filter(None, slower)), default=None),
         "<=", 1.02),
    ]


def flat(result):
    """What chance can make of two equal look-ups: their half quartile range, relative."""
    one = get(result, "look_ups", "1")
    return (one["quartiles"][1] - one["quartiles"][0]) / 2 / one["median"] if one else 0


def say_targets(result):
    rows = []
    for text, figure, sign, limit in targets(result):
        reached = figure is not None and (figure <= limit if sign == "<=" else figure >= limit)
        verdict = "not measured" if figure is None else "reached" if reached else "**not reached**"
        digits = 0 if figure and figure >= 20 else 2
        rows.append([text, "" if figure is None else f"{figure:.{digits}f}",
                     f"{'at most' if sign == '<=' else 'at least'} {limit:.3g}", verdict])
    return "Targets\n\n" + table(["what", "figure", "to reach", ""], rows)


def report(result):
    """All tables."""
    parts = [say(result[key]) for key, say in SAY.items() if key in result]
    return "\n\n".join([parts[0], say_targets(result), *parts[1:]]) + "\n"
