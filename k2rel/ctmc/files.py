"""Chains in the explicit format of probabilistic model checkers: .sta, .tra, .lab, .srew."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.chain import FASTEST_PER_H, Chain
from k2rel.ctmc.room import check_room
from k2rel.errors import InputError, Problem
from k2rel.textio import opened, write_together

__all__ = ["LabelledChain", "read_chain", "read_labels", "read_rewards", "write_chain"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

_MOST_STATES = 50_000_000
_ACTION = re.compile(r"^(\S+[ \t]+\S+[ \t]+\S+)[ \t]+[A-Za-z_]\w*[ \t]*$", re.MULTILINE)


@dataclass(frozen=True, eq=False)
class LabelledChain:
    """A chain with what is to be said of its states."""

    chain: Chain
    labels: Mapping[str, BoolArray]  # sets of states
    rewards: Mapping[str, FloatArray]  # values of states
    variables: tuple[str, ...] = ()
    states: IntArray | None = None  # (states, variables)
    words: tuple[str, ...] = ()  # what each state stands for
    called: Mapping[str, str] = field(default_factory=dict)  # what names stand for that the formats do not take


def _text(path: Path) -> str:
    try:
        with opened(path) as stream:
            return stream.read().decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise InputError(Problem(f"cannot be read: {error}", str(path))) from None


def _beginning(path: Path) -> str:
    """The lines up to the first that is no comment; a long file is not read to know how long it is."""
    lines = []
    with opened(path) as stream:
        for line in stream:
            lines.append(line.decode("utf-8", "replace").replace("\r\n", "\n"))
            if line.strip() and not line.startswith(b"#"):
                break
    return "".join(lines)


def _head(path: Path, text: str, what: str) -> tuple[int, int, int, str]:
    """First line that is no comment: its number, two counts, and the rest of the text."""
    number, rest = 0, text
    while rest:
        line, _, rest = rest.partition("\n")
        number += 1
        if line.startswith("#") or not line.strip():
            continue
        words = line.split()
        sound = all(word.isascii() and word.isdigit() and len(word) < 12 for word in words)
        if len(words) == 2 and sound:
            return number, int(words[0]), int(words[1]), rest
        if len(words) == 3 and sound and what == "transitions":
            decision = (
                "states, choices and transitions: this is a decision process, and its choices are not resolved "
                "here; export the chain that remains after a scheduler has"
            )
            raise InputError(Problem(decision, str(path), number))
        break
    raise InputError(Problem(f"the first line has two numbers, of states and of {what}", str(path), max(1, number)))


def _numbers(text: str) -> FloatArray | None:
    """All numbers of a text that is nothing but numbers; fast and without a list of words."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return np.fromstring(text, sep=" ")
        except (DeprecationWarning, ValueError):
            return None


def _rows(path: Path, text: str, first: int, width: int, count: int, what: str, states: int) -> FloatArray:
    """Lines of numbers, all but the last of them states; a mistake is named with its line."""
    numbers = _numbers(text)
    if numbers is None and what == "transition":
        text = _ACTION.sub(r"\1", text)  # all transitions of a chain race, whatever action names them
        numbers = _numbers(text)
    if numbers is not None and len(numbers) == width * count and text.strip().count("\n") == count - 1:
        rows = numbers.reshape(count, width)
        index = rows[:, :-1]
        if (index == np.floor(index)).all() and (index >= 0).all() and (index < states).all():
            return rows
    seen = 0
    for number, line in enumerate(text.split("\n"), first + 1):
        words = line.split()
        if not words or line.startswith("#"):
            continue
        seen += 1
        where = f"{what} {seen} of {count}"
        if len(words) != width:
            more = (
                (", optionally followed by the name of an action")
                if what == "transition" and len(words) > width
                else ""
            )
            raise InputError(Problem(f"{where}: {width} numbers expected, got '{line[:60]}'{more}", str(path), number))
        for word in words[:-1]:
            state = _whole(word)
            if state is None or state >= states:
                raise InputError(
                    Problem(
                        f"{where}: a state is a number from 0 to {states - 1}, got '{word[:20]}'", str(path), number
                    )
                )
        try:
            float(words[-1])
        except ValueError:
            raise InputError(Problem(f"{where}: '{words[-1][:20]}' is not a number", str(path), number)) from None
    if seen == count:  # comments between the lines
        kept = "\n".join(line for line in text.split("\n") if not line.startswith("#"))
        return np.array(kept.split(), dtype=np.float64).reshape(count, width)
    raise InputError(Problem(f"{count} lines of {what}s announced, {seen} found; is the file complete?", str(path)))


