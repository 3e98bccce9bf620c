"""What the explorer shows for what was chosen: drawing, data, figures; the same for the widget and the page."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

from k2rel.bundled import level_names
from k2rel.columns import counted
from k2rel.errors import InputError, K2relError
from k2rel.explore.figures import RATES, LiveSite
from k2rel.measures.cases import failover
from k2rel.plots.drawing import draw_site
from k2rel.rates.entry import CONTRACTS
from k2rel.report.explorer import (
    MOST_CLIENTS,
    STILL,
    explorer_data,
    explorer_script,
    explorer_style,
    light_style,
    paper_colours,
    reach_script,
)
from k2rel.signs import in_html
from k2rel.site.model import Site
from k2rel.site.read import SiteLike, read_site
from k2rel.studies import Same

__all__ = [
    "PAGE_STYLE",
    "SCRIPT",
    "WIDGET_STYLE",
    "Offered",
    "answer",
    "choices",
    "first_choice",
    "known_site",
    "offered",
    "site_like",
    "sites",
]

_HERE = Path(__file__).parent
SCRIPT = (
    reach_script()
    + explorer_script()
    + "".join((_HERE / f"{name}.js").read_text(encoding="utf-8") for name in ("ahead", "page"))
)
_LIGHT, _DARK = paper_colours()
# lights of a notebook's own are left alone
_STYLE = explorer_style() + f".k2live{{{light_style()}}}" + (_HERE / "live.css").read_text(encoding="utf-8")
PAGE_STYLE = (
    f":root{{{_LIGHT}}}@media (prefers-color-scheme:dark){{:root{{{_DARK}}}}}\n*{{box-sizing:border-box}}"
    "body{margin:0;background:var(--paper);color:var(--ink)}h1{font:600 1.3rem system-ui,sans-serif;margin:.6rem .5rem}"
    f"\n{_STYLE}"
)
_DARK_NOTEBOOK = ":is([data-jp-theme-light='false'],.vscode-dark,.vscode-high-contrast)"
# a notebook is light or dark as its own settings say, not as the machine prefers
WIDGET_STYLE = f".k2live{{{_LIGHT};color-scheme:light}}{_DARK_NOTEBOOK} .k2live{{{_DARK};color-scheme:dark}}\n{_STYLE}"


Offered: TypeAlias = "str | Same"
"""A level's name, a file, or a site that was described in Python."""


def offered(level: SiteLike) -> Offered:
    """A site as the explorer keeps it; a level's name and a file as they are.

    Examples
    --------
    >>> offered("L3")
    'L3'
    """
    if isinstance(level, Site | Mapping):
        site = read_site(level)
        return Same(id(site), site)
    return str(level)


def site_like(level: Offered) -> SiteLike:
    """What describes a site that is offered."""
    return level.site if isinstance(level, Same) else level


@lru_cache(maxsize=32)
def _site(level: Offered, data: str | None) -> LiveSite:
    return LiveSite(site_like(level), data)


def known_site(level: str, known: Mapping[str, Offered], data: str | None) -> LiveSite:
    """Give a site by the name that it has on the page.

    Examples
    --------
    >>> known_site("L9", {"L1": "L1"}, None)
    Traceback (most recent call last):
        ...
    k2rel.errors.InputError: level: one of L1, got 'L9'
    """
    if level not in known:
        raise InputError(f"level: one of {', '.join(known)}, got '{level[:60]}'")
    return _site(known[level], data)


def sites(level: Offered, data: str | None = None) -> dict[str, Offered]:
    """List what can be chosen by the name that it has on the page, in an address and in a file: never by a path.

    Examples
    --------
    >>> list(sites("L3"))[:2]
    ['L3', 'L1']
    """
    levels = level_names(data)
    name = level if isinstance(level, str) and level in levels else _site(level, data).usual.site.name
    if level not in levels and name in levels:  # a changed copy of a level that kept its name
        name = Path(level).name if isinstance(level, str) else f"{name} (in Python)"
    return {name: level, **{other: other for other in levels if other != name}}


def choices(level: Offered, data: str | None = None) -> dict[str, list[str]]:
    """List what can be chosen.

    Examples
    --------
    >>> choices("L3")["contracts"]
    ['onsite', '4h', 'nbd']
    """
    _site(level, data)
    return {"levels": list(sites(level, data)), "contracts": list(CONTRACTS), "rates": list(RATES)}


def first_choice(level: Offered, target: str = "", data: str | None = None) -> dict[str, Any]:
    """Give what is chosen before anybody chooses; the number counts choices.

    Examples
    --------
    >>> first_choice("L3")["contract"]
    '4h'
    """
    name = next(iter(sites(level, data)))
    return {"level": name, "clients": 0, "contract": "4h", "rates": RATES[0], "target": target, "number": 0}


def answer(asked: Mapping[str, Any], known: Mapping[str, Offered], data: str | None = None) -> dict[str, Any]:
    """Work out what to show; for what cannot be computed that is a message alone.

    Examples
    --------
    >>> answer({"level": "L1", "clients": 0, "contract": "4h", "rates": "as given"}, {"L1": "L1"})["clients"]
    4
    >>> answer({"level": "/etc/passwd"}, {"L1": "L1"})["message"]
    "not computed: level: one of L1, got '/etc/passwd'"
    """
    try:
        level = str(asked["level"])
        live = known_site(level, known, data)
        given = asked.get("clients", 0)
        if isinstance(given, bool) or not isinstance(given, int):
            raise InputError("clients: a whole number, 0 for that of the file")
        count = given or live.usual.site.client_count
        contract, rates, target = str(asked["contract"]), str(asked["rates"]), str(asked.get("target") or "")
        study = live.study(count, contract, rates)
        figures = live.figures(count, contract, rates, target or None)
        drawing = draw_site(study.site, failover(study)).svg
        site: dict[str, Any] = {"clients": count}
        told = f"<p>{in_html(STILL)}</p>"
        if count <= MOST_CLIENTS:
            site, told = explorer_data(study.site, study.policy.primary) | {"level": level}, ""
        return {
            "drawing": f"<div class='k2x'><figure>{drawing}</figure><div class='k2x-panel'>{told}</div></div>",
            "site": site,
            "clients": count,
            "figures": figures.as_html(),
            "verdict": figures.verdict_html(),
            "message": f"{study.site.title}: {counted(count, 'client')}, contract {contract}, "
            f"failure rates {rates}; {figures.headline()}",
        }
    except K2relError as error:
        return {"message": f"not computed: {str(error)[:300]}"}
    except KeyError as error:
        return {"message": f"not computed: {error.args[0]} is missing"}
