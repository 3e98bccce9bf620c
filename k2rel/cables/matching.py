"""Component types of the registry by the words that people have for them.

Taken is what is the name of a type but for case and signs, and what stands in the list of synonyms here. Everything
else is listed with the types that are near; it is never guessed.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache

from k2rel.cables.headings import plain
from k2rel.rates import RateTable

__all__ = ["CABLE_TYPE", "Registry", "is_console", "is_patch_panel", "is_power"]

CABLE_TYPE = "cable"
"""Component type of a patch cable."""

_SYNONYMS = {
    "gige_switch": (
        "gigabit switch", "gigabit ethernet switch", "ethernet switch", "gbe switch", "1g switch", "lan switch",
        "tor switch", "top of rack switch",
    ),
    "fc_switch": ("fibre channel switch", "fiber channel switch", "san switch"),
    "server": ("rack server", "storage server", "file server", "application server"),
    "workstation": ("client workstation", "edit workstation", "editing workstation", "graphics workstation"),
    "raid_controller": ("storage controller", "disk controller", "array controller"),
    "raid_chassis": ("raid enclosure", "disk enclosure", "storage enclosure", "disk shelf"),
    "psu": ("power supply", "power supply unit"),
    "fc_hba": ("fibre channel hba", "fiber channel hba"),
    "toe": ("iscsi hba", "toe card"),
    "drive": ("disk", "disk drive", "hard disk", "hard drive", "hdd"),
    "fc_link": ("fc optic", "sfp optic"),
}  # fmt: skip
_HINTS = {
    "gige_switch": "switch leaf spine core tor access distribution aggregation router nexus catalyst arista dcs n9k",
    "fc_switch": "switch fc san fibre fiber brocade mds fabric",
    "server": "server poweredge proliant node host recorder head filer nas storage",
    "workstation": "workstation client pc desktop edit seat",
    "raid_controller": "raid controller array storage san",
    "raid_chassis": "raid enclosure shelf jbod chassis",
    "psu": "psu supply pdu ups power",
}
"""Words that make a type worth proposing; they take nothing."""
_TAKEN = {plain(word): kind for kind, words in _SYNONYMS.items() for word in words}
_CABLES = re.compile(
    r"(^|_)(cat_?\d[a-z]?|om_?[1-5]|os_?[12]|mmf|smf|multi_?mode|single_?mode|fib(re|er)|copper|dac|aoc|twinax|coax(ial)?"
    r"|utp|s?ftp|stp|rj_?45|mtp|mpo|duplex|patch|cable|trunk|lc|sc|direct_attach|active_optical|twisted_pair|ethernet"
    r"|mrj21|usb)($|_)"
)
_POWER = re.compile(r"(^|_)(power|powerport|poweroutlet|powerfeed|iec|c1[3459]|c20|schuko|mains)($|_)")
_CONSOLE = re.compile(r"(^|_)(console(_?port|_?server_?port)?|con|serial|rs_?232)(_?\d+)?($|_)")
_PANEL = re.compile(r"(^|_)(patch_?panels?|odf|fib(re|er)_panel|keystone_panel|jack_?field|patch_?bay)($|_)")


@dataclass(frozen=True)
class Registry:
    """The types that failure data are known of."""

    table: RateTable

    def device(self, text: str) -> str | None:
        """The component type that a word for a device names.

        Examples
        --------
        >>> from k2rel.rates import read_rates
        >>> known = Registry(read_rates())
        >>> known.device("GigE Switch"), known.device("fibre-channel switch"), known.device("Nexus 93180 switch")
        ('gige_switch', 'fc_switch', None)
        """
        word = plain(text)
        kind = self._exact.get(word) or _TAKEN.get(word)
        return kind if kind in self.table.defaults else None

    def cable(self, text: str) -> str | None:
        """The component type that a word for a cable names; a patch cable where nothing is said.

        Examples
        --------
        >>> from k2rel.rates import read_rates
        >>> known = Registry(read_rates())
        >>> known.cable("CAT6a"), known.cable("Multimode Fiber (OM4)"), known.cable("fc_link"), known.cable("waveguide")
        ('cable', 'cable', 'fc_link', None)
        """
        word = plain(text)
        kind = self._exact.get(word) or (CABLE_TYPE if not word or _CABLES.search(word) else None)
        return kind if kind in self.table.defaults else None

    def near(self, *texts: str) -> list[str]:
        """Types that words may mean, the nearest first, at most three; a proposal and no more.

        Examples
        --------
        >>> from k2rel.rates import read_rates
        >>> Registry(read_rates()).near("Nexus 93180 switch")
        ['gige_switch', 'fc_switch']
        """
        words = {word.rstrip("0123456789") for text in texts for word in plain(text).split("_")} - {""}
        found: dict[str, float] = {}
        for kind in self.table.defaults:
            shared = len(words & set(_HINTS.get(kind, "").split()))
            ratios = [difflib.SequenceMatcher(None, plain(text), plain(kind)).ratio() for text in texts if text]
            if shared or max(ratios, default=0.0) > 0.8:
                found[kind] = shared + max(ratios)
        return sorted(sorted(found), key=lambda kind: -found[kind])[:3]

    @cached_property
    def _exact(self) -> dict[str, str]:
        return {plain(kind): kind for kind in self.table.defaults}

    def __contains__(self, kind: object) -> bool:
        return kind in self.table.defaults


def is_patch_panel(texts: Iterable[str]) -> bool:
    """Whether one of the words for a device says that it is a patch panel.

    Examples
    --------
    >>> is_patch_panel(["48-port Patch Panel"]), is_patch_panel(["panel PC"])
    (True, False)
    """
    return any(_PANEL.search(plain(text)) for text in texts)


@lru_cache(maxsize=10_000)
def is_power(text: str) -> bool:
    """Whether a word for a cable or for what it ends at says that it brings power.

    Examples
    --------
    >>> is_power("Power"), is_power("dcim.powerport"), is_power("IEC C13"), is_power("CAT6")
    (True, True, True, False)
    """
    return bool(_POWER.search(plain(text)))


@lru_cache(maxsize=10_000)
def is_console(text: str) -> bool:
    """Whether a word for a cable or for what it ends at says that it is a console's.

    Examples
    --------
    >>> is_console("RJ45 console"), is_console("dcim.consoleport"), is_console("con0"), is_console("Gi1/0/1")
    (True, True, True, False)
    """
    return bool(_CONSOLE.search(plain(text)))
