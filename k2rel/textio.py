"""Text files that a person gives, and cells that a spreadsheet opens.

Files are written whole or not at all: under a name that no other writer has, and moved in place.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from k2rel.bundled import data_dir, input_file, what_is_there
from k2rel.claims import claimed_name, held_open, put_in_place
from k2rel.errors import InputError, Problem

__all__ = [
    "as_words",
    "check_regular",
    "harmless",
    "identifiers",
    "opened",
    "read_text",
    "refuse_shipped",
    "whole",
    "words_in",
    "write_together",
    "write_whole",
]

# without waiting for somebody who writes into a pipe; the second is of Windows
_READING = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_FORMULA = re.compile(r"^[=+\-@\t\r\n]")
_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_OTHER_SIGNS = re.compile(r"[^A-Za-z0-9_-]+")
_NUMBER = re.compile(r"^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$", re.IGNORECASE)


@contextmanager
def opened(path: Path, shown: str | None = None) -> Iterator[BinaryIO]:
    """Open a regular file to read it, a shipped one where that is what its name means; `shown` is its name in messages.

    A device may have no end, and a pipe nobody who writes.

    Examples
    --------
    >>> with opened(Path("/dev/zero")):
    ...     pass
    Traceback (most recent call last):
    ...
    k2rel.errors.InputError: /dev/zero: not a regular file; only regular files are read
    """
    name = shown or str(path)
    try:
        descriptor = os.open(input_file(path), _READING)
    except FileNotFoundError as error:
        raise InputError(Problem(f"cannot be read: {error.strerror}{what_is_there(path)}", name)) from None
    except (OSError, ValueError) as error:
        raise InputError(Problem(f"cannot be read: {getattr(error, 'strerror', None) or error}", name)) from None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        what = (
            "is a folder; give the name of a file"
            if stat.S_ISDIR(mode)
            else "not a regular file; only regular files are read"
        )
        raise InputError(Problem(what, name))
    with os.fdopen(descriptor, "rb") as stream:
        try:
            yield stream
        except OSError as error:
            raise InputError(Problem(f"cannot be read: {error.strerror or error}", name)) from None


def read_text(path: Path, most_bytes: int, too_large: str) -> str:
    """Read a small UTF-8 file, with or without a byte order mark.

    Examples
    --------
    >>> read_text(Path("nowhere.csv"), 10, "this is no table")
    Traceback (most recent call last):
    ...
    k2rel.errors.InputError: nowhere.csv: cannot be read: No such file or directory
    """
    name = str(path)
    with opened(path) as stream:
        raw = stream.read(most_bytes + 1)
    if len(raw) > most_bytes:
        raise InputError(Problem(f"is larger than {most_bytes // 1_000_000} MB; {too_large}", name))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise InputError(Problem("is not UTF-8 text", name, line)) from None


def words_in(text: str) -> tuple[str, ...]:
    """Take a cell of several names apart: words between spaces, and in quotes what has spaces itself.

    Examples
    --------
    >>> words_in('toe "disk, 15 krpm" "3"" bay"')
    ('toe', 'disk, 15 krpm', '3" bay')
    """
    found = re.findall(r'"((?:[^"]|"")*)"(?=\s|$)|(\S+)', text)
    return tuple(quoted.replace('""', '"') if quoted else word for quoted, word in found)


def as_words(names: Iterable[str]) -> str:
    """Write several names into one cell.

    Examples
    --------
    >>> as_words(["toe", "disk, 15 krpm"])
    'toe "disk, 15 krpm"'
    """
    return " ".join(
        '"' + name.replace('"', '""') + '"' if " " in name or name.startswith('"') else name for name in names
    )


def identifiers(names: Iterable[str]) -> dict[str, str]:
    """Give names that file formats take: letters, digits, ``_`` and ``-``; one that is so already is kept.

    Examples
    --------
    >>> identifiers(["rack 1.2", "rack_1_2", "a & b", "1"])
    {'rack 1.2': 'rack_1_2_2', 'rack_1_2': 'rack_1_2', 'a & b': 'a_b', '1': 'n1'}
    """
    asked = list(dict.fromkeys(names))
    result = {name: name for name in asked if _IDENTIFIER.fullmatch(name)}
    taken = set(result)
    for name in asked:
        if name not in result:
            plain = _OTHER_SIGNS.sub("_", name).strip("_") or "name"
            stem = plain if plain[0].isalpha() else f"n{plain}"
            found, number = stem, 2
            while found in taken:
                found, number = f"{stem}_{number}", number + 1
            result[name] = found
            taken.add(found)
    return {name: result[name] for name in asked}


def harmless(value: object) -> object:
    """Make a text that a spreadsheet would take for a formula a plain text.

    Examples
    --------
    >>> harmless("=HYPERLINK(1)"), harmless("-0.5"), harmless("server_A"), harmless(-1)
    ("'=HYPERLINK(1)", '-0.5', 'server_A', -1)
    """
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.match(value):
        return "'" + value
    return value


def check_regular(path: Path) -> None:
    """Refuse to write where something is that is no file: a device, which would be gone, a pipe, a folder.

    Examples
    --------
    >>> check_regular(Path("/"))
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: /: is a folder; give the name of a file in it
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return  # nothing is there, or who writes is told why it cannot be
    if stat.S_ISDIR(mode):
        raise InputError(f"{path}: is a folder; give the name of a file in it")
    if not stat.S_ISREG(mode):
        named = "device" if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else "pipe" if stat.S_ISFIFO(mode) else "socket"
        raise InputError(f"{path}: is a {named}, not a file, and is not replaced; give the name of a file")


def refuse_shipped(path: Path, given: object) -> None:
    """Refuse to write, by the name that was `given`, among what came with k2rel: every later answer rests on it.

    Examples
    --------
    >>> refuse_shipped(data_dir() / "rates.csv", "data/rates.csv")
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: data/rates.csv: what came with k2rel stays as it is; give a file elsewhere
    """
    if data_dir().resolve() in (path.resolve(), *path.resolve().parents):
        raise InputError(f"{given}: what came with k2rel stays as it is; give a file elsewhere")


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
    write_together({path: text})


def write_together(texts: Mapping[Path, str]) -> None:
    """Write text files of which all get their names, or none where one of them cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_together({Path(folder) / "a.tra": "1 0", Path(folder) / "a.lab": ""})
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['a.lab', 'a.tra']
    """
    with ExitStack() as stack:
        for path, text in texts.items():
            stack.enter_context(whole(path)).write_text(text, encoding="utf-8", newline="\n")
        if len(texts) > 1 and (held := next(filter(held_open, texts), None)):
            why = "another program has it open, so none of these files is replaced; close it there and run this again"
            raise PermissionError(errno.EACCES, f"{held.name}: {why}", str(held))


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Give a temporary name to write to; at the end what was written gets its own name, which only a file may have had.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with whole(Path(folder) / "a.bin") as here:
    ...         _ = here.write_bytes(b"1")
    ...     (Path(folder) / "a.bin").read_bytes()
    b'1'
    """
    check_regular(path)
    refuse_shipped(path, path)
    target = path.resolve() if path.is_symlink() else path  # the file that a link leads to is written, not the link
    with claimed_name(target) as temporary:
        yield temporary
        with suppress(OSError):  # who may read it stays as it was
            temporary.chmod(target.stat().st_mode)
        put_in_place(temporary, target)
