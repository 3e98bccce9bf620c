"""Parts that are tested on the same days fail unnoticed together: moments of the cycle of the tests, with weights.

Between two tests the unavailability of every tested part rises, so at one moment those of several parts are high
together, and the mean of a product is more than the product of the means. Whatever depends on them is averaged over
the cycle. A function of independent parts is a polynomial in their unavailabilities, of the first degree in each, so
a few moments with weights that give the joint moments of the cycle right give its mean exactly.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from k2rel.intervals import MOST_TESTS, common_period, number_in_common
from k2rel.rates.failure_law import Law
from k2rel.rates.hidden import PeriodicTests
from k2rel.tables import Shown

__all__ = ["Moments", "calendar_of", "common_period_h", "law_at", "moments_of", "moving_moments"]

FloatArray = NDArray[np.float64]

_MOST_JOINT = 50  # joint moments for which points are thinned; where there are more, thinning costs more than it saves
_MOST_MOMENTS = 400
_STEP = 1e-5  # of a rate or a time, relatively, for a derivative
_MOST_NUMBERS = 20_000_000  # held at once
_DENSE = 16  # points of a panel where many alike parts are followed
_DEEPEST = 40  # degree up to which all moments are kept; beyond it, those that a smooth enough function can tell apart


@dataclass(frozen=True, repr=False)
class Moments(Shown):
    """Moments of the cycle of the tests.

    Parameters
    ----------
    weight : array of float, shape (moments,)
        Share of the time that each stands for; they sum to 1.
    unavailability, frequency_per_h, restored_per_h : mapping of str to array of float, shape (moments,)
        Of each part that is tested on known days, by name: failures, and restorations of what a test has found.
    """

    weight: FloatArray
    unavailability: Mapping[str, FloatArray]
    frequency_per_h: Mapping[str, FloatArray]
    restored_per_h: Mapping[str, FloatArray]

    def _line(self) -> str:
        return f"{len(self.weight)} moments"


def moments_of(laws: Mapping[str, Law], alike: Mapping[str, int] | None = None) -> Moments:
    r"""Find moments of the cycle that stand for all of it.

    Parameters
    ----------
    laws : mapping of str to Law
        Laws by name; those that no test on known days concerns are passed over.
    alike : mapping of str to int, optional
        How many parts a name stands for, each independent of the others at a given moment: clients.

    Returns
    -------
    Moments
        One moment with the mean values where only one part is concerned.

    Notes
    -----
    The cycle is integrated by Gauss-Legendre quadrature on panels between tests that double in length from the
    shortest time constant. Parts of one law become one variable: Gauss quadrature over its distribution (G. H. Golub,
    J. H. Welsch, Mathematics of Computation 23 (1969) 221). Where there are several, a subset of the points is
    weighted so that all joint moments stay (C. Litterer, T. Lyons, Annals of Applied Probability 22 (2012) 1301), those
    of the restorations of one law with the unavailabilities of the others too. Of one law alone the restorations
    have the joint moments of the failures, since :math:`\int q^k\,dq` over the cycle is 0.
    Intervals whose common period has more than 10,000 tests are taken as drifting through all phases; the mean of a
    product of two such unavailabilities is then wrong by less than 1/30,000 of it.

    Examples
    --------
    >>> law = Law(5e-6, 1e-6, 8760.0)
    >>> found = moments_of({"a": law, "b": law})
    >>> f"{found.weight @ found.unavailability['a'] ** 2:.5e}"
    '6.18896e-04'
    """
    counts = alike or {}
    concerned = {name: law for name, law in laws.items() if law.tested_together}
    degree: dict[Law, int] = {}
    for name, law in concerned.items():
        one = law.single.unnamed()
        degree[one] = degree.get(one, 0) + law.parts * counts.get(name, 1)
    weight, values, back = np.ones(1), dict[Law, FloatArray](), dict[Law, FloatArray]()
    if sum(degree.values()) == 1:
        values = {one: np.array([one.unavailability]) for one in degree}
        back = {one: one.frequency_at(q) for one, q in values.items()}
    else:
        for family in _families(list(degree)):
            more, found, restored = _reduced_family(family, [degree[law] for law in family])
            for known, new in ((values, found), (back, restored)):
                known.update({law: np.repeat(row, len(more)) for law, row in known.items()})
                known.update({law: np.tile(row, len(weight)) for law, row in zip(family, new, strict=True)})
            weight = (weight[:, None] * more).reshape(-1)
    q = {name: values[law.single.unnamed()] ** law.parts for name, law in concerned.items()}
    return Moments(
        weight,
        q,
        {name: law.frequency_at(q[name]) for name, law in concerned.items()},
        {name: law.restored_at(q[name], back[law.single.unnamed()]) for name, law in concerned.items()},
    )


def moving_moments(
    laws: Mapping[str, Law], alike: Mapping[str, int] | None = None
) -> list[tuple[Moments, dict[str, tuple[FloatArray, FloatArray]]]]:
    """Find moments that also stand for what a change of a part's failure rate or repair does over the cycle.

    Parameters
    ----------
    laws, alike
        As for `moments_of`.

    Returns
    -------
    list of (Moments, dict of str to (array of float, array of float))
        Each part is in one of the dictionaries: derivatives of its unavailability at the moments beside it, with
        respect to its failure rate [h] and to its time to restoration [1/h].

    Examples
    --------
    >>> law = Law(5e-6, 8.0, 8760.0)
    >>> [(found, by)] = moving_moments({"a": law, "b": law})
    >>> f"{2 * found.weight @ (by['a'][1] * found.unavailability['b']):.3e}"
    '9.659e-08'
    """
    counts = alike or {}
    concerned = {name: law for name, law in laws.items() if law.tested_together}
    degree: dict[Law, int] = {}
    for name, law in concerned.items():
        one = law.single.unnamed()
        degree[one] = degree.get(one, 0) + law.parts * counts.get(name, 1)
    families = _families(list(degree))
    degrees = [[min(_DEEPEST, degree[law]) for law in family] for family in families]
    reduced = [_reduced_family(family, most)[:2] for family, most in zip(families, degrees, strict=True)]
    result = []
    parts = [(n, *found) for n, family in enumerate(families) for found in _moving_family(family, degrees[n])]
    for number, moved, share, rows in parts:
        family = families[number]
        weight, values, place = np.ones(1), dict[Law, FloatArray](), np.zeros(1, dtype=np.int64)
        for other, members in enumerate(families):
            more, found = (share, rows[: len(family)]) if other == number else reduced[other]
            values = {law: np.repeat(q, len(more)) for law, q in values.items()}
            values |= {law: np.tile(q, len(weight)) for law, q in zip(members, found, strict=True)}
            place = np.tile(np.arange(len(more)), len(weight)) if other == number else np.repeat(place, len(more))
            weight = (weight[:, None] * more).reshape(-1)
        q = {name: values[law.single.unnamed()] for name, law in concerned.items()}
        by = {}
        for name, law in concerned.items():
            if law.single.unnamed() in moved:
                at, chain = moved.index(law.single.unnamed()), law.parts * q[name] ** (law.parts - 1)
                ends = rows[len(family) + 2 * at], rows[len(family) + 2 * at + 1]
                by[name] = (chain * ends[0][place], chain * ends[1][place])
        q = {name: q[name] ** law.parts for name, law in concerned.items()}
        w = {name: law.frequency_at(q[name]) for name, law in concerned.items()}
        result.append((Moments(weight, q, w, w), by))  # a derivative of U asks for no restorations
    return result


def _moving_family(
    laws: Sequence[Law], degrees: Sequence[int]
) -> list[tuple[Sequence[Law], FloatArray, list[FloatArray]]]:
    """Moments with the joint moments of all laws, each also times a derivative by rate or by repair of some of them."""
    times, weight = _points(laws)
    values = [law.unavailability_in_cycle(times) for law in laws]

    def by(low: Law, high: Law, step: float) -> FloatArray:
        return np.asarray((high.unavailability_in_cycle(times) - low.unavailability_in_cycle(times)) / step)

    slopes = []
    for law in laws:
        rate, mttr = law.failure_rate_per_h, law.mttr_h
        up, down = 1.0 + _STEP, 1.0 - _STEP
        later = mttr * up if mttr > 0 else _STEP * 1e-3 * law.test_interval_h
        slopes += [
            by(
                replace(law, failure_rate_per_h=rate * down),
                replace(law, failure_rate_per_h=rate * up),
                rate * (up - down),
            ),
            by(replace(law, mttr_h=mttr * down), replace(law, mttr_h=later), later - mttr * down),
        ]
    most = min(_MOST_MOMENTS, len(weight), 1 + _MOST_NUMBERS // len(weight))
    powers = list(itertools.islice(itertools.product(*(range(d + 1) for d in degrees)), _MOST_MOMENTS + 1))
    if 3 * len(powers) > most and len(weight) <= _MOST_MOMENTS:
        return [(laws, weight, values + slopes)]
    if 3 * len(powers) > most:  # what is highest in all counts least
        order = max(2, sum(degrees))
        while order > 1 and 3 * math.comb(len(laws) + order, order) > most:
            order -= 1
        chosen = itertools.chain(
            *(itertools.combinations_with_replacement(range(len(laws)), k) for k in range(order + 1))
        )
        powers = [tuple(one.count(n) for n in range(len(laws))) for one in chosen]
    scaled = [(q - weight @ q) / max(float(np.abs(q - weight @ q).max()), 1e-300) for q in values]
    joint = [np.prod([q**k for q, k in zip(scaled, ks, strict=True)], axis=0) for ks in powers]
    together = (1 + len(slopes)) * len(joint) <= most
    result: list[tuple[Sequence[Law], FloatArray, list[FloatArray]]] = []
    for first in range(0, len(laws), len(laws) if together else 1):
        moved = laws if together else laws[first : first + 1]
        own = slopes if together else slopes[2 * first : 2 * first + 2]
        factors = [slope / max(float(np.abs(slope).max()), 1e-300) for slope in own]
        kept, share = _recombined(np.array([*joint, *(one * f for one in joint for f in factors)]).T, weight)
        result.append((moved, share, [row[kept] for row in values + own]))
    return result


def calendar_of(
    laws: Mapping[str, Law], limits: Mapping[str, tuple[float, float]], alike: Mapping[str, int] | None = None
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Find times of the cycle that stand for all of it whatever the failure rates are, within limits.

    Parameters
    ----------
    laws : mapping of str to Law
        As for `moments_of`.
    limits : mapping of str to (float, float)
        Lowest and highest failure rate of each [1/h].
    alike : mapping of str to int, optional
        As for `moments_of`.

    Returns
    -------
    tuple of (array of float, dict of str to array of float)
        Weight of each moment, and its time on the calendar of each part [h].

    Examples
    --------
    >>> law = Law(5e-6, 1e-6, 8760.0)
    >>> weight, times = calendar_of({"a": law, "b": law}, {"a": (1e-6, 1e-5), "b": (1e-6, 1e-5)})
    >>> f"{weight @ law.unavailability_in_cycle(times['a']) ** 2:.5e}"
    '6.18896e-04'
    """
    counts = alike or {}
    concerned = {name: law for name, law in laws.items() if law.tested_together}
    families = _families(list(dict.fromkeys(law.single.unnamed() for law in concerned.values())))
    weight, times = np.ones(1), dict[str, FloatArray]()
    for family in families:
        names = [name for name, law in concerned.items() if law.single.unnamed() in family]
        degree = min(_DEEPEST, sum(concerned[name].parts * counts.get(name, 1) for name in names))
        at, share = _points(family)
        curves: dict[tuple[Law, float], FloatArray] = {}
        for name in names:
            one = concerned[name].single.unnamed()
            low, high = limits[name]
            for rate in {low * (high / low) ** (k / 4) for k in range(5)}:
                curves[one, rate] = one.tests.at(rate, at)
        while degree > 2 and math.comb(len(curves) + degree, degree) > _MOST_MOMENTS:
            degree -= 1
        scaled = [(q - share @ q) / max(float(np.abs(q).max()), 1e-300) for q in curves.values()]
        chosen = itertools.chain(*(itertools.combinations_with_replacement(scaled, k) for k in range(degree + 1)))
        basis = np.array([np.prod([np.ones(len(at)), *curve], axis=0) for curve in chosen]).T
        if basis.shape[1] < len(at):
            axes, sizes, _ = np.linalg.svd(basis * np.sqrt(share)[:, None], full_matrices=False)
            basis = (axes / np.sqrt(share)[:, None])[:, sizes > 1e-13 * sizes[0]]
            kept, share = _recombined(basis, share)
            at = at[kept]
        times = {name: np.repeat(known, len(share)) for name, known in times.items()}
        times |= {name: np.tile(at, len(weight)) for name in names}
        weight = (weight[:, None] * share).reshape(-1)
    return weight, times


