"""The spine-leaf fabric that ships as a template: what it writes out, and its figures by enumeration when it is small."""

from typing import Any

import numpy as np
import pytest

import k2rel
from k2rel.bundled import data_dir
from k2rel.site.source import read_yaml
from k2rel.site.templates import expanded

FILE = data_dir() / "examples" / "designs" / "spine_leaf.yaml"


def fabric(pairs: int, spines: int, borders: int, hosts: int) -> dict[str, Any]:
    """What the file says, by loops."""
    pair, side, spine, border = range(1, pairs + 1), "AB", range(1, spines + 1), range(1, borders + 1)
    leaves = [f"leaf_{p}{s}" for p in pair for s in side]
    components = {name: {"type": "switch", "side": name[-1]} for name in leaves}
    components |= {f"spine_{x}": {"type": "switch"} for x in spine}
    components |= {f"border_{b}": {"type": "switch"} for b in border}
    components["storage"] = {"type": "host"}
    links = {
        f"spine_{x}_{far}": {"type": "optic", "capacity": "12500 MB/s", "between": [f"spine_{x}", far]}
        for x in spine
        for far in [*leaves, *(f"border_{b}" for b in border)]
    }
    links |= {
        f"port_{b}": {"type": "optic", "capacity": "50000 MB/s", "between": ["storage", f"border_{b}"]} for b in border
    }

    def path(p: int, s: str) -> dict[str, Any]:
        routes = [
            [f"spine_{x}_leaf_{p}{s}", f"spine_{x}", f"spine_{x}_border_{b}", f"border_{b}", f"port_{b}"]
            for x in spine
            for b in border
        ]
        via = ["client", f"card_{s}", f"@leaf_{s}", {"at_least": 1, "of": routes}, "storage"]
        return {"side": s, "kinds": [f"pair_{p}"], "via": via}

    own = {f"card_{s}": {"type": "card", "side": s, "between": ["client", f"@leaf_{s}"]} for s in side}
    return {
        "components": components,
        "links": links,
        "clients": {
            "title": "host",
            "parts": {"client": {"type": "host"}, **own},
            "kinds": {f"pair_{p}": {"count": hosts, "leaf_A": f"leaf_{p}A", "leaf_B": f"leaf_{p}B"} for p in pair},
        },
        "traffic": {
            "data": {"demand": "100 MB/s", "share": "equal", "paths": [path(p, s) for p in pair for s in side]}
        },
    }


def test_sixteen_leaves_with_48_hosts_each_are_fewer_than_forty_lines() -> None:
    assert len(FILE.read_text().splitlines()) < 40
    data = expanded(read_yaml(FILE)).data
    assert {key: data[key] for key in ("components", "links", "clients", "traffic")} == fabric(8, 4, 2, 96)
    site = k2rel.study(FILE).site
    assert (site.client_count, len(site.components), site.group_sizes) == (768, 97, (96,) * 8)
    assert site.warnings == ()


def test_with_a_spine_lost_the_trunks_to_the_border_are_asked_for_too_much() -> None:
    study = k2rel.study(FILE)
    trunks = [f"spine_{x}_border_{b}" for x in range(1, 5) for b in (1, 2)]
    assert [k2rel.failover(study).carried[name] for name in trunks] == pytest.approx([76800 / 8] * 8)
    lost = k2rel.failover(study, ["spine_2"]).carried
    assert [lost[name] for name in trunks if "spine_2" not in name] == pytest.approx([76800 / 6] * 6)
    assert lost["spine_1_leaf_3B"] == pytest.approx(4800 / 3)


def enumerated() -> dict[str, float]:
    """One pair of leaves, two spines, two hosts: every state of every part, 2^20 of them, by arrays."""
    shared = [f"leaf{s}" for s in "AB"] + [f"spine{x}" for x in "12"] + [f"border{b}" for b in "12"]
    optics = [f"spine{x}leaf{s}" for x in "12" for s in "AB"] + [f"spine{x}border{b}" for x in "12" for b in "12"]
    optics += ["port1", "port2"]
    cards = [f"card{h}{s}" for h in "12" for s in "AB"]
    names = [*shared, *optics, *cards]
    q = np.array([4e-5] * len(shared) + [1e-5] * len(optics) + [2e-5] * len(cards))
    number = np.arange(2 ** len(names), dtype=np.uint32)
    works = {name: (number >> place & 1) == 0 for place, name in enumerate(names)}
    probability = np.ones(len(number))
    for name, share in zip(names, q, strict=True):
        probability *= np.where(works[name], 1 - share, share)
    border = {(x, b): works[f"spine{x}border{b}"] & works[f"border{b}"] & works[f"port{b}"] for x in "12" for b in "12"}
    routes = {
        (s, x, b): works[f"spine{x}leaf{s}"] & works[f"spine{x}"] & border[x, b]
        for s in "AB"
        for x in "12"
        for b in "12"
    }
    count = {s: sum(routes[s, x, b].astype(int) for x in "12" for b in "12") for s in "AB"}
    served = np.ones(len(number), dtype=bool)
    load = {(x, far): np.zeros(len(number)) for x in "12" for far in "12AB"}  # of a spine's trunks, by their far ends
    for h in "12":
        usable = {s: works[f"card{h}{s}"] & works[f"leaf{s}"] & (count[s] > 0) for s in "AB"}
        ways = usable["A"].astype(int) + usable["B"]
        served &= ways > 0
        for s, x, b in routes:
            carried = 100 / np.maximum(ways, 1) / np.maximum(count[s], 1)
            for far in (b, s):
                load[x, far] += np.where(usable[s] & routes[s, x, b], carried, 0.0)
    over = np.any([one > 60 * (1 + 1e-9) for one in load.values()], axis=0)
    return {
        "data": float(probability[~served].sum()),
        "overload": float(probability[over].sum()),
        "mean": float((probability * load["2", "1"]).sum()),
    }


def test_a_small_one_has_the_figures_of_an_enumeration(tmp_path) -> None:
    text = FILE.read_text()
    for old, new in (
        ("p: 1..8", "p: 1..1"), ("x: 1..4", "x: 1..2"), ("count: 96", "count: 2"),
        ('["leaf_*", "border_*"]], type: optic, capacity: 12500', '["leaf_*", "border_*"]], type: optic, capacity: 60'),
    ):  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    path = tmp_path / "small.yaml"
    path.write_text(text)
    data = fabric(1, 2, 2, 2)
    assert expanded(read_yaml(path)).data["traffic"] == data["traffic"]
    expected = enumerated()
    study = k2rel.study(path)
    found = k2rel.availability(study, method="exact")["data"].unavailability
    assert found == pytest.approx(expected["data"], rel=1e-9)
    load = k2rel.load(study, method="exact")
    assert load.p_any_overload == pytest.approx(expected["overload"], rel=1e-9)
    mean = {one.element: one.mean_mb_s for one in load.elements}["spine_2_border_1"]
    assert mean == pytest.approx(expected["mean"], rel=1e-9)
