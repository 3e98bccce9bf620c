"""Connections through patch panels: cables that meet at a port of a panel are one connection.

A panel is passive, so it is no part of the model; its cables are in series. Those that meet are found by their ports:
the front and the rear of a port have one number (``Front 3`` and ``Rear 3``, ``F03`` and ``R03``, ``3`` and ``3``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from k2rel.cables.rows import Cable, End
from k2rel.cables.sheet import Sheet
from k2rel.errors import Problem

__all__ = ["Connection", "connections", "joint"]

_LONGEST_TITLE = 120
_FACES = frozenset(("front", "rear", "back", "port", "f", "r", "fp", "rp", "face"))


@dataclass(frozen=True, slots=True)
class Connection:
    """Two devices and the cables between them, one after another."""

    ends: tuple[End, End]
    cables: tuple[Cable, ...]
    panels: tuple[str, ...] = ()

    def title(self) -> str:
        """Its ends with their ports, its label and its panels; empty where that is no more than the devices.

        Examples
        --------
        >>> ends = (End("sw-1", "Te1"), End("nas", "e0"))
        >>> Connection(ends, (Cable(2, ends, label="K17"),)).title()
        'sw-1 Te1 to nas e0 (K17)'
        """
        labels = [cable.label for cable in self.cables if cable.label]
        if not labels and not self.panels and not any(end.port for end in self.ends):
            return ""
        about = ", ".join([*labels, *([f"through {', '.join(self.panels)}"] if self.panels else [])])
        words = f"{self.ends[0]} to {self.ends[1]}"
        return f"{words} ({about})"[:_LONGEST_TITLE] if about else words[:_LONGEST_TITLE]

    @property
    def line(self) -> int:
        """Where its first cable stands."""
        return self.cables[0].line


def joint(port: str) -> str:
    """What the front and the rear of a port of a panel have in common.

    Examples
    --------
    >>> joint("Front 03"), joint("R3"), joint("A-12 (rear)"), joint("Rear Port 12")
    ('3', '3', 'a-12', '12')
    """
    words = [word for word in re.findall(r"[^\W\d_]+|\d+", port.casefold()) if word not in _FACES]
    return "-".join(word.lstrip("0") or "0" if word.isdigit() else word for word in words)


def connections(
    sheet: Sheet, cables: Sequence[Cable], is_passive: Callable[[str], bool], problems: list[Problem]
) -> list[Connection]:
    """Follow cables through panels from device to device; what does not come through is a problem of its row."""
    at: dict[tuple[str, str], list[Cable]] = {}
    for cable in cables:
        for end in cable.ends:
            if is_passive(end.device):
                at.setdefault((end.device, joint(end.port)), []).append(cable)
    if not at:
        return [Connection(cable.ends, (cable,)) for cable in cables]
    found: list[Connection] = []
    done: set[int] = set()
    for cable in cables:
        free = [end for end in cable.ends if not is_passive(end.device)]
        if len(free) == 2:
            found.append(Connection(cable.ends, (cable,)))
        elif free and cable.line not in done:
            followed = _follow(cable, free[0], at, is_passive)
            done.update(one.line for one in followed.cables)
            last, message = followed.ends[1], ""
            if is_passive(last.device):
                message = _open(cable, last, at)
            elif last.device == free[0].device:
                message = f"{cable} returns to the same device, through {', '.join(followed.panels)}"
            if message:
                problems.append(sheet.problem(cable.line, message))
            else:
                found.append(followed)
    problems += [
        sheet.problem(cable.line, f"{cable}: a cable between patch panels, with no device at either end")
        for cable in cables
        if all(is_passive(end.device) for end in cable.ends) and cable.line not in done
    ]
    return found


def _follow(
    cable: Cable, begun: End, at: dict[tuple[str, str], list[Cable]], is_passive: Callable[[str], bool]
) -> Connection:
    """Follow from one device until another, or until a port of a panel from which nothing, or no one thing, goes on."""
    followed, panels, here = [cable], [], begun
    while True:
        end = cable.ends[1] if cable.ends[0] == here else cable.ends[0]
        if not is_passive(end.device):
            break
        others = [one for one in at[end.device, joint(end.port)] if one is not cable]
        if len(others) != 1 or not joint(end.port) or others[0] in followed:
            break
        panels.append(end.device)
        cable = others[0]
        here = next(one for one in cable.ends if one.device == end.device and joint(one.port) == joint(end.port))
        followed.append(cable)
    return Connection((begun, end), tuple(followed), tuple(panels))


def _open(cable: Cable, last: End, at: dict[tuple[str, str], list[Cable]]) -> str:
    count = len(at[last.device, joint(last.port)])
    if not joint(last.port):
        return f"{cable}: the port of patch panel '{last.device}' is missing, so the connection cannot be followed"
    if count > 2:
        return f"{cable}: {count} cables meet at port {last.port} of patch panel '{last.device}'"
    return (
        f"{cable}: no other cable continues from port {last.port} of patch panel '{last.device}'; the front and the "
        "rear "
        "of a port need the same number, such as 'Front 3' and 'Rear 3'"
    )
