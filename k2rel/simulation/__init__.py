"""The simulation engine: lives and repairs by any law, followed event by event through the compiled policy.

``circumstances``  what only a simulation can follow: laws, ageing, spares, windows, common events, mistakes
``model``          from a study to flat arrays
``outcomes``       what the policy says of the states that histories meet
``engine``         histories by the million, over cores or machines
``results``, ``counted``, ``estimates``  estimates with intervals, distributions
``timeline``       one history in words
``rare``, ``excursions``   rare losses: biasing and splitting
``raid``           RAID groups as they really fail
``bits``           the quick look at a static structure
``cluster``        the same over a Dask cluster
``events``, ``rules``, ``histories``, ``draws``   the compiled loops
``records``, ``ground``  the arrays that they read and write, and how compiled code gets them
"""

from k2rel.simulation.circumstances import Circumstances, read_circumstances
from k2rel.simulation.engine import Plan, simulate
from k2rel.simulation.results import Simulation

__all__ = ["Circumstances", "Plan", "Simulation", "read_circumstances", "simulate"]
