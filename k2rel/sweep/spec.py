"""What a sweep computes: every combination of lists, or points sampled between limits, from a YAML file."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from k2rel.bundled import design_names, input_file, level_names, site_path
from k2rel.columns import counted
from k2rel.errors import InputError, Problem
from k2rel.memory import check_each
from k2rel.organisation import as_reading
from k2rel.rates import Contract
from k2rel.sheets import opened_table
from k2rel.site.names import split_setting
from k2rel.site.read import pinned_table
from k2rel.site.source import YamlSource, read_yaml
from k2rel.site.templates import self_contained
from k2rel.tables import Shown
from k2rel.textio import opened
from k2rel.uncertain import points
from k2rel.units import availability_percent

__all__ = ["Point", "SweepSpec", "quantity", "read_sweep"]

_MOST_POINTS = 1_000_000
_POINT_BYTES, _SETTING_BYTES, _TARGET_BYTES = 2_100.0, 650.0, 500.0
"""Of a point, each setting and each target: 2,040 alone, 4,530 with four settings, 5,500 with two targets too."""
_NUMBER = re.compile(r"[-+]?[\d.]+(?:e[-+]?\d+)?", re.IGNORECASE)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Limits(_Strict):
    low: float | str
    high: float | str
    law: Literal["uniform", "loguniform"] = "uniform"


class _Steps(_Strict):
    first: int = Field(ge=1)
    last: int = Field(le=10_000)
    step: int = Field(default=1, ge=1)


Values = Annotated[list[str | float | int | bool], Field(min_length=1)]


class _Document(_Strict):
    name: str = Field(default="sweep", pattern=r"^[A-Za-z0-9][\w.-]{0,60}$")
    levels: Annotated[list[str], Field(min_length=1)]
    clients: Annotated[list[int], Field(min_length=1)] | _Steps | None = None
    repair: Annotated[list[Contract], Field(min_length=1)] = ["4h"]
    method: Literal["auto", "exact", "markov", "simulation"] = "auto"
    roles: Annotated[list[Literal["modelled", "ideal", "preferred", "sticky"]], Field(min_length=1)] = ["modelled"]
    targets: Annotated[list[float], Field(min_length=1)] | None = None
    set: dict[str, Values | _Limits] = Field(default_factory=dict)
    rates: str | None = None
    data: str | float | None = None  # 0.1 without quotes is a number
    sample: int | None = Field(default=None, ge=1)
    seed: int = Field(default=1, ge=0)


@dataclass(frozen=True, slots=True, repr=False)
class Point(Shown):
    """One point of a sweep.

    Parameters
    ----------
    level : str
        A level's name or a site file.
    clients : int or None
        Number of clients; None as the file says.
    repair, roles : str
        Repair contract; ``modelled`` for takeovers as modelled, ``ideal`` for ideal ones.
    settings : tuple of (str, str)
        Changes by hand.
    rates : str or None
        A table of rates.
    pin : str or None
        The table that the site file keeps beside it.
    method : str
        Who answers, as for `k2rel.availability`.
    data : str or None
        Version of the bundled data; None: the current one.

    Examples
    --------
    >>> Point("L2R", 8, "4h", "modelled").level
    'L2R'
    """

    level: str
    clients: int | None
    repair: str
    roles: str
    settings: tuple[tuple[str, str], ...] = ()
    rates: str | None = None
    pin: str | None = None
    method: str = "auto"
    data: str | None = None
    targets: tuple[float, ...] = ()

    def key(self, files: Mapping[str, str], code: str) -> str:
        """Give the hash of everything that its numbers come from.

        Parameters
        ----------
        files : mapping of str to str
            Content of each file by its path.
        code : str
            Hash of what figures rest on beside the files and the point (`k2rel.basis`).

        Returns
        -------
        str
            The hash, 32 digits.

        Examples
        --------
        >>> len(Point("L2R", 8, "4h", "modelled").key({"L2R": ""}, ""))
        32
        """
        name = self.level if self.level in level_names() else Path(self.level).name
        given = [name, files[self.level], self.clients, self.repair, self.roles, self.settings, self.method, self.data]
        rates = [files[name] for name in (self.rates, self.pin) if name]
        whole = [given, rates, code, *([self.targets] if self.targets else [])]
        return hashlib.sha256(json.dumps(whole).encode()).hexdigest()[:32]


@dataclass(frozen=True, repr=False)
class SweepSpec(Shown):
    """A sweep.

    Parameters
    ----------
    name : str
        Its name.
    points : tuple of Point
        The points, in their order.
    targets : tuple of float
        Availabilities [%] against which every point is judged.
    axes : tuple of str
        What differs between points: columns of the table.
    files : mapping of str to str
        Content of every file that points are made from, by its path or level.
    sampled : bool
        Whether settings are sampled between limits; else every combination is taken.
    seed : int
        Seed of the sample.
    """

    name: str
    points: tuple[Point, ...]
    targets: tuple[float, ...]
    axes: tuple[str, ...]
    files: Mapping[str, str]
    sampled: bool
    seed: int

    def _line(self) -> str:
        return f"{self.name}: {counted(len(self.points), 'point')} over {', '.join(self.axes) or 'nothing'}"


def read_sweep(path: str | Path) -> SweepSpec:
    """Read what a sweep computes.

    Parameters
    ----------
    path : str or pathlib.Path
        A YAML file; its entries are described in ``docs/how-to/sweeps.md``.

    Returns
    -------
    SweepSpec
        The sweep, its points written out. Site files and rates are looked for beside the file.

    Raises
    ------
    InputError
        With file, line and entry of every mistake.

    Examples
    --------
    >>> from k2rel.bundled import data_dir
    >>> read_sweep(data_dir() / "examples/sweeps/clients.yaml").axes
    ('level', 'clients', 'repair')
    """
    path = input_file(path)
    source = read_yaml(path)
    document = source.validated(_Document)
    beside = path.resolve().parent
    problems: list[Problem] = []
    files: dict[str, str] = {}
    data = None if document.data is None else str(document.data)
    try:
        names = level_names(data)
    except InputError as error:
        raise InputError([source.problem(("data",), str(error).removeprefix("data: "))]) from None
    pins: dict[str, str] = {}

    def read(text: str, place: tuple[str | int, ...], *, level: bool) -> str:
        known = text in names or (text in design_names() and not (beside / text).exists())
        found = site_path(text, data) if level and known else input_file(text, beside)
        try:
            with opened(found) if level else opened_table(found) as stream:  # of a workbook of rates what it says
                content = stream.read().decode("utf-8").replace("\r\n", "\n")
        except (OSError, ValueError) as error:
            others = f"; levels are {', '.join(names)}" if level else ""
            problems.append(
                source.problem(place, f"'{text[:80]}' cannot be read ({getattr(error, 'strerror', error)}){others}")
            )
            return text
        name = text if level and text in names else str(found)
        files[name] = (self_contained(found) if level else None) or content
        pinned = pinned_table(found) if level else None
        if pinned is not None:
            files[str(pinned)] = pinned.read_text(encoding="utf-8", errors="replace")
            pins[name] = str(pinned)
        return name

    levels = [read(text, ("levels", n), level=True) for n, text in enumerate(document.levels)]
    rates = read(document.rates, ("rates",), level=False) if document.rates else None
    clients = _clients(document, source, problems)
    for n, percent in enumerate(document.targets or ()):
        try:
            availability_percent(percent)
        except ValueError as error:
            problems.append(source.problem(("targets", n), str(error)))
    listed = {key: [_text(v) for v in value] for key, value in document.set.items() if isinstance(value, list)}
    limits = {key: value for key, value in document.set.items() if isinstance(value, _Limits)}
    if limits and document.sample is None:
        problems.append(
            source.problem(("set", next(iter(limits))), "limits are sampled: give the number of points (sample)")
        )
    if document.sample is not None and not limits:
        problems.append(source.problem(("sample",), "nothing to sample: give some entry of 'set' limits (low, high)"))
    unclear = [key for key in document.set if not all(split_setting(key))]
    problems += [
        source.problem(("set", key), "write component-type.key or part.key, such as media_server.mttr")
        for key in unclear
    ]
    outer = list(itertools.product(levels, clients, document.repair, document.roles))
    count = len(outer) * math.prod(map(len, listed.values())) * ((document.sample or 1) if limits else 1)
    if count > _MOST_POINTS:
        raise InputError([*problems, Problem(f"{count:,} points; at most {_MOST_POINTS:,}", source.name)])
    check_points(count, len(document.set), len(document.targets or ()))
    sampled = _sampled(limits, document, source, problems)
    if problems:
        raise InputError(problems)
    chosen = list(itertools.product(*listed.values()))
    result = [
        Point(
            level,
            number,
            repair,
            as_reading(roles),
            (*zip(listed, values, strict=True), *drawn),
            rates,
            pins.get(level),
            document.method,
            data,
            tuple(document.targets or ()),
        )
        for level, number, repair, roles in outer
        for values in chosen
        for drawn in sampled
    ]
    lengths = {
        "level": len(levels),
        "clients": len(clients),
        "repair": len(document.repair),
        "roles": len(document.roles),
    }
    lengths |= {key: len(values) for key, values in listed.items()}
    axes = [key for key, length in lengths.items() if length > 1] + list(limits)
    return SweepSpec(
        document.name, tuple(result), tuple(document.targets or ()), tuple(axes), files, bool(limits), document.seed
    )


def check_points(count: int, settings: int, targets: int) -> None:
    """Refuse more points than fit: what each is, what is found, and its row of the table and the file.

    Examples
    --------
    >>> check_points(1_000_000, 4, 2)
    """
    each = _POINT_BYTES + _SETTING_BYTES * settings + _TARGET_BYTES * targets
    check_each(count, each, f"points of a sweep with {settings} settings and {targets} targets")


def _text(value: str | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _clients(document: _Document, source: YamlSource, problems: list[Problem]) -> list[int | None]:
    given = document.clients
    if given is None:
        return [None]
    if isinstance(given, list):
        wrong = [(n, number) for n, number in enumerate(given) if not 1 <= number <= 10_000]
        problems += [source.problem(("clients", n), f"from 1 to 10,000 clients, got {x}") for n, x in wrong]
        return list(given)
    if given.last < given.first:
        problems.append(source.problem(("clients",), "the last number of clients is below the first"))
        return [None]
    return list(range(given.first, given.last + 1, given.step))


def _sampled(
    limits: Mapping[str, _Limits], document: _Document, source: YamlSource, problems: list[Problem]
) -> list[tuple[tuple[str, str], ...]]:
    """Values of the sampled settings at each point, by a Latin hypercube."""
    if not limits or document.sample is None:
        return [()]
    ranges: list[tuple[float, float, str, bool]] = []
    for key, entry in limits.items():
        (low, unit), (high, other) = quantity(entry.low), quantity(entry.high)
        logarithmic = entry.law == "loguniform"
        if unit is None or unit != other or not low < high or (logarithmic and low <= 0):
            message = "low and high: two numbers of one unit, low below high" + (", above 0" if logarithmic else "")
            problems.append(source.problem(("set", key), message))
            continue
        ranges.append((low, high, unit, logarithmic))
    if problems:
        return [()]
    design = points("lhs", document.sample, len(ranges), document.seed)
    rows = []
    for row in design.tolist():
        values = [
            math.exp(math.log(low) + (math.log(high) - math.log(low)) * u) if logarithmic else low + (high - low) * u
            for u, (low, high, _, logarithmic) in zip(row, ranges, strict=True)
        ]
        texts = [f"{value:.12g} {unit}".strip() for value, (_, _, unit, _) in zip(values, ranges, strict=True)]
        rows.append(tuple(zip(limits, texts, strict=True)))
    return rows


def quantity(value: float | str) -> tuple[float, str | None]:
    """Read a number and its unit; the unit of what is no number is None.

    Examples
    --------
    >>> quantity("4 h"), quantity("1e-6"), quantity("raid")[1]
    ((4.0, 'h'), (1e-06, ''), None)
    """
    if isinstance(value, int | float):
        return float(value), ""
    text = value.strip()
    found = _NUMBER.match(text)
    try:
        return (float(found[0]), text[found.end() :].lstrip()) if found else (math.nan, None)
    except ValueError:
        return math.nan, None
