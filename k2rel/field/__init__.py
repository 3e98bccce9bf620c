"""Failures as they were seen in the field, and what they say of a rate.

``lives``       what was seen: lives, counts in hours, histories of repaired units
``read``        field logs, read in a stream
``blocks``      their rows in blocks, each as often as it has to be looked at
``days``        drive statistics: a row a drive and day
``columns``     which column of a log is what
``cells``       cells of a log as numbers: units, dates, separators
``rows``        rows of a log as lives: starts, ends, ages when the observation began
``likelihood``  the largest likelihood, however lives are censored
``fit``         distributions with limits
``result``      a fitted distribution, its curve, and an entry for the registry
``curves``      curves without a distribution, and how well a distribution fits
``trend``       do repaired units fail more often as they age
``bayes``       what is known before and what was seen, put together; one site and several
``events``      logs of a past period: failures of parts, moves of roles, servers placed in service
``handling``    logs of takeovers, repair times and times of operators, kept by hand
``learned``     what these say of a coverage or a mean time, with what was known before
"""

from k2rel.field.bayes import Pooled, Posterior, pool, prior_of, update
from k2rel.field.curves import Curve, GoodnessOfFit, curve_of, goodness_of_fit
from k2rel.field.events import PartFailure, Placement, RoleMove, SiteLog, read_events
from k2rel.field.fit import fit_law, fit_laws, fits_and_reasons, rate_of_counts, table_of
from k2rel.field.handling import ACTIONS, Takeovers, Times, read_takeovers, read_times
from k2rel.field.lives import Exposure, Lives, RepairHistory
from k2rel.field.read import FieldData, read_field
from k2rel.field.result import Fit, FittedParameter
from k2rel.field.trend import Trend, mean_cumulative_failures, trend_of

__all__ = [
    "ACTIONS",
    "Curve",
    "Exposure",
    "FieldData",
    "Fit",
    "FittedParameter",
    "GoodnessOfFit",
    "Lives",
    "PartFailure",
    "Placement",
    "Pooled",
    "Posterior",
    "RepairHistory",
    "RoleMove",
    "SiteLog",
    "Takeovers",
    "Times",
    "Trend",
    "curve_of",
    "fit_law",
    "fit_laws",
    "fits_and_reasons",
    "goodness_of_fit",
    "mean_cumulative_failures",
    "pool",
    "prior_of",
    "rate_of_counts",
    "read_events",
    "read_field",
    "read_takeovers",
    "read_times",
    "table_of",
    "trend_of",
    "update",
]
