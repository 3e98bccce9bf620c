"""Names: which go, and the identifiers that are made of them.

Any printable name goes, so that what is joined of several is never taken apart by a character that may stand in one.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterable, Sequence

from k2rel.signs import SPACES, hidden_in

__all__: list[str] = []

KeyPath = tuple[str | int, ...]
"""A place in a file, key by key."""

LONGEST = 63
SCHEMA_PATTERN = r"^[^@=\s](.*[^\s])?$"
"""What a schema can say of a name in a few signs."""

_OF_CLIENTS = re.compile(r"client_[0-9]+(_.*)?", re.DOTALL)
_PLAIN_KEY = re.compile(r"[^.\"]+")


def wrong_with_name(name: str) -> str | None:
    """What is wrong with a name, in words; None where it goes.

    Examples
    --------
    >>> wrong_with_name("Switch 1.2 (Köln)"), wrong_with_name(" x")
    (None, 'is not a valid name: it must not begin or end with a space')
    """
    if not name:
        return "is not a valid name: it is empty"
    if len(name) > LONGEST:
        return f"is not a valid name: it has {len(name)} characters, and at most {LONGEST} are allowed"
    if name[0] in "@=":
        meaning = "a subscription" if name[0] == "@" else "an assumption's value"
        return f"is not a valid name: what begins with '{name[0]}' is {meaning}"
    if (hidden := hidden_in(name)) is not None:
        return f"is not a valid name: U+{ord(hidden):04X} in it is not a printable character"
    if name != name.strip():
        return "is not a valid name: it must not begin or end with a space"
    if re.fullmatch(r"client_[0-9]+", name):
        return "is not a valid name: client_ and a number is that of a client"
    return None


def wrong_with_text(text: str, *, lines: bool = False) -> str | None:
    r"""What is wrong with a title, or with a text of several lines; spaces of all kinds go.

    Examples
    --------
    >>> wrong_with_text("10\u00a0km"), wrong_with_text("a\u202eb")
    (None, 'has U+202E, which is not a printable character')
    """
    ends = text if lines else text.rstrip("\n")  # as YAML leaves one at the end of a folded text
    hidden = hidden_in(ends, SPACES + ("\n\t" if lines else ""))
    return None if hidden is None else f"has U+{ord(hidden):04X}, which is not a printable character"


def is_kept_for_clients(name: str) -> bool:
    """Whether a part of this name could be taken for a client's own.

    Examples
    --------
    >>> is_kept_for_clients("client_3_media_A"), is_kept_for_clients("client_media")
    (True, False)
    """
    return _OF_CLIENTS.fullmatch(name) is not None


def client_id(number: int) -> str:
    """Identifier of a client."""
    return f"client_{number}"


def client_part_id(number: int, part: str) -> str:
    """Identifier of a client's own part; the part ``client`` is the client itself."""
    return client_id(number) if part == "client" else f"{client_id(number)}_{part}"


def part_of_client(identifier: str) -> tuple[int, str] | None:
    """Take an identifier of a client's own part apart; None where it is none.

    Examples
    --------
    >>> part_of_client("client_3_media_A"), part_of_client("client_12"), part_of_client("switch_A")
    ((3, 'media_A'), (12, 'client'), None)
    """
    if not is_kept_for_clients(identifier):
        return None
    _, number, *part = identifier.split("_", 2)
    return int(number), part[0] if part else "client"


