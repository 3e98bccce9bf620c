"""Shared, duplicated, owned and prioritised traffic: every engine against following all states of small random sites.

The rules are written a second time in `tests.enumerated`; it and k2rel share no line.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

import k2rel
from k2rel.simulation import Plan, simulate
from tests.enumerated import (
    Enumerated,
    amount,
    client_part,
    enumerate_states,
    frequencies,
    fully_served,
    groups_of,
    laws,
    principal_of,
    state,
)
from tests.random_traffic import random_document, random_file


def sites(quick: Iterable[int], count: int = 300) -> list[Any]:
    """Numbers of random sites; those that are not quick stand behind the marker."""
    return [seed if seed in quick else pytest.param(seed, marks=pytest.mark.slow) for seed in range(count)]


IDEAL = k2rel.Organisation(roles="ideal", tolerance=1e-12)


@pytest.fixture(scope="module")
def study_of(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sites")
    return lru_cache(lambda seed: k2rel.study(random_file(folder, seed)))


@lru_cache(maxsize=20)
def enumerated(seed: int) -> Enumerated:
    return enumerate_states(random_document(seed))


def same(found: float, wanted: float, what: object, rel: float = 1e-9, abs_: float = 1e-14) -> None:
    assert found == pytest.approx(wanted, rel=rel, abs=abs_), what


def same_loads(result: Any, wanted: Enumerated, rel: float = 1e-9, abs_: float = 1e-14) -> None:
    """Everything that `load` gives."""
    same(result.p_any_overload, wanted.p_any_overload, "any overload", rel, abs_)
    for item in result.elements:
        same(item.mean_mb_s, wanted.mean[item.element], f"mean of {item.element}", rel, 1e-9)
        same(item.p_overload, wanted.p_overload[item.element], f"overload of {item.element}", rel, abs_)
        at = spread(dict(item.distribution))
        assert at == pytest.approx(spread(wanted.distribution[item.element]), rel=rel, abs=1e-13), item.element
    # who is on neither side alone nor cut off is on both
    expected = {(a, b, lost): p for (a, b, _, lost), p in wanted.sides.items()}
    found = {(a, b, lost): p for a, b, lost, p in result.side_distribution}
    assert kept(found) == pytest.approx(kept(expected), rel=rel, abs=1e-13)
    same(result.delivered_fraction, wanted.delivered_fraction, "delivered", rel)
    for item in result.delivered:
        same(item.delivered_mb_s, wanted.delivered[item.traffic], f"delivered of {item.traffic}", rel, 1e-9)


def kept(table: dict[Any, float]) -> dict[Any, float]:
    return {key: p for key, p in table.items() if p > 1e-13}


def spread(table: dict[float, float]) -> dict[float, float]:
    """Loads that differ by rounding are one."""
    result: dict[float, float] = {}
    for load, p in table.items():
        result[round(load, 6)] = result.get(round(load, 6), 0.0) + p
    return kept(result)


@pytest.mark.parametrize("seed", sites((1, 3, 6, 7, 8, 75)))
def test_the_exact_engine_gives_what_all_states_give(study_of, seed) -> None:
    wanted, study = enumerated(seed), study_of(seed)
    every = range(1, study.site.client_count + 1)
    found = k2rel.availability(study, list(every), method="exact")
    names = {item.service for item in found.services}
    assert {"disk", "disk_client", "full_service"} <= names
    often = frequencies(random_document(seed))
    for item in found.services:
        same(item.unavailability, wanted.unavailability[item.service], item.service)
        same(item.frequency_per_h, often[item.service], f"frequency of {item.service}", abs_=1e-12)
    same_loads(k2rel.load(study, method="exact"), wanted)


@pytest.mark.parametrize("seed", sites((3, 6, 7)))
def test_the_chain_with_ideal_roles_gives_what_all_states_give(study_of, seed) -> None:
    wanted, study = enumerated(seed), study_of(seed)
    for item in k2rel.availability(study, organisation=IDEAL, method="markov").services:
        same(item.unavailability, wanted.unavailability[item.service], item.service, 1e-8, 1e-10)
    same_loads(k2rel.load(study, IDEAL, method="markov"), wanted, 1e-7, 1e-10)


@pytest.mark.parametrize("seed", sites(range(12)))
def test_failover_follows_states_as_the_enumeration_does(study_of, seed) -> None:
    document, study = random_document(seed), study_of(seed)
    shared, own = laws(document)
    groups = groups_of(document)
    parts = [*shared, *(client_part(n + 1, name) for n in range(len(groups)) for name in own)]
    chance = random.Random(seed)
    for size in (0, 1, 1, 1, 2, 2, 3, 4, 6):
        failed = chance.sample(parts, min(size, len(parts)))
        wanted, found = state(document, failed), k2rel.failover(study, failed)
        assert dict(found.roles) == wanted["roles"], failed
        assert set(found.out_of_service) == wanted["out_of_service"], failed
        up = {name: there for name, there in wanted["services"].items() if name in found.services}
        assert {name: found.services[name] for name in up} == up, failed
        carried = {name: amount for name, amount in wanted["load"].items() if amount > 1e-9}
        assert {n: a for n, a in found.carried.items() if a > 1e-9} == pytest.approx(carried), failed
        for item in found.loads:
            assert item.load_mb_s == pytest.approx(wanted["load"].get(item.element, 0.0)), (failed, item.element)
        flows = {(name, 0): routes for name, routes in found.site_routes.items()}
        for number, client in enumerate(found.clients, start=1):
            flows |= {(name, number): routes for name, routes in client.routes.items()}
        assert flows.keys() == wanted["routes"].keys()
        for key, routes in flows.items():
            same_routes(document, key, routes, wanted["routes"][key])


def same_routes(document: Any, key: tuple[str, int], found: Any, wanted: list[tuple[int, float]]) -> None:
    """Routes in use, by where their load is, their group, their share, and the parts that have no choice."""
    number, entry = key[1], document["traffic"][key[0]]
    alone = entry.get("share", "first") == "first" and not any("group" in path for path in entry["paths"])
    expected = []
    for place, share in wanted:
        path = entry["paths"][place]
        group = place + 1 if alone else path.get("group", 1)
        expected.append((path.get("carried_by", path["side"]), group, round(share, 9)))
    assert sorted((route.side, route.group, round(route.share, 9)) for route in found) == sorted(expected), key
    for place, _ in wanted:
        via = [stage for stage in entry["paths"][place]["via"] if isinstance(stage, str) and not stage.startswith("@")]
        parts = {client_part(number, stage) if stage in document["clients"]["parts"] else stage for stage in via}
        assert any(parts <= set(route.path) for route in found), (key, place)


def estimates(found: Any, wanted: Enumerated) -> list[tuple[str, float]]:
    """How many standard errors each simulated value is away."""
    pairs = [(item.service, item.unavailability, wanted.unavailability[item.service]) for item in found.services]
    load = found.load()
    pairs.append(("any overload", load["p_any_overload"], wanted.p_any_overload))
    pairs.append(("delivered", found.delivered()["disk"], wanted.delivered["disk"]))
    return [
        (name, (estimate.value - value) / estimate.standard_error)
        for name, estimate, value in pairs
        if estimate.standard_error > 0 and 1e-3 < value < math.inf
    ]


@pytest.mark.parametrize("seed", sites((6,), 60))
def test_the_simulation_scatters_around_what_all_states_give(study_of, seed) -> None:
    found = simulate(study_of(seed), IDEAL, plan=Plan(histories=2000, years=1, warm_up_h=300, seed=seed), workers=1)
    z = estimates(found, enumerated(seed))
    assert z
    assert max(abs(value) for _, value in z) < 4.5, z


# the second writing itself ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(15))
def test_random_sites_are_small_alike_for_one_number_and_lose_something(seed) -> None:
    document = random_document(seed)
    assert document == random_document(seed)
    shared, own = laws(document)
    assert 1 <= len(shared) + len(groups_of(document)) * len(own) <= 14
    found = enumerated(seed)
    assert math.fsum(found.sides.values()) == pytest.approx(1, abs=1e-12)
    asked = min(found.unavailability[name] for name in fully_served(document))
    assert found.unavailability["full_service"] >= asked * (1 - 1e-12)
    served = sum(p * (a + b + both) for (a, b, both, _), p in found.sides.items())
    demand = amount(document["traffic"][principal_of(document)]["demand"])
    assert found.delivered[principal_of(document)] <= demand * served * (1 + 1e-12)


@pytest.mark.slow
def test_random_sites_have_of_everything_enough() -> None:
    documents = [random_document(seed) for seed in range(60)]
    classes = [entry for document in documents for entry in document["traffic"].values()]
    shares = [entry.get("share", "first") for entry in classes]
    assert all(shares.count(share) >= 15 for share in ("first", "equal", "weighted", "all"))
    assert sum(entry.get("priority") == "background" for entry in classes) >= 10
    assert sum(any(path.get("group", 1) > 1 for path in entry["paths"]) for entry in classes) >= 20
    assert sum(entry.get("detects") == "port" for entry in classes) >= 2
    stages = [stage for entry in classes for path in entry["paths"] for stage in path["via"] if isinstance(stage, dict)]
    assert sum(any(isinstance(branch, list) for branch in stage["of"]) for stage in stages) >= 20
    assert sum(any(name.startswith("nic") for name in stage["of"] if isinstance(name, str)) for stage in stages) >= 5
    assert sum("needs" in document["clients"]["parts"]["client"] for document in documents) >= 10
    carried = [part for document in documents for part in document["components"].values() if part.get("carries")]
    assert len(carried) >= 20
    overload = np.array([enumerate_states(document).p_any_overload for document in documents])
    assert (overload > 0.01).sum() >= 30
    assert (overload > 0.999).sum() <= 10
