"""What must hold of every answer, whatever the input was.

Shares lie between 0 and 1 and sum to 1; nothing fails a negative number of times; engines that read takeovers alike
agree; a part that is repaired more slowly makes no service better. A message is one that a person can read.
"""

from __future__ import annotations

import math
import random
import re

import numpy as np

import k2rel
from k2rel.ctmc.chain import Chain
from k2rel.faulttrees import FaultTrees
from k2rel.measures.availability import AvailabilityResult

ALIKE = 1e-8  # relative, between engines; each of their errors is bounded by much less
_INSIDE = re.compile(r"pydantic|_Document|_Strict|Traceback|<class |object at 0x|numpy\.|np\.float")
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\u2028\u2029\ud800-\udfff]"
)


class BrokenError(AssertionError):
    """What must hold does not."""


def hold(true: object, said: str) -> None:
    """Raise `BrokenError` with what was seen if something does not hold."""
    if not true:
        raise BrokenError(said)


def readable(message: str) -> None:
    """A refusal is there, is no book, shows nothing of the inside, and has no character that moves a terminal."""
    hold(message.strip(), "a refusal without a word")
    hold(len(message) < 20_000, f"a refusal of {len(message)} characters")
    hold(not _INSIDE.search(message), f"the inside shows: {message[:300]!r}")
    hold(not _CONTROL.search(message), f"control characters in a message: {message[:300]!r}")


def share(value: float, what: str, slack: float = 0.0) -> None:
    """A probability."""
    hold(-slack <= value <= 1.0 + slack, f"{what} is {value!r}")  # not a number neither


def services(result: AvailabilityResult) -> None:
    """Figures of services can be."""
    for one in result:
        share(one.unavailability, f"unavailability of {one.service}")
        rate = one.frequency_per_h
        hold(math.isnan(rate) or 0.0 <= rate < math.inf, f"failures of {one.service}: {rate!r} per h")


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=ALIKE, abs_tol=1e-13)


def site(study: k2rel.Study, chance: random.Random) -> str:
    """Solve a site, and check its figures; now and then by a second engine too."""
    exact = study.solve("exact")
    services(exact.services)
    draw, said = chance.random(), "exact"
    if draw < 0.08:
        _spread(exact)
        said = "modes and loads"
    elif draw < 0.16:
        slower_repair(study, exact, chance)
        said = "monotone"
    elif draw < 0.24:
        said = by_chain(study, exact)
    elif draw < 0.34:
        services(study.solve().services)
        said = "as modelled"
    return said


def _spread(exact: k2rel.Answer) -> None:
    """Probabilities of modes sum to 1, those of loads lie between 0 and 1."""
    total = float(exact.modes()["probability"].sum())
    hold(abs(total - 1.0) < 1e-9, f"modes sum to {total!r}")
    load = exact.load()
    table = load.table()
    for column in table.select_dtypes("number").columns:
        values = table[column].to_numpy(float)
        hold((np.isnan(values) | (values >= 0.0)).all(), f"load: {column} below 0")
    for value in table["p_overload"] if len(table) else ():
        share(float(value), "probability of overload", 1e-12)
    sides = load.side_table()
    hold((sides.select_dtypes("number").fillna(0.0) >= -1e-9).all().all(), "a side carries less than nothing")


def slower_repair(study: k2rel.Study, before: k2rel.Answer, chance: random.Random) -> None:
    """Three times the repair time of one part makes no service better, takeovers being ideal."""
    laws = [(name, study.law(name)) for name in study.site.components]
    parts = [(name, law) for name, law in laws if law.failure_rate_per_h > 0 and law.mttr_h > 0]
    if not parts:
        return
    name, law = chance.choice(parts)
    try:
        slower = k2rel.study(study.site, settings={f"{name}.mttr": f"{3 * law.mttr_h!r} h"})
        after = slower.solve("exact").services
    except k2rel.K2relError:
        return
    for one in before.services:
        if one.service in after and after[one.service].scope == one.scope:
            worse = after[one.service].unavailability
            hold(
                worse >= one.unavailability * (1 - 1e-9) - 1e-15,
                f"{name} repaired slower: {one.service} {one.unavailability!r} -> {worse!r}",
            )


def by_chain(study: k2rel.Study, exact: k2rel.Answer) -> str:
    """The chain with roles at the preferred side, against the diagrams."""
    try:
        other = study.solve("markov", organisation=k2rel.Organisation(roles="ideal"))
        found = {one.service: one for one in other.services}
        bound = other.provenance.error_bound or 0.0
    except k2rel.K2relError:
        return "no chain"
    for one in exact.services:
        if one.service in found:
            u = found[one.service].unavailability
            hold(
                _close(u, one.unavailability) or abs(u - one.unavailability) <= 2 * bound,
                f"{one.service}: {one.unavailability!r} by diagrams, {u!r} by the chain (bound {bound:g})",
            )
    return "two engines"


def trees(model: FaultTrees, chance: random.Random) -> str:
    """Solve a fault tree."""
    more = chance.random() < 0.3
    for top in k2rel.solve(model, cut_sets=5 if more else None, importance=more).tops:
        if top.probability is not None:
            share(top.probability, f"probability of {top.top}")
        if top.by_order and top.mcub is not None and top.probability is not None and not math.isnan(top.mcub):
            share(top.mcub, "min-cut upper bound", 1e-12)
    return "cut sets" if more else "probability"


def chain(model: Chain, time_h: float) -> str:
    """Solve a chain in the long run and over time, and compare with a matrix exponential where it can be taken."""
    from k2rel.ctmc.steady import steady
    from k2rel.ctmc.transient import over_time

    said = "steady"
    try:
        p = steady(model).probability
    except k2rel.K2relError:
        said = "not steady"
    else:
        hold(abs(p.sum() - 1.0) < 1e-9 and (p >= 0.0).all(), f"steady state {p!r}")
        if model.states < 60:
            flow = model.rates.T @ p - model.exit_rates_per_h * p
            scale = float(np.max(model.exit_rates_per_h * p, initial=0.0))
            hold((np.abs(flow) <= 1e-6 * scale + 1e-300).all(), f"flow into states {flow!r}")
    moving = over_time(model, [time_h], accumulate=True)
    hold(
        abs(moving.probability.sum() - 1.0) < 1e-9 and (moving.probability >= -1e-15).all(),
        f"at {time_h} h: {moving.probability!r}",
    )
    hold(abs(moving.spent_h.sum() - time_h) <= 1e-8 * time_h, f"spent {moving.spent_h.sum()!r} of {time_h} h")
    return said