def read_chain(path: str | Path, initial: int = 0) -> Chain:
    r"""Read the transitions of a chain: from, to and rate, and the name of an action, which is passed over.

    All transitions of a chain race, so that a name does not state its probabilities: rates from one state to another
    under several names add up, as PRISM has it. The transitions of a decision process are refused.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "two.tra")
    ...     _ = path.write_text("2 2\n0 1 0.001\n1 0 0.25\n")
    ...     read_chain(path).states
    2
    """
    path = Path(path)
    first, states, count, _ = _head(path, _beginning(path), "transitions")
    if not 1 <= states <= _MOST_STATES:
        raise InputError(Problem(f"a chain has 1 to {_MOST_STATES:,} states, got {states}", str(path), first))
    check_room(states, count, f" in {path.name}", read=True)
    first, states, count, rest = _head(path, _text(path), "transitions")
    rows = _rows(path, rest, first, 3, count, "transition", states)
    rate = rows[:, 2]
    wrong = np.flatnonzero(~((rate > 0) & (rate <= FASTEST_PER_H)))
    if len(wrong):
        lines = [n for n, line in enumerate(rest.split("\n"), first + 1) if line.strip() and not line.startswith("#")]
        at = wrong[0]
        raise InputError(
            Problem(
                f"rate from state {int(rows[at, 0])} to state {int(rows[at, 1])}: above 0 and at most "
                f"{FASTEST_PER_H:g}, got {rate[at]:g}",
                str(path),
                lines[at],
            )
        )
    return Chain.of(states, rows[:, 0].astype(np.int64), rows[:, 1].astype(np.int64), rate, initial)


def _whole(text: str) -> int | None:
    """A number of a state or a label, in the digits that all write."""
    text = text.strip()
    return int(text) if len(text) < 19 and text.isascii() and text.isdigit() else None


def read_labels(path: str | Path, states: int) -> dict[str, BoolArray]:
    r"""Read labels of states.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "two.lab")
    ...     _ = path.write_text('0="init" 1="up"\n0: 0 1\n')
    ...     read_labels(path, 2)["up"].tolist()
    [True, False]
    """
    path = Path(path)
    lines = _text(path).split("\n")
    names: dict[int, str] = {}
    for word in lines[0].split():
        number, _, name = word.partition("=")
        place = _whole(number)
        if place is None or len(name) < 3 or name[0] != '"' or name[-1] != '"':
            raise InputError(Problem(f'labels are announced as 0="init" 1="up", got \'{word[:40]}\'', str(path), 1))
        names[place] = name[1:-1]
    if not names:
        raise InputError(Problem('the first line announces labels as 0="init" 1="up"', str(path), 1))
    result = {name: np.zeros(states, dtype=np.bool_) for name in names.values()}
    for row, line in enumerate(lines[1:], 2):
        if not line.strip():
            continue
        before, colon, rest = line.partition(":")
        state = _whole(before)
        if not colon or state is None or state >= states:
            raise InputError(
                Problem(f"'state: labels' expected, states 0 to {states - 1}, got '{line[:40]}'", str(path), row)
            )
        for word in rest.split():
            announced = _whole(word)
            label = None if announced is None else names.get(announced)
            if label is None:
                raise InputError(Problem(f"no label '{word[:20]}' was announced", str(path), row))
            result[label][state] = True
    return result


