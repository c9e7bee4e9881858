# SPDX-License-Identifier: MIT
"""The pages of docs/guide, taken apart into what is to be done, in their order.

A fenced block is one of these, and anything else is a fault:

    ```console            what is typed, and what is shown for it
    ```LANGUAGE /PATH     a file that root writes
    ```text               something to look at

In a console block "# " is root, "ann$ " is ann, in a login over ssh that ends with the block, and "laptop$ " somebody on
another computer. The other lines are what the command above them shows: "..." stands for anything in a line, and alone
for any lines. A command ends with status 0, unless a comment behind it says "# fails" or "# ends with N".
"""

import re
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs/guide"
INDEX = "README.md"

FENCE = re.compile(r"(?P<indent> *)(?P<fence>`{3,}|~{3,})(?P<info>.*)")
PROMPT = re.compile(r"(?:(?P<user>[a-z][a-z0-9-]*)\$|#) (?P<command>\S.*)")
STATUS = re.compile(r" # (?:(?P<fails>fails)|ends with (?P<status>\d+))$")
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
INLINE = re.compile(r"`([^`\n]+)`")
HEADING = re.compile(r"#+ +(?P<text>.*)")


@dataclass
class Step:
    """A command, who types it ("" is root), and what it has to show. status None: any but 0."""

    user: str
    command: str
    status: int | None
    expected: list = field(default_factory=list)

    def accepts_status(self, status):
        return status != 0 if self.status is None else status == self.status

    def accepts(self, lines):
        pattern = "".join(
            r"(?:.*\n)*" if line == "..." else ".*".join(map(re.escape, line.split("..."))) + r"\n"
            for line in self.expected
        )
        return re.fullmatch(pattern, "".join(f"{line}\n" for line in lines)) is not None


@dataclass
class Block:
    """A fenced block. name: page and heading, and which one it is there."""

    name: str
    number: int
    info: list
    lines: list

    @property
    def path(self):
        return self.info[1] if len(self.info) == 2 and self.info[1].startswith("/") else None

    @property
    def is_console(self):
        return self.info == ["console"]

    @property
    def is_run(self):
        return self.is_console or self.path is not None

    @cached_property
    def steps(self):
        steps = []
        for line in self.lines:
            prompt = PROMPT.fullmatch(line)
            if prompt:
                steps.append(step_of(prompt))
            elif steps:
                steps[-1].expected.append(line)
        return steps

    def faults(self):
        if self.info == ["text"]:
            if any(PROMPT.fullmatch(line) for line in self.lines):
                yield "has a command, and is not run"
        elif not self.is_run:
            yield f"is nothing that is run: ```{' '.join(self.info)}"
        elif self.is_console and (not self.lines or not PROMPT.fullmatch(self.lines[0])):
            yield "begins with something that nobody types"
        elif self.is_console and any(line.startswith("$ ") for line in self.lines):
            yield "does not say who types"


def step_of(prompt):
    command = prompt["command"]
    status = STATUS.search(command)
    wanted = 0 if status is None else None if status["fails"] else int(status["status"])
    return Step(prompt["user"] or "", command, wanted)


class Page:
    def __init__(self, path):
        self.path = path
        self.blocks = []
        self.open_fence = None
        self.prose = []
        self._indented = []
        self._read(path.read_text().splitlines())

    def _read(self, lines):
        heading, count, block, fence = "", 0, None, None
        for number, line in enumerate(lines, 1):
            found = FENCE.fullmatch(line)
            if block is not None:
                if found and found["fence"].startswith(fence) and not found["info"].strip():
                    block = None
                else:
                    block.lines.append(line)
                continue
            title = HEADING.fullmatch(line)
            if title:
                heading, count = slug(title["text"]), 0
            if not found:
                self.prose.append((number, line))
                continue
            if found["indent"]:
                self._indented.append(number)
            count += 1
            fence = found["fence"]
            name = f"{self.path.stem.lower()}-{heading}-{count}"
            block = Block(name, number, found["info"].split(), [])
            self.blocks.append(block)
        self.open_fence = block

    def links(self):
        for number, line in self.prose:
            for target in LINK.findall(line):
                if "://" not in target:
                    yield number, target

    def commands(self):
        return [step.command for block in self.blocks if block.is_console for step in block.steps]

    def faults(self):
        """(line, what is wrong)"""
        for block in self.blocks:
            yield from ((block.number, fault) for fault in block.faults())
        yield from ((number, "a block in an indented place is not run") for number in self._indented)
        if self.open_fence is not None:
            yield self.open_fence.number, "a block without an end"
        for number, line in self.prose:
            if line.startswith(("    ", "\t")) and PROMPT.fullmatch(line.strip()):
                yield number, "a command in an indented block is not run"
        for number, target in self.links():
            if not (self.path.parent / target).exists():
                yield number, f"leads nowhere: {target}"


def slug(text):
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def all_pages(folder):
    """The index, and then the pages in the order in which it links to them."""
    index = Page(folder / INDEX)
    names = dict.fromkeys(target for _, target in index.links() if "/" not in target and target.endswith(".md"))
    return [index, *(Page(folder / name) for name in names if (folder / name).exists())]


def inline_faults(pages):
    """A command in the text that no console block has. Commands are what begins with a program of the blocks'."""
    commands = [command for page in pages for command in page.commands()]
    programs = {word for command in commands for word in command.split()[:1]}
    for page in pages:
        for number, line in page.prose:
            for text in INLINE.findall(line):
                words = text.split()
                is_command = len(words) > 1 and words[0] in programs
                if is_command and not any(text in command for command in commands):
                    yield page, number, f"is run nowhere: {text}"


def all_faults(folder):
    """(path, line, what is wrong)"""
    pages = all_pages(folder)
    for page in pages:
        yield from ((page.path, *fault) for fault in page.faults())
    for page, number, fault in inline_faults(pages):
        yield page.path, number, fault
    read = {page.path for page in pages}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path not in read:
            yield path, 1, f"is no page that {INDEX} links to"
    names = [block.name for page in pages for block in page.blocks]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield folder, 1, f"two blocks are called {name}: give their headings different words"
