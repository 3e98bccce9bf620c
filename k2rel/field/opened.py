"""A field log that is opened: read by Arrow where that is installed, else by the standard library, which is slower."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from k2rel.extras import has_extra
from k2rel.field.blocks import Log
from k2rel.sheets import head_of, opened_table

__all__ = ["opened_log"]


@contextmanager
def opened_log(path: Path, block_bytes: int) -> Iterator[Log]:
    r"""Open a log and read its titles.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
    ...     _ = file.write("sep=;\ntime;failed\n")
    ...     file.flush()
    ...     with opened_log(Path(file.name), 1000) as log:
    ...         log.titles
    ['time', 'failed']
    """
    with opened_table(path) as stream:
        kind = Log
        if has_extra("parquet"):
            from k2rel.field.arrow import ArrowLog as kind  # noqa: N813
        yield kind(str(path), stream, head_of(stream, str(path)), block_bytes)
