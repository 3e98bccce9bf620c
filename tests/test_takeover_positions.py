"""The picture of the positions of a role: each arrow is what the engines follow, and there is no other."""

from __future__ import annotations

import json

import numpy as np

import k2rel
from k2rel.policy.positions import Kind
from k2rel.policy.rules import Policy
from k2rel.policy.takeover import Takeover, TakeoverTimes
from tests.positions import BOXES, INTO, OUT, PICTURE, STEPS, picture
from tests.test_takeover_table import SILENT, site

ALL = {
    "coverage": 0.8, "switchover": "1 min", "failback": "automatic after 1 h", "giveback": "10 s", "spurious": "1 per year",
    "detection": {"default": "1 min", "software": "0 s"}, "readiness": {"drift": "1 per year", "drill": "90 d", "takes": "1 min"},
    "failed_takeover": {"retry_after": "2 min", "retry_coverage": 0.5, "operator_coverage": 0.9, "restoration": "8 h"},
    "split_brain": {"mend": "2 h", "restore_probability": 0.3, "restore": "24 h"},
}  # fmt: skip


def followed(study: k2rel.Study) -> dict[tuple[Kind, Kind], set[str]]:
    """What follows what, and by which event, in all that can happen to two machines that have every rule."""
    policy = Policy(study.site, sticky=True)
    takeover = Takeover(policy, TakeoverTimes())
    parts = ("node_1", "software_1", "node_2", "ring")
    lost = np.array([[n >> bit & 1 for bit in range(len(parts))] for n in range(1 << len(parts))], dtype=bool)
    seen = policy.structure.values(takeover.conditions, {p: ~lost[:, i] for i, p in enumerate(parts)}, {})
    table = takeover.table(np.column_stack([np.broadcast_to(value, len(lost)) for value in seen]))
    kinds = [takeover.positions["service"].all[code].kind for code in takeover.digits[:, 0]]
    found: dict[tuple[Kind, Kind], set[str]] = {}

    def note(before: Kind, after: Kind, event: str) -> None:
        if before != after:
            found.setdefault((before, after), set()).add(event)

    def at_once(n: int, control: int, event: str = "") -> set[int]:
        after = {int(table.settled[n, control])} | (
            {int(table.failed[n, control])} if table.coverage[n, control] < 1 else set()
        )
        for each in after:
            called, split = kinds[control] == Kind.CALLED, kinds[control] == Kind.SPLIT
            note(
                Kind.HELD if called else kinds[control], kinds[each], event if called else "ends" if split else "begins"
            )
        return after

    todo = [(0, 0)]
    known = set(todo)
    while todo:
        n, control = todo.pop()
        follows = {(n ^ 1 << bit, each) for bit in range(len(parts)) for each in at_once(n ^ 1 << bit, control)}
        for e, event in enumerate(table.events):
            if table.rate_per_h[e, n, control] > 0:
                leads = int(table.leads_to[e, n, control])
                if kinds[leads] != Kind.CALLED:
                    note(kinds[control], kinds[leads], event.name)
                follows |= {(n, each) for each in at_once(n, leads, event.name)}
        todo += follows - known
        known |= follows
    return found


def test_the_steps_are_those_that_the_engines_follow(tmp_path) -> None:
    """Of silence there is no cause, so that it is detected as the default says."""
    path, found = tmp_path / "all.yaml", dict[tuple[Kind, Kind], set[str]]()
    for detection in (ALL["detection"], "0 s"):
        path.write_text(json.dumps(site(unit=SILENT, role=ALL | {"detection": detection})))
        for step, events in followed(k2rel.study(path)).items():
            found.setdefault(step, set()).update(events)
    assert found == STEPS


def test_each_step_is_drawn_and_the_page_has_the_picture() -> None:
    assert PICTURE.read_text() == picture()
    assert "images/takeover-positions.svg" in (PICTURE.parents[1] / "concepts" / "takeovers.md").read_text()
    assert set(BOXES) == {kind for pair in STEPS for kind in pair} - {Kind.HELD}
    assert set(INTO) == {after for before, after in STEPS if before == Kind.HELD}
    assert set(OUT) == {before for before, after in STEPS if after == Kind.HELD}
