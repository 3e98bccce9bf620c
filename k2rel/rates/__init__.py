"""How often things fail and how long they stay away, and where each number comes from.

``entry``         one entry of the registry, with evidence and source
``table``         all entries, and one's own tables over them
``conditions``    rates under another temperature, duty or age than the source's
``failure_law``   failure and repair of one component: constant rates, hidden failures
``hidden``        hidden failures between the tests that find them
``cycle``         what is tested on the same days: moments of the cycle of the tests
``raid_module``   a RAID set as a module with a Markov chain of its own
``site_laws``     the laws of every part of a site
``with_graph``    a site with its laws as a networkx graph
"""

from k2rel.rates.conditions import Conditions
from k2rel.rates.cycle import Moments, calendar_of, common_period_h, law_at, moments_of, moving_moments
from k2rel.rates.entry import Contract, RateRow
from k2rel.rates.failure_law import Law, duplicated
from k2rel.rates.raid_module import RaidModule
from k2rel.rates.site_laws import SiteLaws, changed_laws, pinned_rows, site_laws, with_rate
from k2rel.rates.table import RateTable, read_rates, registry, write_rates

__all__ = [
    "Conditions",
    "Contract",
    "Law",
    "Moments",
    "RaidModule",
    "RateRow",
    "RateTable",
    "SiteLaws",
    "calendar_of",
    "changed_laws",
    "common_period_h",
    "duplicated",
    "law_at",
    "moments_of",
    "moving_moments",
    "pinned_rows",
    "read_rates",
    "registry",
    "site_laws",
    "with_rate",
    "write_rates",
]
