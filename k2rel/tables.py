"""What people see: of a table its titles, units and digits worth reading; of a result one line, and its card."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from k2rel.columns import COLUMNS, missing, plain, probabilities, probability_text, quantity_text, title_of
from k2rel.signs import in_html, plain_signs

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Shown",
    "ShownTable",
    "aligned",
    "card",
    "for_people",
]

_IN_ITS_UNIT = {
    "value": "value", "low": "lower limit", "high": "upper limit", "mean": "mean", "turns_at": "break-even value",
    "seen": "log alone", "before": "before", "before_low": "before, lower limit", "before_high": "before, upper limit",
    "before_mean": "before, mean", "after": "after", "after_low": "after, lower limit",
    "after_high": "after, upper limit",
}  # fmt: skip
"""What stands in the unit that the column `unit` names."""
_LOADS = re.compile("capacity|normal|load|p95|p99_9|largest|demand|delivered|load_on_[a-l]")  # so do these
_OF_SIDES = re.compile(r"(on|normal_share|worst_share)_([a-l])(_mb_s)?")  # a letter for each side of a site


def for_people(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn a table of numbers into a table of texts: titles with units, digits worth reading.

    Parameters
    ----------
    frame : pandas.DataFrame
        A table of k2rel; columns that are not known stay as they are. ``attrs["sides"]`` names the sides of a site,
        ``attrs["unit"]`` the unit of columns that are named after something, ``attrs["units"]`` that of one of them. A
        column ``about`` says the index in words and takes its place; ``unit`` is that of the values beside it.

    Returns
    -------
    pandas.DataFrame
        The same rows as texts; None and not-a-number as a dash.

    Examples
    --------
    >>> import pandas as pd
    >>> for_people(pd.DataFrame({"unavailability": [7.634e-6]})).iloc[0, 0]
    '7.63e-06'
    """
    import pandas as pd

    columns = {str(name): frame[name].tolist() for name in frame.columns}
    name = str(frame.index.name or "")
    words = columns.pop("about", frame.index)
    labels = as_labels(name, words) if name else [""] * len(frame)
    index = pd.Index(labels, name=plain_signs(name.replace("_", " ")) or None)
    own = (
        {} if "unit" not in frame.attrs else dict.fromkeys(columns, frame.attrs["unit"]) | frame.attrs.get("units", {})
    )
    return pd.DataFrame(as_texts(columns, frame.attrs.get("sides", ()), own), index=index)


def as_texts(
    columns: Mapping[str, Sequence[Any]], sides: Sequence[str] = (), own: Mapping[str, str] | None = None
) -> dict[str, list[str]]:
    """Columns of numbers as columns of texts, under their titles; `own` has the units of columns without one."""
    result: dict[str, list[str]] = {}
    units = columns.get("unit")
    for name, values in columns.items():
        if units is not None and name == "unit":
            continue
        load = units is not None and (_LOADS.fullmatch(name) or (name == "mean" and "capacity" in columns))
        if units is not None and name in _IN_ITS_UNIT and not load:
            cells = zip(values, units, strict=True)
            result[_IN_ITS_UNIT[name]] = ["–" if missing(v) else quantity_text(v, str(unit)) for v, unit in cells]
            continue
        known = f"{name.removeprefix('load_')}_mb_s" if load else name
        of = _OF_SIDES.fullmatch(known)
        title, write = COLUMNS.get(f"{of[1]}_a{of[3] or ''}" if of else known, (title_of(name), plain))
        if of:  # the site's own names of its sides
            if sides and (place := "abcdefghijkl".index(of[2])) >= len(sides):
                continue
            title = title.replace("on A", f"on {sides[place] if sides else of[2].upper()}")
        if own and name in own and known not in COLUMNS:
            title, write = f"{title} [{own[name]}]", COLUMNS["value"][1]
        numbers = write is probability_text
        texts = probabilities(values) if numbers else ["–" if missing(v) else write(v) for v in values]
        if load and units is not None:
            title = title.removesuffix(" [MB/s]")
            texts = [text if text == "–" else f"{text} {unit}" for text, unit in zip(texts, units, strict=True)]
        result[title] = texts
    return {plain_signs(title): [*map(plain_signs, texts)] for title, texts in result.items()}


_NUMERAL = re.compile(
    r"(?P<whole>(?:below |above )?[-+]?\d[\d,]*|–|never|none)(?P<rest>(?:\.\d+)?(?:e[-+]?\d+)?)(?P<unit> \S+)?"
)
_NARROW = {".": "\u2008", ",": "\u2008", "-": "\u2004", "+": "\u2004", " ": "\u00a0"}
_AS_A_DIGIT = "\u2007"


