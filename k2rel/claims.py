"""Names and folders that one process has at a time; a claim ends with its process, however that ends.

A claim is a lock of the system on what is open. No number of a process is asked, which may be another one's by now or
of another container, and no time, for clocks jump. Where there are no locks (no POSIX, some network file systems) names
have the number of the process in them.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # no POSIX
    fcntl = None  # type: ignore[assignment]

__all__ = ["claimed_folder", "claimed_name", "meant", "remove_unclaimed", "temporary_folder"]

_PLACES = 100  # names beside a file, for as many writers of it at the same time
_NAME = re.compile(r"\.(.+)\.(\d+)(-\d+)?\.tmp(\.\w+)?")
_PREFIX, _LOCK = "k2rel-", ".lock"
_OPEN = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)


def _taken(descriptor: int) -> bool | None:
    """Take the lock of what is open: False where somebody has it, None where there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return False if error.errno in (errno.EAGAIN, errno.EACCES) else None
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether what is open still has that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except OSError:
        return False


def _is_own(descriptor: int) -> bool:
    """Whether what is open is a file of this user's, and has no name elsewhere by which others write to it."""
    told = os.fstat(descriptor)
    return stat.S_ISREG(told.st_mode) and told.st_nlink == 1 and (fcntl is None or told.st_uid == os.geteuid())


@contextmanager
def claimed_name(path: Path) -> Iterator[Path]:
    """Give a name beside a file to write to what then gets its name; what has it still at the end is removed.

    What a killed process left under such a name is written over by the next that writes the same file.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with claimed_name(Path(folder) / "L2R.html") as one, claimed_name(Path(folder) / "L2R.html") as other:
    ...         one.name, other.name
    ('.L2R.html.0.tmp.html', '.L2R.html.1.tmp.html')
    """
    name, descriptor = _claimed(path)
    try:
        yield name
    finally:
        # once moved, the name may be another writer's
        if descriptor is None or _is_at(descriptor, name):
            name.unlink(missing_ok=True)
        if descriptor is not None:
            os.close(descriptor)


def _claimed(path: Path) -> tuple[Path, int | None]:
    """The first name beside a file that nobody writes to, made and locked."""
    for number in range(_PLACES if fcntl is not None else 0):
        name = path.with_name(f".{path.name}.{number}.tmp{path.suffix}")
        try:
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT | _OPEN, 0o666)
        except OSError:
            if os.path.lexists(name):  # a link, a folder, or somebody else's
                continue
            raise
        got = _taken(descriptor)
        if got and _is_at(descriptor, name) and _is_own(descriptor):
            os.ftruncate(descriptor, 0)
            return name, descriptor
        os.close(descriptor)
        if got is None:
            name.unlink(missing_ok=True)
            break
    return path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp{path.suffix}"), None


def meant(path: str | Path) -> str:
    """The name of the file that is written under such a name, for messages; any other file's own.

    Examples
    --------
    >>> meant("out/.L2R.html.0.tmp.html"), meant("out/L2R.html")
    ('L2R.html', 'L2R.html')
    """
    found = _NAME.fullmatch(Path(path).name)
    return found[1] if found else Path(path).name


def remove_unclaimed(folder: Path) -> None:
    """Remove from a folder what killed processes left under such names; what a process is writing stays.

    Examples
    --------
    >>> remove_unclaimed(Path("no-such-folder"))
    """
    with suppress(OSError):
        for path in list(folder.iterdir()):
            if found := _NAME.fullmatch(path.name):
                with suppress(OSError):
                    if _runs(int(found[2])) if found[3] else not _is_free(path):
                        continue
                    path.unlink()


def _is_free(path: Path) -> bool:
    """Whether a name is that of a file that nobody has."""
    descriptor = os.open(path, os.O_RDONLY | _OPEN)
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode) and bool(_taken(descriptor)) and _is_at(descriptor, path)
    finally:
        os.close(descriptor)


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


@contextmanager
def claimed_folder(folder: Path) -> Iterator[bool]:
    """Have a folder that is there for oneself for a while; False where another process has it.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as name:
    ...     with claimed_folder(Path(name)) as one, claimed_folder(Path(name)) as other:
    ...         one, other
    (True, False)
    """
    if fcntl is None:
        yield True
        return
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        yield _taken(descriptor) is not False
    finally:
        os.close(descriptor)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Give a folder for a while; those of runs that were killed are removed before.

    Its lock stands beside it, and before it, so that there is none without a lock.

    Examples
    --------
    >>> with temporary_folder() as here:
    ...     here.is_dir()
    True
    >>> here.exists()
    False
    """
    _remove_dead()
    lock, descriptor = _new_lock()
    folder = lock.with_suffix("")
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def _new_lock() -> tuple[Path, int]:
    """A file of a name of its own, locked."""
    while True:
        descriptor, name = tempfile.mkstemp(prefix=_PREFIX, suffix=_LOCK)
        if _taken(descriptor) is None or _is_at(descriptor, Path(name)):
            return Path(name), descriptor
        os.close(descriptor)  # whoever removes what is dead came between


def _remove_dead() -> None:
    """Remove folders of this user's killed runs: those whose lock nobody holds."""
    with suppress(OSError):
        for entry in list(os.scandir(tempfile.gettempdir())):
            if fcntl is not None and entry.name.startswith(_PREFIX) and entry.name.endswith(_LOCK):
                with suppress(OSError):
                    descriptor = os.open(entry.path, os.O_RDWR | _OPEN)
                    try:
                        if _is_own(descriptor) and _taken(descriptor) and _is_at(descriptor, Path(entry.path)):
                            shutil.rmtree(Path(entry.path).with_suffix(""), ignore_errors=True)
                            os.unlink(entry.path)
                    finally:
                        os.close(descriptor)
