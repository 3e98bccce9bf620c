"""The state at present from what a monitoring system says: rows of component, state and since when.

The latest word on a part or role holds. What cannot be read, lies in the future or contradicts another row is refused
with its line; what is read and does not change the state (unknown names, clients' own parts, old words) is listed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from k2rel.alarms.latest import latest_of
from k2rel.alarms.notes import notes_of
from k2rel.alarms.rows import Said, Unknown, holder_of, rows_of, stamp
from k2rel.alarms.words import FAILED, GOOD, IN, OUT, moment, names_of
from k2rel.errors import InputError, Problem, nearest
from k2rel.policy.present import MOST_FAILED, Present
from k2rel.sheets import read_records
from k2rel.site.model import Site
from k2rel.studies import StudyLike, study_of
from k2rel.tables import Shown
from k2rel.units import parse_duration

__all__ = ["OLDER_THAN", "Alarms", "read_alarms"]

OLDER_THAN = "7 d"
_MOST_BYTES = 20_000_000
_NAMED = 12
_COMPARED = 1_000  # unknown names of which it is said what they may mean


@dataclass(frozen=True, slots=True, repr=False)
class Alarms(Shown):
    """The state at present as a file of alarms says it.

    Parameters
    ----------
    file : str
        Where it was read.
    rows : int
        Number of rows.
    now : str
        The time that counts as the present one, ISO 8601.
    present : Present
        The state.
    taken : tuple of Said
        What in the state was taken from which line.
    good : tuple of Said
        Parts whose latest entry reports that they are up.
    unknown : tuple of Unknown
        Names of no part or role of the site: not in the state.
    notes : tuple of str
        Notes on how the file was read, the doubtful ones first.
    """

    file: str
    rows: int
    now: str
    present: Present
    taken: tuple[Said, ...] = ()
    good: tuple[Said, ...] = ()
    unknown: tuple[Unknown, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data.

        Examples
        --------
        >>> Alarms("a.csv", 0, "2026-11-27T18:00:00+00:00", Present()).to_json()["rows"]
        0
        """
        return {
            "file": self.file,
            "rows": self.rows,
            "now": self.now,
            "taken": [asdict(each) for each in self.taken],
            "good": [asdict(each) for each in self.good],
            "unknown": [asdict(each) | {"near": list(each.near)} for each in self.unknown],
            "notes": list(self.notes),
        }

    def with_said(self, site: Site, said: Present) -> Present:
        """Combine what is given with the file; contradictions are refused.

        Parameters
        ----------
        site : Site
        said : Present
            Further parts, roles and servers; a time since when goes before that of the file.

        Returns
        -------
        Present

        Raises
        ------
        InputError
            If the file says otherwise of a part, a role or a server.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> alarms = Alarms("a.csv", 1, "", Present(("server_A",), (3.0,)))
        >>> alarms.with_said(read_site("L2R"), Present(("isl_1",), (5.0,)))
        <Present isl_1 failed, server_A failed>
        """
        here = self.present
        lines = {(each.of, each.state): each.line for each in (*self.taken, *self.good)}

        def against(of: str, theirs: str, mine: str) -> InputError:
            line = lines.get((of, theirs))
            where = f"{self.file}:{line}" if line else self.file
            return InputError(f"{of[:80]}: {mine} as given, and {theirs} in {where}; correct the wrong one")

        for part in said.failed:
            if part not in here.failed and (part, GOOD) in lines:
                raise against(part, GOOD, FAILED)
        for part in said.in_service:
            if part in here.out_of_service:
                raise against(part, OUT, IN)
        for part in said.out_of_service:
            if part in here.in_service:
                raise against(part, IN, OUT)
        roles = dict(here.roles)
        for role, place in said.roles:
            if role in roles and holder_of(site, role, place) != holder_of(site, role, roles[role]):
                raise against(role, roles[role], f"at {place[:40]}")
            roles[role] = place
        since = dict(zip(here.failed, here.since_h, strict=True))
        since |= {
            part: hours or since.get(part, 0.0) for part, hours in zip(said.failed, said.since_h, strict=True)
        }  # fmt: skip
        return _present(
            since, roles, (*here.out_of_service, *said.out_of_service), (*here.in_service, *said.in_service)
        )

    def words(self) -> str:
        """Say in a line what was read."""
        unknown = f", {len(self.unknown)} of them unknown" if self.unknown else ""
        names = len({each.alarm for each in (*self.taken, *self.good)} | {each.name for each in self.unknown})
        rows, on = f"{self.rows:,} row{'s' * (self.rows != 1)}", f"{names:,} name{'s' * (names != 1)}"
        return f"{self.file}: {rows} on {on}{unknown}, as of {self.now}: {self.present._line()}"

    def _line(self) -> str:
        return self.words()


