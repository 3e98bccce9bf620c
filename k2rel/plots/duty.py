"""The next hours: the risk from the state at present beside that with nothing failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k2rel.plots.style import INK, LOST, WIDE, legend, new_axes, tidy
from k2rel.units import format_duration

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from k2rel.measures.risk_result import Risk

__all__ = ["plot_risk"]


def plot_risk(found: Risk, ax: Axes | None = None, *, service: str | None = None) -> Axes:
    """Draw the expected downtime over the horizon.

    Parameters
    ----------
    found : Risk
        As `k2rel.risk` gives it.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    service : str, optional
        By default the principal traffic.

    Returns
    -------
    matplotlib.axes.Axes
        Expected downtime until each time, from the state at present and with nothing failed.

    Examples
    --------
    >>> import k2rel
    >>> plot_risk(k2rel.risk("L2R", "server_A")).get_xlabel()
    'time from now [h]'
    """
    ax = new_axes(ax, (WIDE, 3.2))
    frame = found.curve(service)
    ax.plot(frame.index, frame["expected_downtime_min"], color=LOST, label="from the present state")
    usual = frame["expected_downtime_min_nothing_failed"]
    ax.plot(frame.index, usual, color=INK, ls="--", label="with nothing failed")
    back = found.redundancy_back_h
    if back < found.horizon_h:
        ax.axvline(back, color=INK, lw=0.8, ls=":", label=f"mean time to full redundancy: {format_duration(back)}")
    ax.set_xlim(0.0, found.horizon_h)
    ax.set_ylim(bottom=0.0)
    legend(ax)
    name = (service or found.principal).replace("_", " ")
    title = f"Expected downtime of {name} in the next {format_duration(found.horizon_h)}: {found.state_words()}"
    return tidy(ax, title, "time from now [h]", "expected downtime [min]")