def read_rewards(path: str | Path, states: int) -> tuple[str, FloatArray]:
    r"""Read values of states.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "load.srew")
    ...     _ = path.write_text("2 1\n0 100\n")
    ...     read_rewards(path, 2)
    ('load', array([100.,   0.]))
    """
    path = Path(path)
    text = _text(path)
    first, announced, count, rest = _head(path, text, "values")
    if announced != states:
        raise InputError(Problem(f"values for {announced} states, but the chain has {states}", str(path), first))
    rows = _rows(path, rest, first, 2, count, "value", states)
    values = np.zeros(states)
    values[rows[:, 0].astype(np.int64)] = rows[:, 1]
    if not np.isfinite(values).all():
        raise InputError(
            Problem(f"the value of state {int(np.flatnonzero(~np.isfinite(values))[0])} is not finite", str(path))
        )
    quoted = [line.split('"')[1] for line in text.split("\n")[:4] if line.startswith("#") and line.count('"') >= 2]
    return (quoted[0] if quoted else path.stem), values


def write_chain(
    model: LabelledChain, stem: str | Path, *, others: Mapping[str, str] | None = None, force: bool = False
) -> list[Path]:
    """Write a chain in explicit format.

    Examples
    --------
    >>> import tempfile
    >>> chain = Chain.of(2, [0, 1], [1, 0], [1e-3, 0.25])
    >>> model = LabelledChain(chain, {"up": np.array([True, False])}, {"load": np.array([100.0, 0.0])})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     files = write_chain(model, Path(folder, "two"))
    ...     print(files[0].read_text().strip())
    2 2
    0 1 0.001
    1 0 0.25
    """
    stem = Path(stem)
    matrix = model.chain.rates.tocoo()
    order = np.lexsort((matrix.col, matrix.row))
    moves = zip(matrix.row[order].tolist(), matrix.col[order].tolist(), matrix.data[order].tolist(), strict=True)
    states = model.chain.states
    texts = {".tra": f"{states} {len(order)}\n" + "".join(f"{i} {j} {rate!r}\n" for i, j, rate in moves)}
    names = ["init", *model.labels]
    sets = [np.arange(states) == model.chain.initial, *model.labels.values()]
    table = np.array(sets)
    lines = [
        f"{state}: {' '.join(map(str, np.flatnonzero(table[:, state]).tolist()))}\n"
        for state in np.flatnonzero(table.any(axis=0)).tolist()
    ]
    texts[".lab"] = " ".join(f'{n}="{name}"' for n, name in enumerate(names)) + "\n" + "".join(lines)
    if model.states is not None:
        rows = (f"{n}:({','.join(map(str, row))})\n" for n, row in enumerate(model.states.tolist()))
        texts[".sta"] = f"({','.join(model.variables)})\n" + "".join(rows)
    for name, values in model.rewards.items():
        where = np.flatnonzero(values)
        rows = (f"{state} {value!r}\n" for state, value in zip(where.tolist(), values[where].tolist(), strict=True))
        head = f'# Reward structure "{name}"\n# State rewards\n{states} {len(where)}\n'
        texts[f".{name}.srew"] = head + "".join(rows)
    texts |= others or {}
    files = {stem.with_name(stem.name + ending): text for ending, text in texts.items()}
    if not stem.parent.is_dir():
        raise InputError(Problem("there is no such folder", str(stem.parent)))
    there = [path for path in files if path.exists()]
    if there and not force:
        raise InputError(Problem("already exists; use --force to replace it", str(there[0])))
    try:
        write_together(files)
    except OSError as error:
        raise InputError(Problem(f"cannot be written: {error.strerror or error}", f"{stem}.tra and others")) from None
    return list(files)
