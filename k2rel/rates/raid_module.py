r"""A RAID set as a module: its unavailability and data-loss rate come from its own Markov chain.

States count the drives whose content is missing and the spares on hand. A missing drive is rebuilt onto a
hot spare when there is one, else it is first replaced; the used spare is replaced meanwhile. One drive
missing beyond the tolerance is data loss, which ends when the data have been brought back from elsewhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from k2rel.ctmc.small import steady_state, transient

__all__ = ["RaidModule", "mttdl_patterson_h"]

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class RaidModule:
    """A set of drives that bears the loss of some.

    Parameters
    ----------
    drives : int
        Number of drives that hold data or parity.
    tolerance : int
        How many may be missing at once: 1 for RAID 5, 2 for RAID 6, n - 1 for RAID 1.
    failure_rate_per_h : float
        Failure rate of one drive [1/h].
    replace_h : float
        Mean time to replace a drive [h].
    rebuild_h : float
        Mean time to rebuild its content [h].
    restore_h : float
        Mean time to bring data back after a loss [h].
    hot_spares : int
        Hot spares.
    crews : int or None
        How many missing drives are restored at once; None for all.

    Notes
    -----
    All times are taken as exponential. The chain is that of G. A. Gibson, "Redundant Disk Arrays" (1992),
    with spares added; no approximation for rare failures is made.

    Examples
    --------
    Eight drives as RAID 5, the case of Elerath and Pecht (DSN 2007):

    >>> round(RaidModule(8, 1, 1 / 461_386, replace_h=12, rebuild_h=0, restore_h=24).mttdl_h / 8760, 2)
    36176.36
    """

    drives: int
    tolerance: int
    failure_rate_per_h: float
    replace_h: float
    rebuild_h: float
    restore_h: float
    hot_spares: int = 0
    crews: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < self.drives:
            raise ValueError(f"{self.drives} drives cannot tolerate the failure of {self.tolerance}")
        if self.failure_rate_per_h < 0 or self.restore_h <= 0 or self.replace_h + self.rebuild_h <= 0:
            raise ValueError("rates cannot be negative, and times must be above 0")
        if self.hot_spares and not self.rebuild_h > 0:
            raise ValueError("with hot spares the rebuild time must be above 0")

    @property
    def missing_for_loss(self) -> int:
        """How many drives must be missing at once for data to be lost."""
        return self.tolerance + 1

    @cached_property
    def _states(self) -> list[tuple[int, int]]:
        """(missing drives, spares on hand); data loss is the last state, missing = tolerance + 1."""
        up = [(m, s) for m in range(self.missing_for_loss) for s in range(self.hot_spares, -1, -1)]
        return [*up, (self.missing_for_loss, 0)]

    @cached_property
    def _rates(self) -> FloatArray:
        return self._rates_with(self.failure_rate_per_h, self.replace_h, self.rebuild_h, self.restore_h)

    def _rates_with(self, rate: Any, replace_h: Any, rebuild_h: Any, restore_h: Any) -> FloatArray:
        """Rates from state to state with a rate and times that may be arrays (..., states, states)."""
        index = {state: number for number, state in enumerate(self._states)}
        loss = len(index) - 1
        shape = np.broadcast_shapes(*(np.shape(given) for given in (rate, replace_h, rebuild_h, restore_h)))
        rates = np.zeros((*shape, len(index), len(index)))
        most = self.drives if self.crews is None else self.crews
        for (missing, spares), row in index.items():
            if row == loss:
                rates[..., row, 0] = 1.0 / restore_h
                continue
            failed = loss if missing == self.tolerance else index[missing + 1, spares]
            rates[..., row, failed] += (self.drives - missing) * rate
            rebuilding = min(missing, spares, most)
            if rebuilding:
                rates[..., row, index[missing - 1, spares - 1]] += rebuilding / rebuild_h
            replacing = min(missing - rebuilding, most - rebuilding) if missing > spares else 0
            if replacing:
                rates[..., row, index[missing - 1, spares]] += replacing / (replace_h + rebuild_h)
            used = self.hot_spares - spares
            if used:
                rates[..., row, index[missing, spares + 1]] += used / replace_h
            if spares:
                rates[..., row, index[missing, spares - 1]] += spares * rate
        return rates

    @cached_property
    def _steady(self) -> FloatArray:
        return steady_state(self._rates)

    @property
    def unavailability(self) -> float:
        """Steady-state probability that data are lost and not yet brought back."""
        return float(self._steady[-1]) if self.failure_rate_per_h else 0.0

    def unavailability_of(self, failure_rates_per_h: ArrayLike) -> FloatArray:
        """Steady-state unavailability with other failure rates of a drive.

        Parameters
        ----------
        failure_rates_per_h : array of float
            Rates [1/h], above 0.

        Returns
        -------
        array of float
            Unavailability for each.

        Examples
        --------
        >>> raid = RaidModule(5, 1, 1e-6, 24, 0, 24)
        >>> float(raid.unavailability_of([1e-6])[0]) / raid.unavailability
        1.0
        """
        rates = np.asarray(failure_rates_per_h, dtype=np.float64)
        return self.unavailability_at_rates(rates, self.replace_h, self.rebuild_h, self.restore_h)

    def unavailability_at_rates(self, rate: Any, replace_h: Any, rebuild_h: Any, restore_h: Any) -> FloatArray:
        """Unavailability with another rate of a drive [1/h] and other times [h], any of them arrays."""
        return np.asarray(steady_state(self._rates_with(rate, replace_h, rebuild_h, restore_h))[..., -1])

    @property
    def frequency_per_h(self) -> float:
        """Data losses per hour [1/h]."""
        return self.unavailability / self.restore_h

    @property
    def mean_downtime_h(self) -> float:
        """Mean duration of a loss [h]."""
        return self.restore_h

    @property
    def mttdl_h(self) -> float:
        """Mean time to data loss from all drives good [h]; independent of the restore time."""
        if not self.failure_rate_per_h:
            return math.inf
        return float(self._steady[:-1].sum() / self._steady[-1] * self.restore_h)

    def unavailability_at(self, times_h: ArrayLike) -> FloatArray:
        """Probability that data are lost at a time, from all drives good at time 0.

        Parameters
        ----------
        times_h : array of float
            Times [h].

        Returns
        -------
        array of float
            Point unavailability at each time.

        Examples
        --------
        >>> RaidModule(5, 1, 1e-6, 24, 0, 24).unavailability_at([0.0]).tolist()
        [0.0]
        """
        return np.asarray(transient(self._rates, np.asarray(times_h, dtype=np.float64))[:, -1])

    def unreliability_at(self, times_h: ArrayLike) -> FloatArray:
        """Probability that more drives than the set bears have failed by a time, none being replaced.

        Parameters
        ----------
        times_h : array of float
            Times [h].

        Returns
        -------
        array of float
            Unreliability at each time.

        Examples
        --------
        >>> RaidModule(2, 1, 0.01, 24, 0, 24).unreliability_at([10.0]).round(9).tolist()
        [0.009055917]
        """
        q = -np.expm1(-self.failure_rate_per_h * np.asarray(times_h, dtype=np.float64))
        n, fewest = self.drives, self.missing_for_loss
        return np.asarray(sum(math.comb(n, k) * q**k * (1.0 - q) ** (n - k) for k in range(fewest, n + 1)))


def mttdl_patterson_h(mttf_h: float, mttr_h: float, data_drives: int, group: int, check: int) -> float:
    r"""Mean time to data loss of an array, by the approximation of the original RAID paper.

    Notes
    -----
    D. A. Patterson, G. Gibson, R. H. Katz, "A case for redundant arrays of inexpensive disks (RAID)",
    SIGMOD 1988: :math:`MTTF^2 / ((D + C n_G)(G + C - 1) MTTR)` with :math:`n_G = D / G` groups. It
    holds for one tolerated loss and MTTR far below MTTF; `RaidModule` has no such limit.

    Examples
    --------
    >>> round(mttdl_patterson_h(30_000, 1, 100, 10, 1))
    818182
    """
    groups = data_drives / group
    return mttf_h**2 / ((data_drives + check * groups) * (group + check - 1) * mttr_h)
