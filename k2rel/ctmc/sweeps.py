"""Where a large chain is in the long run, by sweeps, and by cycles over coarser chains.

Both add and multiply positive numbers only. Sweeps start from the initial state and follow the order in which states
are first reached, so one sweep carries probability from good states to states with many failures; every few sweeps
the course of the last ones is extrapolated. What sweeps claim is believed once a bound on its error is proved, from the
residual and the mean times until one likely state is reached: how slowly sweeps converge says nothing of groups of
states that hardly communicate, but from those that state is not reached in any time that counts. Where sweeps of a
large chain are slow, corrections over coarser chains go on from them, and are believed for the same proof alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.balance import imbalance
from k2rel.ctmc.bounds import Bounds, breadth_first
from k2rel.ctmc.chain import Chain
from k2rel.ctmc.kernels import sweep
from k2rel.errors import NoConvergenceError

__all__: list[str] = []

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

_HISTORY, _PERIOD = 5, 15
_FEW_CYCLES, _MOST_CYCLES = 5, 80
_NEAR = 30.0
_HITTING, _MORE = 200, 20
_KNOWN, _LATER = 1e-6, 3
_CLAIM, _PROVED = 1e3, 1e-6
_BALANCED = 1e-12
_SLOW = 1000
_LARGE, _LOOKED, _PATIENCE = 100_000, 44, 12.0
_ROUNDING = 4e-15


@dataclass(frozen=True, eq=False)
class Swept:
    """A distribution that was found by sweeps: what is known of its error, and how much work it was."""

    probability: FloatArray
    error: float
    sweeps: int
    cycles: int
    confirmed: bool


def reached(chain: Chain) -> IntArray:
    """States in the order in which they are first reached, breadth first."""
    return np.asarray(breadth_first(chain.rates, chain.initial), dtype=np.int64)


class Sweeps:
    """An irreducible chain on its way to its stationary distribution."""

    def __init__(self, chain: Chain, tolerance: float, most_sweeps: int) -> None:
        """Number the states so that a sweep follows the order of first reach."""
        # states that are numbered from the initial one on stay as they are
        same = chain.initial == 0
        self.order = np.arange(chain.states) if same else reached(chain)
        self.rates = chain.rates if same else chain.rates[self.order][:, self.order].tocsr()
        self.incoming = chain.incoming if same else self.rates.tocsc()
        self.leave = chain.exit_rates_per_h[self.order]
        self.bounds = Bounds(self.rates, self.incoming, self.leave)
        self.tolerance, self.most = tolerance, most_sweeps
        self.sweeps = self.cycles = 0
        self.claimed = self.slow = False

    @property
    def _allowed(self) -> float:
        """How large a proved bound may be."""
        return max(self.tolerance, min(_CLAIM * self.tolerance, _PROVED))

    def result(self, x: FloatArray, error: float, confirmed: bool) -> Swept:
        """The distribution in the chain's own order."""
        found = np.empty(len(x))
        found[self.order] = x
        return Swept(found, error, self.sweeps, self.cycles, confirmed)

    def begin(self) -> Swept:
        """Sweep until the changes say that the error is below the tolerance, and prove a bound on it.

        Sweeps go on while they halve the bound and it is above the tolerance; where rounding stops them it may stay up
        to a thousand times above, as long as it is small. Else, or where sweeps are slow, it is not confirmed.
        """
        x, self.claimed = self._swept()
        longest = self.bounds.times(x, self.tolerance, max(_HITTING, self.sweeps)) if self.claimed else None
        if self.slow:
            return self._corrected(x)
        if longest is None:
            return self.result(x, np.inf, False)
        bound = self.bounds.error(x, longest)
        for _ in range(_MORE):
            if bound <= self.tolerance:
                break
            for _ in range(10):
                sweep(self.incoming.indptr, self.incoming.indices, self.incoming.data, self.leave, x, 0)
                x /= x.sum()
            self.sweeps += 10
            before, bound = bound, self.bounds.error(x, longest)
            if bound > before / 2:
                break
        return self.result(x, bound, bound <= self._allowed)

    def confirm(self, found: Swept) -> Swept:
        """Ask one cycle whether what sweeps claim is so: an estimate, where nothing better is to be had in time."""
        if not self.claimed:
            return found
        allowed = max(self.tolerance, _ROUNDING)
        x = found.probability[self.order]
        return self._cycles(x, allowed, _FEW_CYCLES, _NEAR * self.tolerance, lambda c: 2.0 * c[-1])

    def _corrected(self, x: FloatArray) -> Swept:
        """By corrections over coarser chains, until mean times prove a bound; not confirmed where they do not."""
        try:
            with np.errstate(all="ignore"):  # what is not finite is not proved
                return self._proved(x)
        except (
            NoConvergenceError,
            ZeroDivisionError,
        ):  # groups that are never left, or hardly
            return self.result(x, np.inf, False)

    def _proved(self, x: FloatArray) -> Swept:
        from k2rel.ctmc.corrections import Corrections

        corrections = Corrections(self.rates, self.incoming, self.leave, x)
        corrections.begin()
        known = corrections.refine(lambda _, moved: moved <= _KNOWN)
        timed = corrections.times() if known else None
        longest = None if timed is None else self.bounds.certain(*timed)
        best, errors = corrections.x, [np.inf]

        def enough(y: FloatArray, _: float) -> bool:
            nonlocal best
            errors.append(np.inf if longest is None else self.bounds.error(y, longest))
            if errors[-1] == min(errors):
                best = y
            stalled = len(errors) > _LATER and min(errors[-_LATER:]) > min(errors[:-_LATER]) / 2
            return errors[-1] <= self.tolerance or stalled

        if longest is not None and not enough(best, 0.0):
            corrections.refine(enough)
        self.cycles += corrections.cycles
        return self.result(best, min(errors), min(errors) <= self._allowed)

    def go_on(self, found: Swept) -> Swept:
        """Cycles from what is known, until the error is below the tolerance and every group of states is balanced.

        Where sweeps had failed cycles may shrink the error unevenly, and may leave some error alone: twice running they
        must come down to a hundredth of the tolerance, and what flows into and out of groups must agree.
        """
        wanted = max(min(self.tolerance / 100, 1e-8), _ROUNDING)
        before = self.cycles
        while True:
            found = self._cycles(found.probability[self.order], wanted, _MOST_CYCLES, np.inf, _still, 2)
            if not found.confirmed:
                return found
            apart = imbalance(self.rates, found.probability[self.order])
            if apart <= max(wanted, _BALANCED):
                return found
            if self.cycles - before >= _MOST_CYCLES:
                return replace(found, error=max(found.error, apart), confirmed=False)

    def _cycles(
        self,
        x: FloatArray,
        wanted: float,
        most: int,
        near: float,
        still: Callable[[list[float]], float],
        times: int = 1,
    ) -> Swept:
        """Cycles until the estimated error is what is wanted so many times in a row, as long as changes are near."""
        changes: list[float] = []
        error, reached_it = np.inf, 0
        while len(changes) < most and self.sweeps < self.most:
            y = self._cycle(x)
            changes.append(float(np.abs(y - x).sum()))
            x = y
            error = still(changes)
            reached_it = reached_it + 1 if error <= wanted else 0
            if reached_it == times:
                return self.result(x, error, True)
            if changes[-1] > near:
                break
        return self.result(x, error, False)

    def _cycle(self, x: FloatArray) -> FloatArray:
        from k2rel.ctmc.levels import cycle

        self.cycles += 1
        try:
            return cycle(self.rates, self.leave, x, self.incoming)
        except ZeroDivisionError:
            raise NoConvergenceError(
                f"steady state of {len(x):,} states: the rates are so far apart that a group of states is not left "
                "within the range of a number, and elimination would take too long"
            ) from None

    def _swept(self) -> tuple[FloatArray, bool]:
        """Gauss-Seidel sweeps with extrapolation; whether their changes say that the error is below the tolerance."""
        from k2rel.ctmc.kernels import extrapolated, products, scaled_change

        start, source, rate = self.incoming.indptr, self.incoming.indices, self.incoming.data
        leave = self.leave
        x = np.zeros(len(leave))
        x[0] = 1.0
        sweep(start, source, rate, leave, x, 1)
        x /= x.sum()
        y, safe = np.empty(len(x)), np.empty(len(x))
        changes = np.zeros((_HISTORY + 1, len(x)))  # each is also the step that its sweep took
        safe_size = np.inf
        ended = [1.0]
        extrapolating, history = True, []
        while self.sweeps < self.most:
            self.sweeps += 1
            count = self.sweeps
            place = count % _PERIOD
            slot = max(0, place - (_PERIOD - _HISTORY) + 1)
            np.copyto(y, x)
            sweep(start, source, rate, leave, y, 0)
            size = scaled_change(x, y, float(y.sum()), changes[slot])
            history.append(size)
            if not np.isfinite(size):
                raise NoConvergenceError(f"sweeps over {len(x):,} states overflowed; the rates are too far apart")
            if place == _PERIOD - 2 and size > safe_size:
                np.copyto(y, safe)  # the last extrapolation did harm: go on without
                extrapolating, history, safe_size = False, [], np.inf
            elif len(history) > 4 and _error(history) <= self.tolerance:
                return y, True
            # of large chains extrapolations are judged, not the few sweeps between them
            judged = extrapolating and len(x) >= _LARGE
            if count > 4 * _PERIOD and not judged and _to_go(history, self.tolerance) > _SLOW:
                self.slow = len(x) >= _LARGE
                return y, False
            if extrapolating and count > _PERIOD and place == _PERIOD - 1:
                ended.append(size)
                if judged and size <= self.tolerance / 3:  # at about what rounding leaves: the proof decides
                    return y, True
                if judged and count >= _LOOKED and _periods_to_go(ended, self.tolerance) > _PATIENCE:
                    self.slow = True
                    return y, False
                np.copyto(safe, y)
                safe_size, history = size, []
                gram, right = products(changes)
                norm = np.sqrt(np.maximum(np.diag(gram), 1e-300))
                weight = np.linalg.lstsq(gram / np.outer(norm, norm), right / norm, rcond=1e-13)[0] / norm
                extrapolated(y, weight, changes, x)
                continue
            x, y = y, x
        return x, False


