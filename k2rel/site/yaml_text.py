"""Plain data as YAML that people read: an entry a line where it fits, quotes where they are needed."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

__all__ = ["entry_lines", "flow", "scalar", "yaml_text_of"]

_WIDTH = 118
# plain where every reader of YAML, of 1.1 too, takes it for a text, in lists and mappings too
_PLAIN = re.compile(r"=?[^\W\d_][\w./%()+@;°µ²³–—-]*(?: [\w./%(+;=°µ²³–—-][\w./%()+@;=°µ²³–—-]*)*")
_QUANTITY = re.compile(r"=?\d[\w.]* [^\W\d_/%°µ][\w./%°µ-]*(?: [^\W\d_][\w./-]*)*|\d[\d.]* (?:%|/h)[\w ]*|\d[\d.]* °C")
_OTHER = re.compile(r"y|n|yes|no|on|off|true|false|null|nan|inf|infinity|none", re.IGNORECASE)
_ESCAPED = re.compile("[\x7f-\xa0\u2028\u2029\ufeff\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff\ud800-\udfff]")


def yaml_text_of(data: Mapping[str, Any]) -> str:
    """Write plain data as a YAML file.

    Examples
    --------
    >>> print(yaml_text_of({"name": "x", "sides": {"A": {}, "no": {"title": "it: is"}}, "sources": []}))
    name: x
    <BLANKLINE>
    sides:
      A: {}
      "no": {title: "it: is"}
    <BLANKLINE>
    sources: []
    <BLANKLINE>
    """
    lines: list[str] = []
    for key, value in data.items():
        block = isinstance(value, dict | list) and bool(value)
        if lines and (block or lines[-1].startswith((" ", "-"))):
            lines.append("")
        lines += (
            [*entry_lines(key, value, 0, open_=isinstance(value, dict))] if block else [f"{scalar(key)}: {flow(value)}"]
        )
    return "\n".join([*lines, ""])


def entry_lines(key: str, value: Any, indent: int, *, open_: bool = False) -> list[str]:
    """Lines of a key with its value; `open_`: never on one line."""
    start = f"{' ' * indent}{scalar(key)}:"
    short = f"{start} {flow(value)}"
    if not open_ and (len(short) <= _WIDTH or not isinstance(value, dict | list) or not value):
        return [short]
    if isinstance(value, dict):
        return [start, *(line for name, item in value.items() for line in entry_lines(name, item, indent + 2))]
    return [start, *(line for item in value for line in _item(item, indent + 2))]


def _item(value: Any, indent: int) -> list[str]:
    """Lines of an item of a list."""
    short = f"{' ' * indent}- {flow(value)}"
    if len(short) <= _WIDTH or not isinstance(value, dict | list) or not value:
        return [short]
    inner = (
        [line for name, item in value.items() for line in entry_lines(name, item, indent + 2)]
        if isinstance(value, dict)
        else [line for item in value for line in _item(item, indent + 2)]
    )
    return [f"{' ' * indent}- {inner[0].lstrip(' ')}", *inner[1:]]


def flow(value: Any) -> str:
    """Write a value on one line.

    Examples
    --------
    >>> flow({"between": ["a", "b"], "mttf": 1e6, "capacity": "4 MB/s", "external": True, "source": "1:30"})
    '{between: [a, b], mttf: 1000000.0, capacity: 4 MB/s, external: true, source: "1:30"}'
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value)


def scalar(value: Any) -> str:
    """Write one value.

    Examples
    --------
    >>> [scalar(item) for item in ("4 h", "switch_A", "0.5", "yes", "a: b", "=life", 1e-7, None)]
    ['4 h', 'switch_A', '"0.5"', '"yes"', '"a: b"', '=life', '1.0e-07', 'null']
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
        text = repr(value)  # YAML 1.1 takes 1e-07 for a text
        return text if "e" not in text or "." in text else text.replace("e", ".0e")
    if isinstance(value, int):
        return str(value)
    if len(value) < 1000 and (_PLAIN.fullmatch(value) or _QUANTITY.fullmatch(value)) and not _OTHER.fullmatch(value):
        return str(value)
    return _ESCAPED.sub(lambda sign: f"\\u{ord(sign[0]):04x}", json.dumps(value, ensure_ascii=False))
