"""Chunks of histories on the cores of this machine, given in their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from k2rel.parallel import in_order

__all__ = ["Threads"]

_T = TypeVar("_T")


@dataclass
class Threads(Generic[_T]):
    """Run chunks, from a first history on without the last, on so many threads."""

    run: Callable[[int, int], _T]
    workers: int
    executor: ThreadPoolExecutor = field(init=False)

    def __post_init__(self) -> None:
        self.executor = ThreadPoolExecutor(self.workers)

    def chunks(self, ranges: list[tuple[int, int]]) -> Iterator[_T]:
        """Run chunks, and give what they found in order; few are under way or wait to be added at any time."""

        def submit(n: int) -> Future[_T]:
            return self.executor.submit(self.run, *ranges[n])

        for future in in_order(len(ranges), 2 * self.workers + 1, submit):
            while not future.done():  # a wait with an end lets Ctrl-C through
                wait([future], timeout=0.5, return_when=FIRST_COMPLETED)
            yield future.result()

    def close(self) -> None:
        """Let what runs end, and begin no more."""
        self.executor.shutdown(wait=True, cancel_futures=True)
