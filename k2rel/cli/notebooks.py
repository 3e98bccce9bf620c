"""The verb that copies the notebooks to where somebody works with them."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path

from k2rel.cli.printing import put
from k2rel.errors import InputError

__all__: list[str] = []


def notebooks_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("folder", metavar="DIR", help="folder for the copies; it is made where it is missing")
    sub.add_argument("--force", action="store_true", help="overwrite notebooks in DIR that differ from those shipped")


def notebooks_verb(args: argparse.Namespace) -> int:
    from k2rel.bundled import notebook_dir

    if not args.folder:
        raise InputError("notebooks: the name of a folder is needed, such as notebooks")
    folder = Path(args.folder)
    for path in _copied(sorted(notebook_dir().glob("*.ipynb")), folder, force=args.force):
        put(f"{path}\n")
    put(f"\nopen them: jupyter lab {shlex.quote(str(folder))}\n")
    put(f"run one:   papermill {shlex.quote(str(folder / 'how_sure.ipynb'))} out.ipynb -p level L3R\n")
    return 0


def _copied(notebooks: Sequence[Path], folder: Path, *, force: bool) -> list[Path]:
    """Copy all, each whole, or none: what somebody changed in the folder is found before anything is written."""
    from k2rel.report.files import whole

    try:
        texts = {folder / path.name: path.read_bytes() for path in notebooks}
        changed = [path.name for path, text in texts.items() if path.exists() and path.read_bytes() != text]
        if changed and not force:
            which = f"{changed[0]} and {len(changed) - 1} more differ" if len(changed) > 1 else f"{changed[0]} differs"
            raise InputError(
                f"notebooks {folder}: {which} from what is shipped; name another folder, or --force to overwrite"
            )
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in texts.items():
            with whole(path) as temporary:
                temporary.write_bytes(text)
    except OSError as error:
        raise InputError(f"notebooks {folder}: cannot be written to: {error.strerror or error}") from None
    return list(texts)
