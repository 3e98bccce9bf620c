"""RePyability on the reference SAN (variant dual, all clients), in an interpreter of its own: prints one JSON line.

It refuses two-way links, so the variant with an inter-switch link cannot be given to it.
"""

import json
import sys
import time
from typing import Any

import surpyval
from repyability import PerfectReliability
from repyability.rbd.repairable_rbd import RepairableRBD

HOURS = {
    "nic": (300_000, 8), "switch": (200_000, 6), "toe": (250_000, 8), "server": (50_000, 12), "hba": (400_000, 8),
    "fc": (800_000, 6), "controller": (120_000, 10), "drive": (300_000, 24),
}  # fmt: skip


def part(kind: str) -> dict[str, Any]:
    """One part with exponential life and repair."""
    up, down = HOURS[kind]
    exponential = surpyval.Exponential.from_params
    return {"reliability": exponential([1 / up]), "repairability": exponential([1 / down])}


def diagram(clients: int) -> Any:
    """Drives, then each side to its switches, then the clients; every client is needed."""
    parts, edges, needed = {"drives": PerfectReliability, "all": PerfectReliability}, [], {"drives": 4, "all": clients}
    for d in range(5):
        parts[f"drive{d}"] = part("drive")
        edges += [("in", f"drive{d}"), (f"drive{d}", "drives")]
    for side in "AB":
        before = "drives"
        for kind in ("controller", "fc", "hba", "server"):
            parts[kind + side] = part(kind)
            edges.append((before, kind + side))
            before = kind + side
        for card in "12":
            parts[f"toe{side}{card}"] = part("toe")
            edges.append((before, f"toe{side}{card}"))
    for side, card in (("A", "1"), ("B", "2")):
        parts["switch" + side] = part("switch")
        edges += [(f"toeA{card}", "switch" + side), (f"toeB{card}", "switch" + side)]
    for n in range(clients):
        parts[f"client{n}"] = PerfectReliability
        for side in "AB":
            parts[f"nic{side}{n}"] = part("nic")
            edges += [("switch" + side, f"nic{side}{n}"), (f"nic{side}{n}", f"client{n}")]
        edges.append((f"client{n}", "all"))
    return RepairableRBD([*edges, ("all", "out")], parts, k=needed, input_node="in", output_node="out")


if __name__ == "__main__":
    clients, histories, jobs = (int(word) for word in sys.argv[1:4])
    rbd = diagram(clients)
    rbd.availability(8760.0, mc_samples=100, seed=1, engine="numba", n_jobs=jobs)
    rates = []
    for seed in (2, 3, 4):
        start = time.perf_counter()
        rbd.availability(8760.0, mc_samples=histories, seed=seed, engine="numba", n_jobs=jobs)
        rates.append(histories / (time.perf_counter() - start))
    print(json.dumps({"per_second": sorted(rates)[1], "unavailability": 1 - rbd.mean_availability()}))
