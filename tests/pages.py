"""The pages of the documentation as programs: what they show is run, and what comes out is what stands below it.

A block of code is run in the order of its page, in a folder of the page's own: ``console`` line by line, ``python`` in one
set of names. Output stands below its command, or in a ``text`` block right after Python; a line ``...`` stands for any
number of lines, ``…`` at the end of a line for the rest of it. What a reader does in an editor stands in a comment,
``<!-- edit FILE: old -> new -->``. After an output has changed on purpose::

    python -m tests.pages docs/tutorial.md

writes the outputs of these pages anew: of those that are shown in part, the lines that are nearest to those shown before.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from k2rel.cli import main

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [path for path in PAGES if not {"_build", "api"} & set(path.parts)]
ANY = "..."
WIDTH = "100"
"""Columns of a terminal, for all outputs shown."""

FENCE = re.compile(r"^( *)```(\S[^\n]*)?\n(.*?)^\1```$", flags=re.S | re.M)
EDIT = re.compile(r"^<!-- edit (\S+): (.*) -> (.*) -->$", flags=re.M)


@dataclass(frozen=True)
class Block:
    """A block of code: its language, its text, where the text begins in the page."""

    page: Path
    language: str
    text: str
    begin: int
    end: int

    @property
    def line(self) -> int:
        """The line of the page in which it begins."""
        return self.page.read_text(encoding="utf-8")[: self.begin].count("\n") + 1

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """All blocks of a page in order; directives of the site that are no code are left out."""
    text = page.read_text(encoding="utf-8")
    found = [
        Block(page, (match[2] or "").strip(), match[3], match.start(3), match.end(3)) for match in FENCE.finditer(text)
    ]
    return [block for block in found if not block.language.startswith("{") or block.language == "{code-cell}"]


@dataclass(frozen=True)
class Command:
    """A line of a console, with the output that is shown below it."""

    block: Block
    words: list[str]
    shown: str
    begin: int
    end: int

    def __str__(self) -> str:
        return f"{self.block.page.stem}: {' '.join(self.words)}"


def commands(block: Block) -> Iterator[Command]:
    """The commands of a block; a line that ends with a backslash goes on."""
    for match in re.finditer(r"^\$ ((?:[^\n]*\\\n)*[^\n]*)\n?((?:(?!\$ )[^\n]*\n?)*)", block.text, flags=re.M):
        line = match[1].replace("\\\n", " ")
        words = shlex.split(line, comments=True)
        yield Command(block, words, match[2], block.begin + match.start(2), block.begin + match.end(2))


def tidy(text: str) -> list[str]:
    """Lines without blanks at their ends, and without empty lines around."""
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def agrees(shown: str, printed: str) -> bool:
    """Whether an output is the one shown, a line ``...`` being any number of lines."""
    lines = [
        "(?:[^\n]*\n)*?" if line.strip() == ANY
        else re.escape(line.removesuffix("…")) + ("[^\n]*\n" if line.endswith("…") else "\n")
        for line in tidy(shown)
    ]  # fmt: skip
    return re.fullmatch("".join(lines), "".join(f"{line}\n" for line in tidy(printed))) is not None


def _likeness(old: str, new: str) -> float:
    """How alike two lines are: first words count most, for they say what a row is of."""
    first = (old.split() or [""])[0] == (new.split() or [""])[0]
    return difflib.SequenceMatcher(None, old, new, autojunk=False).ratio() + 0.5 * first


def renewed(shown: str, printed: str) -> str:
    """The new output in the form of the one shown: of each of its lines the nearest, in order."""
    new = tidy(printed)
    if ANY not in tidy(shown):
        return "\n".join(new) + "\n"
    kept: list[str] = []
    at = 0
    for line in tidy(shown):
        if line.strip() == ANY:
            kept.append(line)
            continue
        ratios = [_likeness(line, other) - 1e-4 * n for n, other in enumerate(new[at:])]
        if ratios and max(ratios) > 0.3:
            at += ratios.index(max(ratios))
            kept.append(f"{new[at][: len(line) - 2].rstrip()} …" if line.endswith("…") else new[at])
            at += 1
    return "\n".join(kept) + "\n"


@dataclass
class Reader:
    """Follows a page: its folder is the current one, names of its Python are kept from block to block."""

    page: Path
    names: dict[str, object] = field(default_factory=dict)
    printed: str = ""

    def command(self, words: Sequence[str]) -> str:
        """What a command of k2rel prints; what it says of itself on standard error goes before."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = main(list(words))
            except SystemExit as stop:
                code = int(stop.code or 0)
        if code:
            raise AssertionError(f"{' '.join(words)}: exit code {code}: {err.getvalue()}")
        return out.getvalue()

    def python(self, block: Block) -> str:
        """What a block of Python prints."""
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile("\n" * (block.line - 1) + block.text, block.page.name, "exec"), self.names)
        return out.getvalue()


def followed(
    page: Path, wanted: Callable[[Command | Block], bool] = lambda _: True
) -> Iterator[tuple[Block | Command, str, str, int, int]]:
    """Run a page: of each output shown what it belongs to, the text shown, the text printed, and where it stands."""
    reader, last = Reader(page), None
    edits = [(match.start(), match[1], match[2], match[3]) for match in EDIT.finditer(page.read_text(encoding="utf-8"))]
    for block in blocks(page):
        while edits and edits[0][0] < block.begin:
            _, file, old, new = edits.pop(0)
            text = Path(file).read_text(encoding="utf-8")
            assert text.count(old) == 1, f"{page.name}: '{old}' stands {text.count(old)} times in {file}"
            Path(file).write_text(text.replace(old, new), encoding="utf-8")
        if block.language == "console":
            for command in commands(block):
                if command.words[0] == "k2rel" and wanted(command):
                    yield command, command.shown, reader.command(command.words[1:]), command.begin, command.end
        elif block.language == "python" and wanted(block):
            printed = reader.python(block)
            last = (block, printed)
        elif block.language == "text" and last is not None and _right_after(last[0], block):
            yield block, block.text, last[1], block.begin, block.end


def _right_after(python: Block, output: Block) -> bool:
    """Whether a block of text is the output of the Python before it."""
    between = python.page.read_text(encoding="utf-8")[python.end : output.begin]
    return between.replace("`", "").replace("text", "").strip() == ""


@contextlib.contextmanager
def a_folder() -> Iterator[None]:
    """Be in an empty folder, at a terminal as wide as the pages."""
    before, columns = Path.cwd(), os.environ.get("COLUMNS")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["COLUMNS"] = WIDTH
        try:
            yield
        finally:
            os.chdir(before)
            os.environ.pop("COLUMNS", None)
            if columns is not None:
                os.environ["COLUMNS"] = columns


def write(page: Path) -> None:
    """Write the outputs of a page anew."""
    text = page.read_text(encoding="utf-8")
    changes = []
    with a_folder():
        for _, shown, printed, begin, end in followed(page):
            if shown.strip() and not agrees(shown, printed):
                changes.append((begin, end, renewed(shown, printed)))
    for begin, end, new in reversed(changes):
        text = text[:begin] + new + text[end:]
    page.write_text(text, encoding="utf-8")
    print(f"{page}: {len(changes)} outputs written anew")


if __name__ == "__main__":
    for name in sys.argv[1:]:
        write(Path(name).resolve())
