"""Clients of more than a few groups, followed group by group: against every state, and against modes of all together.

Sites are drawn by tests/random_kinds.py, states followed by tests/enumerated.py; the two and k2rel share no line.
"""

from __future__ import annotations

import functools
import gc
import json
import math
import random
from functools import lru_cache
from typing import Any

import numpy as np
import pytest

import k2rel
from k2rel.errors import ModelTooLargeError
from k2rel.exact import by_group as exact_groups
from k2rel.exact.engine import derivatives
from k2rel.services import by_group
from k2rel.services.by_group import many_groups
from k2rel.services.diagrams import services_of
from k2rel.services.group_loads import GroupLoads, endangered
from tests.enumerated import (
    all_states,
    amount,
    client_part,
    enumerate_states,
    frequencies,
    fully_served,
    groups_of,
    hours,
    lacking,
    laws,
    members_of,
    principal_of,
    resolved,
)
from tests.random_kinds import random_kinds
from tests.test_traffic_against_enumeration import kept, same, sites, spread

FAST = (0, 2, 9)


def forget() -> None:
    """What was computed and kept."""
    for found in gc.get_objects():
        if isinstance(found, functools._lru_cache_wrapper) and (found.__module__ or "").startswith("k2rel"):
            found.cache_clear()


@pytest.fixture(scope="module")
def study_of(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kinds")

    @lru_cache(maxsize=20)
    def made(seed: int) -> k2rel.Study:
        path = folder / f"kinds_{seed}.yaml"
        path.write_text(json.dumps(random_kinds(seed)))
        return k2rel.study(path)

    return made


@functools.cache
def enumerated(seed: int) -> Any:
    return enumerate_states(random_kinds(seed))


@functools.cache
def failing(seed: int) -> dict[str, float]:
    return frequencies(random_kinds(seed))


@pytest.mark.parametrize("seed", sites(FAST))
def test_services_are_what_all_states_give(study_of, seed) -> None:
    study, wanted, often = study_of(seed), enumerated(seed), failing(seed)
    assert many_groups(study.policy)
    assert study.site.group_count == max(groups_of(random_kinds(seed))) + 1
    try:
        found = k2rel.availability(study, list(range(1, study.site.client_count + 1)), method="exact").services
    except ModelTooLargeError:
        assert full_service_is_refused(study)
        pytest.skip("refused")
    expected = {name for name in often if name != "lost_0_or_more_clients"}
    assert {item.service for item in found} <= expected
    for item in found:
        if item.service == "full_service" and full_service_is_refused(study):
            continue
        same(item.unavailability, wanted.unavailability[item.service], item.service, abs_=1e-10)
        if item.service != "full_service":
            same(item.frequency_per_h, often[item.service], f"frequency of {item.service}", abs_=1e-10)


def seldom(seed: int) -> Any:
    """The same site with parts that fail ten thousand times less."""
    document = random_kinds(seed)
    for part in (*document["components"].values(), *document["links"].values(), *document["clients"]["parts"].values()):
        if "mttf" in part:
            part["mttf"] = f"{hours(part['mttf']) * 1e4:.0f} h"
    return document


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (6, 1, 3, 5, 20, 38, 53))]
)
def test_failures_of_full_service_are_counted_where_an_overload_is_seldom(tmp_path, seed) -> None:
    """A failure that ends an overload while it lasts is then too seldom to be seen in the rate, and here are some."""
    document = seldom(seed)
    path = tmp_path / "site.yaml"
    path.write_text(json.dumps(document))
    found = k2rel.availability(path, method="exact")["full_service"]
    wanted, down = frequencies(document), enumerate_states(document).unavailability
    lost = max(down[name] for name in fully_served(document))
    most = 2 * every_rate(document) * (down["full_service"] - lost)
    assert 0 < most < 1e-3 * wanted["full_service"], "there is an overload of those who are served"
    assert found.unavailability == pytest.approx(down["full_service"], rel=1e-9, abs=1e-10)
    assert abs(found.frequency_per_h - wanted["full_service"]) <= most + 1e-9 * wanted["full_service"]
    assert found.frequency_per_h == pytest.approx(wanted["full_service"], rel=1e-3)


