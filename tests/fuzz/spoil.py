"""What is done to a well-formed input: to its tree of keys and values, to its cells, or to its bytes."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

NUMBERS = (
    "0", "1", "-1", "2", "0.5", "1e-6", "1e6", "1e99", "1e101", "1e307", "1e308", "1e309", "-1e308", "1e-300", "1e-320", "5e-324",
    "nan", "inf", "-inf", "NaN", "1e", "1e+", "0x10", "1_000", "1,5", "1.000,5", "1.5.2", "+3", "--3", "٣", "²", "1" * 400,
    "9" * 5000, "0." + "0" * 400 + "1", "2147483648", "9223372036854775808", "1/2", "1e5000", "50000000",
)  # fmt: skip
UNITS = (
    "",
    " h",
    "h",
    " d",
    " y",
    " min",
    " s",
    " 1/h",
    " /h",
    " FIT",
    " %",
    " MB/s",
    " Gbit/s",
    " furlongs",
    " h h",
    "\u00a0h",
)
TEXTS = (
    "", " ", "\t", "~", "null", "true", "no", "=", "=x", "={n}", "{n}", "{", "}}", "a{1..9}", "{1..100000}", "a@b", "*", "&a", "a b", "ä", "漢字",
    "A" * 300, "x" * 70_000, "../x", "/dev/zero", ".", "a/b", "a\\b", "con", "-", "--help", "\x00", "\x1b[31mred", "\u202egnp", "\u2028",
    "\ud800", "#", "'", '"', "<b>", "]]>", "&lt;", "%s", "{0}", "$(ls)", "L1", "A", "B", "exponential(mean=1 h)", "weibull(shape=0)",
    "weibull(shape=1e9, scale=1 h)", "lognormal(median=1 h, sigma=900)", "4" + " " * 4000 + "a\nb", "1 h" * 2000, "fixed(1e308 h)",
)  # fmt: skip
WORDS = (
    "fixed",
    "all",
    "one",
    "own",
    "A",
    "B",
    "healthy",
    "able",
    "waits",
    "manual",
    "automatic",
    "shared",
    "standby",
    "yes",
    "no",
)
PLAIN: tuple[Any, ...] = (None, True, False, 0, 1, -1, 3, 10**9, 10**19, 0.5, -0.0, 1e-320, 1e308, float("nan"), float("inf"), [], {}, [[]], [None], {"a": 1})  # fmt: skip
BYTES = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\x80", b"\xc3", b"\r", b"\r\n", b"\n\n", b"\t", b"\"", b"'", b",", b";", b":", b"- ", b"? ", b"| ", b"---\n",
    b"...\n", b"&a ", b"*a", b"<<: ", b"!!python/object:os.system ", b"!!binary ", b"%YAML 9.9\n", b"{", b"}", b"[", b"]", b"#", b"<", b">", b"&", b"]]>",
    b"<!DOCTYPE x [<!ENTITY a 'b'>]>", b"&a;", b"<!--", b"-->", b"<?x?>", b"\x1b[2J", b"sep=;\n", b"\xe2\x80\xae", b"\xf0\x9f\x92\xbe", b"0" * 300,
    b"[" * 3000,
    b"{a: " * 3000,
    b"<a>" * 3000,
)  # fmt: skip

Path = tuple[Any, ...]


def scalar(chance: random.Random, names: Sequence[str] = ()) -> Any:
    """A value that may stand anywhere."""
    draw = chance.random()
    if draw < 0.35:
        return chance.choice(NUMBERS) + chance.choice(UNITS)
    if draw < 0.55:
        return copy.deepcopy(chance.choice(PLAIN))  # what is changed further is not what others draw
    if draw < 0.7:
        return chance.choice(TEXTS)
    return chance.choice(names) if names and draw < 0.9 else chance.choice(WORDS)


def places(tree: Any, deepest: int = 40) -> list[Path]:
    """Where everything in a tree stands, by the keys that lead there."""
    found: list[Path] = []

    def walk(node: Any, path: Path) -> None:
        items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, below in items:
            found.append((*path, key))
            if len(path) < deepest:
                walk(below, (*path, key))

    walk(tree, ())
    return found


def _at(tree: Any, path: Path) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def spoiled(tree: Any, chance: random.Random, times: int, known: Mapping[str, Sequence[Any]]) -> Any:
    """The tree with so many changes; `known` has for each key values that well-formed inputs give it."""
    tree = copy.deepcopy(tree)
    for _ in range(times):
        all_places = places(tree)
        if not all_places:
            return scalar(chance)
        path = chance.choice(all_places)
        parent, key = _at(tree, path[:-1]), path[-1]
        chance.choices(_CHANGES, _OFTEN)[0](tree, parent, key, chance, all_places, known)
    return tree


def _value(tree: Any, parent: Any, key: Any, chance: random.Random, all_places: list[Path], known: Any) -> None:
    names = [str(place[-1]) for place in all_places if isinstance(place[-1], str)]
    parent[key] = scalar(chance, names)


def _number(tree: Any, parent: Any, key: Any, chance: random.Random, all_places: list[Path], known: Any) -> None:
    """Another number with the same unit, from one a hundred times as large to one that no float holds."""
    value, factor = parent[key], 10.0 ** chance.choice((-320, -100, -12, -3, -1, 1, 2, 3, 9, 60, 200, 300))
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return _value(tree, parent, key, chance, all_places, known)
    if isinstance(value, str):
        head, _, unit = value.partition(" ")
        try:
            parent[key] = f"{float(head) * factor:g} {unit}".strip()
        except ValueError:
            _value(tree, parent, key, chance, all_places, known)
    else:
        parent[key] = value * factor
    return None


def _gone(tree: Any, parent: Any, key: Any, chance: random.Random, *_: Any) -> None:
    del parent[key]


def _moved(tree: Any, parent: Any, key: Any, chance: random.Random, all_places: list[Path], known: Any) -> None:
    """What stands elsewhere in the same tree; not a whole of which this is a part."""
    parent[key] = copy.deepcopy(_at(tree, chance.choice(all_places)))


def _renamed(tree: Any, parent: Any, key: Any, chance: random.Random, all_places: list[Path], known: Any) -> None:
    if isinstance(parent, dict):
        other = chance.choice([place[-1] for place in all_places if isinstance(place[-1], str)] or ["x"])
        parent[chance.choice((other, other, str(scalar(chance))))] = parent.pop(key)
    else:
        parent.insert(chance.randrange(len(parent) + 1), parent[key])


def _added(tree: Any, parent: Any, key: Any, chance: random.Random, all_places: list[Path], known: Any) -> None:
    """A key that other inputs have, with a value that it has there."""
    if isinstance(parent, dict) and known:
        name = chance.choice(list(known))
        parent[name] = copy.deepcopy(chance.choice(known[name]))
    elif isinstance(parent, list):
        parent.append(scalar(chance))


def _known(tree: Any, parent: Any, key: Any, chance: random.Random, all_places: list[Path], known: Any) -> None:
    """Another value that well-formed inputs give this key."""
    if known.get(key):
        parent[key] = copy.deepcopy(chance.choice(known[key]))
    else:
        _number(tree, parent, key, chance, all_places, known)


def _wrapped(tree: Any, parent: Any, key: Any, chance: random.Random, *_: Any) -> None:
    value = parent[key]
    deep: Any = value
    for _level in range(chance.choice((5, 50, 150)) if chance.random() < 0.1 else 1):
        deep = [deep]
    parent[key] = chance.choice((deep, {"at_least": 1, "of": [value]}, {"at_least": 2, "of": [value, value]}, {"any": [value]}, {"value": value, "low": value, "high": value}, [value, value]))  # fmt: skip


_CHANGES: tuple[Callable[..., None], ...] = (_value, _number, _gone, _moved, _renamed, _added, _known, _wrapped)
_OFTEN = (3, 3, 2, 2, 2, 2, 4, 1)


def values_by_key(trees: Sequence[Any], most: int = 40) -> dict[str, list[Any]]:
    """For each key of well-formed inputs, values that it has."""
    found: dict[str, list[Any]] = {}
    for tree in trees:
        for path in places(tree):
            if isinstance(path[-1], str):
                seen = found.setdefault(path[-1], [])
                value = _at(tree, path)
                if len(seen) < most and value not in seen:
                    seen.append(value)
    return found


def bytes_of(text: str) -> bytes:
    """As a file would hold it; halves of a surrogate pair too."""
    return text.encode("utf-8", "surrogatepass")


def spoiled_bytes(data: bytes, chance: random.Random, times: int) -> bytes:
    """Bytes with so many places where something is put in, left out, doubled, moved or cut off."""
    for _ in range(times):
        at, length = chance.randrange(len(data) + 1), chance.choice((1, 1, 2, 8, 60, 400))
        piece, draw = data[at : at + length], chance.random()
        if draw < 0.35:
            data = data[:at] + chance.choice(BYTES) + data[at:]
        elif draw < 0.5:
            data = data[:at] + bytes_of(str(scalar(chance))) + data[at:]
        elif draw < 0.7:
            data = data[:at] + data[at + length :]
        elif draw < 0.8:
            data = data[:at] + piece * chance.choice((2, 3, 40)) + data[at + length :]
        elif draw < 0.9:
            to = chance.randrange(len(data) + 1)
            data = data[:to] + piece + data[to:]
        elif draw < 0.95:
            data = data[:at]
        else:
            data = chance.choice((data.replace(b"\n", b"\r\n"), data.replace(b"\n", b"\r"), data.decode("utf-8", "replace").encode("utf-16"), data.decode("utf-8", "replace").encode("latin-1", "replace"), b"\xef\xbb\xbf" + data))  # fmt: skip
    return data


def spoiled_lines(text: str, chance: random.Random, times: int) -> str:
    """A table or list with so many cells, words or lines changed."""
    lines = [
        line.replace(",", "\0,\0").replace(";", "\0;\0").replace(" ", "\0 \0").split("\0") for line in text.split("\n")
    ]
    for _ in range(times):
        at = chance.randrange(len(lines))
        line, draw = lines[at], chance.random()
        if draw < 0.6 and line:
            where = chance.randrange(len(line))
            other = chance.choice(chance.choice(lines) or [""])
            line[where] = str(scalar(chance)) if chance.random() < 0.7 else other
        elif draw < 0.7:
            del lines[at]
            lines = lines or [[""]]
        elif draw < 0.8:
            lines.insert(chance.randrange(len(lines) + 1), list(line))
        elif draw < 0.9:
            line.insert(chance.randrange(len(line) + 1), chance.choice((",", ";", "\t", " ", '"', "\n", "#")))
        else:
            lines = (
                [line[::-1] if chance.random() < 0.02 else line for line in lines]
                if chance.random() < 0.3
                else lines * chance.choice((1, 2))
            )
    return "\n".join("".join(line) for line in lines)