def _still(changes: list[float]) -> float:
    """Error still there after cycles, from their changes; more cautious than what they suggest."""
    if changes[-1] <= _ROUNDING:
        return changes[-1]
    if len(changes) == 1:
        return 100.0 * changes[0]
    ratio = max(0.5, *(b / a for a, b in itertools.pairwise(changes[-4:]) if a > 0))
    return 3.0 * changes[-1] * ratio / (1.0 - ratio) if ratio < 1.0 else np.inf


def _to_go(history: list[float], tolerance: float) -> float:
    """Sweeps to go until the error is below the tolerance, from how fast the last changes shrank."""
    if len(history) < 4:
        return 0.0
    ratio = (history[-1] / history[-4]) ** (1 / 3) if history[-4] > 0 else 0.0
    if ratio == 0.0 or _error(history) <= tolerance:
        return 0.0
    return np.log(tolerance * (1.0 - ratio) / history[-1]) / np.log(ratio) if ratio < 1.0 else np.inf


def _periods_to_go(ended: list[float], tolerance: float) -> float:
    """Extrapolations to go until changes are below the tolerance, from how much the last of them achieved."""
    ratio = ended[-1] / ended[-2]
    return np.log(tolerance / ended[-1]) / np.log(ratio) if ratio < 1.0 else np.inf


def _error(history: list[float]) -> float:
    """Error still there, from how fast the last changes shrank; infinite where they did not."""
    if len(history) < 4:
        return np.inf
    last = history[-4:]
    if last[-1] <= 5e-16:
        return last[-1]
    ratio = (last[-1] / last[0]) ** (1 / 3)
    return last[-1] * ratio / (1.0 - ratio) if ratio < 1.0 else np.inf
