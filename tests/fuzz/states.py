"""States at present of sites that are drawn: what has failed, where roles are, how far to look, which works are planned."""

from __future__ import annotations

import random
from typing import Any

import k2rel
from tests.fuzz import held, spoil, well_formed

HORIZONS = ("24 h", "1 h", "2 days", 6.0, "30 s")
SINCE = ("", "", "@3 h ago", "@10 min", "@0 h", "@2 weeks ago")
MOST_HOURS = 48.0  # a longer horizon takes as long as somebody asks for


def drawn(chance: random.Random) -> dict[str, Any]:
    """A site and a state of it; one in four with what nobody could mean."""
    tree = well_formed.little_site(chance) if chance.random() < 0.8 else well_formed.site(chance)
    parts = list(tree.get("components", {})) or ["x"]
    roles = tree.get("roles", {})
    sides = list(tree.get("sides", {"A": {}}))
    state: dict[str, Any] = {
        "failed": [chance.choice(parts) + chance.choice(SINCE) for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3, 7)))],
        "horizon": chance.choice(HORIZONS),
    }
    if roles and chance.random() < 0.4:
        state["roles"] = {chance.choice(list(roles)): chance.choice([*sides, *parts])}
    if chance.random() < 0.3:
        state[chance.choice(("out_of_service", "in_service"))] = [chance.choice(parts)]
    if chance.random() < 0.25:
        key = chance.choice(list(state))
        wrong = spoil.scalar(chance)
        state[key] = {str(wrong): "A"} if key == "roles" else wrong if key == "horizon" else [str(wrong)]
    works = [chance.choice(parts) for _ in range(chance.choice((1, 1, 2, 3)))]
    return {"site": tree, "state": state, "works": works, "for": chance.choice((0.5, 2.0, 8.0))}


def used(given: dict[str, Any]) -> str:
    """Look ahead, and plan work; figures hold what must hold."""
    study = k2rel.study(given["site"])
    state = dict(given["state"])
    if isinstance(state["horizon"], int | float) and MOST_HOURS < state["horizon"] < 8760.0:
        state["horizon"] = MOST_HOURS
    found = k2rel.risk(study, state.pop("failed"), state.pop("horizon"), histories=500, **state)
    slack = 1e-9 + (found.error_bound if found.is_exact else 0.0)
    for one in found.services:
        held.hold(
            -1e-9 <= one.downtime_h <= found.horizon_h * (1 + 1e-9), f"downtime of {one.service}: {one.downtime_h}"
        )
        if one.p_failure_within is not None:
            held.share(one.p_failure_within, f"P(failure) of {one.service}", 1e-9)
            for p in one.p_longer if found.is_exact else ():
                held.share(p, f"P(longer) of {one.service}", 1e-9)
                held.hold(
                    p <= one.p_failure_within + slack, f"{one.service}: longer {p} than any {one.p_failure_within}"
                )
    for each in found.critical:
        held.share(each.p_within, f"P of {each.part}", 1e-9)
    if found.is_exact:
        curve = found.curve(points=5)["expected_downtime_min"]
        held.hold(curve.is_monotonic_increasing, f"the curve falls: {curve.tolist()}")
        if 1 <= len(found.present.failed) <= 3:
            found.orders(1)
        works = [k2rel.Work(part, given["for"]) for part in dict.fromkeys(given["works"])]
        plan = k2rel.maintenance(study, works)
        for work in plan.works:
            held.hold(work.excess_min == work.excess_min, f"a work on {work.parts} costs {work.excess_min}")
    found.words()
    found.to_json()
    return "answered"