def drive_ids(raid_set: str, drives: int, spares: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Identifiers of the drives and of the hot spares of a RAID set."""
    return (
        tuple(f"{raid_set}_drive_{n}" for n in range(1, drives + 1)),
        tuple(f"{raid_set}_spare_{n}" for n in range(1, spares + 1)),
    )


def event_name(parts: Sequence[str], *taken: Container[str]) -> str:
    """Name the event that one cause takes some parts away: theirs, joined; quoted where that is a name already.

    Examples
    --------
    >>> event_name(["a", "b"]), event_name(["a", "b"], ["a & b"])
    ('a & b', "'a' & 'b'")
    """
    if len(parts) == 1:
        return parts[0]
    name, quote = " & ".join(parts), "'"
    while any(name in names for names in taken):
        name = " & ".join(f"{quote}{part}{quote}" for part in parts)
        quote += "'"
    return name


def dotted(path: KeyPath) -> str:
    """Write a place in a file; keys that would be taken for several are quoted.

    Examples
    --------
    >>> dotted(("components", "switch_A", "mttf")), dotted(("components", "switch 1.2", "mttf"))
    ('components.switch_A.mttf', 'components."switch 1.2".mttf')
    """
    keys = (str(key) for key in path)
    return ".".join(key if _PLAIN_KEY.fullmatch(key) else f'"{key}"' for key in keys)


def last_key(place: str, known: Collection[str] = ()) -> str:
    """Key at the end of a place that was written by `dotted`; of several ways to read it a `known` one.

    Examples
    --------
    >>> last_key("components.switch_A"), last_key('components."switch 1.2"')
    ('switch_A', 'switch 1.2')
    """
    if not place.endswith('"'):
        return place.rpartition(".")[2]
    ways = [place[start.end() : -1] for start in re.finditer(r'\."|^"', place)]
    return next((way for way in ways if way in known), ways[-1] if ways else place)


def split_setting(setting: str, known: Collection[str] = ()) -> tuple[str, str]:
    """Take a setting apart: the name, and the key behind the last dot, with the cause in brackets behind it.

    Of several ways to read a cause, the longest name counts that is `known`.

    Examples
    --------
    >>> split_setting("switch 1.2.mttf"), split_setting("file_system.coverage[psu 1.2]")
    (('switch 1.2', 'mttf'), ('file_system', 'coverage[psu 1.2]'))
    """
    found = re.finditer(r"\.(?=(?:coverage|detection)\[.+\]$)", setting)
    ways = [(setting[: dot.start()], setting[dot.end() :]) for dot in found if dot.start()][::-1]
    name, _, key = setting.rpartition(".")
    return next((way for way in ways if way[0] in known), ways[0] if ways else (name, key))


def cause_in(key: str) -> tuple[str, str]:
    """Take ``coverage[psu]`` apart; without brackets the cause is "".

    Examples
    --------
    >>> cause_in("coverage[psu [1]]"), cause_in("coverage")
    (('coverage', 'psu [1]'), ('coverage', ''))
    """
    field, _, cause = key.partition("[")
    return field, cause.removesuffix("]")


def names_listed(text: str, known: Collection[str]) -> tuple[str, ...]:
    """Take a list of names apart, which commas part; of several ways to read it the longest `known` names count.

    Examples
    --------
    >>> names_listed("psu, disk, 15 krpm,toe", ["psu", "disk, 15 krpm"])
    ('psu', 'disk, 15 krpm', 'toe')
    """
    pieces, result = text.split(","), []
    while pieces:
        ends = (n for n in range(len(pieces), 1, -1) if ",".join(pieces[:n]).strip() in known)
        end = next(ends, 1)
        result.append(",".join(pieces[:end]).strip())
        pieces = pieces[end:]
    return tuple(name for name in result if name)


def spoken(name: str) -> str:
    """A name as people write it, with spaces for underlines.

    Examples
    --------
    >>> spoken("file_system"), spoken("_")
    ('file system', '_')
    """
    words = name.replace("_", " ")
    return words if words.strip() else name


def place_words(place: str) -> str:
    """A side or holder as it stands behind "at" or "from", with which its name may begin itself.

    Examples
    --------
    >>> place_words("at_node_2"), place_words("at_")
    ('node_2', 'at_')
    """
    return place.removeprefix("at_") or place


def said_of_clients(parts: Iterable[str]) -> set[str]:
    """What drawings call all clients but the first, and their own parts; tables call these each client's."""
    return {"clients", *(name for part in parts for name in (f"clients_{part}", f"each client's {part}"))}


def variable_of(name: str, what: str) -> str:
    """Name a variable of the rules that is about a part or role; no name has the sign between."""
    return f"{name}\x1f{what}"


def file_stem(name: str, taken: Collection[str] = ()) -> str:
    """Give a name as part of a file's name, safe on every file system, unlike those in `taken` in more than case.

    Examples
    --------
    >>> file_stem("L2R"), file_stem("Halle 3/Nord: Büro"), file_stem("l2r", ["L2R"]), file_stem("CON")
    ('L2R', 'Halle_3_Nord_Büro', 'l2r_2', 'CON_')
    """
    stem = re.sub(r"[^\w.()+-]+", "_", name).lstrip("._-").rstrip(".") or "site"
    stem = _shortened(stem)
    if stem.split(".")[0].casefold() in _DEVICES:
        stem += "_"
    there = {other.casefold() for other in taken}
    found, number = stem, 2
    while found.casefold() in there:
        found, number = f"{stem}_{number}", number + 1
    return found


def _shortened(stem: str) -> str:
    """At most 120 bytes, so that an ending and a number still fit in what a file system takes."""
    while len(stem.encode()) > 120:
        stem = stem[:-1]
    return stem


_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(10))}
