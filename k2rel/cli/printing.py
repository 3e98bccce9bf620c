"""Answers: JSON and CSV for programs, headings and tables that fit for people, files that are whole or not there."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import shutil
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from k2rel.cli.layout import fitted, wrapped
from k2rel.cli.terminal import encodable, obeys
from k2rel.columns import counted
from k2rel.errors import InputError
from k2rel.quantities import with_former, with_former_names
from k2rel.signs import in_json, plain_signs
from k2rel.textio import harmless

if TYPE_CHECKING:
    import pandas as pd

    from k2rel.site.model import Site
    from k2rel.studies import Provenance, Study

__all__: list[str] = []

PICTURES = (".svg", ".png", ".pdf")
_answering: ContextVar[str] = ContextVar("answering", default="")
_NARROWEST = 40
_UNBROKEN = "\u00a0"
_COLOURS = {
    "met": 32,
    "not met": 31,
    "not known": 33,
    "overloaded": 31,
    "at its limit": 33,
    "background slowed": 33,
    "lost": 31,
}


@contextmanager
def answering(verb: str) -> Iterator[None]:
    """Say whose answer is written, by which JSON and CSV know the former names that stand beside the new ones."""
    before = _answering.set(verb)
    try:
        yield
    finally:
        _answering.reset(before)


def print_json(data: object) -> None:
    """Print JSON, which can say every sign in those of any encoding."""
    data = with_former_names(data, _answering.get())
    text = in_json(data, indent=2)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(data, indent=2, allow_nan=False)
    print(text)


def tell(text: str) -> None:
    """Say something beside the answer, on standard error."""
    for line in text.split("\n"):
        print(f"k2rel: {plain_signs(line)}", file=sys.stderr)


def put(text: str, out: TextIO | None = None) -> None:
    """Give out what programs read, as it is, but plain to a terminal, which would take some signs for commands."""
    out = out or sys.stdout
    out.write(plain_signs(text) if out.isatty() else encodable(text, out.encoding))


def finite(row: dict[Any, Any]) -> dict[str, Any]:
    """A row as JSON knows it: what is not finite becomes null."""
    return {str(k): None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table as JSON knows them, a named index among them."""
    rows = frame.reset_index() if frame.index.name else frame
    return [finite(row) for row in rows.to_dict("records")]


def say(text: str = "", verdict: str = "", hang: int = 0) -> None:
    """Print for people: lines wrap at words and keep their indent, hanging deeper by `hang`; a verdict has colour."""
    width = _width()
    word = verdict.upper()
    kept = {text: text.replace(" ", _UNBROKEN) for text in (word, " %") if text}
    for line in text.split("\n"):
        indent = " " * (len(line) - len(line.lstrip(" ")) + hang)
        line = plain_signs(line)
        for given, put in kept.items() if width else ():
            line = line.replace(given, put)
        for part in wrapped(line, width, indent):
            shown = part.replace(_UNBROKEN, " ")
            print(shown.replace(word, _painted(word), 1) if word and _in_colour() else shown)


def _width() -> int | None:
    """Columns of the terminal; None where lines go elsewhere and COLUMNS says nothing: programs read whole lines."""
    if not os.environ.get("COLUMNS", "").isdigit() and not sys.stdout.isatty():
        return None
    return max(_NARROWEST, shutil.get_terminal_size().columns)


def heading(study: Study, provenance: Provenance | None = None) -> None:
    p = provenance or study.provenance
    extra = f", variant {p.variant}" if p.variant else ""
    changed = f", set {', '.join(p.settings)}" if p.settings else ""
    say(f"{study.site.title}: {counted(p.clients, 'client')}, repair contract {p.contract}{extra}{changed}")
    reading = f"takeovers {p.takeovers}" if p.takeovers else ""
    label = "reason" if reading in p.engine else reading  # most engines name their reading themselves
    why = f"; {label}: {p.reason}" if p.reason else ""
    say(f"{p.engine}{why}; inputs {p.input_hash}")
    own, strange = _rows_of(study, p)
    say(f"failure data: {own}, data {p.data} (k2rel components lists them){strange}\n")


def _rows_of(study: Study, p: Provenance) -> tuple[str, str]:
    """How many entries come from which table; types of a table by hand that nothing has may be misspelt."""
    if study.rates is None:
        return f"{counted(len(p.rows), 'row')} of the bundled table", ""
    from k2rel.errors import closest
    from k2rel.rates.table import read_rates

    own, known = read_rates(study.rates), {part.type for part in study.site.described.values()}
    mine = sum(row in own.rows for row in p.rows)
    strange = sorted(own.defaults.keys() - known - read_rates(data=study.site.data).defaults.keys())
    words = "".join(f"; no part has the type '{kind}' of {p.rates}{closest(kind, known)}" for kind in strange[:3])
    return f"{counted(mine, 'row')} of {p.rates}, {len(p.rows) - mine} of the bundled table", words


