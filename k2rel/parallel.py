"""Where pieces of work run: how many at the same time on this machine, or on a Dask cluster that the user names."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

from k2rel.arguments import as_whole
from k2rel.errors import InputError, K2relError
from k2rel.extras import extra

__all__ = ["LostSchedulerError", "as_they_end", "connected", "in_order", "is_lost", "worker_count"]

Future = TypeVar("Future")

_MOST = 1024
_ANSWER_S = 10


class LostSchedulerError(K2relError):
    """The connection to a Dask scheduler broke and did not come back."""


def worker_count(workers: int | None) -> int:
    """Number of workers that was asked for, or one for each core.

    Examples
    --------
    >>> worker_count(3), worker_count(None) >= 1
    (3, True)
    """
    if workers is None:
        return _cores()
    return as_whole("workers", workers, 1, _MOST)


def _cores() -> int:
    """Cores that this process may use; where no system says it, those of the machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return getattr(os, "process_cpu_count", os.cpu_count)() or 1  # the first from Python 3.13 on


def is_lost(client: Any, error: BaseException) -> bool:
    """Whether an error says that the scheduler is gone, and not that a piece of work failed.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> is_lost(SimpleNamespace(status="closed"), OSError()), is_lost(SimpleNamespace(status="running"), OSError())
    (True, False)
    """
    return client.status != "running" or "scheduler-connection-lost" in str(error)


@contextmanager
def connected(address: str) -> Iterator[Any]:
    """Connect to a Dask scheduler; while connected, the log of Dask itself is not shown.

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
    connect = extra("dask", "scheduler: to use a Dask cluster").Client
    with _silenced("distributed"):
        try:
            client: Any = connect(address, timeout=_ANSWER_S, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise InputError(
                f"scheduler '{address[:80]}': no answer within {_ANSWER_S} s ({type(error).__name__}); is it running, "
                "and is the address correct?"
            ) from None
        yield from _in_use(client, address)


@contextmanager
def _silenced(package: str) -> Iterator[None]:
    """Leave out what the loggers of a package write: tracebacks of what is said in a sentence."""
    loggers = [logging.getLogger(name) for name in [package, *logging.root.manager.loggerDict]
               if name.partition(".")[0] == package]  # fmt: skip
    levels = [(logger, logger.level) for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in levels:
            logger.setLevel(level)


def _in_use(client: Any, address: str) -> Iterator[Any]:
    """A client until it is left, or its scheduler is lost."""
    try:
        if not client.nthreads():
            raise InputError(f"scheduler '{address[:80]}': it answers but has no worker")
        yield client
    except Exception as error:
        if isinstance(error, K2relError) or not is_lost(client, error):
            raise
        raise LostSchedulerError(
            f"scheduler '{address[:80]}': the connection was lost; check whether it is still running, and start again"
        ) from None
    finally:
        with suppress(Exception):  # of a scheduler that is gone there is nothing to take leave of
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
        yield from extra("dask", "scheduler: to use a Dask cluster").as_completed(futures, loop=client.loop)
