"""Lists of cables of a fabric: 5,000 of 2,400 hosts."""

from __future__ import annotations

import random
from collections.abc import Iterator

TYPES = {"h*": "workstation", "leaf-*": "gige_switch", "core-*": "gige_switch", "nas-*": "server"}


def fabric(hosts: int, *, irregular: bool, seed: int = 1) -> Iterator[tuple[str, str]]:
    """Hosts on one of 20 leaves a side, by pairs or as it came, eight cores, five servers."""
    generator = random.Random(seed)
    for host in range(hosts):
        for side in "ab":
            leaf = generator.randrange(20) if irregular and side == "b" else host % 20
            yield f"h{host}", f"leaf-{side}{leaf}"
    for side in "ab":
        for core in range(4):
            yield from ((f"leaf-{side}{leaf}", f"core-{side}{core}") for leaf in range(20))
            yield from ((f"core-{side}{core}", f"nas-{server}") for server in range(5))
