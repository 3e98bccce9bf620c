"""Parts of pages that programs write: what stands between two marks is replaced, all else is written by hand."""

from __future__ import annotations

from measured import HERE

DOCS = HERE.parent / "docs"


def begin(name: str) -> str:
    """The mark before a part."""
    return f"<!-- measured: {name} -->\n"


END = "<!-- end of measured -->\n"


def replace_section(page: str, name: str, text: str) -> None:
    """Write a part of a page anew; the page has its marks, for its place is chosen by hand."""
    path = DOCS / page
    before, found, rest = path.read_text(encoding="utf-8").partition(begin(name))
    if not found:
        raise SystemExit(
            f"docs/{page}: write the marks '{begin(name).strip()}' and '{END.strip()}' where it is to stand"
        )
    path.write_text(f"{before}{found}{text.rstrip()}\n{END}{rest.partition(END)[2]}", encoding="utf-8")