def read_alarms(
    file: str | Path | BinaryIO,
    study: StudyLike,
    names: str | Path | Mapping[str, str] | None = None,
    now: str | float | datetime | None = None,
    older_than: str | float = OLDER_THAN,
) -> Alarms:
    r"""Read the state at present from what a monitoring system says.

    Parameters
    ----------
    file : str, pathlib.Path or binary stream
        A table (CSV with any separator, or .xlsx) or JSON lines, with ``component``, ``state`` and ``since``; a role
        stands in ``component`` or in a column ``role``, and who has it in ``state``. ``"-"`` is standard input.
    study : Study, Site or str
        Whose state it is.
    names : str, pathlib.Path or mapping of str to str, optional
        What alarms are called: a table of two columns, ``alarm`` and ``part``. In ``part`` stands a part or role of the
        site, one of the states ``failed``, ``good``, ``out of service``, ``in service`` where the first column has a
        word for a state, or ``-`` for what is to be left out.
    now : str, float or datetime, optional
        The present time: ISO 8601 or seconds since 1970; by default that of the machine.
    older_than : str or float
        From which age on what is said is called old; a number is in hours.

    Returns
    -------
    Alarms
        ``present`` is for `risk`.

    Raises
    ------
    InputError
        For each row that cannot be read, lies in the future or contradicts another one; if no name is of the site.

    Notes
    -----
    The latest entry for a part counts. *In service* also reports that a server is up; *good* does not report that it is
    in service. Times without a zone are those of the machine's zone. A part failed since its first word of failure
    after the last other one.

    Examples
    --------
    >>> import io
    >>> text = b"component;state;since\nserver_A;down;2026-11-27T15:00Z\nisl_1;ok;\n"
    >>> found = read_alarms(io.BytesIO(text), "L2R", now="2026-11-27T18:00Z")
    >>> found.present, found.present.since_h
    (<Present server_A failed>, (3.0,))
    """
    site = study_of(study).site
    present_at, older_h = _now(now), _bound(older_than)
    called = names_of(names, site)
    source, name = _source(file)
    table = read_records(source, name, _MOST_BYTES, "these are not alarms of one site")
    rows = rows_of(table, site, called, present_at)
    latest = latest_of(rows, site, older_h)
    try:
        present = _present(
            {each.of: each.since_h or 0.0 for each in latest.failed},
            {each.of: each.state for each in latest.others if each.of in site.roles},
            [each.of for each in latest.others if each.state == OUT],
            [each.of for each in latest.others if each.state == IN],
        )
    except InputError as error:
        raise InputError(Problem(str(error), name)) from None
    known = [*site.components, *site.raid_sets, *site.roles]
    unknown = tuple(
        Unknown(other, found[0][1], found[0][0], len(found), tuple(nearest(other, known)) if n < _COMPARED else ())
        for n, (other, found) in enumerate(rows.unknown.items())
    )
    notes = tuple(notes_of(rows, latest, unknown, present, site, older_h, present_at))
    taken = (*latest.failed, *latest.others)
    return Alarms(name, len(table.records), stamp(present_at), present, taken, latest.good, unknown, notes)


def _now(given: object) -> datetime:
    if given is None:
        return datetime.now().astimezone()
    if isinstance(given, datetime):
        return given if given.tzinfo is not None else given.astimezone()
    try:
        return moment(" ".join(str(given).split()))[0]
    except ValueError as error:
        raise InputError(f"now: {error}") from None


def _bound(given: object) -> float:
    try:
        return parse_duration(given)
    except ValueError as error:
        raise InputError(f"older_than: {error}") from None


def _source(file: object) -> tuple[Path | BinaryIO, str]:
    """What is read, and how messages call it."""
    if isinstance(file, str | Path) and str(file) != "-":
        return Path(file), str(file)
    if isinstance(file, str | Path):
        import sys

        stream = getattr(sys.stdin, "buffer", None)
        if stream is None or sys.stdin.closed:
            raise InputError("standard input is closed; pipe the alarms into it, or name their file")
        return stream, "standard input"
    if not hasattr(file, "read"):
        raise InputError(f"file: a path, '-' or a binary stream is needed, got {type(file).__name__}")
    stream_name = getattr(file, "name", None)
    return cast("BinaryIO", file), stream_name if isinstance(stream_name, str) else "stream"


def _present(
    since: Mapping[str, float], roles: Mapping[str, str], out: Iterable[str], within: Iterable[str]
) -> Present:
    if len(since) > MOST_FAILED:
        shown = ", ".join([*since][:_NAMED])
        raise InputError(
            f"{len(since)} parts have failed at the same time; at most {MOST_FAILED} can be modelled: {shown[:400]}"
        )
    order = sorted(since, key=lambda part: -since[part])
    return Present(
        tuple(order), tuple(since[part] for part in order), tuple(roles.items()), tuple(dict.fromkeys(out)),
        tuple(dict.fromkeys(within)),
    )  # fmt: skip
