"""Folders of an output and for a while, and what a killed run left there; files are whole or not (`k2rel.textio`)."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # no POSIX: folders of killed runs stay until the system clears them away
    fcntl = None  # type: ignore[assignment]

from k2rel.errors import InputError
from k2rel.textio import check_regular, temporary_name, whole, write_whole

__all__ = ["check_regular", "make_folders", "remove_leftovers", "temporary_folder", "temporary_name", "whole",
           "write_whole"]  # fmt: skip

_PREFIX, _LOCK, _NEW_S = "k2rel-", ".in-use", 60.0


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


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Give a folder for a while; those of runs that were killed are removed before.

    Whoever uses a folder holds a lock in it, which ends with the process, however that ends: no number of a process is
    asked, for it may be another one's by now, or of another container with the same folder for temporary files.

    Examples
    --------
    >>> with temporary_folder() as here:
    ...     here.is_dir()
    True
    >>> here.exists()
    False
    """
    _remove_dead()
    kept = tempfile.TemporaryDirectory(prefix=_PREFIX, ignore_cleanup_errors=True)
    with kept as name, (Path(name) / _LOCK).open("w") as lock:
        _held(lock.fileno())
        yield Path(name)


def _held(descriptor: int) -> bool:
    """Take a lock, unless somebody has it."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _remove_dead() -> None:
    """Remove folders of this user's killed runs: that have a lock which nobody holds, and are not just being made."""
    with suppress(OSError):
        for entry in os.scandir(tempfile.gettempdir()):
            if entry.name.startswith(_PREFIX) and entry.is_dir(follow_symlinks=False):
                with suppress(OSError):
                    told = entry.stat(follow_symlinks=False)
                    if fcntl is None or told.st_uid != os.getuid() or abs(time.time() - told.st_mtime) < _NEW_S:
                        continue
                    with (Path(entry.path) / _LOCK).open("r+") as lock:
                        if _held(lock.fileno()):
                            shutil.rmtree(entry.path, ignore_errors=True)


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
