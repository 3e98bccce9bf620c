"""Where a site file may be written, and what has to lie beside it there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from k2rel.errors import InputError
from k2rel.textio import check_regular, read_text, refuse_shipped, write_whole

__all__ = ["check_place", "text_for", "write_all"]

_MOST_BYTES = 50_000_000


def check_place(target: Path, given: object) -> bool:
    """Refuse what is no place for a site file, as it was `given`; say whether something is there already.

    Examples
    --------
    >>> from k2rel.bundled import data_dir
    >>> check_place(data_dir() / "mine.yaml", "mine.yaml")
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: mine.yaml: what came with k2rel stays as it is; give a file elsewhere
    """
    try:
        refuse_shipped(target, given)
        there = target.exists()
    except FileNotFoundError:
        raise InputError(f"{given}: cannot be written: the current folder has been deleted") from None
    except InputError:
        raise
    except (OSError, ValueError, RuntimeError):
        raise InputError(f"{str(given)[:80]!r}: invalid file name") from None
    check_regular(target)
    return there


def text_for(there: Path, file: Path, too_large: str, other: str) -> str | None:
    """Text of a file that has to lie at another place too; None where it does, refused where another one lies there.

    Examples
    --------
    >>> from k2rel.bundled import data_dir
    >>> text_for(Path("nowhere.csv"), data_dir() / "rates.csv", "too large", "another one")[:3]
    'id,'
    """
    check_regular(there)
    text = read_text(file, _MOST_BYTES, too_large)
    if not there.exists():
        return text
    if read_text(there, _MOST_BYTES, too_large) != text:
        raise InputError(other)
    return None


def write_all(target: Path, text: str, beside: Mapping[Path, str]) -> None:
    """Write a file, and before it those that it needs; folders are made below its own one alone.

    Examples
    --------
    >>> write_all(Path("nowhere/x.yaml"), "x", {})
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: nowhere/x.yaml: cannot be written: No such file or directory
    """
    try:
        for other, content in beside.items():
            if other.parent != target.parent:
                other.parent.mkdir(parents=True, exist_ok=True)
            write_whole(other, content)
        write_whole(target, text)
    except (OSError, ValueError) as error:
        raise InputError(f"{target}: cannot be written: {getattr(error, 'strerror', None) or error}") from None
