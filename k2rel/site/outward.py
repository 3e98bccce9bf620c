"""What a site can become: the entries of a file, and a file. Those who make them stand above the records."""

from __future__ import annotations

from importlib import import_module
from os import PathLike
from pathlib import Path, PurePath
from typing import Any

from k2rel.site.source import Origin
from k2rel.tables import Shown

__all__ = ["Outward"]


class Outward(Shown):
    """What a site can be turned into."""

    file: str
    rates_table: str | None
    origin: Origin | None

    def to_dict(self) -> dict[str, Any]:
        """Give what a file of this site says, as plain data.

        Clients, settings, variant and common causes that were chosen stand in it as a file would have them, and
        templates are written out.

        Returns
        -------
        dict of str to Any
            A copy, which `k2rel.study` takes as it takes a file.

        Raises
        ------
        InputError
            If something of it has no place in a file, by its name.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> read_site("L2R", clients=9).to_dict()["clients"]["count"]
        9
        """
        found: dict[str, Any] = self._above.document(self)
        return found

    def save(self, path: str | PathLike[str], *, force: bool = False) -> Path:
        """Write the site as a file, whole or not at all; reading it gives an equal site.

        A site from a file keeps the text of that file, with its comments and templates; of what was chosen (clients,
        settings, variant) only the lines that must change do.

        Parameters
        ----------
        path : str or pathlib.Path
            The new file.
        force : bool
            Replace it where it exists. What came with k2rel is never replaced.

        Returns
        -------
        pathlib.Path
            The file.

        Raises
        ------
        InputError
            If something has no place in a file, or it cannot be written.

        Examples
        --------
        >>> import tempfile
        >>> from k2rel.site import read_site
        >>> site = read_site("L2R")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     read_site(site.save(f"{folder}/mine.yaml")) == site
        True
        """
        saved: Path = self._above.save(self, path, force=force)
        return saved

    def __eq__(self, other: object) -> bool:
        """Whether both say the same, by a file or by settings and a variant beside it, but for files and lines.

        Examples
        --------
        >>> from k2rel.site import read_site
        >>> site = read_site("L2R", settings={"psu.mttr": "5 h"})
        >>> site == read_site(site.to_dict()), site == read_site("L2R")
        (True, False)
        """
        if other.__class__ is not self.__class__:
            return NotImplemented
        same: bool = self._above.same(self, other)
        return same

    __hash__ = None  # type: ignore[assignment]  # it has dictionaries

    @property
    def _above(self) -> Any:
        """An arrow that points up: who writes a site reads it again, and so stands above it."""
        return import_module("k2rel.site.saved")

    @property
    def rates_file(self) -> str | None:
        """Where the table of rates lies that was pinned for this site: beside its file."""
        return None if self.rates_table is None else str(PurePath(self.file).parent / self.rates_table)
