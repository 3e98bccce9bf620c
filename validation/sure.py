"""How sure: the draws of all inputs against a chain written apart, a closed form, changed files and sites made anew."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import k2rel
from k2rel.distributions import Uncertain
from k2rel.measures.inputs import study_at
from k2rel.measures.solution import solution_of
from k2rel.organisation import Organisation
from k2rel.services.diagrams import services_of
from k2rel.units import MINUTES_PER_YEAR
from validation.apart import State, steady_apart
from validation.published import Check

PAIR = """
format: 2
name: pair
title: pair
sides: {A: {}, B: {}}
types:
  client: {failure_rate: 0, mttr: 1 h, source: test}
  box:
    mttf: {value: 900 h, low: 300 h, high: 2000 h}
    mttr: {value: 9 h, low: 5 h, high: 20 h}
    source: test
components:
  hub: {type: client, capacity: {value: 100 MB/s, low: 70 MB/s, high: 130 MB/s, distribution: uniform}}
  a: {type: box, side: A, in: hub}
  b: {type: box, side: B, in: hub}
units:
  ua: {server: a, triggers: [a]}
  ub: {server: b, triggers: [b]}
roles:
  master:
    switchover: {value: 30 min, low: 10 min, high: 60 min}
    coverage: {value: 0.9, low: 0.7, high: 0.97}
    holders: [{side: A, on: a, units: [ua], needs: [a]}, {side: B, on: b, units: [ub], needs: [b]}]
clients: {count: 4, parts: {client: {type: client}, port: {type: client, between: [client, hub]}}}
traffic:
  media:
    demand: {value: 24 MB/s, low: 20 MB/s, high: 28 MB/s, distribution: uniform}
    requires: [master]
    prefer: role master
    paths: [{side: A, via: [client, port, hub, a]}, {side: B, via: [client, port, hub, b]}]
"""
PERSONS = Organisation(return_to_service_h=3.0, manual_takeover_h=2.0, limits=(("manual_takeover_h", 0.5, 6.0),))


def written_apart(
    life_h: float, repair_h: float, switchover_h: float, coverage: float, manual_h: float, back_h: float = 3.0
) -> float:
    """The pair's chain, built anew with numpy: probability that no holder has the role.

    A state: boxes a and b up, who has the role, a and b in service.
    """

    def settle(state: State) -> list[tuple[State, float]]:
        up, role = state[:2], state[2]
        serves = [state[3] and up[0], state[4] and up[1]]
        for i in (0, 1):
            if role == "AB"[i] and not up[i] and up[1 - i] and serves[1 - i]:
                return [((*up, "moves", *serves), coverage), ((*up, "lost", *serves), 1 - coverage)]
        return [((*up, role, *serves), 1.0)]

    def moves(state: State) -> Iterator[tuple[State, float]]:
        up, role, serves = state[:2], state[2], state[3:]
        for i in (0, 1):
            changed = tuple(not u if k == i else u for k, u in enumerate(up))
            yield (*changed, role, *serves), 1 / (life_h if up[i] else repair_h)
            if up[i] and not serves[i]:
                yield (*up, role, *(True if k == i else serves[k] for k in (0, 1))), 1 / back_h
        ready = [i for i in (0, 1) if up[i] and serves[i]]
        if role == "moves":
            yield (*up, "AB"[ready[0]] if ready else "lost", *serves), 1 / switchover_h
        able = ready or [i for i in (0, 1) if up[i]]
        if role == "lost" and able:
            yield (*up, "AB"[able[0]], *(serves[k] or k == able[0] for k in (0, 1))), 1 / manual_h

    states, p, _ = steady_apart((True, True, "A", True, True), moves, settle)
    held = [any(s[2] == "AB"[i] and s[i] and s[3 + i] for i in (0, 1)) for s in states]
    return float(p[~np.array(held)].sum())


def with_inputs(study: k2rel.Study, **distributions: Uncertain) -> k2rel.Study:
    """A study whose inputs of these names have other distributions, and all others are known."""
    site, laws = study.site, study.laws
    kept = {name: replace(item, distribution=distributions[name]) for name, item in site.inputs.items()
            if name in distributions}  # fmt: skip
    return replace(study, site=replace(site, inputs=kept), laws=replace(laws, inputs={}))


def pair() -> k2rel.Study:
    """Two boxes that share one role, with limits on everything."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pair.yaml"
        path.write_text(PAIR, encoding="utf-8")
        return k2rel.study(path)


