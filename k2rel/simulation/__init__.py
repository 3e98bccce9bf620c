"""The simulation engine: lives and repairs by any law, followed event by event through the compiled policy.

``circumstances``  what only a simulation can follow: laws, ageing, spares, windows, common events, mistakes
``model``          from a study to flat arrays
``outcomes``       what the policy says of the states that histories meet
``plan``           what is to be simulated
``prepared``       a site ready to run, with what its histories have learnt
``engine``         histories by the million, over cores or machines
``results``, ``service_estimates``, ``estimates``  estimates with intervals, distributions
``windows``        downtimes and interruptions of windows of any length
``ahead``          from a present state to a horizon
``present``, ``stationary``  the present state for the kernel, and ages that nobody knows
``timeline``       one history in words
``rare``           rare service failures: biasing and splitting
``raid_group``     RAID groups as they really fail
``static_sampling``  a static structure, sampled in words of 64 bits
``threads``, ``cluster``  chunks on the cores of this machine, or over a Dask cluster
``kernel``         the compiled loops, and the arrays that they read and write
"""

from k2rel.simulation.circumstances import Circumstances, read_circumstances
from k2rel.simulation.engine import simulate
from k2rel.simulation.plan import Plan
from k2rel.simulation.results import Simulation

__all__ = ["Circumstances", "Plan", "Simulation", "read_circumstances", "simulate"]
