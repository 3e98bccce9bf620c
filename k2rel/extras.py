"""Packages that only some need: each is an extra of k2rel, and where it is missing the sentence names it."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from k2rel.errors import InputError

__all__ = ["MissingExtraError", "extra", "has_extra", "why_missing"]

_EXTRAS = {"dask": "distributed", "excel": "openpyxl", "explore": "anywidget", "parquet": "pyarrow"}


class MissingExtraError(InputError, ModuleNotFoundError):
    """A package that only some need is not installed."""


def has_extra(name: str) -> bool:
    """Whether what an extra brings is installed.

    Examples
    --------
    >>> has_extra("excel")
    True
    """
    return find_spec(_EXTRAS[name]) is not None


def why_missing(name: str, use: str, package: str = "") -> str:
    """Say which package a use needs, and what installs it.

    Examples
    --------
    >>> why_missing("parquet", "to write sweep.parquet")
    "to write sweep.parquet, the package pyarrow is needed, which is not installed here: pip install 'k2rel[parquet]'"
    """
    needed = package or _EXTRAS[name]
    return f"{use}, the package {needed} is needed, which is not installed here: pip install 'k2rel[{name}]'"


def extra(name: str, use: str, otherwise: str = "", module: str = "") -> Any:
    """Import the package of an extra, or one of its modules, for a use; `otherwise` says what to do without it.

    Examples
    --------
    >>> extra("excel", "to read a workbook").__name__
    'openpyxl'
    """
    try:
        return import_module(module or _EXTRAS[name])
    except ModuleNotFoundError as missing:
        told = MissingExtraError(why_missing(name, use, missing.name or "") + (f"; {otherwise}" if otherwise else ""))
        told.name = missing.name
        raise told from None