def aligned(texts: Sequence[str], *, wide: bool = False) -> list[str] | None:
    """Pad the numbers of a column so that their decimal points stand below each other.

    Parameters
    ----------
    texts : sequence of str
        The cells.
    wide : bool
        Pad with spaces as wide as a digit, which HTML keeps.

    Returns
    -------
    list of str or None
        None where the cells are no numbers, or numbers in several units.

    Examples
    --------
    >>> aligned(["2.62", "346", "–"])
    ['  2.62', '346   ', '  –   ']
    """
    found = [match for text in texts if (match := _NUMERAL.fullmatch(text))]
    units = {match["unit"] for match in found if match["whole"][-1].isdigit()}
    if len(found) < len(texts) or len(units) != 1:
        return None
    longest = {part: max((match[part] or "" for match in found), key=len) for part in ("whole", "rest", "unit")}

    def blank(part: str, text: str | None) -> str:
        """As wide as what the longest has more."""
        if not wide:
            return " " * (len(longest[part]) - len(text or ""))
        there, here = (Counter(_NARROW.get(sign, _AS_A_DIGIT) for sign in one) for one in (longest[part], text or ""))
        return "".join((there - here).elements())

    return [
        blank("whole", match["whole"]) + match["whole"] + match["rest"] + (match["unit"] or "")
        + blank("rest", match["rest"]) + blank("unit", match["unit"])
        for match in found
    ]  # fmt: skip


def as_labels(name: str, labels: Iterable[Any]) -> list[str]:
    """Labels of the rows as texts; services, and the roles in modes, as words. What is typed elsewhere stays itself."""
    texts = [*map(plain_signs, map(str, labels))]
    if name == "mode":
        return [_ROLE.sub(lambda role: role[0].replace("_", " "), text) for text in texts]
    return [text.replace("_", " ") if name == "service" else text for text in texts]


_ROLE = re.compile(r"\w+(?= (?:at|stranded)\b)")
_LONGEST = 160


class Shown:
    """Something that a person gets back: it shows as one line that says what it is and its main figure."""

    __slots__ = ()

    def _line(self) -> str:
        """What it is; of a record that says nothing better, the fields that are not as by default."""
        fields: Any = dataclasses.fields(self) if dataclasses.is_dataclass(self) else ()
        given = [(item.name, getattr(self, item.name)) for item in fields if item.repr]
        usual = {item.name: item.default for item in fields}
        return ", ".join(f"{name} {_in_line(value)}" for name, value in given if value is not usual[name])

    def __repr__(self) -> str:
        text = plain_signs(" ".join(f"{type(self).__name__} {self._line()}".split()))
        return f"<{text if len(text) <= _LONGEST else text[: _LONGEST - 3] + '...'}>"


def _in_line(value: object) -> str:
    """A field as a line has room for it; a table or many values by their number."""
    if isinstance(value, float):
        return f"{value:.4g}"
    if not isinstance(value, str) and (size := getattr(value, "__len__", None)) and size() > 3:
        return f"({size():,})"
    return str(value)


class _Tabled(Protocol):
    """What a card needs."""

    def _line(self) -> str: ...

    def _shown_table(self) -> pd.DataFrame: ...

    @property
    def provenance(self) -> Any: ...


class ShownTable(Shown):
    """A result that is more than a table; in a notebook its line, its table, and who computed it."""

    __slots__ = ()

    def _shown_table(self) -> pd.DataFrame:
        """The rows and columns that a card has room for."""
        table: pd.DataFrame = self.table()  # type: ignore[attr-defined]
        return table

    def _repr_html_(self: _Tabled) -> str:
        said = self.provenance
        foot = "; ".join([said.engine, *([f"takeovers {said.takeovers}"] if said.takeovers else [])])
        return card(self._line(), for_people(self._shown_table()), foot)


def card(words: str, table: pd.DataFrame | None = None, foot: str = "", figure: str = "") -> str:
    """A result in a notebook: a line, a figure in HTML, a table of texts, who computed it."""
    body = "" if table is None else table.to_html(border=0, justify="left")
    drawn = f"<figure style='margin:0'>{figure}</figure>" if figure else ""
    small = f"<p style='font-size:smaller'>{in_html(foot)}</p>" if foot else ""
    return f"<div><p><b>{in_html(words)}</b></p>{drawn}{body}{small}</div>"
