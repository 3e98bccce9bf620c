"""What the explorer shows for what was chosen: drawing, data, figures; the same for the widget and the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from k2rel.bundled import level_names
from k2rel.errors import InputError, K2relError
from k2rel.explore.figures import RATES, LiveSite
from k2rel.measures.cases import failover
from k2rel.plots.drawing import draw_site
from k2rel.rates.entry import CONTRACTS
from k2rel.report.explorer import MOST_CLIENTS, explorer_data, explorer_script

__all__ = ["SCRIPT", "STYLE", "answer", "choices", "first_choice"]

SCRIPT = explorer_script() + (Path(__file__).parent / "page.js").read_text(encoding="utf-8")

STYLE = """
.k2live{font:15px/1.45 system-ui,"DejaVu Sans",sans-serif;color:#222;background:#fff;max-width:70rem;padding:.5rem}
.k2live label{margin-right:1rem}.k2live input[type=number]{width:5rem}
.k2live table{border-collapse:collapse;font-size:.86rem;margin:.3rem 1.5rem .6rem 0}
.k2live th,.k2live td{padding:.2rem .6rem;border-bottom:1px solid #d9dee2;text-align:left}
.k2live .failed{color:#D55E00;font-weight:600}.k2live figure{margin:.5rem 0;overflow-x:auto}
.k2live h4{margin:.8rem 0 .2rem}.k2live-figures,.k2live .k2x-state{overflow-x:auto}
.k2live .k2x-state{display:flex;flex-wrap:wrap;gap:0 2rem;align-items:flex-start}.k2live meter{width:6rem}
.k2live .k2x-said,.k2live-said{font-weight:600}.k2live .k2x-all div{columns:14rem;font-size:.85rem}
.k2live .k2x-all label{display:block}
"""


@lru_cache(maxsize=32)
def _site(level: str, data: str | None) -> LiveSite:
    return LiveSite(level, data)


def choices(level: str, data: str | None = None) -> dict[str, list[str]]:
    """List what can be chosen.

    Examples
    --------
    >>> choices("L3")["levels"][:2]
    ['L3', 'L1']
    """
    _site(level, data)
    levels = list(dict.fromkeys([level, *level_names(data)]))
    return {"levels": levels, "contracts": list(CONTRACTS), "rates": list(RATES)}


def first_choice(level: str) -> dict[str, Any]:
    """Give what is chosen before anybody chooses; the number counts choices.

    Examples
    --------
    >>> first_choice("L3")["contract"]
    '4h'
    """
    return {"level": level, "clients": 0, "contract": "4h", "rates": RATES[0], "number": 0}


def answer(asked: Mapping[str, Any], levels: Sequence[str], data: str | None = None) -> dict[str, Any]:
    """Work out what to show; for what cannot be computed that is a message alone.

    Examples
    --------
    >>> answer({"level": "L1", "clients": 0, "contract": "4h", "rates": "as given"}, ["L1"])["clients"]
    4
    >>> answer({"level": "/etc/passwd"}, ["L1"])["message"]
    "not computed: level: one of L1, got '/etc/passwd'"
    """
    try:
        level = str(asked["level"])
        if level not in levels:
            raise InputError(f"level: one of {', '.join(levels)}, got '{level[:60]}'")
        live = _site(level, data)
        given = asked.get("clients", 0)
        if isinstance(given, bool) or not isinstance(given, int):
            raise InputError("clients: a whole number, 0 for that of the file")
        count = given or live.usual.site.client_count
        if not 1 <= count <= MOST_CLIENTS:
            raise InputError(f"clients: from 1 to {MOST_CLIENTS}, got {count}")
        contract, rates = str(asked["contract"]), str(asked["rates"])
        study = live.study(count, contract, rates)
        drawing = draw_site(study.site, failover(study)).svg
        return {
            "drawing": f"<div class='k2x'><figure>{drawing}</figure><div class='k2x-panel'></div></div>",
            "site": explorer_data(study.site, study.policy.home),
            "clients": count,
            "figures": live.figures(count, contract, rates).as_html(),
            "message": f"{study.site.title}: {count} clients, contract {contract}, failure rates {rates}",
        }
    except K2relError as error:
        return {"message": f"not computed: {str(error)[:300]}"}
    except KeyError as error:
        return {"message": f"not computed: {error.args[0]} is missing"}
