"""A state that a site is in at present, as the chain is asked to follow it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Start"]


@dataclass(frozen=True, slots=True)
class Start:
    """Parts that have failed and are under repair, and where the roles and servers are (`Controls`)."""

    failed: tuple[str, ...]
    control: int