def size_words(site: Site) -> str:
    """The title of a site, and how many parts, sides and clients it has."""
    parts = counted(sum(1 for _ in site.parts()), "part")
    return f"{site.title}: {parts} on {counted(len(site.sides), 'side')}, {counted(site.client_count, 'client')}"


def say_full_service(site: Site) -> None:
    """Say below a table of services what full service asks for; the titles in JSON say it too."""
    from k2rel.site.service_names import of_full_service

    say(f"\n{of_full_service(site)[1]}")


class OneTable(io.TextIOBase):
    """Standard output of ``--format csv``: the first table goes out whole, and what is for people nowhere."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.titles: list[str] = []

    def write(self, text: str) -> int:
        return len(text)

    def take(self, rows: Sequence[Mapping[str, Any]], title: str) -> None:
        """Write the first table; of others keep the titles."""
        self.titles.append(title.strip().partition(":")[0])
        if len(self.titles) > 1 or not rows:
            return
        rows = [with_former(row, _answering.get()) for row in rows]
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(rows[0])
        writer.writerows([harmless(_cell(value)) for value in row.values()] for row in rows)
        put(text.getvalue(), self.out)


@contextmanager
def one_table(verb: str) -> Iterator[None]:
    """Let one table out, and say on standard error what else there is."""
    sink = OneTable(sys.stdout)
    with redirect_stdout(sink):
        yield
    if not sink.titles:
        raise InputError(f"--format csv: this answer of k2rel {verb} has no table; --format json has all of it")
    if further := [title for title in sink.titles[1:] if title]:
        tell(f"the first of {len(sink.titles)} tables; --format json has the others, too: {'; '.join(further)}")


def _cell(value: object) -> object:
    """A value as JSON spells it, a text as it is; nothing where JSON has null."""
    value = value.item() if hasattr(value, "item") else value
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def main_rows(rows: Sequence[Mapping[str, Any]], *others: str) -> None:
    """What ``--format csv`` has where people get it in other words or in parts, and what else JSON has."""
    if isinstance(sys.stdout, OneTable):
        for title in ("", *others):
            sys.stdout.take(rows, title)


def cut(text: str, most: int = 60) -> str:
    """A text for people, who can ask for the rest."""
    return text if len(text) <= most else f"{text[: most - 3]}..."


def print_table(
    frame: pd.DataFrame, title: str = "", *, whole: pd.DataFrame | None = None, index: bool = True
) -> None:  # fmt: skip
    """Print a table for people; `whole` is what ``--format csv`` has in place of what people see of it."""
    if isinstance(sys.stdout, OneTable):
        sys.stdout.take(records(frame if whole is None else whole), title)
        return
    from k2rel.tables import for_people

    if title:
        say(f"{title}\n")
    texts = for_people(frame)
    if index and frame.index.name:
        texts = texts.reset_index()
    _print_texts({str(name): [str(value) for value in texts[name]] for name in texts.columns}, len(frame))


def print_rows(
    rows: Sequence[Mapping[str, Any]], title: str = "", *, leave_out: Collection[str] = (), most: int | None = None
) -> None:
    """Rows that are no frame: what is printed of them needs no pandas. The first column has the labels."""
    if isinstance(sys.stdout, OneTable):
        sys.stdout.take(rows, title)
        return
    from k2rel.tables import as_labels, as_texts

    if title:
        say(f"{title}\n")
    first, *rest = [name for name in rows[0] if name not in leave_out]
    texts = as_texts({name: [row[name] for row in rows[:most]] for name in rest})
    _print_texts({first.replace("_", " "): as_labels(first, (row[first] for row in rows[:most])), **texts}, len(rows))


def _print_texts(columns: Mapping[str, Sequence[str]], count: int) -> None:
    if count == 0:
        print("(none)")
        return
    for line in fitted(columns, _width(), _painted if _in_colour() else str):
        print(line)


def _in_colour() -> bool:
    """Whether colours are wanted (https://no-color.org, https://force-color.org)."""
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or (os.environ.get("TERM") != "dumb" and obeys(sys.stdout))


def _painted(cell: str) -> str:
    """A verdict, or what a load comes to, in its colour; the word says it, too."""
    code = _COLOURS.get(cell.strip().lower())
    return f"\x1b[{code}m{cell}\x1b[0m" if code else cell


@contextmanager
def writing(path: str | Path) -> Iterator[Path]:
    """Give a temporary name to write to; the file is whole or not there, and why it cannot be written is said."""
    from k2rel.report.files import whole

    try:
        with whole(Path(path)) as temporary:
            yield temporary
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from None


def check_free(path: str, force: bool) -> None:
    """Refuse to replace a file that nobody has said to replace."""
    from k2rel.report.files import check_regular

    try:
        check_regular(Path(path))
        there = Path(path).exists()
    except (OSError, ValueError) as error:  # too long a name, a sign that no name may have
        raise InputError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from None
    if there and not force:
        raise InputError(f"{path}: already exists; use --force to replace it")


def written(path: str, text: str, force: bool) -> None:
    """Write a file that is whole or not there."""
    check_free(path, force)
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
