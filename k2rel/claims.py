"""Names and folders that one process has at a time; a claim ends with its process, however that ends.

A claim is a lock of the system on what is open. No number of a process is asked, which may be another one's by now or
of another container, and no time, for clocks jump. Where there are no such locks (Windows, some network file systems)
names have the number of the process in them; a folder is claimed on Windows by a file in it that ends with its process.
What is written under a claimed name gets its own by `put_in_place`, the one place that replaces files.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # no POSIX
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "claimed_folder", "claimed_name", "held_open", "meant", "put_in_place", "remove_unclaimed", "temporary_folder",
]  # fmt: skip

_PLACES = 100  # names beside a file, for as many writers of it at the same time
_NAME = re.compile(r"\.(.+)\.(\d+)(-\d+)?\.tmp(\.\w+)?")
_PREFIX, _LOCK = "k2rel-", ".lock"
_BUSY = ".k2rel-busy"  # in a folder on Windows, for as long as a run has it
_PATIENCE_S, _PAUSE_S = 2.0, 0.05  # a scanner of viruses or an indexer has a new file open for a moment
_QUERY, _DENIED, _STILL_ACTIVE = 0x1000, 5, 259  # of Windows
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
    mine = not hasattr(os, "geteuid") or told.st_uid == os.geteuid()
    return stat.S_ISREG(told.st_mode) and told.st_nlink == 1 and mine


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


def put_in_place(temporary: Path, target: Path, *, keep: bool = True) -> None:
    """Give what was written its name; what another program has open stays, and the new file lies beside it.

    Windows replaces no file that a program has open. What opens files by itself lets go soon, and is waited for.

    Parameters
    ----------
    temporary, target : pathlib.Path
        Where it was written, and its name.
    keep : bool
        Whether what cannot get its name is kept beside.

    Raises
    ------
    OSError
        If it cannot be; `strerror` says why and where what was written lies now.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as name:
    ...     new, old = Path(name) / "new", Path(name) / "old"
    ...     _ = new.write_text("1"), old.write_text("0")
    ...     put_in_place(new, old)
    ...     old.read_text()
    '1'
    """
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            os.replace(temporary, target)
            return
        except PermissionError as error:
            if not target.is_file():
                raise
            if time.monotonic() < until:
                time.sleep(_PAUSE_S)
                continue
            refused = error
            break
    if not keep:
        raise refused
    beside = _free_beside(target)
    try:
        os.replace(temporary, beside)
        new = f"the new one lies beside it as {beside.name}"
    except OSError:
        new = "the new one is lost"
    why = f"another program has it open, or it is protected; it stays as it was, and {new}: close it and run this again"
    raise PermissionError(refused.errno, why, str(target)) from None


def held_open(path: Path) -> bool:
    """Whether a program has a file open in such a way that it cannot be replaced, and keeps it so.

    Examples
    --------
    >>> held_open(Path("no-such-file"))
    False
    """
    until = time.monotonic() + _PATIENCE_S
    while True:
        try:
            os.replace(path, path)  # nothing happens, but where it could not
        except PermissionError:
            if not path.is_file() or time.monotonic() >= until:
                return path.is_file()
            time.sleep(_PAUSE_S)
        except OSError:
            return False
        else:
            return False


def _free_beside(path: Path) -> Path:
    """A name like that of a file, which no file has."""
    beside, number = path.with_name(f"{path.stem}.new{path.suffix}"), 2
    while os.path.lexists(beside):
        beside, number = path.with_name(f"{path.stem}.new{number}{path.suffix}"), number + 1
    return beside


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
    if sys.platform == "win32":
        return _runs_on_windows(number)
    try:
        os.kill(number, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True  # it is somebody else's
    return True


def _runs_on_windows(number: int) -> bool:
    """The same where `os.kill` with 0 would end the process: it is opened, and its exit code asked for."""
    if number >= 2**32:
        return False
    from ctypes import byref, c_ulong

    system = _kernel32()
    process = system.OpenProcess(_QUERY, False, number)
    if not process:
        return _last_error() == _DENIED  # it is somebody else's
    try:
        code = c_ulong()
        return bool(system.GetExitCodeProcess(process, byref(code))) and code.value == _STILL_ACTIVE
    finally:
        system.CloseHandle(process)


def _kernel32() -> Any:
    """The library of Windows, with handles as wide as they are."""
    import ctypes

    system: Any = vars(ctypes)["WinDLL"]("kernel32", use_last_error=True)
    system.OpenProcess.restype = ctypes.c_void_p
    system.GetExitCodeProcess.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_ulong)]
    system.CloseHandle.argtypes = [ctypes.c_void_p]
    return system


def _last_error() -> int:
    import ctypes

    return int(vars(ctypes)["get_last_error"]())


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
        with _busy_file(folder) as got:
            yield got
        return
    descriptor = os.open(folder, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
    try:
        yield _taken(descriptor) is not False
    finally:
        os.close(descriptor)


@contextmanager
def _busy_file(folder: Path) -> Iterator[bool]:
    """A claim by a file that Windows removes when its process ends, however that ends; elsewhere there is none."""
    ends_with_process = getattr(os, "O_TEMPORARY", None)
    if ends_with_process is None:
        yield True
        return
    try:
        descriptor = os.open(folder / _BUSY, os.O_RDWR | os.O_CREAT | os.O_EXCL | ends_with_process)
    except OSError:
        if not (folder / _BUSY).exists():
            raise
        yield False
        return
    try:
        yield True
    finally:
        os.close(descriptor)
        with suppress(OSError):
            (folder / _BUSY).unlink(missing_ok=True)


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
        if fcntl is None:
            os.close(descriptor)  # Windows removes no file that is open
            lock.unlink(missing_ok=True)
        else:
            lock.unlink(missing_ok=True)  # before anybody else may have the lock
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
