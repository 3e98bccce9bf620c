"""Where pieces of work run: how many at the same time on this machine, or on a Dask cluster that the user names."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from k2rel.arguments import as_whole
from k2rel.errors import InputError

__all__ = ["as_they_end", "connected", "in_order", "worker_count"]

Future = TypeVar("Future")

_MOST = 1024
_ANSWER_S = 10


def worker_count(workers: int | None) -> int:
    """Number of workers that was asked for, or one for each core.

    Examples
    --------
    >>> worker_count(3), worker_count(None) >= 1
    (3, True)
    """
    if workers is None:
        return len(os.sched_getaffinity(0))
    return as_whole("workers", workers, 1, _MOST)


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connect to a Dask scheduler.

    Examples
    --------
    >>> with connected("nonsense"):
    ...     pass
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: scheduler 'nonsense': an address such as tcp://host:8786 is needed
    """
    if not address.startswith(("tcp://", "tls://", "ws://", "wss://", "ucx://")):
        raise InputError(f"scheduler '{address[:80]}': an address such as tcp://host:8786 is needed")
    try:
        from importlib import import_module

        connect: Any = import_module("distributed").Client
    except ImportError:
        raise InputError("scheduler: Dask is not installed here; install it with pip install 'k2rel[dask]'") from None
    try:
        client: Any = connect(address, timeout=_ANSWER_S, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"scheduler '{address[:80]}': no answer within {_ANSWER_S} s ({type(error).__name__}); is it running, and "
            "is the address right?"
        ) from None
    try:
        if not client.nthreads():
            raise InputError(f"scheduler '{address[:80]}': it answers but has no worker")
        yield client
    finally:
        client.close(timeout=5)


def in_order(count: int, ahead: int, submit: Callable[[int], Future]) -> Iterator[Future]:
    """Give futures in the order of their numbers; `ahead` of them are under way, and one that was given is let go.

    Examples
    --------
    >>> list(in_order(3, 2, lambda n: f"piece {n}"))
    ['piece 0', 'piece 1', 'piece 2']
    """
    futures: dict[int, Future] = {}
    sent = 0
    for n in range(count):
        while sent < min(count, n + ahead):
            futures[sent] = submit(sent)
            sent += 1
        yield futures.pop(n)


def as_they_end(client: Any, futures: Sequence[Any]) -> Iterator[Any]:
    """Give futures of a cluster as they end.

    Examples
    --------
    >>> list(as_they_end(None, []))
    []
    """
    if futures:
        from importlib import import_module

        yield from import_module("distributed").as_completed(futures, loop=client.loop)
