"""Whole files or none: written under a temporary name and moved in place."""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from k2rel.errors import InputError

__all__ = ["make_folders", "remove_leftovers", "temporary_name", "whole", "write_whole"]


def temporary_name(path: Path) -> Path:
    """Name the temporary file that becomes a file when it is whole.

    Examples
    --------
    >>> temporary_name(Path("out/L2R.html")).name[:10]
    '.L2R.html.'
    """
    return path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp{path.suffix}")


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that a killed run leaves no half file under its name.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_whole(Path(folder) / "a.txt", "whole")
    ...     [path.name for path in Path(folder).iterdir()]
    ['a.txt']
    """
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a temporary name to write to; at the end what was written gets its own name.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole(Path(folder) / "a.bin") as here:
    ...         _ = here.write_bytes(b"1")
    ...     (Path(folder) / "a.bin").read_bytes()
    b'1'
    """
    temporary = temporary_name(path)
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


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
