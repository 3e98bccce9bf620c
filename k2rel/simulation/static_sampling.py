"""The quick look: a static structure sampled 64 states to a word.

Failures are rare, so for each part only the places of the failed samples are drawn, by geometric gaps; the gates then
work on whole words, at-least-k gates by adding bit planes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from math import ceil, floor, log, log1p, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from k2rel.arguments import as_confidence, as_seed, as_whole
from k2rel.errors import InputError
from k2rel.logic.structure import Node, Structure
from k2rel.loops.compiled import compiled
from k2rel.parallel import worker_count
from k2rel.rates import Law, moments_of
from k2rel.services.catalogue import site_services, structure_function
from k2rel.simulation.estimates import Estimate, mean_of
from k2rel.simulation.kernel.draws import start, uniform
from k2rel.simulation.kernel.gates import AND, AT_LEAST, CONSTANT, CONTROLLED, ITE, NOT, OR, SHARED, flattened
from k2rel.studies import StudyLike, study_of

__all__ = ["quick_look", "sampled"]

IntArray = NDArray[np.int64]
FloatArray = NDArray[np.float64]
WordArray = NDArray[np.uint64]

_WORDS = 1024
_MOST_SAMPLES = 10**12
_MOST_CLIENTS = 10_000
_FEWEST = 1000  # samples of each moment of the cycle of the tests


@compiled
def _blocks(
    gate: IntArray, gate_k: IntArray, gate_at: IntArray, gate_n: IntArray, argument: IntArray, roots: IntArray,
    q: FloatArray, seed: int, first: int, last: int, rest: int, failed: IntArray,
) -> None:  # fmt: skip
    """Count in how many samples each root does not hold; of the last block only `rest` samples count."""
    rng = np.zeros(4, dtype=np.uint64)
    words = 1024
    value = np.zeros((len(gate), words), dtype=np.uint64)
    planes = np.zeros(16, dtype=np.uint64)
    ones = ~np.uint64(0)
    for block in range(first, last):
        start(rng, seed, block)
        samples = words * 64 if block < last - 1 or rest == 0 else rest
        for g in range(len(gate)):
            kind, at, n = gate[g], gate_at[g], gate_n[g]
            row = value[g]
            if kind == CONSTANT:
                row[:] = ones if n else np.uint64(0)
            elif kind == SHARED:
                row[:] = ones
                p = q[at]
                if p >= 1.0:
                    row[:] = np.uint64(0)
                elif p > 0.0:
                    scale = 1.0 / log1p(-p)
                    place = 1.0 * floor(log(uniform(rng)) * scale)
                    while place < samples:
                        k = int(place)
                        row[k >> 6] &= ~(np.uint64(1) << np.uint64(k & 63))
                        place += 1.0 + floor(log(uniform(rng)) * scale)
            elif kind == NOT:
                row[:] = ~value[argument[at]]
            elif kind == ITE:
                when = value[argument[at]]
                row[:] = (when & value[argument[at + 1]]) | (~when & value[argument[at + 2]])
            elif kind == AT_LEAST:
                for w in range(words):
                    planes[:] = np.uint64(0)
                    for k in range(at, at + n):
                        carry = value[argument[k], w]
                        b = 0
                        while carry:
                            planes[b], carry = planes[b] ^ carry, planes[b] & carry
                            b += 1
                    # at least k: compare from the highest plane down
                    more, same = np.uint64(0), ones
                    for b in range(15, -1, -1):
                        if (gate_k[g] >> b) & 1:
                            same &= planes[b]
                        else:
                            more |= same & planes[b]
                            same &= ~planes[b]
                    row[w] = more | same
            else:
                row[:] = value[argument[at]]
                for k in range(at + 1, at + n):
                    other = value[argument[k]]
                    if kind == AND:
                        row &= other
                    elif kind == OR:
                        row |= other
                    else:
                        row ^= other
        for r in range(len(roots)):
            row = value[roots[r]]
            for w in range((samples + 63) // 64):
                x = ~row[w]
                if samples - 64 * w < 64:
                    x &= (np.uint64(1) << np.uint64(samples - 64 * w)) - np.uint64(1)
                while x:
                    x &= x - np.uint64(1)
                    failed[r] += 1


def sampled(
    structure: Structure,
    roots: Sequence[Node],
    unavailability: Mapping[str, float],
    samples: int = 10_000_000,
    *,
    seed: int = 1,
    workers: int | None = None,
    confidence: float = 0.95,
) -> list[Estimate]:
    """Sample a structure whose variables fail independently of each other.

    Examples
    --------
    >>> s = Structure()
    >>> two_of_three = s.at_least(2, [s.variable(name) for name in "abc"])
    >>> (found,) = sampled(s, [two_of_three], {"a": 0.1, "b": 0.1, "c": 0.1}, 1_000_000)
    >>> round(found.low, 4), round(found.high, 4)  # 3 * 0.01 - 2 * 0.001 = 0.028
    (0.0276, 0.0282)
    """
    samples, seed = as_whole("samples", samples, 2, _MOST_SAMPLES), as_seed(seed)
    confidence = as_confidence(confidence)
    for name, p in unavailability.items():
        if not 0 <= p <= 1:
            raise InputError(f"unavailability of '{name[:60]}': a probability, got {p}")
    at_once = worker_count(workers)
    q: list[float] = []

    def variable(name: str) -> tuple[int, int, int]:
        q.append(float(unavailability.get(name, 0.0)))
        return SHARED, len(q) - 1, 0

    gates = flattened(structure, roots, variable)
    if gates.gate_n[gates.gate > CONTROLLED].max(initial=0) >= 2**16:
        raise InputError("sampling: a gate with more than 65,535 inputs")
    wanted = np.array([gates.place[root] for root in roots], dtype=np.int64)
    size = _WORDS * 64
    blocks, rest = -(-samples // size), samples % size
    step = max(1, min(64, blocks // 8))
    arrays: tuple[Any, ...] = (*gates.arrays, wanted, np.array(q))

    run: Callable[..., None] = _blocks

    def chunk(first: int) -> IntArray:
        last = min(first + step, blocks)
        failed = np.zeros(len(roots), dtype=np.int64)
        run(*arrays, seed, first, last, rest if last == blocks else 0, failed)
        return failed

    with ThreadPoolExecutor(at_once) as pool:
        total = np.sum(list(pool.map(chunk, range(0, blocks, step))), axis=0)
    return [mean_of(float(c), float(c), samples, int(c), confidence) for c in total]


def quick_look(
    study: StudyLike, samples: int = 10_000_000, *, seed: int = 1, workers: int | None = None, confidence: float = 0.95
) -> dict[str, Estimate]:
    """Sample the static model of a site: all parts independent, roles at the preferred side.

    Parts that are tested on the same days are independent at each moment; moments of the cycle are sampled apart.

    Parameters
    ----------
    study : Study
    samples, seed, workers, confidence
        As for `sampled`.

    Returns
    -------
    dict of str to Estimate
        Unavailability of each traffic class (every client, and client 1), each role and site-wide flow.

    Raises
    ------
    InputError
        If the site has more than 10,000 clients, or a number is out of range.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> found = quick_look(study("L1"), 1_000_000)
    >>> round(found["media"].value, 6)
    0.000373
    """
    study = study_of(study)
    site, policy = study.site, study.policy
    if site.client_count > _MOST_CLIENTS:
        raise InputError(f"{site.name}: static sampling treats every client separately, at most {_MOST_CLIENTS:,}")
    listed = [s for s in site_services(site) if s.group == 0 and s.rule not in ("lost clients", "full service")]
    roots = {service.name: structure_function(policy, service) for service in listed}
    names = policy.structure.variables(roots.values())
    laws = {name: study.law(name) for name in names}
    tested = moments_of({name: law for name, law in laws.items() if isinstance(law, Law)})
    strata = []
    for k, weight in enumerate(tested.weight.tolist()):
        q = {n: float(tested.unavailability[n][k]) if n in tested.unavailability else law.unavailability
             for n, law in laws.items()}  # fmt: skip
        drawn = samples if len(tested.weight) == 1 else max(_FEWEST, ceil(weight * samples))
        found = sampled(
            policy.structure, list(roots.values()), q, drawn, seed=seed + k, workers=workers, confidence=confidence
        )
        strata.append((weight, found))
    return {root: _stratified([(w, found[n]) for w, found in strata]) for n, root in enumerate(roots)}


def _stratified(parts: Sequence[tuple[float, Estimate]]) -> Estimate:
    """Mean over moments of the cycle of the tests, each sampled by itself."""
    if len(parts) == 1:
        return parts[0][1]
    value = sum(w * one.value for w, one in parts)
    below = sqrt(sum((w * (one.value - one.low)) ** 2 for w, one in parts))
    above = sqrt(sum((w * (one.high - one.value)) ** 2 for w, one in parts))
    error = sqrt(sum((w * one.standard_error) ** 2 for w, one in parts))
    return Estimate(value, max(0.0, value - below), value + above, error)
