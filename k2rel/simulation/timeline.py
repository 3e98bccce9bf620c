"""One history, event by event, in words that a person can follow."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from k2rel.arguments import as_whole
from k2rel.organisation import Organisation
from k2rel.simulation.circumstances import USUAL, Circumstances
from k2rel.simulation.kernel import records
from k2rel.simulation.kernel.records import Work
from k2rel.simulation.model import SiteModel
from k2rel.simulation.plan import Plan
from k2rel.simulation.prepared import prepare
from k2rel.site.side_columns import by_side, on_columns, several
from k2rel.studies import Provenance, StudyLike, study_of
from k2rel.tables import Shown
from k2rel.units import HOURS_PER_YEAR

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Event", "Timeline", "timeline"]

_MOST_EVENTS = 20_000
_EVENTS = {
    "switchover": "the switchover is complete",
    "manual_takeover": "an operator places the role after the failed takeover",
    "manual_takeover_fails": "an operator fails to place the role after the failed takeover",
    "detection": "a failure is detected",
    "spurious": "a takeover of {} begins spuriously",
    "retry": "the retry of the takeover of {} succeeds",
    "retry_fails": "the retry of the takeover of {} fails",
    "restoration": "{} is restored",
    "failback": "{} returns to its first holder",
    "mending": "the split brain of {} is resolved",
    "data_loss": "data of {} must be restored after the split brain",
    "data_restore": "the data of {} are restored",
    "drift": "the takeover of {} becomes unready without being detected",
    "drill": "a drill of {} begins",
    "drill_finds": "the takeover of {} is found unready and is made ready",
    "drill_end": "the drill of {} ends",
    "auto_recovery": "{} recovers automatically",
}  # events of roles in time, by their names


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, and how things stand after it."""

    number: int
    time_h: float
    words: str
    down: tuple[str, ...]  # parts, clients' own ones included
    roles: str
    lost: tuple[str, ...]  # services
    on: tuple[int, ...]  # clients on each side alone; two at least
    cut_off: int
    on_both: int = 0  # of more than two sides: on several

    @property
    def on_a(self) -> int:
        """Clients on the first side alone."""
        return self.on[0]

    @property
    def on_b(self) -> int:
        """Clients on the second side alone."""
        return self.on[1]


