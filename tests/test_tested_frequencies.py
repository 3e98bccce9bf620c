"""How often a service is lost where a part that comes back after its test takes it away: integrals written here."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad

from k2rel.measures.availability import availability
from k2rel.measures.modes import mode_flows, modes
from k2rel.measures.role_downtime import downtime_causes
from k2rel.measures.solution import solution_of
from k2rel.organisation import Organisation
from k2rel.rates import Law, moments_of
from k2rel.services.diagrams import services_of
from k2rel.simulation import Plan, simulate
from k2rel.studies import study

A, B = (5e-5, 10.0, 8760.0), (5e-5, 500.0, 8760.0)
FREE = (0.0, 1.0, 0.0)

SITE = """
format: 2
name: back
title: a path that is preferred and too narrow
sides: {{A: {{title: a}}, B: {{title: b}}}}
types: {{box: {{failure_rate: 0, mttr: 1 h, source: x}}}}
components:
  hub_A: {{type: box, side: A}}
  hub_B: {{type: box, side: B}}
  end_A: {{type: box, side: A}}
  end_B: {{type: box, side: B}}
links:
  a: {{type: ta, side: A, between: [hub_A, end_A], {a}, capacity: 5 MB/s}}
  b: {{type: tb, side: B, between: [hub_B, end_B], {b}, capacity: 20 MB/s}}
clients:
  count: 1
  parts:
    client: {{type: box}}
    nic_A: {{type: na, {nic_A}, side: A, between: [client, hub_A]}}
    nic_B: {{type: nb, {nic_B}, side: B, between: [client, hub_B]}}
traffic:
  media:
    demand: 8 MB/s
    prefer: listed
    paths:
      - {{side: A, via: [client, nic_A, hub_A, a, end_A]}}
      - {{side: B, via: [client, nic_B, hub_B, b, end_B]}}
