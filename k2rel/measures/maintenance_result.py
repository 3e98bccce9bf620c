"""Planned work, as people and programs get it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from k2rel.columns import counted
from k2rel.studies import Provenance
from k2rel.tables import ShownTable
from k2rel.units import format_duration

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Maintenance", "OrderOfWorks", "Pair", "WorkCost", "Worth"]


@dataclass(frozen=True, slots=True)
class WorkCost:
    """Downtime of the principal traffic that a work brings, beyond what is lost as long without it [min]."""

    parts: tuple[str, ...]
    for_h: float
    own_min: float  # the takeover that it begins, and where that fails
    risk_min: float  # while redundancy is gone, and what the work itself takes down
    not_back_min: float
    excess_min: float
    p_failure: float  # that the principal traffic fails while the work is done, roles having settled; nan: it is down
    down_meanwhile: tuple[str, ...]
    by_hand_min: float  # the same, if the takeover succeeds for certain, as where an operator moves the roles before
    moves_roles: bool


@dataclass(frozen=True, slots=True)
class OrderOfWorks:
    """Works one after another."""

    parts: tuple[str, ...]
    excess_min: float
    takeovers: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Two works at the same time, beside one after the other in the better order."""

    both: WorkCost
    apart_min: float

    @property
    def may(self) -> bool:
        """Whether together costs no more than apart."""
        return self.both.excess_min <= self.apart_min * (1.0 + 1e-9)


@dataclass(frozen=True, slots=True)
class Worth:
    """What a year of a work costs, and what would have to come of it."""

    part: str
    per_year: float
    adds_min_per_year: float
    caused_min_per_year: float  # downtime that the failures of the part cause
    saved_min_per_year: float  # by what the work finds
    saved_by: str

    @property
    def break_even(self) -> float:
        """Share of the part's failures that the work would have to prevent; above 1: it never pays."""
        rest = self.adds_min_per_year - self.saved_min_per_year
        return rest / self.caused_min_per_year if self.caused_min_per_year > 0 else math.nan


