"""What only the simulation models: distributions of any shape, ageing, spares, windows, common events, mistakes.

A file of circumstances (YAML) says what differs from the site and its rates; what it does not name stays as it is:
exponential with the mean of the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from k2rel.arguments import as_number, as_whole, keep
from k2rel.distributions import Distribution, parse_distribution
from k2rel.errors import InputError, Problem, closest
from k2rel.site.model import Site
from k2rel.site.source import YamlSource, read_yaml
from k2rel.tables import Shown
from k2rel.units import parse_duration

__all__ = ["Circumstances", "CommonEvent", "Shelf", "Window", "read_circumstances"]

_AGE = {"perfect": 0.0, "minimal": 1.0}
Law = str | Distribution
"""A distribution, or its text; a text without a scale keeps the mean of the table of rates."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """Spares of some parts or component types: how many lie ready, and how long an ordered one takes to come.

    Every spare that is taken is ordered anew at once.
    """

    name: str
    parts: tuple[str, ...]
    on_shelf: int
    lead_time: Law


@dataclass(frozen=True, slots=True)
class Window:
    """Planned work on a part, every so many hours from a first time on; left out while anything has failed."""

    part: str
    every_h: float
    lasts: Law
    first_h: float | None = None


@dataclass(frozen=True, slots=True)
class CommonEvent:
    """Something that takes several parts down together, such as a loss of cooling, and how long it lasts."""

    name: str
    every: Law
    lasts: Law
    hits: tuple[tuple[str, float], ...]


@dataclass(frozen=True, eq=False, repr=False)
class Circumstances(Shown):
    """What only the simulation can follow.

    Parameters
    ----------
    lives, repairs : mapping of str to str or Distribution
        Law of the life, and of the time to repair once known, by part or component type; a part's own wins.
    age_after_repair : mapping of str to float
        Share of its age that a part keeps when it is repaired, by part or type: 0 as good as new (the default), 1 as
        bad as old, between them imperfect repair (Kijima's second model).
    times : mapping of str to str or Distribution
        Law of ``switchover``, ``manual_takeover``, ``return_to_service``, ``maintenance`` and ``travel``; by default
        exponential. The mean is that of site and organisation, whatever the distribution says.
    shelves, windows, common_events : tuple
        Spares, planned work, events that hit several parts.
    wrong_unit : float
        Probability that the repair of a part begins with a working unit of the same type taken away by mistake.
    back_after : str or Distribution
        How long such a unit is away.
    buffer_h : float
        Depth of a client's buffer [h]: longer interruptions are seen on air.
    source : str
        Where it was read from.

    Examples
    --------
    >>> Circumstances(lives={"psu": "weibull(shape=1.4)"}).words()
    'lives of psu'
    """

    lives: Mapping[str, Law] = field(default_factory=dict)
    repairs: Mapping[str, Law] = field(default_factory=dict)
    age_after_repair: Mapping[str, float] = field(default_factory=dict)
    times: Mapping[str, Law] = field(default_factory=dict)
    shelves: tuple[Shelf, ...] = ()
    windows: tuple[Window, ...] = ()
    common_events: tuple[CommonEvent, ...] = ()
    wrong_unit: float = 0.0
    back_after: Law = "exponential(mean=15 min)"
    buffer_h: float = 10 / 3600
    source: str = ""

    def __post_init__(self) -> None:
        keep(self, wrong_unit=as_number("wrong_unit", self.wrong_unit), buffer_h=as_number("buffer_h", self.buffer_h))
        for name, share in self.age_after_repair.items():
            as_number(f"age_after_repair.{name}", share)
            if not 0 <= share <= 1:
                raise InputError(f"age_after_repair.{name}: from 0 (as good as new) to 1 (as bad as old), got {share}")
        if not 0 <= self.wrong_unit <= 1:
            raise InputError(f"wrong_unit: a probability, got {self.wrong_unit}")
        if not 0 <= self.buffer_h < float("inf"):
            raise InputError(f"buffer_h: a time, got {self.buffer_h} h")
        for shelf in self.shelves:
            as_whole(f"spares.{shelf.name}.on_shelf", shelf.on_shelf, 0, 1_000_000)
        for window in self.windows:
            if not window.every_h > 0 or (window.first_h is not None and not window.first_h >= 0):
                raise InputError(f"windows of {window.part}: 'every' must be above 0 and 'first' no negative time")
        for event in self.common_events:
            for part, share in event.hits:
                if not 0 <= share <= 1:
                    raise InputError(f"common_events.{event.name}.hits.{part}: a probability, got {share}")
        for name in self.times:
            if name not in TIMES:
                raise InputError(f"times.{name}: one of {', '.join(TIMES)}")

    def check(self, site: Site) -> None:
        """Check every name against a site.

        Parameters
        ----------
        site : Site

        Raises
        ------
        InputError
            With every name that the site does not have, and which was probably meant.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> Circumstances(lives={"swich_A": "weibull(shape=2)"}).check(read_site("L1"))
        Traceback (most recent call last):
            ...
        k2rel.errors.InputError: lives: L1 has no part or component type 'swich_A'; did you mean 'switch_A'?
        """
        types = {part.type for part in site.described.values()}
        parts = {*site.components, *site.raid_sets, *site.own_parts} - site.drives
        kinds_of_drives = {site.components[name].type for name in site.drives}
        known = (types - kinds_of_drives) | parts
        asked = [
            *((key, name, known) for key in ("lives", "repairs", "age_after_repair") for name in getattr(self, key)),
            *((f"spares.{shelf.name}", name, known) for shelf in self.shelves for name in shelf.parts),
            *(("windows", window.part, parts) for window in self.windows),
            *((f"common_events.{event.name}", name, known) for event in self.common_events for name, _ in event.hits),
        ]
        problems = []
        for where, name, among in asked:
            if name not in among:
                what = "part" if among is parts else "part or component type"
                hint = closest(name, among)
                if name in site.drives | kinds_of_drives:
                    hint = "; drives fail as part of their RAID set, see 'k2rel.simulation.raid_group'"
                problems.append(Problem(f"{where}: {site.name} has no {what} '{name[:60]}'{hint}", self.source or None))
        if problems:
            raise InputError(problems)

    def words(self) -> str:
        """Say what differs from constant rates, for provenance.

        Returns
        -------
        str
            Empty where nothing does.

        Examples
        --------
        >>> Circumstances().words()
        ''
        """
        parts = [
            f"{what} of {', '.join(sorted(entries))}"
            for what, entries in (
                ("lives", self.lives),
                ("repairs", self.repairs),
                ("age after repair", self.age_after_repair),
                ("times", self.times),
                ("spares", [shelf.name for shelf in self.shelves]),
                ("windows", [window.part for window in self.windows]),
                ("common events", [event.name for event in self.common_events]),
            )
            if entries
        ]
        if self.wrong_unit:
            parts.append(f"wrong unit {self.wrong_unit:g}")
        return "; ".join(parts)

    def _line(self) -> str:
        return self.words()


USUAL = Circumstances()
"""Nothing more than what the other engines follow."""
TIMES = ("switchover", "manual_takeover", "return_to_service", "maintenance", "travel")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", str_max_length=4000)


class _Shelf(_Strict):
    parts: list[str] = Field(min_length=1)
    on_shelf: int = Field(ge=0, le=1_000_000)
    lead_time: str


class _Window(_Strict):
    part: str
    every: str | float
    lasts: str
    first: str | float | None = None


class _Event(_Strict):
    every: str
    lasts: str
    hits: dict[str, float] = Field(min_length=1)


class _Wrong(_Strict):
    probability: float = Field(ge=0, le=1)
    back_after: str = "exponential(mean=15 min)"


class _Document(_Strict):
    lives: dict[str, str] = Field(default_factory=dict)
    repairs: dict[str, str] = Field(default_factory=dict)
    age_after_repair: dict[str, float | str] = Field(default_factory=dict)
    times: dict[str, str] = Field(default_factory=dict)
    spares: dict[str, _Shelf] = Field(default_factory=dict)
    windows: list[_Window] = Field(default_factory=list)
    common_events: dict[str, _Event] = Field(default_factory=dict)
    wrong_unit: _Wrong = Field(default_factory=lambda: _Wrong(probability=0.0))
    buffer: str | float = "10 s"


def read_circumstances(path: str | Path) -> Circumstances:
    """Read a file of circumstances.

    Parameters
    ----------
    path : str or pathlib.Path
        A YAML file; its entries are those of `Circumstances`, described in ``docs/how-to/simulation.md``.

    Returns
    -------
    Circumstances
        What it says.

    Raises
    ------
    InputError
        With file, line and entry of every mistake.

    Examples
    --------
    >>> from k2rel.bundled import data_dir
    >>> read_circumstances(data_dir() / "examples/circumstances/L2R.yaml").words()[:12]
    'lives of psu'
    """
    source = read_yaml(Path(path))
    document = source.validated(_Document)
    reader = _Reader(source)
    ages = {name: reader.age(name, value) for name, value in document.age_after_repair.items()}
    lives = {name: reader.law(("lives", name), text) for name, text in document.lives.items()}
    repairs = {name: reader.law(("repairs", name), text) for name, text in document.repairs.items()}
    times = {name: reader.law(("times", name), text) for name, text in document.times.items()}
    shelves = tuple(
        Shelf(name, tuple(one.parts), one.on_shelf, reader.whole(("spares", name, "lead_time"), one.lead_time))
        for name, one in document.spares.items()
    )
    windows = tuple(
        Window(
            one.part,
            reader.time(("windows", n, "every"), one.every),
            reader.whole(("windows", n, "lasts"), one.lasts),
            None if one.first is None else reader.time(("windows", n, "first"), one.first),
        )
        for n, one in enumerate(document.windows)
    )
    events = tuple(
        CommonEvent(
            name,
            reader.whole(("common_events", name, "every"), one.every),
            reader.whole(("common_events", name, "lasts"), one.lasts),
            tuple(one.hits.items()),
        )
        for name, one in document.common_events.items()
    )
    back = reader.whole(("wrong_unit", "back_after"), document.wrong_unit.back_after)
    buffer_h = reader.time(("buffer",), document.buffer)
    if reader.problems:
        raise InputError(reader.problems)
    try:
        return Circumstances(
            lives, repairs, ages, times, shelves, windows, events, document.wrong_unit.probability, back, buffer_h,
            source.name,
        )  # fmt: skip
    except InputError as error:
        raise InputError([Problem(str(error), source.name)]) from None


class _Reader:
    """Reads distributions and times, and gathers what is wrong with them."""

    def __init__(self, source: YamlSource) -> None:
        self.source = source
        self.problems: list[Problem] = []

    def _noted(self, path: tuple[str | int, ...], call: Any, *values: object) -> Any:
        try:
            return call(*values)
        except (InputError, ValueError) as error:
            self.problems.append(self.source.problem(path, str(error)))
            return None

    def law(self, path: tuple[str | int, ...], text: str) -> str:
        """Check a distribution whose mean may come from elsewhere; the text is kept."""
        self._noted(path, parse_distribution, text, 1e6)
        return text

    def whole(self, path: tuple[str | int, ...], text: str) -> str:
        """Check a distribution that must say how long."""
        self._noted(path, parse_distribution, text)
        return text

    def time(self, path: tuple[str | int, ...], value: str | float) -> float:
        """Read a time [h]."""
        hours = self._noted(path, parse_duration, value)
        return 1.0 if hours is None else float(hours)

    def age(self, name: str, value: float | str) -> float:
        """Read a share of age: a number, ``perfect`` or ``minimal``."""
        if isinstance(value, str):
            if value not in _AGE:
                message = "a number from 0 (as good as new) to 1 (as bad as old), 'perfect' or 'minimal'"
                self.problems.append(self.source.problem(("age_after_repair", name), message))
            return _AGE.get(value, 0.0)
        return value
