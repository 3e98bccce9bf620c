"""What traffic over several paths costs: all services with their frequency, and the whole load, exact."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from measured import Clock, Row, Run, Section
from ruamel.yaml import YAML

import k2rel
from k2rel.bundled import data_dir
from k2rel.units import parse_bandwidth

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


def solved(make: Callable[[], dict[str, Any]]) -> Run:
    """Read a design and solve it."""
    text = json.dumps(make())

    def run(_: Clock) -> dict[str, object]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "site.yaml"
            path.write_text(text)
            answer = k2rel.study(path).solve(method="exact")
        full = answer.services["full_service"].unavailability
        assert answer.load().left_out <= 1e-12
        return {"unavailability of full service": f"{full:.6g}"}

    return run


CASES = [
    *(("FC round robin, 4 paths", n, partial(scaled, "fc_round_robin", n)) for n in (4, 100, 1000)),
    ("FC round robin, 16 paths", 20, partial(sixteen_paths, 20)),
    *(("ST 2022-7, copies on both sides", n, partial(scaled, "st2022_7", n)) for n in (3, 50, 200)),
    ("HA pair, two classes", 100, partial(scaled, "ha_pair", 100)),
]

SECTIONS = [
    Section(
        "shared-traffic",
        "performance/dynamic.md",
        "Traffic over several paths",
        [
            Row(
                f"traffic/{title}/{clients}",
                partial(solved, make),
                {"design": title, "clients": clients},
                times=3,
                size=clients,
                unit="clients",
                line=title,
            )
            for title, clients, make in CASES
        ],
        "Exact engine, reading of the file included: all services with their frequency, and the whole load. "
        "Capacities grow with the clients.",
    )
]
