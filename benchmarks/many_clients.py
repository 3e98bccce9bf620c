"""What many clients cost that are wired irregularly, and lists of cables of which sites are made."""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from cables import TYPES as CABLE_TYPES
from cables import fabric as cabling
from measured import Clock, Row, Run, Section

import k2rel
from k2rel.simulation.static_sampling import quick_look

PAGE = "performance/exact.md"
FEEDS = ("psu_1", "psu_2")
TYPES = {
    "host": {"failure_rate": 0, "mttr": "1 h"},
    "switch": {"unavailability": 5e-5, "mttr": "4 h", "source": "bench"},
    "small": {"unavailability": 1e-5, "mttr": "4 h", "source": "bench"},
    "nic": {"unavailability": 2e-5, "mttr": "4 h", "source": "bench"},
}


def pairs_of(leaves: int, kinds: int, reach: int, seed: int) -> list[tuple[int, int]]:
    """Different pairs of leaves of the two sides that stand near each other."""
    chance, found = random.Random(seed), dict[tuple[int, int], None]()
    while len(found) < kinds:
        first = chance.randrange(leaves)
        second = (first + chance.randint(1, reach)) % leaves
        if first % 2 != second % 2 and (second, first) not in found:
            found[first, second] = None
    return list(found)


def cables(clients: int = 48, leaves: int = 8, kinds: int = 9) -> list[tuple[str, str, str]]:
    """A list of cables: hosts at two leaves each, leaves at two cores of their side, cores at a store."""
    pairs = pairs_of(leaves, kinds, leaves, 1)
    rows = [(f"host-{n}", f"leaf-{'ab'[leaf % 2]}{leaf}", "") for n in range(clients) for leaf in pairs[n % kinds]]
    rows += [(f"leaf-{'ab'[n % 2]}{n}", f"core-{'ab'[n % 2]}{core}", "10G") for n in range(leaves) for core in (1, 2)]
    return rows + [(f"core-{side}{core}", "store", "25G") for side in "ab" for core in (1, 2)]


def fabric(clients: int = 500, leaves: int = 36, spines: int = 4, kinds: int = 60, cards: int = 9) -> dict[str, Any]:
    """Leaves with two supplies and line cards each, every leaf at every spine, clients at two leaves."""
    demand = 100
    components: dict[str, Any] = {"store": {"type": "host"}}
    room = {"spine": 0.7 * demand * clients, "leaf": 6 * demand * clients / leaves}
    for kind, count in (("spine", spines), ("leaf", leaves)):
        for n in range(count):
            name = f"{kind}_{n}"
            own = [f"{name}_card_{card}" for card in range(cards if kind == "leaf" else 0)]
            components |= {part: {"type": "small", "in": name} for part in [*(f"{name}_{f}" for f in FEEDS), *own]}
            components[name] = {
                "type": "switch",
                "side": "AB"[n % 2],
                "capacity": f"{room[kind]} MB/s",
                "needs": [{"at_least": 1, "of": [f"{name}_{feed}" for feed in FEEDS]}, *own],
            }
    ends = [(f"leaf_{leaf}", f"spine_{spine}") for leaf in range(leaves) for spine in range(spines)]
    trunk = f"{6 * demand * clients / leaves / spines} MB/s"
    links = {f"{a}_{b}": {"type": "small", "between": [a, b], "capacity": trunk} for a, b in ends}
    links |= {f"spine_{n}_store": {"type": "small", "between": [f"spine_{n}", "store"]} for n in range(spines)}
    by_kind, paths = {}, []
    for n, pair in enumerate(pairs_of(leaves, kinds, 3, 1)):
        by_kind[f"kind_{n}"] = {
            "count": clients // kinds + (n < clients % kinds),
            "leaf_1": f"leaf_{pair[0]}",
            "leaf_2": f"leaf_{pair[1]}",
        }
        for card, leaf in enumerate(pair, start=1):
            ways = [[f"leaf_{leaf}_spine_{s}", f"spine_{s}", f"spine_{s}_store"] for s in range(spines)]
            via = ["client", f"nic_{card}", f"leaf_{leaf}", {"at_least": 1, "of": ways}, "store"]
            paths.append({"side": "AB"[leaf % 2], "kinds": [f"kind_{n}"], "via": via})
    nics = {f"nic_{n}": {"type": "nic", "between": ["client", f"@leaf_{n}"]} for n in (1, 2)}
    return {
        "format": 2,
        "name": "fabric",
        "title": f"{clients} clients, {leaves + spines} switches",
        "sides": {"A": {}, "B": {}},
        "types": TYPES,
        "components": components,
        "links": links,
        "clients": {"parts": {"client": {"type": "host"}, **nics}, "kinds": by_kind},
        "traffic": {"data": {"demand": f"{demand} MB/s", "paths": paths}},
    }


def imported(folder: Path, clients: int) -> k2rel.Site:
    """A site of clients at 8 leaves from their list of cables."""
    path = folder / "cables.csv"
    path.write_text("\n".join(["a_device,b_device,speed", *(",".join(row) for row in cables(clients))]))
    types = {"host-*": "workstation", "leaf-*": "gige_switch", "core-*": "gige_switch", "store": "server"}
    sides = {"A": "*-a*", "B": "*-b*"}
    return k2rel.from_cables(path, types=types, clients="host-*", targets="store", sides=sides, demand="100 MB/s")


