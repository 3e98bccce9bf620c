"""Pictures of simulated histories: one event by event, and distributions over many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from k2rel.plots.palette import HATCHES, side_colours
from k2rel.plots.style import DARK, INK, LOST, MUTED, SERIES, SHARED, WIDE, legend, new_axes, side_colour, tidy
from k2rel.units import HOURS_PER_YEAR, format_duration

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    from k2rel.simulation.timeline import Event, Timeline

__all__ = ["plot_downtime_of_a_year", "plot_time_to_first_loss", "timeline_picture"]


def timeline_picture(history: Timeline, most: int = 22) -> Figure:
    """Draw one history: the whole of it above, and the events around its worst loss one by one below.

    Parameters
    ----------
    history : Timeline
        The history.
    most : int
        How many events are drawn one by one.

    Returns
    -------
    matplotlib.figure.Figure
        Above: clients on each side and losses over the years. Below: one column an event, of equal width whatever
        the time between, with parts that are down, roles and clients after it; what happened stands beside it.

    Examples
    --------
    >>> from k2rel.simulation.timeline import timeline
    >>> from k2rel.studies import study
    >>> len(timeline_picture(timeline(study("L2R"), seed=7)).axes)
    3
    """
    from matplotlib.figure import Figure

    chosen = history.around_worst(most)
    parts = list(dict.fromkeys(name for event in chosen for name in event.down))
    height = 3.4 + 0.30 * max(len(chosen), len(parts) + 6)
    figure = Figure(figsize=(13.5, height), layout="constrained")
    grid = figure.add_gridspec(2, 2, height_ratios=[1.5, height - 1.9], width_ratios=[1.0, 0.9])
    _whole(figure.add_subplot(grid[0, :]), history, chosen)
    _steps(figure.add_subplot(grid[1, 0]), history, chosen, parts)
    _words(figure.add_subplot(grid[1, 1]), chosen, history.service)
    return figure


def _whole(ax: Axes, history: Timeline, chosen: tuple[Event, ...]) -> None:
    """Clients on each side, and losses, over the whole history."""
    times = [event.time_h / HOURS_PER_YEAR for event in history.events] + [history.end_h / HOURS_PER_YEAR]
    rows = [
        (f"clients on {side}", [event.on[n] for event in history.events], side_colour(history.sides, side), HATCHES[n])
        for n, side in enumerate(history.sides)
    ]
    if history.on_both:
        rows.append((_together(history), [event.on_both for event in history.events], SHARED, ".."))
    alone = np.zeros(len(history.events))
    for label, counts, colour, hatch in rows:
        look: dict[str, Any] = {"hatch": hatch, "edgecolor": "white", "linewidth": 0} if hatch else {}
        ax.stairs(alone + counts, times, baseline=alone.copy(), fill=True, color=colour, label=label, **look)
        alone += counts
    top = max(int(alone.max()), 1)
    lost = [event.time_h / HOURS_PER_YEAR for event in history.events if history.service in event.lost]
    if lost:
        ax.plot(lost, [top * 1.12] * len(lost), "v", color=LOST, markersize=6, label=f"{history.service} down")
    if chosen:
        first, last = chosen[0].time_h / HOURS_PER_YEAR, chosen[-1].time_h / HOURS_PER_YEAR
        ax.axvspan(first, max(last, first + history.end_h / HOURS_PER_YEAR / 400), color=MUTED, alpha=0.5, lw=0,
                   label="drawn below")  # fmt: skip
    ax.set_ylim(0, top * 1.25)
    ax.set_xlim(0, history.end_h / HOURS_PER_YEAR)
    ax.set_yticks(sorted({0, top // 2, top}))
    tidy(ax, f"{history.site}: one history of {history.end_h / HOURS_PER_YEAR:g} years", "time [years]", "clients")
    ax.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8, frameon=False)


def _steps(ax: Axes, history: Timeline, chosen: tuple[Event, ...], parts: list[str]) -> None:
    """One column an event: what is down, where the clients are, what is lost."""
    lanes = [*parts, *(f"clients on {side}" for side in history.sides)]
    lanes += [*([_together(history)] if history.on_both else []), "clients cut off", f"{history.service} down"]
    clients = max(sum(event.on) + event.on_both + event.cut_off for event in chosen) or 1
    colours = side_colours(history.sides)
    light_on = {SHARED, *(colour.code for colour in colours if colour.dark)}
    for n, event in enumerate(chosen):
        for lane, name in enumerate(lanes):
            y = len(lanes) - 1 - lane
            if lane < len(parts):
                if name in event.down:
                    ax.add_patch(_box(n, y, SHARED, hatch="xx"))
                continue
            if lane == len(lanes) - 1:
                if history.service in event.lost:
                    ax.add_patch(_box(n, y, LOST))
                continue
            place = lane - len(parts)
            if lane == len(lanes) - 2:
                count, colour = event.cut_off, LOST
            elif place < len(history.sides):
                count, colour = event.on[place], colours[place].code
            else:
                count, colour = event.on_both, SHARED
            if count:
                ax.add_patch(_box(n, y, colour, alpha=0.35 + 0.65 * count / clients))
                ax.text(n + 0.5, y + 0.5, str(count), ha="center", va="center", fontsize=8,
                        color="white" if colour in light_on else DARK)  # fmt: skip
    for n in range(len(chosen) + 1):
        ax.axvline(n, color=MUTED, linewidth=0.4, zorder=0)
    ax.set_xlim(0, len(chosen))
    ax.set_ylim(0, len(lanes))
    ax.set_yticks([len(lanes) - 0.5 - n for n in range(len(lanes))], lanes, parse_math=False)
    ax.set_xticks([n + 0.5 for n in range(len(chosen))], [str(event.number) for event in chosen])
    tidy(ax, "State after each event around the worst failure", "event")
    ax.tick_params(labelsize=8, length=0)


def _together(history: Timeline) -> str:
    return f"clients on {'several sides' if len(history.sides) > 2 else 'both'}"


def _box(x: float, y: float, colour: str, *, alpha: float = 1.0, hatch: str | None = None) -> Rectangle:
    from matplotlib.patches import Rectangle

    return Rectangle((x + 0.03, y + 0.12), 0.94, 0.76, facecolor=colour, alpha=alpha, hatch=hatch, edgecolor="white",
                     linewidth=0)  # fmt: skip


def _words(ax: Axes, chosen: tuple[Event, ...], service: str) -> None:
    """What happened, with the time since the event before."""
    from textwrap import shorten

    ax.set_axis_off()
    ax.set_ylim(len(chosen) + 0.3, -0.7)
    ax.set_xlim(0, 1)
    for n, event in enumerate(chosen):
        later = (
            f"+{format_duration(event.time_h - chosen[n - 1].time_h)}" if n else f"day {1 + int(event.time_h // 24)}"
        )
        ax.text(0.035, n, str(event.number), ha="right", va="center", fontsize=8, color=INK)
        ax.text(0.185, n, later, ha="right", va="center", fontsize=8, color=SHARED)
        text = shorten(event.words, 92, placeholder=" …")
        ax.text(0.205, n, text, va="center", fontsize=8, color=LOST if service in event.lost else INK, parse_math=False)


def plot_downtime_of_a_year(
    distributions: dict[str, pd.DataFrame], ax: Axes | None = None, *, title: str = "Downtime of a year"
) -> Axes:
    """Draw how probable it is that a year has more than some downtime.

    Parameters
    ----------
    distributions : dict of str to pandas.DataFrame
        What to compare, by name: `Simulation.distribution` of the downtime.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    title : str
        The title.

    Returns
    -------
    matplotlib.axes.Axes
        Curves with their intervals, both axes logarithmic.

    Examples
    --------
    >>> from k2rel.simulation import Plan, simulate
    >>> from k2rel.studies import study
    >>> result = simulate(study("L2R"), plan=Plan(histories=500, seed=1))
    >>> plot_downtime_of_a_year({"media": result.distribution("media")}).get_xscale()
    'log'
    """
    ax = new_axes(ax, (WIDE, 3.4))
    least = [float(p[p > 0].min()) for p in (frame["probability"] for frame in distributions.values()) if (p > 0).any()]
    bottom, left = min(least, default=0.1) / 2, 0.01
    styles = zip(("-", "--", ":", "-."), (*SERIES[:3], SHARED), strict=True)
    for (name, frame), (line, colour) in zip(distributions.items(), styles, strict=False):
        frame = _visible(frame[frame["hours"] * 60 >= left])
        minutes = frame["hours"] * 60
        ax.fill_between(minutes, frame["low"].clip(lower=bottom), frame["high"], color=colour, alpha=0.2, lw=0)
        ax.plot(minutes, frame["probability"].clip(lower=bottom), line, color=colour, label=name)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(bottom, 1.5)
    ax.set_xlim(left=left)
    ax.grid(alpha=0.3)
    legend(ax)
    return tidy(ax, title, "downtime of a year [min]", "probability of exceedance")


def _visible(frame: pd.DataFrame) -> pd.DataFrame:
    """One point of a curve for each place that an eye tells apart on logarithmic axes."""
    with np.errstate(divide="ignore"):
        places = np.log10(frame[["hours", "probability", "low", "high"]].clip(lower=1e-12).to_numpy(dtype=float))
    cells = np.round(places / np.array([0.03, 0.02, 0.03, 0.03]))
    if frame.empty:
        return frame
    new = np.r_[True, (np.diff(cells, axis=0) != 0).any(axis=1)]
    return frame[new]


def plot_time_to_first_loss(
    frame: pd.DataFrame, ax: Axes | None = None, *, title: str = "Time to first failure"
) -> Axes:
    """Draw the probability of a first loss by a time.

    Parameters
    ----------
    frame : pandas.DataFrame
        `Simulation.distribution` of the first loss.
    ax : matplotlib.axes.Axes, optional
        Where to draw.
    title : str
        The title.

    Returns
    -------
    matplotlib.axes.Axes
        A curve with its interval.

    Examples
    --------
    >>> from k2rel.simulation import Plan, simulate
    >>> from k2rel.studies import study
    >>> result = simulate(study("L2R"), plan=Plan(histories=500, seed=1, warm_up_h=0))
    >>> plot_time_to_first_loss(result.distribution("media", "first_loss")).get_xlabel()
    'time [years]'
    """
    ax = new_axes(ax, (WIDE, 3.4))
    years = frame["hours"] / HOURS_PER_YEAR
    ax.fill_between(years, frame["low"], frame["high"], color=INK, alpha=0.2, linewidth=0)
    ax.plot(years, frame["probability"], color=INK)
    ax.grid(alpha=0.3)
    ax.set_ylim(0, None)
    return tidy(ax, title, "time [years]", "cumulative probability of failure")
