"""Which of several levels: the smallest that is sufficient, what it lacks beside the others, and what is not known."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from k2rel.columns import counted, percentage
from k2rel.design.target_forms import MET, NOT_KNOWN
from k2rel.design.targets import SURE
from k2rel.tables import Shown, card, for_people
from k2rel.units import minutes_text, three_digits

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Candidate", "Recommendation"]

_TOLD = 5  # others that the words name; the table has all


@dataclass(frozen=True, slots=True)
class Candidate:
    """One level among those to choose from; figures are those of its principal traffic."""

    name: str
    service: str
    clients: int
    downtime_min_per_year: float = math.nan
    low_min_per_year: float = math.nan  # 5 % quantile over all inputs within their limits
    high_min_per_year: float = math.nan  # 95 % quantile
    failures_per_year: float = math.nan
    load_state: str = ""  # as `Carrying.state`; empty where there are no figures
    clients_normally: float = math.nan  # most that nothing overloads for, with nothing failed; nan: not known
    clients_carried: float = math.nan  # and after any one failure that leaves every client its service
    most: int = 0  # number up to which clients were tried
    single_points: int = 0
    parts: int = 0
    cost: float = math.nan
    target_percent: float = math.nan
    allowed_min_per_year: float = math.nan
    verdict: str = ""
    p_met: float = math.nan
    why_empty: str = ""

    @property
    def carries(self) -> bool:
        """Whether the clients asked for are carried with nothing failed."""
        return bool(self.load_state) and self.load_state != "overloaded"

    def down(self) -> str:
        """Downtime with its interval, where it has one."""
        between = f" ({minutes_text(self.low_min_per_year)} to {minutes_text(self.high_min_per_year)})"
        known = self.high_min_per_year > self.low_min_per_year
        return f"{minutes_text(self.downtime_min_per_year)} min a year{between if known else ''}"

    def room(self) -> str:
        """Most clients that are carried, with nothing failed and after a failure; empty where that is not known."""
        if math.isnan(self.clients_normally) or math.isnan(self.clients_carried):
            return ""
        tried = (self.clients_normally, self.clients_carried)
        now, after = (f"{n:.0f} or more" if n == self.most else f"{n:.0f}" for n in tried)
        return now if now == after else f"{now}, {after} after a failure"


@dataclass(frozen=True, eq=False, repr=False)
class Recommendation(Shown):
    """Which level to take, and why.

    Examples
    --------
    >>> one = Candidate("one", "media", 4, 50.0, 20.0, 90.0, 2.0, "carried", 8, 8, 40, 3, 30)
    >>> other = Candidate("other", "media", 4, 30.0, 10.0, 70.0, 1.0, "carried", 8, 8, 40, 1, 60)
    >>> Recommendation((one, other), {("other", "one"): 0.99}).chosen.name
    'other'
    """

    candidates: tuple[Candidate, ...]
    p_better: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """Probability that the first of two is down less than the second, at the same draws of the inputs they share."""
    sure: float = SURE
    takeovers: str = ""
    currency: str = ""
    samples: int = 0  # draws behind an interval and a verdict
    pairs: int = 0  # draws behind the comparison of two
    seed: int = 1

    def better(self, one: Candidate, other: Candidate) -> float:
        """Probability that one is down less than the other; nan where it cannot be said."""
        if (one.name, other.name) in self.p_better:
            return self.p_better[one.name, other.name]
        return 1.0 - self.p_better.get((other.name, one.name), math.nan)

    def told_apart(self, one: Candidate, other: Candidate) -> bool:
        """Whether it is known which of two is down less."""
        p = self.better(one, other)
        return p >= self.sure or p <= 1.0 - self.sure

    @property
    def service(self) -> str:
        """Principal traffic of most of the levels; those of another one stand apart."""
        counted = Counter(one.service for one in self._answered)
        return counted.most_common(1)[0][0] if counted else ""

    @property
    def _answered(self) -> list[Candidate]:
        return [one for one in self.candidates if not one.why_empty]

    @property
    def alike(self) -> list[Candidate]:
        """Levels with figures of one and the same service."""
        return [one for one in self._answered if one.service == self.service]

    @property
    def allowed_min_per_year(self) -> float:
        """Downtime that the target of the service leaves [min/year]; nan where there is none."""
        return next((one.allowed_min_per_year for one in self.alike if one.verdict), math.nan)

    @property
    def meeting(self) -> list[Candidate]:
        """Those that carry their clients and meet the target."""
        return [one for one in self.alike if one.carries and one.verdict == MET]

    @property
    def chosen(self) -> Candidate | None:
        """The level to take, or the nearest to what is asked where none is sufficient; None where none has figures."""
        alike = self.alike
        if not alike:
            return None
        carrying = [one for one in alike if one.carries]
        if not carrying:
            return min(alike, key=lambda one: (-_share(one), one.downtime_min_per_year))
        if self.meeting:
            return min(self.meeting, key=self._price)
        judged = [one for one in carrying if one.verdict]
        if judged:
            return min(judged, key=lambda one: (-one.p_met, one.downtime_min_per_year))
        best = min(carrying, key=lambda one: one.downtime_min_per_year)
        return min((one for one in carrying if one is best or self._as_good(one, best)), key=self._price)

    def _as_good(self, one: Candidate, best: Candidate) -> bool:
        p = self.better(best, one)
        return not math.isnan(p) and not self.told_apart(best, one)

    @property
    def _costed(self) -> bool:
        """Whether costs decide, which they do where every level has one."""
        return not any(math.isnan(one.cost) for one in self.alike)

    def _price(self, one: Candidate) -> tuple[float, float]:
        return (one.cost if self._costed else one.parts), one.downtime_min_per_year

    def words(self) -> str:
        """Say it in a paragraph: the level, what it gives, what others would give, what cannot be told apart.

        Examples
        --------
        >>> one = Candidate("one", "media", 4, 50.0, 20.0, 90.0, 2.0, "carried", 8, 8, 40, 3, 30)
        >>> Recommendation((one,)).words()
        'one is down 50 min a year (20 to 90) and carries its 4 clients (at most 8).'
        """
        return " ".join(self.sentences())

    def sentences(self) -> tuple[str, ...]:
        """The paragraph, sentence by sentence; the first is the answer."""
        chosen = self.chosen
        if chosen is None:
            return ("No level has figures.", *self._apart())
        others = sorted((one for one in self.alike if one is not chosen), key=lambda one: one.downtime_min_per_year)
        told = [self._against(chosen, one) for one in others[:_TOLD]]
        more = len(others) - len(told)
        rest = (f"{more} more {'stands' if more == 1 else 'stand'} in the table.",) if more else ()
        return (*self._lead(chosen), *told, *rest, *self._clients(), *self._apart())

    def _lead(self, chosen: Candidate) -> tuple[str, ...]:
        """The answer, by how far a level does what is asked."""
        name, n = chosen.name, chosen.clients
        if not chosen.carries:
            first = (
                f"{name} cannot carry its {counted(n, 'client')}"
                if len(self.alike) == 1
                else f"None of these carries its clients; {name} comes nearest"
            )
            meets = " No target of clients that are not carried is met." if chosen.verdict else ""
            return (
                f"{first}: with nothing failed it carries {_share(chosen) * n:.0f} of {n}.{meets}",
                f"Apart from that it is down {chosen.down()}.",
            )
        bound = "" if chosen.clients_normally == chosen.most else "at most "
        room = f"carries its {counted(n, 'client')}" + (f" ({bound}{chosen.room()})" if chosen.room() else "")
        if chosen.verdict == MET:
            price = f"the {'least cost' if self._costed else 'fewest parts'} of the {len(self.meeting)} that do"
            alone = len(self.meeting) == 1 and len(self.alike) > 1
            which = "alone " if alone else ""
            much = f"{chosen.cost:,.6g} {self.currency}".rstrip() if self._costed else counted(chosen.parts, "part")
            why = f" with {price} ({much})" if len(self.meeting) > 1 else ""
            return (
                f"{name} {which}meets {_target(chosen)} (probability {percentage(chosen.p_met)}){why}.",
                f"It is down {chosen.down()} and {room}.",
            )
        if chosen.verdict:
            of = "" if len(self.alike) == 1 else "No level is sure to meet" if self._open else "No level meets"
            lead = (
                f"{name} {'is not sure to meet' if self._open else 'does not meet'} {_target(chosen)}"
                if not of
                else f"{of} {_target(chosen)}; {name} comes nearest"
            )
            return (
                f"{lead}, with a probability of {percentage(chosen.p_met)}.",
                f"It is down {chosen.down()}{_missing(chosen)}, and {room}.",
            )
        best = min((one for one in self.alike if one.carries), key=lambda one: one.downtime_min_per_year)
        if chosen is best:
            if len(self.alike) == 1:
                return (f"{name} is down {chosen.down()} and {room}.",)
            return (f"{name} is down least: {chosen.down()}; it {room}.",)
        price = "the least cost" if self._costed else f"the fewest parts ({chosen.parts})"
        return (
            f"{name} has {price} of those whose downtime cannot be distinguished from the least, that of {best.name}.",
            f"It is down {chosen.down()} and {room}.",
        )

    @property
    def _open(self) -> bool:
        """Whether it is not known of some level that it fails the target."""
        return any(one.carries and one.verdict == NOT_KNOWN for one in self.alike)

    def _against(self, chosen: Candidate, other: Candidate) -> str:
        """What one would have with another level instead."""
        more = other.clients_normally - chosen.clients_normally
        less_down = other.downtime_min_per_year < chosen.downtime_min_per_year
        now, _, after = other.room().partition(", ")
        carries = "carries as many clients and"
        if math.isnan(more):
            carries = ""
        elif more:
            joined = "but" if (more > 0) != less_down else "and"
            carries = f"carries {now} clients{f' ({after})' if after else ''} {joined}"
        said = f"{other.name}, {self._priced(chosen, other)}, {carries} is down {other.down()}".replace("  ", " ")
        if other.verdict and chosen.verdict:
            fails = "is not sure to meet" if other.verdict == NOT_KNOWN else "does not meet"
            said += f", and {'meets' if other.verdict == MET else fails} the target ({percentage(other.p_met)})"
        if not other.carries:
            said += f"; it cannot carry its {counted(other.clients, 'client')}"
        p = self.better(chosen, other)
        if not math.isnan(p) and not self.told_apart(chosen, other):
            first, share = (chosen, p) if p >= 0.5 else (other, 1.0 - p)
            return f"{said}; these figures do not show which of the two has less downtime ({first.name} at " \
                   f"{percentage(share)} of the same draws)."  # fmt: skip
        if not math.isnan(more) and self._price(other)[0] > self._price(chosen)[0] and (more > 0) != less_down:
            helped, not_helped = ("load", "availability") if more > 0 else ("availability", "load")
            return f"{said}: its additional parts improve the {helped}, not the {not_helped}."
        return f"{said}."

    def _priced(self, chosen: Candidate, other: Candidate) -> str:
        """What another level takes, against the one chosen."""
        what, more, less = ("cost", "more", "less") if self._costed else ("parts", "more", "fewer")
        ours, theirs = self._price(chosen)[0], self._price(other)[0]
        if theirs == ours:
            return "at the same cost" if self._costed else "with as many parts"
        link = "at" if self._costed else "with"
        if not ours > 0:
            return f"{link} {theirs:,.6g} {what}"
        change = 100.0 * (theirs / ours - 1.0)
        size = f"{abs(change):.0f} %" if abs(change) >= 1.0 else "below 1 %"
        return f"{link} {size} {more if change > 0 else less} {what}"

    def _clients(self) -> tuple[str, ...]:
        counts = sorted({one.clients for one in self.alike})
        if len(counts) < 2:
            return ()
        span = f"{counts[0]} to {counts[-1]}"
        return (f"Each level has the clients of its own file, {span}; give one number of clients to compare alike.",)

    def _apart(self) -> tuple[str, ...]:
        """Those that are not compared, and why."""
        said = []
        others = [one for one in self._answered if one.service != self.service]
        for service in dict.fromkeys(one.service for one in others):
            names = _list([one.name for one in others if one.service == service])
            words = f"{service.replace('_', ' ')}, not {self.service.replace('_', ' ')}"
            verb, stand = ("serves", "stands") if names.count(" and ") == 0 else ("serve", "stand")
            said.append(f"{names} {verb} {words}, and {stand} apart.")
        said += [f"{one.name} has no figures: {one.why_empty.rstrip('.')}." for one in self.candidates if one.why_empty]
        return tuple(said)

    def table(self) -> pd.DataFrame:
        """Give all levels as a table; columns without a value in any row, such as ``cost``, are left out.

        Examples
        --------
        >>> one = Candidate("one", "media", 4, 50.0, 20.0, 90.0, 2.0, "carried", 8, 8, 40, 3, 30)
        >>> Recommendation((one,)).table()["downtime_min_per_year"].to_dict()
        {'one': 50.0}
        """
        import pandas as pd

        frame = pd.DataFrame([asdict(one) for one in self.candidates]).rename(columns={"name": "level"})
        frame = frame.set_index("level").drop(columns=["most", "allowed_min_per_year"])
        frame["takeovers"] = self.takeovers
        chosen = self.chosen
        others = {one.name: math.nan if chosen is None or one is chosen else self.better(chosen, one)
                  for one in self.alike}  # fmt: skip
        frame["p_chosen_better"] = pd.Series(others, dtype=float).reindex(frame.index)
        empty = [name for name in ("cost", "target_percent", "p_met") if frame[name].isna().all()]
        empty += ["verdict"] if not frame["verdict"].any() else []
        frame = frame.drop(columns=empty)
        frame.attrs |= {"takeovers": self.takeovers}
        return frame[[*(name for name in frame.columns if name != "why_empty"), "why_empty"]]

    def _line(self) -> str:
        return self.sentences()[0]

    def _repr_html_(self) -> str:
        return card(self.words(), for_people(self.table()), f"takeovers {self.takeovers}")


def _share(one: Candidate) -> float:
    """Share of its clients that a level carries."""
    return 0.0 if math.isnan(one.clients_normally) else one.clients_normally / one.clients


def _target(one: Candidate) -> str:
    if math.isnan(one.target_percent):
        return "its target"
    return f"the target of {one.target_percent:.12g} %"


def _missing(one: Candidate) -> str:
    """What a level lacks to its target, with all inputs as given."""
    if math.isnan(one.allowed_min_per_year):
        return ""
    allowed = f"{minutes_text(one.allowed_min_per_year)} allowed"
    over = one.downtime_min_per_year - one.allowed_min_per_year
    if over > 0:
        return f" with {allowed}: {three_digits(over)} too many"
    return f" with {allowed}: enough with all inputs as given, not within their limits"


def _list(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
