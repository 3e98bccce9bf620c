"""How much memory may be used, and the sentence that refuses more before any of it is taken.

Engines whose memory grows with what a person asks for (samples, states) estimate it first. What may be used is 8 GB, or
three quarters of the machine where that is less; the environment variable ``K2REL_MEMORY`` says another amount.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path

from k2rel.errors import InputError, ModelTooLargeError

try:
    import resource
except ImportError:  # no POSIX, and no such limit
    resource = None  # type: ignore[assignment]

__all__ = [
    "VARIABLE", "allowed_bytes", "as_memory", "bound_in_words", "bounded", "check_addresses", "check_each", "most_of",
]  # fmt: skip

VARIABLE = "K2REL_MEMORY"
"""Environment variable with the memory that may be used, such as ``16 GB``."""

_USUAL, _SHARE = 8e9, 0.75
_UNITS = {"": 1.0, "b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "mib": 2.0**20, "gib": 2.0**30}
_CONTAINER = Path("/sys/fs/cgroup/memory.max")


def allowed_bytes() -> float:
    """Give the memory that may be used, in bytes.

    Examples
    --------
    >>> 1e8 < allowed_bytes()
    True
    """
    if given := os.environ.get(VARIABLE):
        return _read(given)
    return min(_USUAL, _SHARE * _of_machine())


def most_of(each: float) -> int:
    """Give how many things of so many bytes may be held; of what takes less than a byte, as of single bytes.

    Examples
    --------
    >>> most_of(1e9) >= 0
    True
    """
    return int(allowed_bytes() // max(each, 1.0))


def check_each(count: int, each: float, what: str) -> None:
    """Refuse more things than may be held, before any of them is made.

    Parameters
    ----------
    count : int
        How many are asked for.
    each : float
        Bytes that each of them takes, at the moment when most is held.
    what : str
        What they are, in the plural.

    Raises
    ------
    ModelTooLargeError
        If they would take more than may be used; the message has both numbers and how many would fit.

    Examples
    --------
    >>> check_each(2_000, 800.0, "samples")
    >>> try:
    ...     check_each(10**12, 800.0, "samples")
    ... except ModelTooLargeError as error:
    ...     print(str(error)[:58])
    1,000,000,000,000 samples would take about 800 TB of memor
    """
    most = most_of(each)
    if count > most:
        raise ModelTooLargeError(
            f"{count:,} {what} would take about {as_memory(count * each)} of memory, and {as_memory(allowed_bytes())} "
            f"may be used: use at most {most:,}, or allow more, such as {VARIABLE}='{as_memory(2 * count * each)}'"
        )


def bounded(most: int, each: float) -> int:
    """Lower a bound on what work may hold, where so many would take more memory than may be used.

    Examples
    --------
    >>> bounded(1_000, 8.0)
    1000
    """
    return min(most, most_of(each))


def bound_in_words(most: int, each: float, what: str) -> str:
    """Say how many may be held; where memory is what bounds them, how much all would take and how much may be used.

    Examples
    --------
    >>> bound_in_words(1_000, 8.0, "nodes")
    '1,000 nodes'
    """
    fit = most_of(each)
    if fit >= most:
        return f"{most:,} {what}"
    return (
        f"{fit:,} {what}, the most that fits in the {as_memory(allowed_bytes())} of memory that may be used (the "
        "bound of "
        f"{most:,} takes about {as_memory(most * each)}: {VARIABLE}='{as_memory(most * each)}' allows it)"
    )


def check_addresses(size: float, what: str) -> None:
    """Refuse what a limit on addresses (``ulimit -v``) leaves no room for; a library would end the process.

    Parameters
    ----------
    size : float
        Bytes of addresses that will be taken, used or not.
    what : str
        What takes them.

    Raises
    ------
    ModelTooLargeError
        If the limit leaves fewer.

    Examples
    --------
    >>> check_addresses(1e6, "a table")
    """
    if resource is None or (limit := resource.getrlimit(resource.RLIMIT_AS)[0]) == resource.RLIM_INFINITY:
        return
    taken = 0.0
    with suppress(OSError, ValueError, IndexError):  # Linux alone says what is taken
        taken = float(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
    if size > limit - taken:
        raise ModelTooLargeError(
            f"{what} needs {as_memory(size)} of addresses, and the limit of this process leaves "
            f"{as_memory(max(limit - taken, 0.0))} of {as_memory(limit)}: raise it ('ulimit -v unlimited')"
        )


def as_memory(size: float) -> str:
    """Write an amount of memory with three digits.

    Examples
    --------
    >>> as_memory(1.75e9), as_memory(2.5e6)
    ('1.75 GB', '2.5 MB')
    """
    unit = next((unit for unit in ("TB", "GB", "MB") if size >= _UNITS[unit.lower()]), "kB")
    return f"{float(f'{size / _UNITS[unit.lower()]:.3g}'):g} {unit}"


def _read(text: str) -> float:
    """An amount as a person writes it."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip(), re.IGNORECASE)
    if found is None or found[2].lower() not in _UNITS or not 0.0 < float(found[1]) < 1e30:
        raise InputError(f"{VARIABLE}: an amount of memory such as '16 GB' is needed, got '{text[:40]}'")
    return float(found[1]) * _UNITS[found[2].lower()]


@cache
def _of_machine() -> float:
    """Memory of this machine, or of the container that this runs in; asked once, for loops ask what may be held."""
    sizes = [float("inf")]
    if hasattr(os, "sysconf") and {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= os.sysconf_names.keys():
        sizes.append(float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")))
    if sys.platform == "win32":
        sizes.append(_of_windows())
    with suppress(OSError, ValueError):  # no container, or one without a limit ("max")
        sizes.append(float(_CONTAINER.read_text(encoding="ascii")))
    return min(sizes)


def _of_windows() -> float:
    """Memory of the machine, which Windows says in a record of nine numbers, the third of them."""
    import ctypes

    found = (ctypes.c_ulonglong * 8)(64)  # the first two are of four bytes: length, and load in percent
    known = vars(ctypes)["WinDLL"]("kernel32").GlobalMemoryStatusEx(ctypes.byref(found))
    return float(found[1]) if known else float("inf")