def law_at(unavailability: float, frequency_per_h: float) -> Law:
    """Give a law with an unavailability and a failure frequency of one moment.

    Parameters
    ----------
    unavailability : float
        Unavailability then.
    frequency_per_h : float
        Failures per hour then [1/h].

    Returns
    -------
    Law
        A law that has them in steady state.

    Examples
    --------
    >>> law_at(0.5, 1e-3)
    ... # doctest: +ELLIPSIS
    <Law failure_rate_per_h 0.002, mttr_h 500>
    """
    down = unavailability / frequency_per_h if frequency_per_h > 0 else 0.0
    return Law(frequency_per_h / (1.0 - unavailability) if unavailability < 1 else 0.0, down)


def common_period_h(laws: Sequence[Law]) -> float:
    """Give the time after which the tests of all laws fall as they did before.

    Parameters
    ----------
    laws : sequence of Law
        Laws that are tested on known days.

    Returns
    -------
    float
        The period [h]; infinite where it has too many tests to be followed.

    Examples
    --------
    >>> common_period_h([Law(1e-6, 8.0, 720.0), Law(1e-6, 8.0, 168.0)])
    5040.0
    """
    intervals = {law.single.test_interval_h for law in laws}
    if not intervals or number_in_common(intervals) > MOST_TESTS:
        return math.inf
    return float(common_period(intervals))


