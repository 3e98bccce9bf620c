"""How long a chain in steady state spends in chosen states within a window, and how often it enters them.

The clock is turned round: by the time that x has been spent inside, the chain has been outside for a time whose Laplace
transform is v(z) exp(G(z) x) 1, where G(z) = Q_ii + Q_io (z - Q_oo)^-1 Q_oi leads from inside to inside. More than x is
spent inside a window t where that time is below t - x: one transform to invert, in z, whatever the stiffness outside;
and the powers of G(z), applied to v(z), serve every x.

The inversion is the Fourier series of J. Abate, W. Whitt, "Numerical inversion of Laplace transforms of probability
distributions", ORSA Journal on Computing 7 (1995) 36, with Euler's summation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel.ctmc.chain import Chain
from k2rel.ctmc.transient import poisson_weights
from k2rel.errors import InputError, ModelTooLargeError

__all__ = ["Accumulated", "accumulated"]

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
ComplexArray = NDArray[np.complex128]

# damping d (the series repeats the function after twice the time, e^-d as large), terms, those averaged after them
_FINE, _ROUGH = (20.0, 18, 12), (12.0, 8, 9)
_ROUGH_FROM = 1e-4  # accuracy from which the shorter series will do
_FEWER = 4  # terms fewer, for the estimate of the error
_MOST_KEPT = 5_000
_AT_ONCE, _MOST_STEPS = 1_000, 60_000
_DENSE = 150  # states inside up to which steps are those of a matrix
_SHIFTED = 0.1  # of the window: up to such times one set of transforms serves all
_MOST_WORK = 2e10  # steps times states and transitions times transforms: about a minute
_BISECTIONS = 60


@dataclass(frozen=True, eq=False)
class Accumulated:
    """Time spent inside some states in a window of a stationary chain, and the number of visits that begin in it."""

    window_h: float
    probability: FloatArray  # (states,): in steady state, of the states that are followed
    rates: Any  # (states, states) sparse [1/h]
    inside: BoolArray
    merged: float  # bound on what merging seldom states can change in any probability
    rough: bool = False  # whether a shorter series will do for the inversion

    @property
    def mean_h(self) -> float:
        """Mean time inside [h]."""
        return float(self.probability[self.inside].sum()) * self.window_h

    @property
    def entries(self) -> float:
        """Mean number of visits that begin in the window."""
        begins = self.probability[~self.inside] @ self.rates[~self.inside][:, self.inside]
        return float(begins.sum()) * self.window_h

    @cached_property
    def _certain(self) -> float | None:
        """Time inside where there is nothing but inside or outside [h]."""
        return None if self.inside.any() and not self.inside.all() else self.mean_h

    @cached_property
    def _transforms(self) -> _Transforms:
        return _Transforms(self, self.window_h)

    def none(self) -> tuple[float, float]:
        """Give the probability that nothing of the window is spent inside, and a bound on its error."""
        if self._certain is not None:
            return float(self._certain == 0.0), 0.0
        values, errors = self._transforms.original(self._transforms.without()[None, :])
        return float(values[0]), float(errors[0]) + self.merged

    def longer_than(self, times_h: Sequence[float]) -> tuple[FloatArray, FloatArray]:
        """Give the probability that more than each time is spent inside, and bounds on the errors.

        Examples
        --------
        >>> chain = Chain.of(2, [0, 1], [1, 0], [0.1, 0.2])
        >>> found = accumulated(chain, np.array([2 / 3, 1 / 3]), np.array([False, True]), 10.0)
        >>> found.longer_than([0.0, 5.0])[0].round(5).tolist()
        [0.75475, 0.29717]
        """
        times = np.asarray(times_h, dtype=np.float64)
        if self._certain is not None:
            return np.asarray(times < self._certain, dtype=np.float64), np.zeros(len(times))
        result, error = np.zeros(len(times)), np.zeros(len(times))
        for n, time_h in enumerate(times.tolist()):
            if time_h < 0 or time_h >= self.window_h:
                result[n] = float(time_h < 0)
                continue
            small = time_h <= _SHIFTED * self.window_h
            over = self._transforms if small else _Transforms(self, self.window_h - time_h)
            found = over.longer_than(time_h, self.window_h - over.time_h + time_h if small else 0.0)
            value, wrong = over.original(found[None, :])
            result[n], error[n] = value[0], wrong[0] + self.merged
        return result, error

    def quantile_h(self, share: float) -> float:
        """Give the time inside [h] that a share of the windows does not exceed.

        Examples
        --------
        >>> chain = Chain.of(2, [0, 1], [1, 0], [1e-3, 1.0])
        >>> found = accumulated(chain, np.array([1000, 1]) / 1001, np.array([False, True]), 1000.0)
        >>> round(found.quantile_h(0.9), 3)
        2.902
        """
        if self._certain is not None:
            return self._certain

        def above(time_h: float) -> bool:
            return bool(self.longer_than([time_h])[0][0] > 1.0 - share)

        if self.none()[0] >= share:
            return 0.0
        low, high = 0.0, min(self.window_h, max(self.mean_h, 1e-3))
        while above(high):
            low, high = high, min(self.window_h, 2.0 * high)
        for _ in range(_BISECTIONS):
            if high - low <= 1e-7 * high:
                break
            middle = 0.5 * (low + high)
            low, high = (middle, high) if above(middle) else (low, middle)
        return 0.5 * (low + high)

    def visits(self, most: int, rest: float = 0.0) -> tuple[FloatArray, FloatArray]:
        """Give the probability of 0, 1, ... visits that begin in the window, and bounds on the errors.

        At most so many, and no more than leave a probability of `rest`.

        Examples
        --------
        >>> chain = Chain.of(2, [0, 1], [1, 0], [1e-3, 1e3])
        >>> found = accumulated(chain, np.array([1.0, 1e-6]), np.array([False, True]), 1000.0)
        >>> found.visits(2)[0].round(4).tolist()
        [0.3679, 0.3679, 0.1839]
        """
        if self._certain is not None:
            return np.ones(1), np.zeros(1)
        values: list[float] = []
        errors: list[float] = []
        for found in self._transforms.visits(most):
            value, error = self._transforms.original(found[None, :])
            values.append(float(value[0]))
            errors.append(float(error[0]) + self.merged)
            if sum(values) >= 1.0 - rest:
                break
        return np.array(values), np.array(errors)


class _Transforms:
    """Transforms in the time outside at the points that the inversion at one time needs; powers as far as asked."""

    def __init__(self, of: Accumulated, time_h: float) -> None:
        from scipy.sparse import csc_array, csr_array, diags_array
        from scipy.sparse.linalg import splu

        self.time_h = time_h
        self._series = _ROUGH if of.rough else _FINE
        turns = 2j * np.pi * np.arange(self._series[1] + self._series[2] + 1)
        self.points: ComplexArray = np.asarray((self._series[0] + turns) / (2.0 * time_h), dtype=np.complex128)
        inside, outside = np.flatnonzero(of.inside), np.flatnonzero(~of.inside)
        leave = np.asarray(of.rates.sum(axis=1)).reshape(-1)

        def block(rows: Any, columns: Any) -> Any:
            """Rates from rows to columns, transposed: distributions are columns here."""
            return csr_array(of.rates[rows][:, columns].T.astype(np.complex128))

        self._out_in, self._in_out = block(outside, inside), block(inside, outside)
        self._inner = csr_array(block(inside, inside) - diags_array(leave[inside]))
        self._start_out, self._start_in = of.probability[outside], of.probability[inside]
        self._fastest = float(leave[inside].max(initial=0.0))
        self._work = float(of.rates.nnz + len(leave)) * len(self.points)

        def solved(states: Any) -> list[Any]:
            # rates out of a state outweigh the rest of its column: no pivoting is needed
            options: dict[str, Any] = {"diag_pivot_thresh": 0.0, "options": {"SymmetricMode": True}}
            inner = block(states, states)
            return [
                splu(csc_array(diags_array(z + leave[states]) - inner), "MMD_AT_PLUS_A", **options) for z in self.points
            ]

        self._solved = solved
        self._inside = inside
        self._outside = [factor.solve for factor in solved(outside)]
        self._first = [solve(self._start_out.astype(np.complex128)) for solve in self._outside]
        self._at = [self._start_in + self._out_in @ first for first in self._first]
        self._powers: list[list[complex]] = [[] for _ in self.points]

    def original(self, transforms: ComplexArray) -> tuple[FloatArray, FloatArray]:
        """Functions of time at the time, from transforms (functions x points), and the errors of the inversion."""
        damping, terms, averaged = self._series
        signs = (-1.0) ** np.arange(len(self.points))
        signs[0] = 0.5
        sums = np.cumsum(transforms.real * signs, axis=1) * (math.exp(damping / 2) / self.time_h)
        weights = np.array([math.comb(averaged, j) for j in range(averaged + 1)]) * 2.0**-averaged
        value, fewer = (sums[:, n : n + averaged + 1] @ weights for n in (terms, terms - _FEWER))
        error = np.abs(value - fewer) + math.exp(-damping)
        return np.clip(value, 0.0, 1.0), error

    def without(self) -> ComplexArray:
        """Transform of the probability of having been outside all the time."""
        return np.array([first.sum() for first in self._first])

    def longer_than(self, time_h: float, shift_h: float) -> ComplexArray:
        """Transform of the probability that so much is spent inside before so much outside."""
        mean = self._fastest * time_h
        reach = 9.0 * math.sqrt(mean + 1.0) + 50.0
        self._reach(mean + reach)
        if self._faded and mean - reach >= len(self._powers[0]):
            return np.zeros(len(self.points), dtype=np.complex128)
        low, weight = poisson_weights(mean, 1e-13)
        found = [np.dot(weight[: max(0, len(x) - low)], x[low : low + len(weight)]) for x in self._powers]
        return np.asarray(np.exp(-self.points * shift_h) * np.array(found) / self.points)

    @property
    def _faded(self) -> bool:
        """Whether powers no longer matter: P <= E[exp(z (time - outside))] at the first point, which is real."""
        return bool(self._powers[0]) and self._powers[0][-1].real < math.exp(-1.5 * self._series[0])

    def _reach(self, count: float) -> None:
        """Go on with the powers of the uniformised clock inside, as far as they matter."""
        dense = len(self._inside) <= _DENSE and count - len(self._powers[0]) > len(self._inside) / 2
        while len(self._powers[0]) < count and not self._faded:
            known = len(self._powers[0])
            if known * self._work > _MOST_WORK or known > _MOST_STEPS:
                raise ModelTooLargeError(
                    f"time spent in states with exit rates up to {self._fastest:.3g} /h: {count:.3g} steps are too "
                    "many; use a shorter time"
                )
            steps = int(min(max(count - known, known / 4) + 1, _AT_ONCE))  # the next time is often a little longer
            (self._step_on if dense else self._step_sparsely)(steps)

    def _step_sparsely(self, count: int) -> None:
        """Go on by solving for the states outside."""
        scale = 1.0 / self._fastest if self._fastest > 0 else 0.0
        for n, (solve, powers) in enumerate(zip(self._outside, self._powers, strict=True)):
            at = self._at[n]
            for _ in range(count):
                powers.append(complex(at.sum()))
                at = at + (self._inner @ at + self._out_in @ solve(self._in_out @ at)) * scale
            self._at[n] = at

    @cached_property
    def _steps(self) -> list[ComplexArray]:
        """One step of the clock inside as a matrix, columns first: of few states many steps are faster so."""
        size, scale = len(self._inside), 1.0 / self._fastest if self._fastest > 0 else 0.0
        inner, to_outside = self._inner.toarray(), self._in_out.toarray()
        found = (inner + self._out_in @ solve(to_outside) for solve in self._outside)
        return [np.ascontiguousarray((np.eye(size) + each * scale).T) for each in found]

    def _step_on(self, count: int) -> None:
        """Go on by matrices."""
        from k2rel.ctmc.kernels import sums_of_steps

        sums = np.empty((count, 2))
        for n, matrix in enumerate(self._steps):
            real, imaginary = self._at[n].real.copy(), self._at[n].imag.copy()
            sums_of_steps(matrix.real.copy(), matrix.imag.copy(), real, imaginary, sums)
            self._powers[n].extend((sums[:, 0] + 1j * sums[:, 1]).tolist())
            self._at[n] = real + 1j * imaginary

    @cached_property
    def _within(self) -> list[Any]:
        return [factor.solve for factor in self._solved(self._inside)]

    def visits(self, most: int) -> Any:
        """Transforms of the probabilities of 0, 1, ... visits that begin until a time."""
        begins = [self._start_in.astype(np.complex128) for _ in self.points]
        arrives: list[Any] = [self._start_out.astype(np.complex128) for _ in self.points]
        for _ in range(most + 1):
            result = np.empty(len(self.points), dtype=np.complex128)
            for n, (inner, outer) in enumerate(zip(self._within, self._outside, strict=True)):
                stays = inner(begins[n])
                away = outer(arrives[n] + self._in_out @ stays)
                result[n] = stays.sum() + away.sum()
                begins[n] = self._out_in @ away
                arrives[n] = 0.0
            yield result


def accumulated(
    chain: Chain, probability: FloatArray, inside: BoolArray, window_h: float, accuracy: float = 1e-5
) -> Accumulated:
    """Time that a chain in steady state spends inside some states within a window.

    Notes
    -----
    States that are visited so seldom that all of them together matter with a probability below `accuracy` are merged,
    those inside and those outside for themselves, by how fast they are left, with the mean of their rates: steady
    probabilities and flows stay as they are, and the bound counts every window that meets such a state.

    Examples
    --------
    >>> chain = Chain.of(2, [0, 1], [1, 0], [1e-3, 0.5])
    >>> found = accumulated(chain, np.array([500, 1]) / 501, np.array([False, True]), 100.0)
    >>> [round(x, 6) for x in (found.mean_h, found.entries, found.none()[0])]
    [0.199601, 0.0998, 0.903031]
    """
    from scipy.sparse import csr_array

    if not 0 < window_h < math.inf:
        raise InputError(f"window_h: a time above 0 is needed, got {window_h:g}")
    leave = chain.exit_rates_per_h
    met = probability * (1.0 + leave * window_h)
    order = np.argsort(met, kind="stable")
    seldom = np.cumsum(met[order])
    merge = int(np.searchsorted(seldom, accuracy))
    merge = max(merge if merge > 1 else 0, len(order) - _MOST_KEPT)
    label = np.empty(len(order), dtype=np.int64)
    label[order[merge:]] = np.arange(len(order) - merge)
    alike = np.column_stack([inside[order[:merge]], np.ceil(np.log2(np.maximum(leave[order[:merge]], 1e-99)))])
    kinds, kind = np.unique(alike, axis=0, return_inverse=True)
    label[order[:merge]] = len(order) - merge + kind.reshape(-1)
    size = len(order) - merge + len(kinds)
    together = np.bincount(label, weights=probability, minlength=size).astype(np.float64)
    matrix = chain.rates.tocoo()
    row, column = label[matrix.row], label[matrix.col]
    moves = row != column
    flow = csr_array(((probability[matrix.row] * matrix.data)[moves], (row[moves], column[moves])), shape=(size, size))
    flow.sum_duplicates()
    weight = np.divide(1.0, together, out=np.zeros(size), where=together > 0)
    flow.data *= np.repeat(weight, np.diff(flow.indptr))
    held = np.zeros(size, dtype=np.bool_)
    held[label] = inside
    used = np.flatnonzero(together > 0)
    bound = float(seldom[merge - 1]) if merge else 0.0
    return Accumulated(
        window_h, together[used], csr_array(flow[used][:, used]), held[used], bound, accuracy >= _ROUGH_FROM
    )
