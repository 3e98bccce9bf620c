"""What each engine does with each rule of a takeover: the table of docs/concepts/takeovers.md, cell by cell.

Each rule is added to two machines in a room. What it must be worth then is worked out without k2rel: with takeovers as
modelled by the chain of `takeover_chain`, with ideal ones by its enumeration of all sets of failed parts.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

import k2rel
from k2rel.bundled import data_dir
from k2rel.simulation import Plan, simulate
from tests.takeover_chain import Chain, ideal

PAGE = Path(__file__).parents[1] / "docs" / "concepts" / "takeovers.md"
ENGINES = ("ideal, exact engine", "as modelled, Markov", "as modelled, simulation")

SEEN = [{"heartbeat": "ring"}]
SILENT = [{"heartbeat": "ring", "missing": "anyway"}]
FENCED = [*SILENT, {"fence": "bmc_#"}]
VOTES = [["node_#"], ["isl", "node_@"], ["witness"]]
QUORUM = [{"quorum": {"at_least": "majority", "of": VOTES}}]
PORTS = {"lost": ["isl"], "works": ["ring", "node_1"]}
UNSURE = {"coverage": 0.8, "switchover": "6 min"}

# what a site has, and what the rule adds to it or has in its place
RULES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "heartbeat that a takeover waits for": ({}, {"unit": SEEN}),
    "heartbeat whose silence counts as a failure": ({"unit": SEEN}, {"unit": SILENT}),
    "fence that a takeover waits for": ({"unit": SEEN}, {"unit": [*SEEN, {"fence": "bmc_#"}]}),
    "time and coverage of a fence": (
        {"unit": FENCED}, {"unit": [*SILENT, {"fence": "bmc_#", "coverage": 0.9, "time": "10 min"}]},
    ),
    "partition: which side continues, which is fenced": ({"unit": FENCED}, {"unit": FENCED, "role": {"partition": "moves"}}),
    "other part that a takeover needs": ({"unit": SEEN}, {"unit": [*SEEN, "witness"], "holder": ["isl"]}),
    "further servers that shut down": ({"third": True}, {"third": True, "takes_down": ["node_3"]}),
    "quorum": ({"unit": SEEN}, {"unit": SEEN, "holder": QUORUM}),
    "detection time": ({}, {"role": {"detection": {"default": "3 min", "software": "20 min"}}}),
    "delayed failback": ({"role": {"switchover": "6 min"}}, {"role": {
        "switchover": "6 min", "failback": "automatic after 4 h",
    }}),
    "giveback": ({"role": {"switchover": "6 min"}}, {"role": {"switchover": "6 min", "giveback": "30 min"}}),
    "spurious takeovers": ({"role": {"switchover": "6 min"}}, {"role": {"switchover": "6 min", "spurious": "0.01 /h"}}),
    "retry, operator and restoration after a failed takeover": ({"role": UNSURE}, {"role": UNSURE | {
        "failed_takeover": {
            "retry_after": "10 min", "retry_coverage": 0.6, "operator_coverage": 0.7, "restoration": "8 h",
        },
    }}),
    "drift and drills": ({"role": UNSURE}, {"role": UNSURE | {
        "readiness": {"drift": "0.01 /h", "drill": "100 h", "takes": "5 min"},
    }}),
    "split brain: which side serves": ({"unit": SILENT}, {"unit": SILENT, "role": {"split_brain": {"serves": "former"}}}),
    "split brain: mending and data": ({"unit": SILENT}, {"unit": SILENT, "role": {
        "split_brain": {"mend": "2 h", "restore_probability": 0.3, "restore": "24 h"},
    }}),
    "suspended parts": ({}, {"suspends": PORTS}),
    "auto-recovery of a suspended part": ({"suspends": PORTS}, {"suspends": PORTS | {"auto_recovery": "2 h"}}),
}  # fmt: skip


def site(
    unit: Any = (), holder: Any = (), role: Any = None, suspends: Any = None, takes_down: Any = (), third: bool = False
) -> dict[str, Any]:
    """Two machines that stand in for each other; `#` is the number of one of them, `@` that of the other."""

    def of(n: int, what: Any) -> Any:
        return json.loads(json.dumps(what).replace("#", str(n)).replace("@", str(3 - n)))

    def part(mttf: int, mttr: int, kind: str = "part", **more: Any) -> dict[str, Any]:
        return {"type": kind, "mttf": f"{mttf} h", "mttr": f"{mttr} h"} | more

    sides = {1: "A", 2: "B"}
    used = json.dumps([unit, holder, suspends])
    told = {"ring": part(300, 4), "isl": part(200, 6), "witness": part(100, 5)}
    cross = {1: ["client", "nic_1", "port_1", "node_1"], 2: ["client", "nic_2", "port_2", "node_2"]}
    by = [{"side": side, "when": {"service": side}, "via": cross[n]} for n, side in sides.items()]
    return {
        "format": 2, "name": "two", "title": "two machines", "sides": {"A": {}, "B": {}},
        "types": {"ideal": {"failure_rate": 0, "mttr": "1 h"}},
        "components": {
            "node_1": part(150, 5, side="A", needs=["software_1"]), "software_1": part(60, 1, "software", side="A"),
            "node_2": part(100, 7, side="B"),
            **{f"port_{n}": {"type": "ideal", "side": side, "in": f"node_{n}"} for n, side in sides.items()},
            **({"bmc_1": part(80, 4), "bmc_2": part(90, 4)} if "bmc" in used else {}),
            **{name: entry for name, entry in told.items() if name in used},
            **({"node_3": part(400, 3, side="A")} if third else {}),
        },
        "units": {
            f"unit_{n}": {"server": f"node_{n}", "triggers": [f"node_{n}"], "takeover_needs": of(n, unit),
                          "takes_down": list(takes_down) if n == 1 else []}
            for n in sides
        },
        "roles": {
            "service": {"failback": "automatic"} | (role or {}) | {"holders": [
                {"side": side, "on": f"node_{n}", "units": [f"unit_{n}"], "needs": [f"node_{n}"],
                 "takeover_needs": of(n, holder)}
                for n, side in sides.items()
            ]},
            **({"other": {"holders": [{"side": "A", "on": "node_3", "needs": ["node_3"]}]}} if third else {}),
        },
        "suspends": {"port_2": suspends} if suspends else {},
        "clients": {"count": 1, "parts": {
            "client": {"type": "ideal"},
            **{f"nic_{n}": {"type": "ideal", "side": side, "between": ["client", f"port_{n}"]}
               for n, side in sides.items()},
        }},
        "traffic": {
            "moves": {"requires": ["service"], "paths": by},
            "at_home": {"requires": ["service"], "paths": by[:1]},
            "second": {"paths": [{"side": "B", "via": cross[2]}]},
            **({"third": {"scope": "site", "paths": [{"side": "A", "via": ["node_3"]}]}} if third else {}),
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def sites(tmp_path_factory):
    """The studies of a rule, without and with it, and the laws of the parts."""
    folder = tmp_path_factory.mktemp("rules")

    @lru_cache
    def study_of(rule: str, n: int) -> tuple[k2rel.Study, dict[str, tuple[float, float]]]:
        document = site(**RULES[rule][n])
        path = folder / f"{list(RULES).index(rule)}_{n}.yaml"
        path.write_text(json.dumps(document))
        laws = {
            name: (1 / float(entry["mttf"].split()[0]), 1 / float(entry["mttr"].split()[0]))
            for name, entry in document["components"].items()
            if "mttf" in entry
        }
        return k2rel.study(path), laws

    return study_of


def rows() -> dict[str, dict[str, str]]:
    """The table of the page: by rule, what each engine does with it."""
    lines = PAGE.read_text().split("<!-- rules and engines -->")[1].split("\n\n")[1].splitlines()
    head, _, *body = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0].replace("`", ""): dict(zip(head[1:], row[1:], strict=True)) for row in body}


TABLE = rows()


def differs(one: dict[str, float], other: dict[str, float]) -> bool:
    return any(abs(one[name] - other[name]) > 1e-6 for name in one)


def exact(study: k2rel.Study) -> dict[str, float]:
    found = k2rel.availability(study, method="exact")
    return {item.service: item.unavailability for item in found.services}


@lru_cache
def modelled(study: k2rel.Study, laws: tuple[tuple[str, tuple[float, float]], ...]) -> dict[str, float]:
    return dict(Chain(study.site, dict(laws)).steady.unavailability)


def test_the_page_has_each_rule_and_engine_once() -> None:
    assert set(TABLE) == set(RULES)
    assert all(tuple(row) == ENGINES for row in TABLE.values())


@pytest.mark.parametrize("rule", RULES)
def test_what_the_exact_engine_does_with_it(rule, sites) -> None:
    (without, _), (study, laws) = sites(rule, 0), sites(rule, 1)
    cell, before, found = TABLE[rule][ENGINES[0]], exact(without), exact(study)
    said = str(k2rel.availability(study, method="exact").provenance)
    assert ("order of the failures not known" in said) == bool(study.site.suspensions)
    wanted = ideal(study.site, laws)
    assert {name: found[name] for name in wanted} == pytest.approx(wanted, rel=1e-9)
    if cell == "left out":
        assert found == before
    else:
        assert cell in ("exact", "exact, except for the order of failures")
        assert differs(found, before)
    if cell != "left out" and study.site.suspensions:
        assert cell == "exact, except for the order of failures"


@pytest.mark.parametrize("rule", RULES)
def test_what_markov_does_with_it(rule, sites) -> None:
    (without, less), (study, laws) = sites(rule, 0), sites(rule, 1)
    wanted, before = (modelled(of, tuple(law.items())) for of, law in ((study, laws), (without, less)))
    found = k2rel.availability(study, method="markov")
    assert TABLE[rule][ENGINES[1]] == "exact"
    bound = found.provenance.error_bound
    assert bound is not None and bound < 1e-9
    for name, value in wanted.items():
        assert found[name].unavailability == pytest.approx(value, rel=1e-7, abs=2 * bound), name
    assert differs(wanted, before), "the rule is worth nothing here"


def test_the_two_machines_of_the_page(tmp_path) -> None:
    """Both down, or the first while the heartbeat is; and both active whenever the heartbeat alone is down."""
    machine, beat = 10 / 10_010, 10 / 20_010
    wanted = {"wait": machine**2 + machine * (1 - machine) * beat, "anyway": machine**2 + (1 - machine) ** 2 * beat}
    for missing, value in wanted.items():
        document = site(unit=[{"heartbeat": "ring", "missing": missing}])
        for name, mttf in (("node_1", 10_000), ("node_2", 10_000), ("ring", 20_000)):
            document["components"][name] |= {"mttf": f"{mttf} h", "mttr": "10 h"}
        document["components"]["software_1"] = {"type": "ideal", "side": "A"}
        path = tmp_path / f"{missing}.yaml"
        path.write_text(json.dumps(document))
        found = k2rel.study(path).solve()["service"].unavailability
        assert found == pytest.approx(value, rel=1e-9)
        assert f"{value:.5e}".replace("e-0", "e-") in PAGE.read_text()


@pytest.mark.slow
def test_level_3r_of_the_page() -> None:
    """The variant in which the loss of 1A restarts 2A too; what the level has without it is in `test_summary`."""
    lines = PAGE.read_text().split("<!-- Level 3R -->")[1].split("\n\n")[1].splitlines()[2:]
    said = [[float(cell) for cell in line.split("|")[2:4]] for line in lines]
    services = ("media", "control", "ftp", "ftp_retry", "file_system")
    for column, variant in enumerate((None, "restarts_2A")):
        found = k2rel.study("L3R", variant=variant).solve()
        for service, row in zip(services, said, strict=True):
            assert found[service].downtime_min_per_year == pytest.approx(row[column], rel=1e-5), (service, variant)


def test_what_the_page_quotes_stands_in_the_designs() -> None:
    designs = [set(path.read_text().splitlines()) for path in (data_dir() / "examples" / "designs").glob("*.yaml")]
    blocks = [block.split("```")[0].splitlines() for block in PAGE.read_text().split("```yaml\n")[1:]]
    assert len(blocks) >= 10
    for block in blocks:
        assert any(set(block) <= lines for lines in designs), block


@pytest.mark.slow
def test_drills_of_the_page(tmp_path) -> None:
    """Two nodes with fencing without drills, and with drills that interrupt nothing."""
    text = (data_dir() / "examples" / "designs" / "pacemaker.yaml").read_text()
    downtime = []
    for drill in ("", ", drill: 90 d"):
        path = tmp_path / "nodes.yaml"
        path.write_text(text.replace(", drill: 90 d, takes: 1 min", drill))
        downtime.append(k2rel.study(path).solve()["nfs"].downtime_min_per_year)
    assert f"{downtime[0] - downtime[1]:.1f} of {downtime[0]:.1f} minutes a year" in PAGE.read_text()


def test_the_page_quotes_what_failover_says() -> None:
    found = k2rel.failover(data_dir() / "examples" / "designs" / "pacemaker.yaml", ["feed_1"])
    (quoted,) = PAGE.read_text().split("```text\n")[1:]
    assert quoted.split("```")[0].splitlines() == [f"reason: {line}" for line in found.reasons]


FEW = ("heartbeat whose silence counts as a failure", "auto-recovery of a suspended part")


@pytest.mark.parametrize("rule", [*FEW, *(pytest.param(r, marks=pytest.mark.slow) for r in RULES if r not in FEW)])
def test_what_the_simulation_does_with_it(rule, sites) -> None:
    study, laws = sites(rule, 1)
    wanted = modelled(study, tuple(laws.items()))
    found = simulate(study, plan=Plan(histories=400, years=2, seed=7))
    assert TABLE[rule][ENGINES[2]] == "within its interval"
    for name, value in wanted.items():
        estimate = found[name].unavailability
        assert abs(estimate.value - value) < 4.5 * estimate.standard_error, name
