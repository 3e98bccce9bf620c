"""What is known of the load of a site: on every element, on each side, and what arrives of each class."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from k2rel.columns import percentage
from k2rel.policy.used import exceeds
from k2rel.site.side_columns import by_side, load_columns, on_columns, several
from k2rel.studies import Provenance
from k2rel.tables import Shown, ShownTable
from k2rel.units import MB_S, loads_in

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Delivered", "ElementLoads", "LoadResult"]


@dataclass(frozen=True, repr=False)
class ElementLoads(Shown):
    """Distribution of the load on one element, in MB/s or the unit that is given."""

    element: str
    capacity_mb_s: float
    normal_mb_s: float
    distribution: tuple[tuple[float, float], ...]  # load and probability, ascending in load; none if simulated
    counted: tuple[float, float] | None = None  # mean load and probability of overload, where they were simulated
    unit: str = MB_S
    left_out: float = 0.0  # probability of what was not followed: what the distribution lacks to 1

    @property
    def mean_mb_s(self) -> float:
        """Mean load, in `unit`."""
        return self.counted[0] if self.counted else sum(amount * p for amount, p in self.distribution)

    @property
    def p_overload(self) -> float:
        """Probability that the load is above the capacity."""
        return self.counted[1] if self.counted else self.probability_above(self.capacity_mb_s)

    @property
    def largest_mb_s(self) -> float:
        """Largest load that is possible; not a number where it was simulated."""
        return self.distribution[-1][0] if self.distribution else math.nan

    def probability_above(self, load_mb_s: float) -> float:
        """Probability that the load is above a value.

        Examples
        --------
        >>> ElementLoads("x", 10.0, 5.0, ((5.0, 0.75), (20.0, 0.25))).probability_above(10)
        0.25
        """
        return sum(p for amount, p in self.distribution if exceeds(amount, load_mb_s))

    def percentile(self, percent: float) -> float:
        """Smallest load that is not exceeded with a probability.

        Examples
        --------
        >>> ElementLoads("x", 10.0, 5.0, ((5.0, 0.75), (20.0, 0.25))).percentile(90)
        20.0
        """
        if not self.distribution:
            return math.nan
        above = 0.0
        for index in range(len(self.distribution) - 1, -1, -1):
            above += self.distribution[index][1]
            if above > 1.0 - percent / 100:
                return self.distribution[index][0]
        return self.distribution[0][0]

    def _line(self) -> str:
        return f"{self.element}: {self.mean_mb_s:.4g} {self.unit} on average, at most {self.largest_mb_s:.4g}"


_READ = 1e-6  # share of the demand above which what was not followed is said


@dataclass(frozen=True, slots=True)
class Delivered:
    """What arrives of one traffic class, on average, in MB/s or the unit that is given."""

    traffic: str
    demand_mb_s: float
    delivered_mb_s: float
    unit: str = MB_S

    def to_json(self) -> dict[str, Any]:
        """Give it as plain data."""
        loads = {"demand_mb_s": self.demand_mb_s, "delivered_mb_s": self.delivered_mb_s}
        return {"traffic": self.traffic, **loads_in(self.unit, loads)}


@dataclass(frozen=True, repr=False)
class LoadResult(ShownTable):
    """Load of a site."""

    provenance: Provenance
    sides: tuple[str, ...]
    side_distribution: tuple[tuple[Any, ...], ...]  # clients on each side alone (two at least), cut off; probability
    demand_mb_s: float  # of one client's principal traffic
    elements: tuple[ElementLoads, ...]
    p_any_overload: float  # by the foreground
    delivered_fraction: float  # of the foreground: its flows share an overloaded element evenly
    left_out: float  # probability of what was not followed; bounds the error of the two before, and of `elements`
    p_any_overload_limits: tuple[float, float] | None = None  # where it was simulated
    delivered: tuple[Delivered, ...] = ()  # by traffic class; the background gets what the foreground leaves
    side_loads: tuple[tuple[float, ...], ...] = ()  # principal traffic on each side, by row
    client_count: int = 0
    unit: str = MB_S  # of the principal traffic
    fractions: tuple[tuple[str, float], ...] = ()  # of the foreground in each unit, where there are several

    def table(self) -> pd.DataFrame:
        """Give the elements as a table.

        Examples
        --------
        >>> import k2rel
        >>> float(k2rel.load("L2R").table().loc["toe_A1", "normal_mb_s"])
        50.0
        """
        import pandas as pd

        units = {item.unit for item in self.elements}
        rows = [
            {
                "element": item.element,
                **loads_in(
                    item.unit,
                    {
                        "capacity_mb_s": item.capacity_mb_s,
                        "normal_mb_s": item.normal_mb_s,
                        "mean_mb_s": item.mean_mb_s,
                        "p95_mb_s": item.percentile(95),
                        "p99_9_mb_s": item.percentile(99.9),
                        "largest_mb_s": item.largest_mb_s,
                    },
                    beside=units,
                ),
                "p_overload": item.p_overload,
            }
            for item in self.elements
        ]
        return self.provenance.signed(pd.DataFrame(rows).set_index("element") if rows else pd.DataFrame())

    def side_table(self) -> pd.DataFrame:
        """Give the distribution of clients over the sides as a table.

        Examples
        --------
        >>> import k2rel
        >>> k2rel.load("L2R").side_table().iloc[0, :3].tolist()
        [4, 0, 0]
        """
        import pandas as pd

        frame = pd.DataFrame(self._side_rows())
        return self.provenance.signed(frame, sides=self.sides)

    def _side_rows(self) -> list[dict[str, float]]:
        """Rows of `side_table`; clients on more than one side where there can be any."""
        together = any(sum(row[:-1]) < self.client_count for row in self.side_distribution)
        return [
            {
                **dict(zip(on_columns(self.sides), on, strict=True)),
                **({several(self.sides): self.client_count - sum(on) - lost} if together else {}),
                "cut_off": lost,
                **loads_in(self.unit, dict(zip(load_columns(self.sides), loads, strict=True))),
                "probability": p,
            }
            for (*on, lost, p), loads in zip(self.side_distribution, self.side_loads, strict=True)
        ]

    def _named_rows(self) -> list[dict[str, Any]]:
        """Rows of `side_table`, with clients and load by the names of the sides."""
        return [
            {**shown, "sides": by_side(self.sides, row[:-2]), "load_by_side": by_side(self.sides, loads)}
            for shown, row, loads in zip(self._side_rows(), self.side_distribution, self.side_loads, strict=True)
        ]

    @property
    def left_out_words(self) -> str:
        """Say how much the figures can be off by what was not followed; empty where no digit that is read moves."""
        if self.left_out <= _READ:
            return ""
        return (
            f"not all states were followed: up to {percentage(min(self.left_out, 1.0))} of the demand may arrive in "
            "addition to the figures, and P(any overload) may be wrong by as much"
        )

    def to_json(self) -> dict[str, Any]:
        """Give the result as plain data, as the command line prints it.

        Examples
        --------
        >>> import k2rel
        >>> sorted(k2rel.load("L2R").to_json())[:3]
        ['clients', 'contract', 'data']
        """
        return {
            **self.provenance.heading(),
            "sides": list(self.sides),
            "side_distribution": self._named_rows(),
            "elements": [
                {
                    "element": item.element,
                    **loads_in(
                        item.unit,
                        {
                            "capacity_mb_s": item.capacity_mb_s,
                            "normal_mb_s": item.normal_mb_s,
                            "mean_mb_s": item.mean_mb_s,
                        },
                    ),
                    "p_overload": item.p_overload,
                    "distribution": [
                        {"load_mb_s" if item.unit == MB_S else "load": amount, "probability": p}
                        for amount, p in item.distribution
                    ],
                }
                for item in self.elements
            ],
            "p_any_overload": self.p_any_overload,
            "delivered_fraction": self.delivered_fraction,
            **({"delivered_fractions": dict(self.fractions)} if self.fractions else {}),
            "delivered": [item.to_json() for item in self.delivered],
            "left_out": self.left_out,
        }

    def _line(self) -> str:
        shares = [(f" in {unit}", share) for unit, share in self.fractions] or [("", self.delivered_fraction)]
        given = " and ".join(f"{100 * share:.6g} % of the demand{unit}" for unit, share in shares)
        return (
            f"{self.provenance.site}: some element is overloaded with probability {self.p_any_overload:.3g}, "
            f"{given} is delivered{'; ' if self.left_out_words else ''}{self.left_out_words}"
        )