"""


def _site(folder: Path, **parts: tuple[float, float, float]) -> str:
    """The site with these (failure rate, time to repair, interval of tests); all else never fails."""
    words = {}
    for name in ("a", "b", "nic_A", "nic_B"):
        rate, mttr, interval = parts.get(name, FREE)
        words[name] = f"failure_rate: {rate} /h, mttr: {mttr} h" + (
            f", test_interval: {interval} h" if interval else ""
        )
    file = folder / "back.yaml"
    file.write_text(SITE.format(**words))
    return str(file)


def _part(rate: float, mttr: float, interval: float):
    """Probability of (up, under repair) a time after the test, periodic: a two by two balance of the test."""
    mu = 1.0 / mttr

    def after(t: float, up: float, repair: float) -> tuple[float, float]:
        back = mu * (np.exp(-rate * t) - np.exp(-mu * t)) / (mu - rate)
        return up * np.exp(-rate * t) + repair * back, repair * np.exp(-mu * t)

    fails = 1.0 - after(interval, 1.0, 0.0)[0]
    returns = after(interval, 0.0, 1.0)[0]
    repair = fails / (fails + returns)
    return lambda t: after(t, 1.0 - repair, repair)


def _mean(f, interval: float = 8760.0) -> float:
    edges = [0.0, 10.0, 50.0, 200.0, 1000.0, 3000.0, interval]
    return sum(quad(f, x, y, epsabs=0, epsrel=1e-11)[0] for x, y in itertools.pairwise(edges)) / interval


def _losses_per_year() -> float:
    """Full service holds while a is down and b works: it goes as b fails, and as a comes back."""
    a, b = _part(*A), _part(*B)

    def rate(t: float) -> float:
        (a_up, a_repair), (b_up, _) = a(t), b(t)
        return float(B[0] * b_up * (1.0 - a_up) + a_repair / A[1] * b_up)

    return 8760.0 * _mean(rate)


@pytest.mark.parametrize("names", [("a", "b"), ("nic_A", "b"), ("a", "nic_B"), ("nic_A", "nic_B")])
@pytest.mark.parametrize("organisation", [None, Organisation()])
def test_a_part_that_comes_back_takes_the_service_with_it_as_often_as_it_comes_back(
    tmp_path, names, organisation
) -> None:
    wanted = _losses_per_year()
    assert wanted == pytest.approx(0.29647, abs=1e-5)
    site = study(_site(tmp_path, **dict(zip(names, (A, B), strict=True))))
    engine = solution_of(site, "markov" if organisation else "exact", organisation).engine
    (full,) = (one for one in services_of(engine.policy) if one.name == "full_service")
    assert engine.failure_frequency(full) * 8760.0 == pytest.approx(wanted, rel=1e-8)


def test_modes_are_entered_as_often_as_they_are_left_and_not_there_and_back(tmp_path) -> None:
    s = study(_site(tmp_path, a=A, b=B))
    a, b = _part(*A), _part(*B)
    words, _, flow = mode_flows(s)
    by_a, by_b = map([str(word) for word in words].index, ("every client by A", "every client by B"))
    assert flow[by_a, by_b] == pytest.approx(_mean(lambda t: A[0] * a(t)[0] * b(t)[0]), rel=1e-8)
    assert flow[by_b, by_a] == pytest.approx(_mean(lambda t: a(t)[1] / A[1] * b(t)[0]), rel=1e-8)
    assert flow.sum(axis=0) == pytest.approx(flow.sum(axis=1), rel=1e-8)
    row = modes(s).set_index("mode").loc["every client by B"]
    assert row["entries_per_year"] == pytest.approx(_losses_per_year(), rel=1e-8)
    assert row["mean_stay_h"] == pytest.approx(4270.74, abs=0.01)


def test_moments_carry_the_restorations_beside_every_state_of_the_others() -> None:
    laws = {"x": Law(5e-5, 10.0, 8760.0), "y": Law(2e-5, 300.0, 8760.0), "z": Law(1e-4, 40.0, 8760.0)}
    found = moments_of(laws)
    parts = {name: _part(law.failure_rate_per_h, law.mttr_h, 8760.0) for name, law in laws.items()}
    for name, law in laws.items():
        one, two = (parts[other] for other in laws if other != name)
        wanted = _mean(lambda t, p=parts[name], m=law.mttr_h: p(t)[1] / m * (1 - one(t)[0]) * (1 - two(t)[0]))  # noqa: B023
        others = np.prod([q for other, q in found.unavailability.items() if other != name], axis=0)
        assert found.weight @ (found.restored_per_h[name] * others) == pytest.approx(wanted, rel=1e-8)


def test_alike_parts_come_back_as_often_as_they_fail_beside_any_number_of_each_other() -> None:
    law = Law(5e-5, 100.0, 8760.0)
    found, part = moments_of({"x": law, "y": law, "z": law}), _part(5e-5, 100.0, 8760.0)
    wanted = _mean(lambda t: part(t)[1] / 100.0 * (1 - part(t)[0]) ** 2)
    q = found.unavailability
    assert found.weight @ (found.restored_per_h["x"] * q["y"] * q["z"]) == pytest.approx(wanted, rel=1e-8)
    wanted = _mean(lambda t: 5e-5 * part(t)[0] * (1 - part(t)[0]) ** 2)
    assert found.weight @ (found.frequency_per_h["x"] * q["y"] * q["z"]) == pytest.approx(wanted, rel=1e-8)


def test_a_loss_that_was_running_when_counting_starts_is_not_on_air_again(tmp_path) -> None:
    found = simulate(study(_site(tmp_path, a=A, b=B)), plan=Plan(histories=300, years=10, seed=1))
    (full,) = (one for one in found.services if one.service == "full_service")
    assert full.interruptions_per_year.value > 0.2
    assert full.on_air_per_year.value <= full.interruptions_per_year.value


def test_what_roles_are_doing_meanwhile_adds_up_to_the_downtime(tmp_path) -> None:
    """Clients' own parts that are tested on the same days go together: their mean alone is not enough."""
    s = study(_site(tmp_path, nic_A=A, nic_B=B))
    down = availability(s, organisation=Organisation(), method="markov")["media"].downtime_min_per_year
    minutes = downtime_causes(s, Organisation(), "media", method="markov")["downtime_min_per_year"]
    assert minutes.sum() == pytest.approx(down, rel=1e-9)