def draws_both_ways() -> tuple[k2rel.UncertaintyResult, NDArray[np.float64]]:
    """Give 200 draws of all inputs of the pair, and the unavailability in each by its chain written apart."""
    found = k2rel.uncertainty(pair(), ["media"], samples=200, seed=7, organisation=PERSONS)
    f = found.factors
    apart = [
        written_apart(
            900 * f["types.box.mttf"][k], 9 * f["types.box.mttr"][k], 0.5 * f["roles.master.switchover"][k],
            0.9 * f["roles.master.coverage"][k], 2 * f["manual_takeover_h"][k],
        )
        for k in range(200)
    ]  # fmt: skip
    return found, np.array(apart)


def draws_of_a_pair() -> Iterator[Check]:
    """The point and three of 200 draws of the pair against its chain written apart."""
    found, apart = draws_both_ways()
    yield Check("inputs at the values given", written_apart(900, 9, 0.5, 0.9, 2.0), found.at_point["media"], 1e-7, True)
    order = np.argsort(apart)
    for which, k in (("lowest", order[0]), ("hundredth", order[99]), ("highest", order[-1])):
        yield Check(f"{which} of 200 draws", float(apart[k]), float(found.unavailability["media"][k]), 2e-5, True)


def quantiles_under_a_beta_prior() -> Iterator[Check]:
    """Downtime falls as coverage rises, so its quantiles are the downtime at those of a beta distribution."""
    beta = Uncertain("beta", (9.0, 1.3))
    study = with_inputs(pair(), **{"roles.master.coverage": beta})
    found = k2rel.uncertainty(study, ["media"], samples=4000, seed=3, organisation=replace(PERSONS, limits=()))
    values = found.unavailability["media"]
    for level in (0.05, 0.5, 0.95):
        apart = written_apart(900, 9, 0.5, float(beta.quantile(1 - level)), 2.0)
        yield Check(f"quantile {100 * level:g} %", apart, float(np.quantile(values, level)), 0.01, True)
    mean = written_apart(900, 9, 0.5, 9 / 10.3, 2.0)
    yield Check("mean, at the mean coverage", mean, float(values.mean()), 0.01, True)


EXTREMES = ((0.67, 36.0), (0.75, 29.0), (0.90, 14.7), (0.95, 10.0), (0.99, 6.2))


def extremes_of_coverage() -> Iterator[Check]:
    """Level 2R of the first data with the coverage of every takeover changed: found by changing the file by hand."""
    study = k2rel.study("L2R", data="0.1")
    for coverage, minutes in EXTREMES:
        roles = {name: replace(role, coverage=coverage) for name, role in study.site.roles.items()}
        found = k2rel.availability(k2rel.studies.with_site(study, replace(study.site, roles=roles)))
        yield Check(f"coverage {coverage:g}", minutes, found["media"].downtime_min_per_year, 0.02, True)


@dataclass(frozen=True)
class Drawn:
    """How far a hundred draws of one service are from the same draws made anew [min/year]."""

    level: str
    clients: int
    service: str
    rms: float
    deviation: float


@cache
def made_anew(draws: int = 100) -> tuple[Drawn, ...]:
    """Draw all inputs of levels whose chain is sampled as one; each draw is also a site of its own, solved finely."""
    result = []
    for level, clients in (("L2R", 4), ("L3R", 20), ("nearline", 4)):
        solution = solution_of(k2rel.study(level, clients=clients))
        names = [service.name for service in services_of(solution.engine.policy)]
        found = k2rel.uncertainty(solution, names, samples=draws, seed=5, frequency=False)
        missed = dict.fromkeys(names, 0.0)
        for k in range(draws):
            factors = {name: float(values[k]) for name, values in found.factors.items()}
            changed, who = study_at(solution.study, solution.followed, factors)
            engine: Any = solution_of(changed, "markov", who).engine
            for service in services_of(engine.policy):
                missed[service.name] += (engine.unavailability(service) - found.unavailability[service.name][k]) ** 2
        result += [
            Drawn(
                level, clients, name, MINUTES_PER_YEAR * (missed[name] / draws) ** 0.5,
                MINUTES_PER_YEAR * float(found.unavailability[name].std()),
            )
            for name in names
        ]  # fmt: skip
    return tuple(result)
