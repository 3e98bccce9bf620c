"""Distributions: one vocabulary of families for all that is random or not known exactly.

``families``      names, parameters and what these may be, means, SciPy's distributions
``closed_forms``  densities, tails and quantiles of lives, as likelihoods need them
``times``         distributions of times, how they are written, and the tables that the simulation draws from
``quantiles``     quantiles of quantities, fast for many probabilities at once
``quantities``    what is known of a rate or a probability, and distributions from limits
"""

from k2rel.distributions.families import FAMILIES, Family
from k2rel.distributions.quantities import Z95, Uncertain, from_limits, point_is
from k2rel.distributions.times import Distribution, parse_distribution

__all__ = ["FAMILIES", "Z95", "Distribution", "Family", "Uncertain", "from_limits", "parse_distribution", "point_is"]
