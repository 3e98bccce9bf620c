"""Pictures: one function a figure, ``(result, ax=None) -> Axes``; nothing is computed here.

``style``   colours and marks, the same everywhere: first side blue, second orange, lost vermilion
``layout``  where everything lies in the drawing of a site
``lettering``  how wide words are, and where there is room for them
``looks``  what each part looks like under a failover outcome
``pen``  the SVG, each text where nothing else lies
``drawing``  the drawing, with failed parts crossed out, routes drawn over and loads on them
``dot``  the site in the language of Graphviz
``charts``  downtime, causes, modes
``sure``    the downtime that inputs within their limits leave possible, and what each input does
``load``    where the load goes
``field``    field data on probability paper, rates before and after, what changes leave
``histories``  simulated histories: event by event, and distributions over many
``sweeps``  a measure against what was varied
``data_loss``  data loss, simulated beside the formula
``duty``  the risk of the next hours
``dynamics``  operating modes as states, interruptions, the best number of units
"""

from k2rel.plots.charts import (
    plot_availability_over_time,
    plot_causes,
    plot_comparison,
    plot_contracts,
    plot_downtime_budget,
    plot_modes,
    plot_side_by_side,
)
from k2rel.plots.data_loss import plot_data_loss_over_time, plot_scrubbing
from k2rel.plots.drawing import Drawing, caption, draw_site, looks
from k2rel.plots.duty import plot_risk
from k2rel.plots.dynamics import plot_interruptions, plot_mode_graph, plot_side_figures, plot_units
from k2rel.plots.field import plot_changes, plot_front, plot_probability, plot_rates_updated, plot_repairs
from k2rel.plots.histories import plot_downtime_of_a_year, plot_time_to_first_loss, timeline_picture
from k2rel.plots.load import plot_load_after_failover, plot_load_against_capacity, plot_load_distribution
from k2rel.plots.sure import plot_band, plot_bands, plot_swing
from k2rel.plots.sweeps import plot_most_clients, plot_sweep, plot_sweep_sample

__all__ = [
    "Drawing",
    "caption",
    "draw_site",
    "looks",
    "plot_availability_over_time",
    "plot_band",
    "plot_bands",
    "plot_causes",
    "plot_changes",
    "plot_comparison",
    "plot_contracts",
    "plot_data_loss_over_time",
    "plot_downtime_budget",
    "plot_downtime_of_a_year",
    "plot_front",
    "plot_interruptions",
    "plot_load_after_failover",
    "plot_load_against_capacity",
    "plot_load_distribution",
    "plot_mode_graph",
    "plot_modes",
    "plot_most_clients",
    "plot_probability",
    "plot_rates_updated",
    "plot_repairs",
    "plot_risk",
    "plot_scrubbing",
    "plot_side_by_side",
    "plot_side_figures",
    "plot_sweep",
    "plot_sweep_sample",
    "plot_swing",
    "plot_time_to_first_loss",
    "plot_units",
    "timeline_picture",
]
