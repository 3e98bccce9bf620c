"""Shared, duplicated and prioritised traffic in the simulation: against all states, the exact engine, and failover."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import k2rel
from k2rel.answer import solve
from k2rel.simulation import Circumstances, Plan, simulate
from k2rel.simulation.model import SiteModel
from k2rel.simulation.places import numbers
from k2rel.simulation.prepared import Prepared
from k2rel.simulation.timeline import timeline
from tests.enumerated import Enumerated, enumerate_states
from tests.random_traffic import random_document, random_file

IDEAL = k2rel.Organisation(roles="ideal")
DESIGNS = Path(__file__).parents[1] / "data" / "examples" / "designs"
FAST = ("st2022_7",)


def slow_after(few: int, many: int) -> list[Any]:
    return [*range(few), *(pytest.param(n, marks=pytest.mark.slow) for n in range(few, many))]


@pytest.fixture(scope="module")
def study_of(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sites")
    return lru_cache(lambda seed: k2rel.study(random_file(folder, seed)))


@lru_cache(maxsize=4)
def enumerated(seed: int) -> Enumerated:
    return enumerate_states(random_document(seed))


def off(found: Any, value: float) -> float:
    """How many standard errors an estimate is off; where nothing varied it is right, but for what is too rare to be seen."""
    if found.standard_error <= 1e-12 * abs(value):
        return 0.0 if found.value == pytest.approx(value, rel=1e-8, abs=1e-9) else np.inf
    return float((found.value - value) / found.standard_error)


@pytest.mark.parametrize("seed", slow_after(8, 120))
def test_every_event_stands_as_the_failover_rules_say(study_of, seed) -> None:
    """Services, full service among them, and the sides of the principal traffic, after each of many events."""
    study = study_of(seed)
    one = timeline(study, IDEAL, seed=seed, years=1)
    site = study.site
    met: dict[frozenset[str], tuple[Any, ...]] = {}
    for event in one.events[:2000]:
        stands = (frozenset(event.lost) & {*site.traffic, "full_service"}, event.on_a, event.on_b, event.on_both)
        assert met.setdefault(frozenset(event.down), stands) == stands
    assert len(met) > 5
    for down, (lost, on_a, on_b, on_both) in list(met.items())[:60]:
        outcome = k2rel.failover(study, sorted(down))
        assert lost == {name for name, up in outcome.services.items() if not up} & {*site.traffic, "full_service"}, down
        sides = [{route.side for route in state.routes[site.principal]} for state in outcome.clients]
        assert (on_a, on_b, on_both) == (sides.count({"A"}), sides.count({"B"}), sides.count({"A", "B"})), down


@pytest.mark.parametrize("seed", slow_after(2, 60))
def test_what_arrives_and_where_clients_are_scatters_around_what_all_states_give(study_of, seed) -> None:
    wanted, study = enumerated(seed), study_of(seed)
    found = simulate(study, IDEAL, plan=Plan(histories=600, years=1, warm_up_h=300, seed=1000 + seed), workers=1)
    given, load = found.delivered(), found.load()
    for name, value in wanted.delivered.items():
        assert abs(off(given[name], value)) < 4.5, name
    means = np.sum([p * np.array(key) for key, p in wanted.sides.items()], axis=0)
    for n, name in enumerate(("clients_on_first_side", "clients_on_second_side", "clients_on_both_sides")):
        assert (name in load) or means[n] == 0
        if name in load and means[n] > 1e-4:
            assert abs(off(load[name], means[n])) < 4.5, name
    sides = found.sides()
    for row in sides.to_dict("records"):
        key = (row["on_a"], row["on_b"], row.get("on_both", 0), row["cut_off"])
        assert wanted.sides.get(key, 0.0) > 0, "a state that there is"
    assert sides["probability"].sum() == pytest.approx(1, abs=1e-12)
    elements = found.elements()
    for name, mean in wanted.mean.items():
        assert elements.loc[name, "mean_mb_s"] == pytest.approx(mean, rel=0.1, abs=0.05), name


@pytest.mark.parametrize(
    "design",
    [
        *FAST,
        *(
            pytest.param(path.stem, marks=pytest.mark.slow)
            for path in sorted(DESIGNS.glob("*.yaml"))
            if path.stem not in (*FAST, "spine_leaf")  # too large for the exact engine
        ),
    ],
)
def test_designs_of_today_scatter_around_the_exact_engine(design) -> None:
    study = k2rel.study(DESIGNS / f"{design}.yaml")
    services, load = k2rel.availability(study, method="exact").services, k2rel.load(study, method="exact")
    # as many histories as it takes to see the service that fails most often fail a thousand times
    often = max(item.failures_per_year for item in services)
    plan = Plan(histories=max(800, round(1000 / (often * Plan().years))), seed=21)
    found = simulate(study, IDEAL, plan=plan)
    z = [
        off(estimate, value)
        for item in services
        if item.failures_per_year * plan.histories * plan.years > 400
        for estimate, value in (
            (found[item.service].unavailability, item.unavailability),
            (found[item.service].interruptions_per_year, item.failures_per_year),
        )
    ]
    z += [off(found.delivered()[item.traffic], item.delivered_mb_s) for item in load.delivered]
    if load.p_any_overload > 1e-6:
        z.append(off(found.load()["p_any_overload"], load.p_any_overload))
    assert len(z) >= 3
    assert max(map(abs, z)) < 4.5, z
    a, b, lost, p = max(load.side_distribution, key=lambda row: row[3])
    first = found.sides().iloc[0]
    assert (first["on_a"], first["on_b"], first["cut_off"]) == (a, b, lost)
    assert first["probability"] == pytest.approx(p, abs=5e-3)


def test_both_copies_of_a_stream_load_a_side_each() -> None:
    """Three receivers of 1000 MB/s with everything good: 3000 MB/s on each side, and nobody on one alone."""
    answer = solve(DESIGNS / "st2022_7.yaml", "simulation", IDEAL, Plan(histories=500, seed=2)).load()
    rows = answer.to_json()["side_distribution"]
    best = max(rows, key=lambda row: row["probability"])
    assert (best["on_a"], best["on_b"], best["on_both"], best["cut_off"]) == (0, 0, 3, 0)
    assert (best["on_a_mb_s"], best["on_b_mb_s"]) == pytest.approx((3000, 3000))
    assert [item.traffic for item in answer.delivered] == ["video"]
    exact = k2rel.load(DESIGNS / "st2022_7.yaml", method="exact")
    assert answer.delivered_fraction == pytest.approx(exact.delivered_fraction, rel=3e-4)


def test_counts_of_clients_on_the_sides_outgrow_their_room_and_none_is_lost() -> None:
    """The same histories with room for so few keys that it is emptied again and again."""
    study = k2rel.study(DESIGNS / "fc_round_robin.yaml", clients=60, settings={"hba.mttf": "3000 h"})
    plan = Plan(histories=40, years=5, seed=4)
    results = []
    for room in (1 << 12, 1 << 4):
        prepared = Prepared(SiteModel(study, IDEAL, Circumstances()))
        prepared._sizes["places"] = room
        results.append(prepared.chunk(plan, 0, 40))
    wide, narrow = results
    assert len(wide.place) > 16
    assert numbers(wide).tolist() == numbers(narrow).tolist()
    assert narrow.joint == pytest.approx(wide.joint, rel=1e-9)
    assert wide.joint[:, 0].sum() == pytest.approx(40 * 5 * 8760, rel=1e-9)
