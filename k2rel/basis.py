"""What figures rest on beside what a person gives: the code, the bundled data, and the packages that compute.

Whatever is kept for a later run, a point of a sweep or a report, is kept under a key that holds all of it, and with a
checksum: what another code, other data or another package made is not taken for what this one would make.
"""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from k2rel._version import __version__
from k2rel.bundled import data_dir

__all__ = ["NUMERICAL", "basis", "basis_hash", "code_hash", "data_hash", "sealed", "unsealed"]

NUMERICAL = ("numpy", "scipy", "numba", "llvmlite", "oxidd", "pandas")
"""Packages whose versions can move a figure."""

# nothing is computed from them unless they are named, and then they are input; names and terms move no figure
_NOT_READ = {"examples", "schema.json", "nomenclature.csv", "glossary.csv"}


@cache
def code_hash() -> str:
    """Hash the code of this package.

    Examples
    --------
    >>> len(code_hash())
    64
    """
    root = Path(__file__).parent
    digest = hashlib.sha256(__version__.encode())
    for path in sorted([*root.rglob("*.py"), *root.rglob("*.js"), *root.rglob("*.css")]):
        digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


@cache
def _file_hash(path: str, size: int, changed: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def data_hash() -> str:
    """Hash the bundled data: the table of rates and the levels.

    Examples
    --------
    >>> len(data_hash())
    64
    """
    root = data_dir()
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        if path.is_file() and name.parts[0] not in _NOT_READ:
            stat = path.stat()
            digest.update(f"{name.as_posix()} {_file_hash(str(path), stat.st_size, stat.st_mtime_ns)}\n".encode())
    return digest.hexdigest()


def basis(*packages: str) -> dict[str, str]:
    """Say what figures rest on.

    Examples
    --------
    >>> sorted(basis())
    ['code', 'data', 'llvmlite', 'numba', 'numpy', 'oxidd', 'pandas', 'python', 'scipy']
    """
    versions = {name: _version(name) for name in (*NUMERICAL, *packages)}
    return {"code": code_hash(), "data": data_hash(), "python": platform.python_version(), **versions}


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def basis_hash(*packages: str) -> str:
    """Hash what figures rest on.

    Examples
    --------
    >>> len(basis_hash())
    64
    """
    return hashlib.sha256(json.dumps(basis(*packages), sort_keys=True).encode()).hexdigest()


_SEALED = re.compile(r'(\{.*), "checksum": "([0-9a-f]{64})"\}\s*', re.DOTALL)


def _checksum(key: str, text: str) -> str:
    return hashlib.sha256(f"{key}\n{text}".encode()).hexdigest()


def sealed(key: str, row: Mapping[str, Any]) -> str:
    """Write a result so that every changed digit is noticed.

    Examples
    --------
    >>> unsealed("k", sealed("k", {"x": 0.1}))
    {'x': 0.1}
    """
    text = json.dumps(dict(row))
    return f'{text[:-1]}, "checksum": "{_checksum(key, text)}"}}\n'


def unsealed(key: str, text: str) -> dict[str, Any] | None:
    """Read a result that was kept.

    Examples
    --------
    >>> unsealed("k", sealed("k", {"x": 0.1}).replace("0.1", "0.2"))
    """
    found = _SEALED.fullmatch(text)
    if found is None or _checksum(key, f"{found[1]}}}") != found[2]:
        return None
    row: Any = json.loads(f"{found[1]}}}")
    return row if isinstance(row, dict) else None
