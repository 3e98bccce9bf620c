"""What many clients that are wired irregularly cost: `make bench`, or python benchmarks/many_clients.py [--write].

Each row is measured once in a process of its own, which compiles what it needs from what is kept on disk, with the peak
of its memory. With ``--write`` the table becomes the last section of docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cables import TYPES as CABLE_TYPES
from cables import fabric as cabling

import k2rel
from k2rel.simulation.static_sampling import quick_look

TITLE = "## Many clients, wired irregularly"
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


def imported(folder: Path) -> Any:
    """A site of the 48 clients from their list of cables."""
    path = folder / "cables.csv"
    path.write_text("\n".join(["a_device,b_device,speed", *(",".join(row) for row in cables())]))
    types = {"host-*": "workstation", "leaf-*": "gige_switch", "core-*": "gige_switch", "store": "server"}
    sides = {"A": "*-a*", "B": "*-b*"}
    return k2rel.from_cables(path, types=types, clients="host-*", targets="store", sides=sides, demand="100 MB/s")


def written(folder: Path) -> Any:
    """The 500 clients from a file."""
    path = folder / "site.yaml"
    path.write_text(json.dumps(fabric()))
    return k2rel.study(path).site


def listed(folder: Path) -> Path:
    """5,000 cables of 2,400 hosts in a file."""
    path = folder / "cables.csv"
    rows = (f"{a},p{n},{b},q{n}" for n, (a, b) in enumerate(cabling(2400, irregular=True)))
    path.write_text("\n".join(["a_device,a_port,b_device,b_port", *rows]))
    return path


def site_of(path: Path) -> k2rel.Site:
    """The site of 5,000 cables."""
    sides = {"A": "*-a*", "B": "*-b*"}
    return k2rel.from_cables(path, types=CABLE_TYPES, clients="h*", targets="nas-*", sides=sides)


def histories(site: k2rel.Site) -> object:
    """Ten histories of ten years, event by event."""
    return k2rel.simulate(site, plan=k2rel.Plan(histories=10, seed=1))


ROWS: dict[str, tuple[str, Callable[[Path], Any], Callable[[Any], Any]]] = {
    "services_48": ("all services", imported, lambda site: k2rel.availability(site, method="exact")),
    "load_48": ("load", imported, lambda site: k2rel.load(site, method="exact")),
    "services_500": ("all services", written, lambda site: k2rel.availability(site, method="exact")),
    "load_500": ("load", written, lambda site: k2rel.load(site, method="exact")),
    "failover_500": ("failover table", written, k2rel.failover_cases),
    "static_500": ("a million states sampled", written, lambda site: quick_look(k2rel.study(site), 1_000_000, seed=1)),
    "events_500": ("100 years, event by event", written, histories),
    "import": ("a site of 5,000 cables", listed, site_of),
}


def row(name: str) -> dict[str, Any]:
    """Measure one row in this process."""
    _, make, measure = ROWS[name]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        given = make(Path(folder))
        read = time.perf_counter() - start
        found = measure(given)
        spent = time.perf_counter() - start - read
    site = found if isinstance(given, Path) else given
    return {
        "clients": site.client_count,
        "groups": site.group_count,
        "parts": len(site.components) + len(getattr(site, "links", ())),
        "read": read,
        "spent": spent,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
    }


def table() -> str:
    """The section."""
    lines = [
        f"{TITLE}\n",
        "Written by `benchmarks/many_clients.py` (`make bench`), each row once in a process of its own, on "
        f"{os.cpu_count()} processor cores shared with others, Python {platform.python_version()}, "
        f"{platform.system()} on {platform.machine()}. 48 clients at 8 leaves come from a list of cables; 500 clients "
        "at 36 leaves and 4 spines from a file; 5,000 cables are those of 2,400 hosts at 40 leaves.\n",
        "| what | clients | groups | shared parts | read [s] | computed [s] | peak memory [GB] |",
        "|" + "---|" * 7,
    ]
    for name, (title, _, _) in ROWS.items():
        told = subprocess.run([sys.executable, __file__, "--row", name], capture_output=True, text=True, check=True)
        found = json.loads(told.stdout)
        lines.append(
            f"| {title} | {found['clients']} | {found['groups']} | {found['parts']} | {found['read']:.1f} | "
            f"{found['spent']:.1f} | {found['memory']:.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure and print, or write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    parser.add_argument("--row", choices=list(ROWS), help="measure one row in this process, as JSON")
    args = parser.parse_args()
    if args.row:
        print(json.dumps(row(args.row)))
        return
    text = table()
    print(text)
    if args.write:
        path = Path(__file__).parents[1] / "docs" / "performance.md"
        path.write_text(path.read_text().partition(TITLE)[0].rstrip() + f"\n\n{text}\n")


if __name__ == "__main__":
    main()
