"""Numbers that are known within limits only: what each one is, and which fields of which records it scales.

A record with such numbers lists them as `Uses`. A draw of an input multiplies every field that uses it by the draw
as a share of the point, so that units, conversions and shares of a rate need no rule of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from k2rel.distributions import Uncertain
from k2rel.tables import Shown

__all__ = ["Factors", "Input", "Uses", "factor", "without"]

FloatArray = NDArray[np.float64]

Factors = Mapping[str, Any]
"""Draws of inputs by name, each as a share of its point."""


@dataclass(frozen=True, slots=True, repr=False)
class Input(Shown):
    """A number that is known within limits.

    Parameters
    ----------
    name : str
        Its assumption, its place in the file, or the entry of the registry and what it is of it.
    kind : str
        What it is: failure rate, repair time, coverage, and so on.
    point : float
        The value that figures without uncertainty rest on.
    low, high : float
        Its limits as given: 5 % and 95 % quantiles, or the ends of a uniform or triangular distribution.
    distribution : Uncertain
        What is known of it.
    unit, evidence, source : str
        Unit of all of these, evidence code, and where limits and point come from.
    place : tuple of str or int
        Its entry in the site file key by key; ``("set", name, key)`` where it was set by hand, and
        ``("rates", row, key)`` of the registry.
    """

    name: str
    kind: str
    point: float
    low: float
    high: float
    distribution: Uncertain
    unit: str = ""
    evidence: str = ""
    source: str = ""
    place: tuple[str | int, ...] = field(default=(), repr=False)

    def factors(self, u: ArrayLike) -> FloatArray:
        """Draws as shares of the point, from numbers that are uniform between 0 and 1."""
        return self.distribution.quantile(np.asarray(u, dtype=np.float64)) / self.point

    def _line(self) -> str:
        return f"{self.name}: {self.point:.4g} {self.unit} ({self.low:.4g} to {self.high:.4g})"


@dataclass(frozen=True, slots=True)
class Uses:
    """That a field of a record is proportional to a power of an input."""

    field: str
    input: str
    power: int = 1


def factor(uses: Iterable[Uses], field: str, factors: Factors) -> Any:
    """What a field of a record is multiplied by; 1 where nothing that it uses is drawn.

    Examples
    --------
    >>> float(factor([Uses("failure_rate_per_h", "life", -1)], "failure_rate_per_h", {"life": 2.0}))
    0.5
    """
    result: Any = 1.0
    for use in uses:
        if use.field == field and use.input in factors:
            drawn = np.asarray(factors[use.input], dtype=np.float64)
            result = result * (drawn if use.power == 1 else drawn**use.power)
    return result


def without(uses: Iterable[Uses], *fields: str) -> tuple[Uses, ...]:
    """What is left where some fields were given anew."""
    return tuple(use for use in uses if use.field not in fields)