def every_rate(document: Any) -> float:
    """Failures of all parts per hour, while all work."""
    document = resolved(document)
    shared, own = laws(document)
    parts = {**document["components"], **document["links"], **document["clients"]["parts"]}
    count = {name: sum(name not in lacking(document, member) for member in members_of(document)) for name in own}
    return sum(count.get(name, 1) * q / ((1 - q) * hours(parts[name]["mttr"])) for name, q in {**shared, **own}.items())


@pytest.mark.parametrize("seed", sites((0, 15), 60))
def test_failures_of_full_service_are_counted_or_said_not_to_be(study_of, seed) -> None:
    """They are right but for what is said; where an overload that a failure can end hides more than a tenth, there is none."""
    study, document = study_of(seed), random_kinds(seed)
    if full_service_is_refused(study):
        pytest.skip("refused")
    result = k2rel.availability(study, method="exact")
    found = result["full_service"].frequency_per_h
    wanted, down = failing(seed)["full_service"], enumerated(seed).unavailability
    assert not math.isnan(found) or down["full_service"] < 1 - 1e-9, "what is never there never fails"
    lost = max(down[name] for name in fully_served(document))
    most = 2 * every_rate(document) * (down["full_service"] - lost)  # that an overload of those who are served hides
    said = [note for note in result.notes if "failures of full_service" in note]
    if math.isnan(found):
        assert len(said) == 1 and "are not counted" in said[0]
        assert most > 0.1 * (wanted - most), "what an overload hides is too little to be silent about all"
    else:
        assert all("may be up to" in note for note in said)
        assert -1e-9 * wanted <= wanted - found <= most + 1e-9 * wanted + 1e-12
        assert said or found == pytest.approx(wanted, rel=1e-3, abs=1e-12)
        if most <= 1e-15 or wanted == 0:
            same(found, wanted, "nothing is ever overloaded", abs_=1e-12)


def full_service_is_refused(study: k2rel.Study) -> bool:
    """Capacities, and copies or a class that is not asked for."""
    site = study.site
    loaded = [name for name in site.foreground if site.traffic[name].demand_mb_s > 0]
    return set(loaded) != set(site.full_service_of) or any(site.traffic[n].share == "all" for n in loaded)


@pytest.mark.parametrize("seed", sites(FAST))
def test_loads_are_what_all_states_give(study_of, seed) -> None:
    wanted, result = enumerated(seed), k2rel.load(study_of(seed), method="exact")
    same(result.p_any_overload, wanted.p_any_overload, "any overload", abs_=1e-9)
    assert {item.element for item in result.elements} == set(wanted.mean)
    for item in result.elements:
        same(item.mean_mb_s, wanted.mean[item.element], f"mean of {item.element}", abs_=1e-7)
        same(item.p_overload, wanted.p_overload[item.element], f"overload of {item.element}", abs_=1e-9)
        assert 0 <= item.left_out <= 1e-10 + 1e-12
        assert math.fsum(p for _, p in item.distribution) + item.left_out == pytest.approx(1, abs=1e-13), item.element
        at = spread(dict(item.distribution))
        assert at == pytest.approx(spread(wanted.distribution[item.element]), rel=1e-9, abs=1e-9), item.element
    expected = {(a, b, lost): p for (a, b, _, lost), p in wanted.sides.items()}
    found = {(a, b, lost): p for a, b, lost, p in result.side_distribution}
    assert kept(found) == pytest.approx(kept(expected), rel=1e-9, abs=1e-13)
    loads = load_of_sides(random_kinds(seed))
    for (a, b, lost, p), row in zip(result.side_distribution, result.side_loads, strict=True):
        if p > 1e-12:
            assert row == pytest.approx(loads[a, b, lost], rel=1e-7, abs=1e-9), (a, b, lost)