@dataclass(frozen=True, repr=False)
class Timeline(Shown):
    """One history of a site."""

    provenance: Provenance
    site: str
    sides: tuple[str, ...]
    service: str
    end_h: float
    events: tuple[Event, ...]
    cut: bool  # there were more events than are kept

    @property
    def on_both(self) -> bool:
        """Whether a client is ever on more than one side."""
        return any(event.on_both for event in self.events)

    def _clients(self, event: Event) -> dict[str, int]:
        """Where clients are, as columns."""
        return {
            **dict(zip(on_columns(self.sides), event.on, strict=True)),
            **({several(self.sides): event.on_both} if self.on_both else {}),
            "cut_off": event.cut_off,
        }

    def table(self) -> pd.DataFrame:
        """Give the events as a table.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> timeline(study("L2R"), seed=7).table()["what"].iloc[0]
        'all parts are new and in service'
        """
        import pandas as pd

        rows = [
            {
                "event": event.number,
                "day": 1 + int(event.time_h // 24),
                "time": clock(event.time_h),
                "what": event.words,
                "roles": event.roles,
                **self._clients(event),
                "lost": ", ".join(event.lost) or "nothing",
            }
            for event in self.events
        ]
        frame = pd.DataFrame(rows).set_index("event")
        return self.provenance.signed(frame, sides=self.sides)

    def around_worst(self, most: int = 24) -> tuple[Event, ...]:
        """Give the events around the longest loss of the principal traffic; the first ones where nothing is lost.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> len(timeline(study("L2R"), seed=7).around_worst(5))
        5
        """
        longest, at = -1.0, 0
        begun: tuple[float, int] | None = None
        for n, event in enumerate(self.events):
            lost = self.service in event.lost
            if lost and begun is None:
                begun = (event.time_h, n)
            if begun is not None and (not lost or n == len(self.events) - 1):
                length = (event.time_h if not lost else self.end_h) - begun[0]
                if length > longest:
                    longest, at = length, begun[1]
                begun = None
        # from the last time at which everything was up, with what comes after until it is so again
        first = at
        while first > 0 and self.events[first - 1].down and at - first < most // 3:
            first -= 1
        first = max(first - 1, 0)
        last = first + 1
        while last < len(self.events) and last - first < most:
            last += 1
        return self.events[first:last]

    def to_json(self) -> dict[str, Any]:
        """Give the history as plain data, as the command line prints it.

        Examples
        --------
        >>> from k2rel.studies import study
        >>> timeline(study("L1"), seed=7).to_json()["events"][0]["time_h"]
        0.0
        """
        return {
            **self.provenance.heading(),
            "end_h": self.end_h,
            "cut": self.cut,
            "events": [
                {
                    "number": event.number,
                    "time_h": event.time_h,
                    "what": event.words,
                    "down": list(event.down),
                    "roles": event.roles,
                    "lost": list(event.lost),
                    **self._clients(event),
                    "sides": by_side(self.sides, event.on),
                }
                for event in self.events
            ],
        }

    def _line(self) -> str:
        return f"{self.provenance.site}: {len(self.events):,} events in {self.end_h:,.0f} h"


def clock(time_h: float) -> str:
    """Spell a time of day.

    Examples
    --------
    >>> clock(25.5)
    '01:30:00'
    """
    seconds = round(time_h * 3600) % 86400
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def timeline(
    study: StudyLike,
    organisation: Organisation | None = None,
    circumstances: Circumstances | None = None,
    *,
    seed: int = 1,
    history: int = 0,
    years: int = 10,
) -> Timeline:
    """Simulate one history and write down what happens.

    Parameters
    ----------
    study, organisation, circumstances
        As for `simulate`.
    seed, history : int
        Seed, and number of the history: the same one that `simulate` runs without a warm-up.
    years : int
        Its length.

    Returns
    -------
    Timeline
        The history.

    Raises
    ------
    InputError
        If something given cannot be simulated.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> len(timeline(study("L2R"), seed=7).events)
    199
    """
    study = study_of(study)
    plan = Plan(histories=2, years=years, warm_up_h=0.0, seed=seed)
    history = as_whole("history", history, 0, 2**40 - 1)
    prepared = prepare(study, organisation or Organisation(), circumstances or USUAL)
    site = prepared.site
    work, sums = prepared.room(log=_MOST_EVENTS), prepared.empty_sums()
    work.i[records.HISTORY] = history
    prepared.follow(plan, work, sums, history + 1, ahead=0)
    engine = site.engine(f"history {history} of seed {plan.seed}, {plan.years} years")
    return Timeline(
        provenance=replace(study.provenance, engine=engine, takeovers=site.takeovers),
        site=study.site.title,
        sides=study.site.sides,
        service=site.principal,
        end_h=plan.years * HOURS_PER_YEAR,
        events=tuple(_Teller(site, work).events()),
        cut=int(work.i[records.LOGGED]) >= _MOST_EVENTS,
    )


class _Teller:
    """Puts a log into words."""

    def __init__(self, site: SiteModel, work: Work) -> None:
        self.site = site
        self.work = work
        self.own: dict[str, None] = {}

    def _roles(self, control: int) -> str:
        takeover = self.site.takeover
        return takeover.words(control) if takeover is not None else ""

    def _down(self, row: int) -> list[str]:
        mask = self.work.log_mask[row]
        return [
            name
            for n, name in enumerate(self.site.shared)
            if (int(mask[n >> 6]) >> (n & 63)) & 1
        ]  # fmt: skip

    def events(self) -> list[Event]:
        """Every event of the log that says something."""
        log, names = self.work.log_i, [service.name for service in self.site.services]
        clients = self.site.study.site.client_count
        result: list[Event] = []
        before_down: list[str] = []
        before_control = int(log[0, 2])
        for n in range(int(self.work.i[records.LOGGED])):
            kind, item, control, _, *on, together = (int(x) for x in log[n])
            down = self._down(n)
            words = self._words(kind, item, before_control, set(before_down), set(down), n)
            after = self._roles(control)
            if control != before_control and kind != records.TAKEOVER:
                words += f"; {after}"
            bits = int(self.work.log_bits[n])
            lost = tuple(name for s, name in enumerate(names) if (bits >> s) & 1)
            if words:
                result.append(
                    Event(
                        number=len(result) + 1,
                        time_h=float(self.work.log_t[n]),
                        words=words,
                        down=(*down, *self.own),
                        roles=after,
                        lost=lost,
                        on=tuple(on),
                        cut_off=clients - sum(on) - together if self.site.classes else 0,
                        on_both=together,
                    )
                )
            before_down, before_control = down, control
        return result

    def _words(self, kind: int, item: int, control: int, before: set[str], down: set[str], row: int) -> str:
        site = self.site
        model = site.arrays
        if kind == records.START:
            return "all parts are new and in service"
        if kind in (records.FAIL, records.FOUND, records.REPAIRED):
            name = site.parts[item]
            own = model.bit[item] < 0
            if kind == records.FAIL:
                if own:
                    self.own[name] = None
                text = f"{name} fails" + (", undetected until its next test" if model.test_h[item] > 0 else "")
            elif kind == records.FOUND:
                return f"a test finds {name} failed"
            else:
                if own:
                    self.own.pop(name, None)
                text = f"{name} is repaired"
                if self._taken_out.pop(name, None):
                    text = f"{name} is put back"
            others = sorted(down - before - {name})
            if others:  # the repair took a wrong unit
                self._taken_out.update(dict.fromkeys(others, True))
                text += f"; {', '.join(others)} is removed by mistake"
            return text
        if kind == records.TAKEOVER:
            return self._moved(item, control, int(self.work.log_i[row, 2]))
        if kind == records.TRAVEL:
            return "a technician arrives"
        if kind == records.SPARE:
            return f"an ordered spare arrives ({site.circumstances.shelves[item].name})"
        if kind == records.WINDOW:
            part = site.circumstances.windows[item].part
            if down != before:
                self._taken_out[part] = True
            changed = down != before or int(self.work.log_i[row, 2]) != control
            return f"planned work on {part} begins" if changed else f"planned work on {part} is skipped"
        event = site.circumstances.common_events[item].name
        if kind == records.SHOCK:
            hit = ", ".join(sorted(down - before)) or "no shared part"
            return f"{event}: {hit} down"
        if kind == records.SHOCK_END:
            return f"{event} ends"
        return ""

    @property
    def _taken_out(self) -> dict[str, bool]:
        if not hasattr(self, "_away"):
            self._away: dict[str, bool] = {}
        return self._away

    def _moved(self, item: int, control: int, after: int) -> str:
        takeover = self.site.takeover
        assert takeover is not None
        now = takeover.words(after)
        event = takeover.events[item]
        if event.name == "maintenance":
            return f"maintenance of {event.of} begins: {now}"
        if event.name != "return_to_service":
            found = ""
            if event.name == "drill" and takeover.digits[control, takeover.drift_column(event.of)]:
                found = " and finds its takeover unready"
            return f"{_EVENTS[event.name].format(event.of)}{found}: {now}"
        name = event.of
        was = int(takeover.digits[control, takeover.server_column(name)])
        return f"{name} is returned to service" + (" after maintenance" if was == 2 else "") + f": {now}"
