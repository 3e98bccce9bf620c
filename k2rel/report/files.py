"""Whole files or none: written under a temporary name and moved in place."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

__all__ = ["remove_leftovers", "temporary_name", "write_whole"]


def temporary_name(path: Path) -> Path:
    """Name the temporary file that becomes a file when it is whole.

    Parameters
    ----------
    path : pathlib.Path
        The final name.

    Returns
    -------
    pathlib.Path
        A hidden name in the same folder, with the number of this process.

    Examples
    --------
    >>> temporary_name(Path("out/L2R.html")).name.startswith(".L2R.html.")
    True
    """
    return path.with_name(f".{path.name}.{os.getpid()}.tmp{path.suffix}")


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that a killed run leaves no half file under its name.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    text : str
        Its content.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "a.txt", "whole")
    ...     [path.name for path in Path(folder).iterdir()]
    ['a.txt']
    """
    temporary = temporary_name(path)
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folders: Iterable[Path]) -> None:
    """Remove what a killed run left under temporary names.

    Parameters
    ----------
    folders : iterable of pathlib.Path
        Folders to look in; one that is not there is passed over.

    Examples
    --------
    >>> remove_leftovers([Path("no-such-folder")])
    """
    for folder in folders:
        if folder.is_dir():
            for path in folder.iterdir():
                if re.fullmatch(r"\..+\.\d+\.tmp(\.\w+)?", path.name):
                    path.unlink(missing_ok=True)