@dataclass(frozen=True, eq=False, repr=False)
class Maintenance(ShownTable):
    """What planned work costs.

    Parameters
    ----------
    works : tuple of WorkCost
        Each work alone, from where the roles usually are.
    orders : tuple of OrderOfWorks
        All orders, the best first.
    pairs : tuple of Pair
        Two works at the same time.
    worth : tuple of Worth
        A year's plan, where it is said how often.
    within_h, not_back : float
        As asked.
    principal : str
        The principal traffic, whose downtime it is.
    downtime_min_per_year : float
        Its downtime a year without planned work.
    """

    works: tuple[WorkCost, ...]
    orders: tuple[OrderOfWorks, ...]
    pairs: tuple[Pair, ...]
    worth: tuple[Worth, ...]
    within_h: float
    not_back: float
    principal: str
    downtime_min_per_year: float
    roles: dict[str, str]
    provenance: Provenance

    def table(self) -> pd.DataFrame:
        """Give what each work costs.

        Returns
        -------
        pandas.DataFrame
            Index ``work``; ``for_h``, ``own_min``, ``risk_min``, ``not_back_min``, ``excess_min``, ``by_hand_min``
            (if a takeover that it begins succeeds for certain), ``p_failure``, ``down_meanwhile``.

        Examples
        --------
        >>> import k2rel
        >>> k2rel.maintenance("L2R", k2rel.Work("switch_A", 2.0)).table().loc["switch_A", "excess_min"].round(1)
        np.float64(3.7)
        """
        import pandas as pd

        rows = [_row(each) for each in self.works]
        return self.provenance.signed(pd.DataFrame(rows).set_index("work"))

    def order_table(self) -> pd.DataFrame:
        """Give the orders of the works.

        Returns
        -------
        pandas.DataFrame
            Index ``order_of_works``, the best first; ``excess_min``, ``takeover_count``.

        Examples
        --------
        >>> import k2rel
        >>> both = [k2rel.Work("server_A", 1.0), k2rel.Work("server_B", 1.0)]
        >>> k2rel.maintenance("L2R", both).order_table().index[0]
        'server_B, server_A'
        """
        import pandas as pd

        rows = [
            {"order_of_works": ", ".join(e.parts), "excess_min": e.excess_min, "takeover_count": e.takeovers}
            for e in self.orders
        ]
        return self.provenance.signed(pd.DataFrame(rows).set_index("order_of_works"))

    def pair_table(self) -> pd.DataFrame:
        """Give pairs of works done at the same time.

        Returns
        -------
        pandas.DataFrame
            Index ``works``; ``excess_min``, ``apart_min``, ``down_meanwhile``, ``may_be_done_together``.

        Examples
        --------
        >>> import k2rel
        >>> both = [k2rel.Work("server_A", 1.0), k2rel.Work("switch_A", 1.0)]
        >>> bool(k2rel.maintenance("L2R", both).pair_table()["may_be_done_together"].iloc[0])
        True
        """
        import pandas as pd

        columns = ["works", "excess_min", "apart_min", "down_meanwhile", "may_be_done_together"]
        rows = [
            {
                "works": ", ".join(each.both.parts),
                "excess_min": each.both.excess_min,
                "apart_min": each.apart_min,
                "down_meanwhile": ", ".join(each.both.down_meanwhile),
                "may_be_done_together": each.may,
            }
            for each in self.pairs
        ]
        return self.provenance.signed(pd.DataFrame(rows, columns=columns).set_index("works"))

    def plan_table(self) -> pd.DataFrame:
        """Give a year's plan: works that are done every so often.

        Returns
        -------
        pandas.DataFrame
            Index ``part``; ``works_per_year``, ``adds_min_per_year``, ``caused_min_per_year`` (by failures of the
            part), ``saved_min_per_year`` (by latent failures that the work finds), ``break_even`` (share of
            the part's failures that it must prevent to pay; above 1 it never does).

        Examples
        --------
        >>> import k2rel
        >>> half_yearly = k2rel.Work("switch_A", 2.0, every_h=4380.0)
        >>> k2rel.maintenance("L2R", half_yearly).plan_table()["works_per_year"].tolist()
        [2.0]
        """
        import pandas as pd

        columns = ["part", "works_per_year", "adds_min_per_year", "caused_min_per_year", "saved_min_per_year",
                   "break_even"]  # fmt: skip
        return self.provenance.signed(pd.DataFrame(self._plan(), columns=columns).set_index("part"))

    def _plan(self) -> list[dict[str, Any]]:
        """Works that are done every so often."""
        rows = [asdict(each) | {"break_even": each.break_even} for each in self.worth if math.isfinite(each.per_year)]
        return [{"part": row.pop("part"), "works_per_year": row.pop("per_year"), **row} for row in rows]

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data.

        Examples
        --------
        >>> import k2rel
        >>> k2rel.maintenance("L2R", k2rel.Work("switch_A", 2.0)).to_json()["works"][0]["parts"]
        ['switch_A']
        """

        def plain(row: dict[str, Any]) -> dict[str, Any]:
            return {
                key: (list(value) if isinstance(value, tuple) else
                      None if isinstance(value, float) and not math.isfinite(value) else value)
                for key, value in row.items()
            }  # fmt: skip

        return {
            **self.provenance.heading(),
            "service": self.principal,
            "downtime_min_per_year": self.downtime_min_per_year,
            "roles": self.roles,
            "within_h": self.within_h if math.isfinite(self.within_h) else None,
            "p_not_back": self.not_back,
            "works": [plain(asdict(each)) for each in self.works],
            "orders": [{"parts": list(each.parts), "excess_min": each.excess_min, "takeover_count": each.takeovers}
                       for each in self.orders],
            "pairs": [
                {**plain(asdict(each.both)), "apart_min": each.apart_min, "may_be_done_together": each.may}
                for each in self.pairs
            ],
            "plan": [plain(row) for row in self._plan()],
        }  # fmt: skip

    def words(self) -> str:
        """Say it in a few sentences.

        Examples
        --------
        >>> import k2rel
        >>> k2rel.maintenance("L2R", k2rel.Work("switch_A", 2.0)).words()[:60]
        'switch_A out of service for 2 h: 3.7 min of additional downt'
        """
        said = []
        for each in self.works:
            parts = [f"{_minutes(each.own_min)} by the takeover"] if each.own_min > 0.005 else []
            if self.principal in each.down_meanwhile:
                parts.append(f"{_minutes(each.risk_min)} while {self.principal} is down by the work itself")
            else:
                parts.append(f"{_minutes(each.risk_min)} by failures while redundancy is reduced")
            if each.not_back_min > 0:
                parts.append(f"{_minutes(each.not_back_min)} by a part that is not restored")
            down = f"; services down meanwhile: {', '.join(each.down_meanwhile)}" if each.down_meanwhile else ""
            if each.moves_roles and each.by_hand_min < 0.9 * each.excess_min:
                down += f"; {_minutes(each.by_hand_min)} min if the roles are moved in advance, successfully"
            said.append(
                f"{each.parts[0]} out of service for {format_duration(each.for_h)}: {_minutes(each.excess_min)} min of "
                f"additional downtime of {self.principal} on average ({', '.join(parts)}){down}."
            )
        if len(self.works) > 1:
            best, worst = self.orders[0], self.orders[-1]
            if worst.excess_min - best.excess_min < 0.01 * abs(worst.excess_min):
                said.append("The order of the works has no effect.")
            else:
                moves = counted(best.takeovers, "takeover")
                good = f"{', then '.join(best.parts)} ({_minutes(best.excess_min)} min, {moves})"
                bad = f"{', then '.join(worst.parts)} ({_minutes(worst.excess_min)} min)"
                said.append(f"Best order: {good}; worst: {bad}.")
        return " ".join(said)

    def _line(self) -> str:
        return f"{self.provenance.site}: {self.words()}"


def _minutes(value: float) -> str:
    return f"{value:.2g}" if abs(value) < 100 else f"{value:,.0f}"


def _row(each: WorkCost) -> dict[str, Any]:
    return {
        "work": ", ".join(each.parts),
        "for_h": each.for_h,
        "own_min": each.own_min,
        "risk_min": each.risk_min,
        "not_back_min": each.not_back_min,
        "excess_min": each.excess_min,
        "by_hand_min": each.by_hand_min,
        "p_failure": each.p_failure,
        "down_meanwhile": ", ".join(each.down_meanwhile),
    }
