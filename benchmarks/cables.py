"""What it costs to make a site of a list of cables: 5,000 of a fabric of 2,400 hosts; a million that are refused."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import k2rel
from k2rel import InputError

TYPES = {"h*": "workstation", "leaf-*": "gige_switch", "core-*": "gige_switch", "nas-*": "server"}
Result = TypeVar("Result")


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


def timed(what: str, call: Callable[[], Result]) -> Result:
    """Run something and print how long it took: by the clock, and of the processor."""
    wall, processor = time.monotonic(), time.process_time()
    result = call()
    print(f"{what:34s} {time.monotonic() - wall:6.2f} s, processor {time.process_time() - processor:5.2f} s  {result}")
    return result


def refusal(path: Path) -> str:
    """What is said of a list that is too long."""
    try:
        return str(k2rel.read_cables(path))
    except InputError as error:
        return str(error)


def main() -> None:
    """Print a line for each step."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cables.csv"
        for irregular in (False, True):
            rows = [f"{a},p{n},{b},q{n}" for n, (a, b) in enumerate(fabric(2400, irregular=irregular))]
            path.write_text("\n".join(["a_device,a_port,b_device,b_port", *rows]))
            words = f"{len(rows):,} cables, {'irregular' if irregular else 'by pairs'}"
            cables = timed(f"{words}: read", lambda: k2rel.read_cables(path, types=TYPES))
            sides = {"A": "*-a*", "B": "*-b*"}
            timed(f"{words}: site", lambda: k2rel.from_cables(cables, clients="h*", targets="nas-*", sides=sides).found)  # noqa: B023
        path.write_text("a_device,b_device\n" + "host,switch\n" * 1_000_000)
        timed("1,000,000 cables: refused", lambda: refusal(path))


if __name__ == "__main__":
    main()