def written(folder: Path, clients: int) -> k2rel.Site:
    """Clients at 36 leaves from a file; few of them at fewer leaves, to compile what many need."""
    path = folder / "site.yaml"
    few = {"leaves": 8, "spines": 2, "kinds": 8, "cards": 2} if clients < 100 else {}
    path.write_text(json.dumps(fabric(clients, **few)))
    return k2rel.study(path).site


def asked(
    read: Callable[[Path, int], k2rel.Site], measure: Callable[[k2rel.Site], object], clients: int, few: int
) -> Run:
    """Read a site and ask something of it, once in a process, after few clients that compile the loops."""
    reading_and_asking(read, measure, few, Clock(0))
    return partial(reading_and_asking, read, measure, clients)


def reading_and_asking(
    read: Callable[[Path, int], k2rel.Site], measure: Callable[[k2rel.Site], object], clients: int, clock: Clock
) -> dict[str, object]:
    """Both, each a step."""
    with tempfile.TemporaryDirectory() as folder, clock.step("read"):
        site = read(Path(folder), clients)
    with clock.step("compute"):
        measure(site)
    parts = len(site.components) + len(getattr(site, "links", ()))
    return {"clients": site.client_count, "groups": site.group_count, "shared parts": parts}


def services(site: k2rel.Site) -> object:
    """All services."""
    return k2rel.availability(site, method="exact")


def load(site: k2rel.Site) -> object:
    """The whole load."""
    return k2rel.load(site, method="exact")


def states(site: k2rel.Site) -> object:
    """A million states, sampled."""
    return quick_look(k2rel.study(site), 1_000_000, seed=1)


def histories(site: k2rel.Site) -> object:
    """Ten histories of ten years, event by event."""
    return k2rel.simulate(site, plan=k2rel.Plan(histories=10, seed=1))


def site_of_cables(hosts: int, *, irregular: bool) -> Run:
    """Read a list of cables, and make a site of it."""
    rows = [f"{a},p{n},{b},q{n}" for n, (a, b) in enumerate(cabling(hosts, irregular=irregular))]
    text = "\n".join(["a_device,a_port,b_device,b_port", *rows])

    def run(clock: Clock) -> dict[str, object]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "cables.csv"
            path.write_text(text)
            with clock.step("read"):
                read = k2rel.read_cables(path, types=CABLE_TYPES)
            with clock.step("site"):
                site = k2rel.from_cables(read, clients="h*", targets="nas-*", sides={"A": "*-a*", "B": "*-b*"})
        return {"cables": len(rows), "groups": site.group_count}

    return run


def refusal() -> Run:
    """A million cables, which are refused."""
    text = "a_device,b_device\n" + "host,switch\n" * 1_000_000

    def run(_: Clock) -> dict[str, object]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "cables.csv"
            path.write_text(text)
            try:
                k2rel.read_cables(path)
            except k2rel.InputError:
                return {"cables": 1_000_000, "groups": "refused"}
        raise SystemExit("a million cables were not refused")

    return run


ASKED: list[tuple[str, Callable[[Path, int], k2rel.Site], Callable[[k2rel.Site], object], int, int]] = [
    ("all services", imported, services, 48, 18),
    ("load", imported, load, 48, 18),
    *(("all services", written, services, n, 16) for n in (120, 250, 500)),
    *(("load", written, load, n, 16) for n in (120, 250, 500)),
    ("failover table", written, k2rel.failover_cases, 500, 16),
    ("a million states sampled", written, states, 500, 16),
    ("100 years, event by event", written, histories, 500, 16),
]

SECTIONS = [
    Section(
        "many-clients",
        PAGE,
        "Many clients with irregular cabling",
        [
            Row(
                f"many clients/{title}/{clients}",
                partial(asked, read, measure, clients, few),
                {"what": title},
                times=3,
                fresh=True,
                warm=False,
                size=clients,
                unit="clients",
                line=f"fabric: {title}" if read is written and measure in (services, load) else "",
            )
            for title, read, measure, clients, few in ASKED
        ],
        "Each run has a process of its own. The site of 48 clients at 8 leaves comes from a list of cables; the sites"
        " of up to 500 clients of 60 kinds at 36 leaves and 4 spines come from a file.",
    ),
    Section(
        "cables",
        PAGE,
        "Sites from lists of cables",
        [
            *(
                Row(
                    f"cables/{hosts}/{'irregular' if irregular else 'pairs'}",
                    partial(site_of_cables, hosts, irregular=irregular),
                    {"hosts": hosts, "wired": "irregularly" if irregular else "by pairs"},
                    times=3,
                    size=hosts,
                    unit="hosts",
                    line="cables, irregular" if irregular else "cables, by pairs",
                )
                for irregular in (False, True)
                for hosts in (600, 1200, 2400)
            ),
            Row("cables/refused", refusal, {"hosts": "", "wired": "too many"}, times=3),
        ],
        "Hosts at 40 leaves, eight cores, five servers.",
    ),
]
