"""The explorer as a widget for JupyterLab; the same script as in the reports, with figures from Python."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from k2rel.explore.ahead import what_is_ahead
from k2rel.explore.answers import SCRIPT, WIDGET_STYLE, answer, choices, first_choice, offered, site_like, sites
from k2rel.explore.still import still_html
from k2rel.extras import extra
from k2rel.site.read import SiteLike

__all__ = ["Explorer"]


if TYPE_CHECKING:
    import anywidget
    import traitlets
else:
    _NEEDED = "for the explorer as a widget", "k2rel explore serves the same as a page without it"
    anywidget = extra("explore", *_NEEDED)
    traitlets = extra("explore", *_NEEDED, module="traitlets")


class Explorer(anywidget.AnyWidget):
    """A level whose parts are failed by a click, with clients, contract and rates to choose.

    Examples
    --------
    >>> explorer = Explorer("L2R")
    >>> explorer.choose(contract="onsite")
    >>> explorer.figures[:30]
    '<h2>Services, over a year</h2>'
    """

    _esm = SCRIPT + "\nexport default { render: ({ model, el }) => k2relLive(model, el, false) };\n"
    _css = WIDGET_STYLE
    levels = traitlets.List(traitlets.Unicode()).tag(sync=True)
    contracts = traitlets.List(traitlets.Unicode()).tag(sync=True)
    rates = traitlets.List(traitlets.Unicode()).tag(sync=True)
    asked = traitlets.Dict().tag(sync=True)
    clients = traitlets.Int().tag(sync=True)
    drawing = traitlets.Unicode().tag(sync=True)
    site = traitlets.Dict().tag(sync=True)
    failed = traitlets.List(traitlets.Unicode()).tag(sync=True)
    figures = traitlets.Unicode().tag(sync=True)
    message = traitlets.Unicode().tag(sync=True)
    verdict = traitlets.Unicode().tag(sync=True)
    shown = traitlets.Int().tag(sync=True)
    present = traitlets.Dict().tag(sync=True)
    ahead = traitlets.Unicode().tag(sync=True)
    critical = traitlets.List(traitlets.Dict()).tag(sync=True)
    looked = traitlets.Int().tag(sync=True)

    def __init__(self, level: SiteLike = "L2R", data: str = "", **kwargs: Any) -> None:
        self._data = data or None
        first = offered(level)
        self._sites = sites(first, self._data)
        super().__init__(**kwargs, **choices(first, self._data))
        self.observe(self._follow, "asked")
        self.observe(self._look, "present")
        self.asked = first_choice(first, data=self._data)

    def _repr_mimebundle_(self, **kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The widget, and for what cannot show one (a page made from the notebook) the drawing."""
        shown, about = super()._repr_mimebundle_(**kwargs) or ({}, {})
        why = "widgets run while a notebook is open in JupyterLab, not in a page made from it"
        first = next(iter(self._sites.values()))  # where what was asked for is not there
        level = self._sites.get(self.asked["level"], first)
        return {**shown, "text/html": still_html(site_like(level), self._data or "", why)}, about

    def choose(
        self, *, level: str | None = None, clients: int | None = None, contract: str | None = None,
        rates: str | None = None, target: str | None = None,
    ) -> None:  # fmt: skip
        """Change what is shown, as the controls do.

        Examples
        --------
        >>> Explorer("L1").choose(clients=6)
        """
        given = {"level": level, "clients": clients, "contract": contract, "rates": rates, "target": target}
        number = int(self.asked.get("number", 0)) + 1
        self.asked = {**self.asked, **{k: v for k, v in given.items() if v is not None}, "number": number}

    def _follow(self, change: Any) -> None:
        """Compute what was asked for; a mistake is said, and the figures stay."""
        for name, value in answer(change["new"], self._sites, self._data).items():
            setattr(self, name, value)
        self.shown += 1

    def _look(self, change: Any) -> None:
        """Say what is ahead of the state that is shown."""
        for name, value in what_is_ahead(change["new"], self._sites, self._data).items():
            setattr(self, name, value)
