"""The folder of an output, which one run has at a time; files are whole or not (`k2rel.textio`)."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

from k2rel.claims import (
    claimed_folder,
    claimed_name,
    held_open,
    put_in_place,
    remove_unclaimed,
    temporary_folder,
)
from k2rel.errors import InputError
from k2rel.signs import is_text
from k2rel.textio import check_regular, refuse_shipped, whole, write_whole

__all__ = [
    "Output", "check_regular", "claimed_name", "held_open", "put_in_place", "temporary_folder", "whole", "write_whole",
]  # fmt: skip


class Output:
    """The folder of an output, had by one run alone from its first file on.

    Two runs in one folder would take turns in writing a page and its tables, which then are of different inputs.

    Examples
    --------
    >>> with Output(Path("/dev/null/x")) as output:
    ...     output.make("results")
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: --output /dev/null/x: cannot be written to: Not a directory
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._claim = ExitStack()
        self._claimed = False

    def __enter__(self) -> Output:
        return self

    def __exit__(self, *_: object) -> None:
        self._claim.close()

    def make(self, *names: str) -> None:
        """Make folders in it that can be written to, without what killed runs left there."""
        if not is_text(str(self.folder)):
            raise InputError(f"--output {self.folder}: this name is not valid text; name another folder")
        refuse_shipped(self.folder, f"--output {self.folder}")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            if not self._claimed:
                self._claimed = self._claim.enter_context(claimed_folder(self.folder))
            for folder in (self.folder, *(self.folder / name for name in names)) if self._claimed else ():
                folder.mkdir(exist_ok=True)
                remove_unclaimed(folder)
                with tempfile.TemporaryFile(dir=folder):
                    pass
        except OSError as error:
            raise InputError(f"--output {self.folder}: cannot be written to: {error.strerror or error}") from None
        if not self._claimed:
            raise InputError(
                f"--output {self.folder}: another run is writing there; wait until it has ended, or name another folder"
            )