def load_of_sides(document: Any) -> dict[tuple[int, ...], list[float]]:
    """What the principal class puts on each side, on average, by clients on each side alone and cut off."""
    document, total = resolved(document), {}
    name = principal_of(document)
    entry = document["traffic"][name]
    for f, weight in all_states(document):
        carried = {side: np.zeros(f.size) for side in f.sides}
        for flow in f.of(name):
            for place, share in flow.shares.items():
                carried[entry["paths"][place]["side"]] += amount(entry["demand"]) * share
        rows = np.column_stack([*f.on_sides()[:2], f.lost()])
        keys, where = np.unique(rows, axis=0, return_inverse=True)
        sums = [np.bincount(where.reshape(-1), weight * one) for one in (1.0, *carried.values())]
        for key, *parts in zip(keys.tolist(), *sums, strict=True):
            total[tuple(key)] = [x + y for x, y in zip(parts, total.get(tuple(key), [0.0] * 3), strict=True)]
    return {key: [load / p for load in loads] for key, (p, *loads) in total.items() if p > 0}


@pytest.mark.parametrize("seed", sites(FAST))
def test_what_arrives_is_between_its_bounds(study_of, seed) -> None:
    wanted, result = enumerated(seed), k2rel.load(study_of(seed), method="exact")
    asked = sum(item.demand_mb_s for item in result.delivered)
    assert result.left_out <= 3e-7
    for item in result.delivered:
        least, most = item.delivered_mb_s, item.delivered_mb_s + result.left_out * asked
        assert least - 1e-7 <= wanted.delivered[item.traffic] <= most + 1e-7, item.traffic
    assert result.delivered_fraction - 1e-9 <= wanted.delivered_fraction
    assert wanted.delivered_fraction <= result.delivered_fraction + result.left_out + 1e-9


@pytest.mark.parametrize("seed", sites(FAST))
def test_served_clients_and_slopes_are_what_all_states_give(study_of, seed) -> None:
    study, document = study_of(seed), resolved(random_kinds(seed))
    shared, own = laws(document)
    classes = [name for name, entry in document["traffic"].items() if entry.get("scope", "client") == "client"]
    clients = len(groups_of(document))
    counts = {name: np.zeros(clients + 1) for name in classes}
    down = {name: dict.fromkeys([*shared, *own], 0.0) for name in classes}
    for f, weight in all_states(document):
        for name in classes:
            up = np.sum([flow.up for flow in f.of(name)], axis=0)
            counts[name] += np.bincount(up, weight, clients + 1)
            lost = up < clients
            for part, q in shared.items():
                down[name][part] += (weight * lost * np.where(f.down[part], 1 / q, -1 / (1 - q))).sum()
            for part, q in own.items():
                for n, lacks in enumerate(f.lacks, start=1):
                    if part not in lacks:
                        gone = f.down[client_part(n, part)]
                        down[name][part] += (weight * lost * np.where(gone, 1 / q, -1 / (1 - q))).sum()
    services = {item.name: item for item in services_of(study.policy)}
    for name in classes:
        assert exact_groups.lost_clients(study, (name,)).probability[::-1] == pytest.approx(
            counts[name], rel=1e-9, abs=1e-14
        )
        found = derivatives(study, services[name])
        slopes = {**found.shared, **found.client}
        assert {n: slopes.get(n, 0.0) for n in down[name]} == pytest.approx(down[name], rel=1e-8, abs=1e-12)


# against modes of all groups together ------------------------------------------------------------------------------


