"""Blocks: files with entries and parameters, from inside the folder of the site file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from k2rel.errors import InputError, closest
from k2rel.site.source import YamlSource, as_written, yaml_source, yaml_text
from k2rel.site.template_text import VARIABLE, Scalar

__all__ = ["DEEPEST", "OF_CLIENTS", "SECTIONS", "BlockFiles", "parameters_of"]

DEEPEST = 5
SECTIONS = (
    "sides", "assumptions", "types", "components", "links", "raid_sets", "units", "roles", "suspends", "traffic",
    "common_cause",
)  # fmt: skip
OF_CLIENTS = ("parts", "kinds", "subscriptions")


@dataclass
class BlockFiles:
    """Files of blocks below one folder, each read once."""

    folder: Path | None
    read: dict[Path, YamlSource] = field(default_factory=dict)

    def find(self, given: Any, user: YamlSource | None) -> tuple[Path, YamlSource]:
        """The file that `from` names in a block, or in the site file (None): where it really lies, and what it says."""
        if not isinstance(given, str) or not given.strip():
            raise InputError("needs the name of a file, such as rack.yaml")
        if self.folder is None:
            raise InputError("blocks come from files beside the site file, and this site is not a file; write it out")
        if "\\" in given or PurePosixPath(given).is_absolute() or PureWindowsPath(given).drive:
            raise InputError(
                f"'{given[:80]}' must lie inside the folder of the site file; write rack.yaml or parts/rack.yaml"
            )
        if ".." in PurePosixPath(given).parts:
            raise InputError(f"'{given[:80]}' must lie inside the folder of the site file; '..' is not allowed")
        beside = self.folder if user is None else Path(user.name).parent
        path = beside / given
        try:
            real, home = path.resolve(), self.folder.resolve()
            is_file = real.is_file()
        except (OSError, RuntimeError, ValueError):
            raise InputError(f"'{given[:80]}' is not a valid file name") from None
        if not real.is_relative_to(home):
            raise InputError(f"'{given[:80]}' leads out of the folder of the site file")
        if not is_file:
            raise InputError(f"there is no file '{given[:80]}' in {beside}")
        if real not in self.read:
            starts = "a block has 'parameters' and sections such as 'components'"
            self.read[real] = yaml_source(yaml_text(real), str(path), starts)
        return real, self.read[real]


def parameters_of(block: YamlSource, given: dict[str, Scalar]) -> dict[str, Scalar]:
    """Values of a block's parameters: what is given, else their defaults."""
    known = block.data.get("parameters", {})
    if not isinstance(known, dict):
        raise InputError(block.problem(("parameters",), "must be entries of the form name: default"))
    for name, value in known.items():
        if not VARIABLE.fullmatch(name):
            why = "is not a valid parameter name: letters, digits and '_', a letter first"
            raise InputError(block.problem(("parameters", name), why))
        if isinstance(value, dict | list):
            raise InputError(block.problem(("parameters", name), "a default is one value; leave it empty for none"))
    where = Path(block.name).name
    for name in given:
        if name not in known:
            what = f"has no parameter '{name[:60]}'{closest(name, known)}" if known else "has no parameters"
            raise InputError(f"{where} {what}")
    values = {**known, **given}
    missing = [name for name, value in values.items() if value is None]
    if missing:
        raise InputError(f"{where} needs {', '.join(missing)}, for which it has no default")
    return {name: as_written(value) if isinstance(value, bool) else value for name, value in values.items()}
