"""How many pieces of work run at the same time."""

from __future__ import annotations

import os

from k2rel.errors import InputError

__all__ = ["worker_count"]

_MOST = 1024


def worker_count(workers: int | None) -> int:
    """Number of workers that was asked for, or one for each core.

    Parameters
    ----------
    workers : int or None
        What was asked for.

    Returns
    -------
    int
        The number.

    Raises
    ------
    InputError
        If it is not a number from 1 to 1024.

    Examples
    --------
    >>> worker_count(3), worker_count(None) >= 1
    (3, True)
    """
    if workers is None:
        return len(os.sched_getaffinity(0))
    if isinstance(workers, bool) or not isinstance(workers, int) or not 1 <= workers <= _MOST:
        raise InputError(f"workers: a whole number from 1 to {_MOST}, got {workers}")
    return workers
