"""Folders of an output, and what a killed run left there; files are whole or not there (`k2rel.textio`)."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

from k2rel.errors import InputError
from k2rel.textio import check_regular, temporary_name, whole, write_whole

__all__ = ["check_regular", "make_folders", "remove_leftovers", "temporary_name", "whole", "write_whole"]


def make_folders(output: Path, *folders: Path) -> None:
    """Make folders of an output, and see that they can be written to.

    Examples
    --------
    >>> make_folders(Path("/dev/null/x"), Path("/dev/null/x/results"))
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: --output /dev/null/x: cannot be written to: Not a directory
    """
    try:
        for folder in folders:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=folder):
                pass
    except OSError as error:
        raise InputError(f"--output {output}: cannot be written to: {error.strerror or error}") from None


def remove_leftovers(folders: Iterable[Path]) -> None:
    """Remove what a killed run left under temporary names; what a process that runs is writing stays.

    Examples
    --------
    >>> remove_leftovers([Path("no-such-folder")])
    """
    for folder in folders:
        if folder.is_dir():
            for path in folder.iterdir():
                found = re.fullmatch(r"\..+\.(\d+)(-\d+)?\.tmp(\.\w+)?", path.name)
                if found and not _runs(int(found[1])):
                    path.unlink(missing_ok=True)


def _runs(number: int) -> bool:
    """Whether another process of this number runs here."""
    if number == os.getpid():
        return False
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True  # it is somebody else's
    return True
