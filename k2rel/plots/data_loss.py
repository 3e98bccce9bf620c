"""Pictures of data loss in RAID groups: simulated beside the formula."""

from __future__ import annotations

from typing import TYPE_CHECKING

from k2rel.plots.style import INK, LOST, MUTED, SERIES, WIDE, legend, new_axes, tidy

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["plot_data_loss_over_time", "plot_scrubbing"]

_LINES = (("o", INK), ("s", LOST), ("^", SERIES[1]), ("D", SERIES[2]))


def plot_data_loss_over_time(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the losses of 1,000 groups over the years, simulated and by the formula.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `k2rel.raid_over_time` gives it.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        A full line for each group, a broken one for each different answer of the formula; losses logarithmic.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"RAID 5": [1.0, 3.0], "RAID 5 (MTTDL)": [0.1, 0.2]}, index=[1.0, 2.0])
    >>> plot_data_loss_over_time(frame).get_yscale()
    'log'
    """
    ax = new_axes(ax, (WIDE, 3.4))
    simulated = [str(name) for name in frame.columns if not str(name).endswith("(MTTDL)")]
    drawn: list[list[float]] = []
    for name, (mark, colour) in zip(simulated, _LINES, strict=False):
        shown = frame[name].where(frame[name] > 0)
        ax.plot(frame.index, shown, "-", marker=mark, color=colour, markersize=5, label=f"{name}, simulated")
        formula = f"{name} (MTTDL)"
        if formula in frame and frame[formula].tolist() not in drawn:  # it does not see what tells many groups apart
            drawn.append(frame[formula].tolist())
            group = name.split(",")[0]
            ax.plot(frame.index, frame[formula], "--", color=colour, linewidth=1.2, label=f"{group}, MTTDL formula")
    ax.set_yscale("log")
    ax.grid(alpha=0.3)
    legend(ax)
    return tidy(ax, "Data losses in 1,000 groups", "time in service [years]", "cumulative data losses")


def plot_scrubbing(frame: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the losses of 1,000 groups against the time that scrubbing takes to find an error.

    Parameters
    ----------
    frame : pandas.DataFrame
        As `k2rel.scrubbing` gives it.
    ax : matplotlib.axes.Axes, optional
        Where to draw.

    Returns
    -------
    matplotlib.axes.Axes
        Points with intervals, and the formula, which knows no scrubbing.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"losses_per_1000": [50.0, 90.0], "losses_per_1000_low": [45.0, 85.0],
    ...                       "losses_per_1000_high": [55.0, 95.0], "mttdl_formula": [0.4, 0.4]}, index=[24.0, 168.0])
    >>> plot_scrubbing(frame).get_xscale()
    'log'
    """
    ax = new_axes(ax, (WIDE, 3.2))
    value = frame["losses_per_1000"]
    around = [value - frame["losses_per_1000_low"], frame["losses_per_1000_high"] - value]
    ax.errorbar(frame.index, value, yerr=around, fmt="o-", color=INK, capsize=3, label="simulated")
    ax.plot(frame.index, frame["mttdl_formula"], "--", color=MUTED, label="MTTDL formula")
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.grid(alpha=0.3)
    legend(ax)
    return tidy(ax, "Data losses in 1,000 groups", "time until scrubbing finds an error (scale) [h]", "data losses")