def _families(laws: Sequence[Law]) -> list[list[Law]]:
    """Laws whose tests have a common period that is not too long, together."""
    families: list[list[Law]] = []
    for law in laws:
        for members in families:
            if common_period_h([*members, law]) < math.inf:
                members.append(law)
                break
        else:
            families.append([law])
    return families


def _points(laws: Sequence[Law], degrees: Sequence[int] = ()) -> tuple[FloatArray, FloatArray]:
    """Points over the common period of some laws' tests, and their weights; of many alike parts, denser.

    How many of n parts are down at a moment spreads by sqrt(n q): no panel is longer than twice that.
    """
    period = common_period_h(laws)
    days = [
        np.arange(round(period / law.test_interval_h))[:, None] * law.test_interval_h + np.array(law.test_days_h)
        for law in laws
    ]
    tests = np.unique(np.round(np.concatenate([d.reshape(-1) for d in days]) / period, 14) % 1.0) * period
    calendar = PeriodicTests(period, tuple(tests.tolist()), min(law.mttr_h for law in laws))
    many = [(law, n) for law, n in zip(laws, degrees, strict=False) if n > _DEEPEST]
    fastest = max(law.failure_rate_per_h for law in laws)
    panels = calendar.panels(max([fastest, *(n * law.failure_rate_per_h for law, n in many)]))
    pieces = np.ones(len(panels))
    for law, n in many:
        inside = panels[:, :1] + (panels[:, 1:] - panels[:, :1]) * np.array([1e-9, 0.25, 0.5, 0.75, 1.0 - 1e-9])
        q = law.unavailability_in_cycle(inside.reshape(-1)).reshape(inside.shape)
        low, high = q.min(axis=1), q.max(axis=1)
        # in units of the spread, of which sqrt(n q) is the integral
        pieces = np.maximum(pieces, np.ceil(math.sqrt(n) * (np.sqrt(high) - np.sqrt(low))))
    parts = [np.linspace(begin, end, int(m) + 1) for (begin, end), m in zip(panels, pieces, strict=True)]
    panels = np.concatenate([np.stack([edge[:-1], edge[1:]], axis=1) for edge in parts])
    return calendar.points_on(panels, _DENSE) if many else calendar.points_on(panels)


