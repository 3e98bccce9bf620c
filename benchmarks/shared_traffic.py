"""What traffic over several paths costs: `make bench`, or python benchmarks/shared_traffic.py [--write].

Medians of three runs, each of a study of its own, after one that compiles the kernels: all services with their
frequency, and the whole load. With ``--write`` the table becomes the last section of docs/performance-dynamic.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

import k2rel
from k2rel.bundled import data_dir
from k2rel.units import parse_bandwidth

RUNS = 3
TITLE = "## Traffic over several paths"
HBAS = PORTS = 4


def scaled(name: str, clients: int) -> dict[str, Any]:
    """A design with other clients, and capacities in proportion."""
    document: dict[str, Any] = YAML(typ="safe").load((data_dir() / "examples" / "designs" / f"{name}.yaml").read_text())
    times = clients / document["clients"]["count"]
    document["clients"]["count"] = clients
    for section in ("components", "links"):
        for entry in document.get(section, {}).values():
            if "capacity" in entry:
                entry["capacity"] = parse_bandwidth(entry["capacity"]) * times
    return document


def sixteen_paths(clients: int) -> dict[str, Any]:
    """Four HBAs a host by four ports of an array behind one switch, round robin over all sixteen paths."""
    types = {"host": 0.0, "hba": 2e-4, "switch": 5e-4, "port": 1e-3, "controller": 2e-3}
    room = 1.4 * clients * 100 / PORTS
    controllers = {f"controller_{n}": {"type": "controller", "capacity": room} for n in range(PORTS)}
    ports = {
        f"port_{n}": {"type": "port", "between": ["switch", f"controller_{n}"], "capacity": room} for n in range(PORTS)
    }
    parts = {f"hba_{n}": {"type": "hba", "between": ["client", "switch"]} for n in range(HBAS)}
    paths = [
        {"side": "A", "via": ["client", f"hba_{hba}", "switch", f"port_{port}", f"controller_{port}"]}
        for hba in range(HBAS)
        for port in range(PORTS)
    ]
    return {
        "format": 2,
        "name": "sixteen_paths",
        "title": "four HBAs by four ports",
        "sides": {"A": {}},
        "types": {name: {"unavailability": q, "mttr": "4 h", "source": "bench"} for name, q in types.items()},
        "components": {"switch": {"type": "switch", "capacity": 120.0 * clients}, **controllers},
        "links": ports,
        "clients": {"count": clients, "parts": {"client": {"type": "host"}, **parts}},
        "traffic": {"disk": {"demand": "100 MB/s", "share": "equal", "paths": paths}},
    }


def cases() -> Iterator[tuple[str, int, dict[str, Any]]]:
    """What is measured."""
    for clients in (4, 100, 1000):
        yield "FC round robin, 4 paths", clients, scaled("fc_round_robin", clients)
    yield "FC round robin, 16 paths", 20, sixteen_paths(20)
    for clients in (3, 50, 200):
        yield "ST 2022-7, copies on both sides", clients, scaled("st2022_7", clients)
    yield "HA pair, two classes", 100, scaled("ha_pair", 100)


def seconds(path: Path) -> tuple[float, float]:
    """Seconds of one run, and full service's unavailability."""
    start = time.perf_counter()
    answer = k2rel.study(path).solve(method="exact")
    full = answer.services["full_service"].unavailability
    assert answer.load().left_out <= 1e-12
    return time.perf_counter() - start, full


def table() -> list[str]:
    """The table."""
    lines = [
        f"{TITLE}\n",
        f"Written by `benchmarks/shared_traffic.py` (`make bench`), medians of {RUNS} runs on {os.cpu_count()} "
        f"processor cores shared with others, Python {platform.python_version()}, {platform.system()} on "
        f"{platform.machine()}; warm, reading the file included. All services with their frequency and the whole load, "
        "exact; capacities grow with the clients.\n",
        "| design | clients | seconds | unavailability of full service |",
        "|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "site.yaml"
        for warm in (True, False):
            for title, clients, document in cases():
                path.write_text(json.dumps(document))
                if warm:
                    seconds(path)
                    continue
                found = [seconds(path) for _ in range(RUNS)]
                lines.append(
                    f"| {title} | {clients:,} | {statistics.median(t for t, _ in found):.2f} | {found[0][1]:.6g} |"
                )
    return lines


def main() -> None:
    """Measure and print, or write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write the table into docs/performance-dynamic.md")
    args = parser.parse_args()
    text = "\n".join(table())
    print(text)
    if args.write:
        path = Path(__file__).parents[1] / "docs" / "performance-dynamic.md"
        path.write_text(path.read_text().partition(TITLE)[0].rstrip() + f"\n\n{text}\n")
        print(f"written to {path}")


if __name__ == "__main__":
    main()