def with_more(seed: int) -> Any:
    """Every other site has parts that are tested, and a common cause of two links; every third has few groups."""
    document = random_kinds(seed)
    if seed % 3 == 0:
        clients = document["clients"]
        named = clients["parts"].get("nic_3", {}).get("kinds", [])
        kept_ones = dict.fromkeys([*named, *clients["kinds"]])
        clients["kinds"] = {name: clients["kinds"][name] for name in [*kept_ones][:3]}
    if seed % 2:
        chance = random.Random(seed)
        failing_ones = [part for part in document["components"].values() if "mttf" in part]
        for part in chance.sample(failing_ones, min(2, len(failing_ones))):
            part["test_interval"] = "10 d"
        first, second = sorted(document["links"])[:2]
        law = {"type": "cable", "mttf": "200 h", "mttr": "4 h", "source": "test"}
        document["links"][first] |= law
        document["links"][second] |= law
        entry = {"members": [first, second], "model": "beta-factor", "factors": {"2": 0.2}}
        document["common_cause"] = {"both": entry | {"source": "test", "evidence": "P"}}
    return document


def answers(path: Any, few: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """All that the two ways of following groups answer, with nothing kept of the other."""
    monkeypatch.setattr(by_group, "FEW", few)
    forget()
    study = k2rel.study(path)
    assert many_groups(study.policy) == (few == 0)
    every = list(range(1, study.site.client_count + 1))
    services = (
        k2rel.availability(study, every, method="exact").services if not full_service_is_refused(study) or few else ()
    )
    loads = k2rel.load(study, method="exact")
    of_clients = [name for name, entry in study.site.traffic.items() if entry.scope == "client"]
    return {
        "services": {item.service: (item.unavailability, item.frequency_per_h) for item in services},
        "loads": loads,
        "sides": {row[:3]: row[3] for row in loads.side_distribution},
        "on sides": {row[:3]: loads.side_loads[n] for n, row in enumerate(loads.side_distribution) if row[3] > 1e-12},
        "served": {name: k2rel.served(study, name, method="exact")["probability"].to_numpy() for name in of_clients},
    }


@pytest.mark.parametrize("seed", sites((6,), 17))
def test_few_groups_and_many_are_followed_to_the_same_answers(tmp_path, monkeypatch, seed) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(json.dumps(with_more(seed)))
    many, few = answers(path, 0, monkeypatch), answers(path, 10**6, monkeypatch)
    monkeypatch.undo()
    forget()
    for name, (u, failures) in many["services"].items():
        same(u, few["services"][name][0], name, abs_=1e-10 if name == "full_service" else 1e-16)
        if not math.isnan(failures):
            same(failures, few["services"][name][1], f"failures of {name}", 1e-3 if name == "full_service" else 1e-9)
    assert few["services"].keys() == (many["services"] or few["services"]).keys()
    for one, other in zip(many["loads"].elements, few["loads"].elements, strict=True):
        assert one.element == other.element
        assert spread(dict(one.distribution)) == pytest.approx(
            spread(dict(other.distribution)), rel=1e-9, abs=one.left_out + 1e-15
        ), one.element
        same(one.mean_mb_s, other.mean_mb_s, f"mean of {one.element}", abs_=1e-7)
    same(many["loads"].p_any_overload, few["loads"].p_any_overload, "any overload", abs_=1e-10)
    assert kept(many["sides"]) == pytest.approx(kept(few["sides"]), rel=1e-9, abs=1e-15)
    assert many["on sides"].keys() == few["on sides"].keys()
    for row, loads in many["on sides"].items():
        assert loads == pytest.approx(few["on sides"][row], rel=1e-7, abs=1e-9), row
    for name, found in many["served"].items():
        assert found == pytest.approx(few["served"][name], rel=1e-9, abs=1e-15), name


# what was found ----------------------------------------------------------------------------------------------------


def fabric(kinds: int = 5, room: str = "200 MB/s", **more: Any) -> dict[str, Any]:
    """Clients that put two thirds of 100 MB/s on one store and a third on another, a leaf for each."""
    leaves = {f"leaf_{n}": {"type": "leaf"} for n in range(1, kinds + 1)}
    return {
        "format": 2, "name": "fabric", "title": "fabric", "sides": {"A": {}, "B": {}},
        "types": {"fixed": {"failure_rate": 0, "mttr": "1 h"}, "leaf": {"unavailability": 0.1, "mttr": "4 h", "source": "x"}},
        "components": {"store_A": {"type": "fixed", "capacity": room}, "store_B": {"type": "fixed"}, **leaves},
        "links": {f"{leaf}_{side}": {"type": "fixed", "between": [leaf, f"store_{side}"]} for leaf in leaves for side in "AB"},
        "clients": {
            "parts": {"client": {"type": "fixed"}, "nic": {"type": "fixed", "between": ["client", "@leaf"]}},
            "kinds": {f"kind_{n}": {"count": 1, "leaf": leaf, "to_A": f"{leaf}_A", "to_B": f"{leaf}_B"} for n, leaf in enumerate(leaves)},
        },
        "traffic": {"data": {"demand": "100 MB/s", "share": "weighted", "paths": [
            {"side": "A", "weight": 2, "via": ["client", "nic", "@leaf", "@to_A", "store_A"]},
            {"side": "B", "weight": 1, "via": ["client", "nic", "@leaf", "@to_B", "store_B"]},
        ]}, **more},
    }  # fmt: skip


def test_thirds_add_up_to_a_whole(tmp_path) -> None:
    """Three clients put 200 MB/s on what carries 200 MB/s: it is not overloaded by a millionth."""
    path = tmp_path / "site.yaml"
    path.write_text(json.dumps(fabric()))
    result = k2rel.load(path, method="exact")
    (item,) = result.elements
    more_than_three = 5 * 0.9**4 * 0.1 + 0.9**5
    assert item.p_overload == pytest.approx(more_than_three, rel=1e-9)
    assert result.p_any_overload == pytest.approx(more_than_three, rel=1e-9)
    assert item.mean_mb_s == pytest.approx(5 * 0.9 * 200 / 3, rel=1e-12)


@pytest.mark.parametrize(("below", "of_rows"), [(1e-3, 1e-5), (1e-18, 1e-4)])
def test_what_is_left_out_is_told(study_of, below, of_rows) -> None:
    for seed in (1, 3, 4):
        study = study_of(seed)
        loaded = tuple(name for name, entry in study.site.traffic.items() if entry.demand_mb_s > 0)
        groups = exact_groups.groups_of(study, loaded, endangered(study.policy, loaded), below)
        ((_, inputs),) = exact_groups.followed(study, groups.variables)
        found = GroupLoads(groups).overloaded(inputs, or_lost=True, below=of_rows)
        missing = 1 - found.rows.weight.real.sum() - found.over.real
        assert found.left_out == pytest.approx(missing, rel=1e-9, abs=1e-12)


def test_the_distribution_of_a_load_lacks_what_was_left_out(tmp_path) -> None:
    """Thirty clients at leaves of their own are a binomial number; its least probable ends are not followed."""
    path = tmp_path / "site.yaml"
    path.write_text(json.dumps(fabric(30, "1800 MB/s")))
    result = k2rel.load(path, method="exact")
    (item,) = result.elements
    found = dict(item.distribution)
    assert 0 < item.left_out <= 1e-10
    assert result.left_out >= item.left_out
    assert math.fsum(found.values()) + item.left_out == pytest.approx(1, abs=1e-14)
    for n in range(31):
        p = math.comb(30, n) * 0.9**n * 0.1 ** (30 - n)
        load = next((one for one in found if one == pytest.approx(n * 200 / 3, abs=1e-6)), None)
        if load is None:
            assert p <= item.left_out, n
        else:
            assert p - item.left_out <= found[load] <= p * (1 + 1e-9), n
    # what arrives is said from below: three clients at most are above the 27 that are carried
    above = sum((n - 27) * 200 / 3 * math.comb(30, n) * 0.9**n * 0.1 ** (30 - n) for n in (28, 29, 30))
    (delivered,) = result.delivered
    assert -1e-10 * 3000 - 1e-9 <= delivered.delivered_mb_s - (30 * 0.9 * 100 - above) <= 1e-9