def _reduced_family(
    laws: Sequence[Law], degrees: Sequence[int]
) -> tuple[FloatArray, list[FloatArray], list[FloatArray]]:
    """A few moments that have the joint moments of all, up to a degree for each law: weights, q, restorations [1/h]."""
    if list(degrees) == [1]:
        alone = np.array([laws[0].unavailability])
        return np.ones(1), [alone], [laws[0].frequency_at(alone)]
    times, weight = _points(laws, degrees)
    values = np.array([law.unavailability_in_cycle(times) for law in laws])
    if len(laws) == 1:
        # n parts tell values apart by their spread, in which those up to the highest lie 2 sqrt(n q) apart; a Gaussian
        # of that width is a polynomial of twice this many nodes but for 1e-11
        enough = _DEEPEST // 2 + 1 + math.ceil(4.0 * math.sqrt(degrees[0] * float(values[0].max())))
        share, nodes = _gauss(values[0], weight, min(degrees[0] // 2 + 1, enough))
        return share, nodes, [laws[0].frequency_at(nodes[0])]
    back = np.array([_restored(law, times, q, weight) for law, q in zip(laws, values, strict=True)])
    wanted = math.prod(degree + 1 for degree in degrees)
    wanted += sum(wanted * degree // (degree + 1) for degree in degrees)
    if wanted > min(_MOST_JOINT, len(weight)):
        return weight, list(values), list(back)
    mean = values @ weight
    spread = np.sqrt(np.maximum((values - mean[:, None]) ** 2 @ weight, 1e-300))
    scaled = (values - mean[:, None]) / spread[:, None]
    powers = [[scaled[i] ** k for k in range(degree + 1)] for i, degree in enumerate(degrees)]
    columns = [np.prod(chosen, axis=0) for chosen in itertools.product(*powers)]
    for i, row in enumerate(back):  # one of a law is restored, in any state of the others
        others = [power[:-1] if j == i else power for j, power in enumerate(powers)]
        flow = row / np.sqrt(max(float(row**2 @ weight), 1e-300))
        columns += [flow * np.prod(chosen, axis=0) for chosen in itertools.product(*others)]
    kept, share = _recombined(np.array(columns).T, weight)
    return share, [row[kept] for row in values], [row[kept] for row in back]


def _restored(law: Law, times_h: FloatArray, unavailability: FloatArray, weight: FloatArray) -> FloatArray:
    """Restorations per hour at times, as often over the cycle as failures [1/h]."""
    failures, back = law.frequency_at(unavailability), law.tests.restored_per_h(law.failure_rate_per_h, times_h)
    mean = float(weight @ back)
    return back * (float(weight @ failures) / mean) if mean > 0 else failures


def _gauss(value: FloatArray, weight: FloatArray, nodes: int) -> tuple[FloatArray, list[FloatArray]]:
    """Gauss quadrature for the distribution of one variable, by Lanczos' recurrence with full orthogonalisation."""
    mean = float(weight @ value)
    spread = float(np.abs(value - mean).max())
    if spread <= 1e-15 * mean:
        return np.ones(1), [np.array([mean])]
    x = (value - mean) / spread
    vectors = np.zeros((min(nodes, len(value)) + 1, len(value)))
    vectors[0] = np.sqrt(weight / weight.sum())
    diagonal, beside = [], []
    for number in range(len(vectors) - 1):
        known = vectors[: number + 1]
        v = x * known[-1]
        diagonal.append(float(v @ known[-1]))
        for _ in range(2):
            v = v - (known @ v) @ known
        norm = float(np.linalg.norm(v))
        if norm < 1e-12:
            break
        beside.append(norm)
        vectors[number + 1] = v / norm
    size = len(diagonal)
    matrix = np.diag(diagonal) + np.diag(beside[: size - 1], 1) + np.diag(beside[: size - 1], -1)
    found, axes = np.linalg.eigh(matrix)
    return axes[0] ** 2, [np.clip(mean + spread * found, 0.0, 1.0)]


def _recombined(basis: FloatArray, weight: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
    """A subset of points, no more than there are columns, with weights that leave every weighted sum as it is."""
    wanted = basis.shape[1]
    kept, share = np.arange(len(weight)), weight / weight.sum()
    target = share @ basis
    while len(kept) > wanted:
        groups = np.array_split(np.arange(len(kept)), min(len(kept), 2 * wanted))
        mass = np.array([share[group].sum() for group in groups])
        centre = np.array([share[group] @ basis[kept[group]] / m for group, m in zip(groups, mass, strict=True)])
        left = _fewer(centre, mass.copy())
        scale = left / mass
        chosen = np.concatenate([group for group, factor in zip(groups, scale, strict=True) if factor > 0])
        share = np.concatenate([share[g] * f for g, f in zip(groups, scale, strict=True) if f > 0])
        kept = kept[chosen]
    exact, *_ = np.linalg.lstsq(basis[kept].T, target, rcond=None)
    polished = bool((exact > 0).all()) and np.abs(exact @ basis[kept] - target).max() <= 1e-13
    return kept, np.asarray(exact if polished else share / share.sum())


def _fewer(points: FloatArray, mass: FloatArray) -> FloatArray:
    """Take mass from points until no more than dimensions are left, moments unchanged (C. Caratheodory)."""
    active = np.flatnonzero(mass > 0)
    while len(active) > points.shape[1]:
        # a combination of the points that has no moments
        direction = np.linalg.qr(points[active], mode="complete")[0][:, -1]
        if direction.max() <= -direction.min():
            direction = -direction
        positive = np.flatnonzero(direction > 0)
        step = mass[active[positive]] / direction[positive]
        first = int(np.argmin(step))
        mass[active] = np.maximum(mass[active] - step[first] * direction, 0.0)
        mass[active[positive[first]]] = 0.0
        active = np.flatnonzero(mass > 0)
    return mass
