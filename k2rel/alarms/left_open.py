"""What a history of failures leaves open: servers that wait out of service by the rules, roles that have moved.

A person who says what has failed says what is so now. A file that says that a server failed and was good again says
more: by the rules it waits out of service until a person places it, and its roles stay where they went.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from k2rel.errors import K2relError
from k2rel.policy.controls import TakeoverTimes
from k2rel.policy.present import Present, Settling
from k2rel.policy.rules import Policy
from k2rel.policy.takeover import Takeover
from k2rel.site.model import Site

__all__ = ["left_open"]

_MOST_STEPS = 200


def left_open(
    site: Site, present: Present, history: Sequence[tuple[str, bool]], said: Collection[str]
) -> Iterator[str]:
    """Say where the rules lead after a history of parts that failed (True) and were good again, if not to the state.

    Examples
    --------
    >>> from k2rel.site import read_site
    >>> list(left_open(read_site("L2R"), Present(), [("server_A", True), ("server_A", False)], ()))[0][:70]
    'WARNING: by the rules, after the failures that the file reports, serve'
    """
    if not site.movable or not any(not failed for _, failed in history) or not any(failed for _, failed in history):
        return
    try:
        settling = Settling(Takeover(Policy(site, sticky=True), TakeoverTimes()))
        here = settling.control(present)
        there = int(settling.takeover.quiet[0])
        down: dict[str, None] = {}
        for part, failed in history[-_MOST_STEPS:]:
            if failed:
                down[part] = None
            elif part in down:
                del down[part]
            there = int(settling.settled([tuple(down)], np.array([there]))[0])
    except K2relError:  # the state cannot be, or is too large: whoever computes from it says so
        return
    if set(down) != set(present.failed):
        return
    out = [name for name in settling.servers_out(there) if name not in settling.servers_out(here) and name not in said]
    now = settling.roles_words(here)
    moved = [
        f"{role} is at {place}" for role, place in settling.roles_words(there).items()
        if place != now[role] and role not in said
    ]  # fmt: skip
    if not out and not moved:
        return
    would = [*(f"{name} is out of service until an operator returns it to service" for name in out), *moved]
    rows = (
        f"'{out[0]}, out of service' or '{out[0]}, in service'" if out else f"'{moved[0].replace(' is at ', ', at ')}'"
    )
    yield (
        f"WARNING: by the rules, after the failures that the file reports, {', '.join(would)}, unless an operator has "
        f"acted; the file does not state it, and it is not assumed; state it, for example in a row {rows}"
    )
