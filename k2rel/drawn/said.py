"""What attributes of a graph mean: keys of a site file, also by the other names that people have for them.

What is read under another name is on record, and so is what was not looked at.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from k2rel.columns import counted
from k2rel.site.other_names import NUMBERS, plain, unit_of, unit_of_speed

__all__ = ["Attributes", "in_python", "is_no_number", "is_said", "notes_of", "truth"]

RESOLVED = {"failure_rate_per_h": "failure_rate", "mttr_h": "mttr"}
"""As the graph of a study has them; its `unavailability` follows from these."""
_WRITTEN = {"node": ("label",), "edge": ("label", "id", "key", "at_least", "of")}
"""For those who draw, in a file that k2rel or networkx wrote."""
_WORDS = {
    **dict.fromkeys(("true", "yes", "y", "on", "1"), True), **dict.fromkeys(("false", "no", "n", "off", "0"), False)
}  # fmt: skip
_SHORTEST = 5  # of a name that may be a misspelt key
_MOST = 20
_NUMBER = re.compile(r"[+-]?[\d.]+(?:e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


class Attributes:
    """The attributes of all nodes, or of all edges."""

    def __init__(self, of: str, keys: Iterable[str]) -> None:
        self.of, self.keys = of, frozenset(keys)
        self.known = {name: key for key, names in NUMBERS.items() if key in self.keys for name in names}
        self.known |= {plain(key): key for key in self.keys}
        self.renamed: dict[tuple[str, str], int] = {}
        self.unread: dict[str, int] = {}

    def read(self, attributes: Mapping[Any, Any]) -> tuple[dict[str, Any], list[str]]:
        """Attributes under the keys of a site file, and what is wrong with their names."""
        if attributes.keys() <= self.keys:
            return dict(attributes), []
        found = {key: value for key, value in attributes.items() if key in self.keys}
        names = {key: key for key, value in found.items() if is_said(value)}
        resolved = "failure_rate_per_h" in attributes
        wrong = []
        for name, value in attributes.items():
            if name in self.keys or name in _WRITTEN[self.of] or not (is_said(value) or is_no_number(value)):
                continue
            text = str(name)
            if resolved and text in RESOLVED:
                found[text] = value
                continue
            key = self.known.get(plain(text))
            if key is None and is_no_number(value):
                continue
            if key is None:
                self.skipped(text)
            elif key in names:
                wrong.append(f"gives '{key}' twice, as '{names[key][:40]}' and as '{text[:40]}'; leave one out")
            else:
                names[key], found[key] = text, _meant(key, text, value)
                if key == "capacity" and plain(text) != "capacity" and not _has_unit(found[key]):
                    wrong.append(
                        f"'{text[:40]}' has no unit; write '1 Gb/s', or put the unit in the name ('speed [Mbit/s]')"
                    )
                self.renamed[text, key] = self.renamed.get((text, key), 0) + 1
        return found, wrong

    def skipped(self, name: str) -> None:
        """Put on record that an attribute was not looked at."""
        self.unread[name] = self.unread.get(name, 0) + 1

    def as_read(self) -> list[str]:
        """What was read under another name, in words."""
        return [f"'{name[:40]}' of {counted(count, self.of)} as {key}" for (name, key), count in self.renamed.items()]

    def not_read(self) -> list[str]:
        """What was not looked at, in words, with the key that it may have meant."""
        return [f"'{name[:40]}' of {counted(count, self.of)}{self._near(name)}" for name, count in self.unread.items()]

    def _near(self, name: str) -> str:
        near = [] if name in self.keys else [key for known, key in self.known.items() if _edited(known, plain(name))]
        return f" (did you mean {near[0]}?)" if near and len(name) >= _SHORTEST else ""


def _edited(one: str, other: str) -> bool:
    """Whether two words differ by one letter, or by two that changed places.

    Examples
    --------
    >>> _edited("capacity", "capcity"), _edited("capacity", "capactiy"), _edited("capacity", "city")
    (True, True, False)
    """
    first = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    a, b = one[first:], other[first:]
    return a[1:] == b[1:] or a == b[1:] or a[1:] == b or (a[:2] == b[1::-1] and a[2:] == b[2:])


def notes_of(nodes: Attributes, edges: Attributes) -> list[str]:
    """What became of attributes that are no keys of a site file, in sentences."""
    notes = []
    for head, words in (
        ("read under another name: ", [*nodes.as_read(), *edges.as_read()]),
        ("attributes not used: ", [*nodes.not_read(), *edges.not_read()]),
    ):
        if words:
            more = f" and {len(words) - _MOST:,} more" if len(words) > _MOST else ""
            notes.append(head + ", ".join(words[:_MOST]) + more)
    return notes


def is_said(value: Any) -> bool:
    """Whether an attribute says something: None, an empty text and what is not a number do not."""
    return not (value is None or is_no_number(value) or (isinstance(value, str) and not value))


def is_no_number(value: Any) -> bool:
    """Whether a value is NaN, which a column of pandas has for nothing and a computation for what went wrong.

    Examples
    --------
    >>> is_no_number(float("nan")), is_no_number(1.0), is_no_number("nan")
    (True, False, False)
    """
    value = in_python(value)
    return isinstance(value, float) and math.isnan(value)


def truth(value: Any) -> bool | None:
    """What a word or a number says that is true or false; None where it says neither.

    Examples
    --------
    >>> truth("Yes"), truth(0), truth(2), truth("maybe")
    (True, False, None, None)
    """
    value = in_python(value)
    if isinstance(value, str):
        return _WORDS.get(value.strip().casefold())
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else None


def in_python(value: Any) -> Any:
    """What NumPy and pandas have, as a value or a list of Python."""
    return convert() if callable(convert := getattr(value, "tolist", None)) else value


def _has_unit(value: Any) -> bool:
    apart = _apart(value)
    return apart is None or bool(apart[1])


def _apart(value: Any) -> tuple[str, str] | None:
    """A number and what stands behind it, on one line."""
    text = str(value).strip()
    match = _NUMBER.match(text)
    return (match[0], text[match.end() :].lstrip()) if match and "\n" not in text else None


def _meant(key: str, name: str, value: Any) -> Any:
    """A number under another name, with the unit that the name has where it has none itself."""
    if key not in NUMBERS or isinstance(value, bool):
        return value
    apart = _apart(value)
    if apart is None:
        return value
    unit = apart[1] or unit_of(name)
    return f"{apart[0]} {unit_of_speed(unit) if key == 'capacity' else unit}" if unit else value
