"""How often things fail and how long they stay away, and where each number comes from.

``entry``         one entry of the registry, with evidence and source
``table``         all entries, and one's own tables over them
``conditions``    rates under another temperature, duty or age than the source's
``law``           failure and repair of one component: constant rates, hidden failures
``hidden``        hidden failures between the tests that find them
``cycle``         what is tested on the same days: moments of the cycle of the tests
``distribution``  laws of any shape
``raid``          a RAID set as a module with a Markov chain of its own
``laws``          the laws of every part of a site
"""

from k2rel.rates.conditions import Conditions
from k2rel.rates.cycle import Moments, calendar_of, common_period_h, law_at, moments_of, moving_moments
from k2rel.rates.entry import CONTRACTS, Contract, RateRow
from k2rel.rates.failure_law import Law, duplicated
from k2rel.rates.raid_module import RaidModule
from k2rel.rates.site_laws import SiteLaws, changed_laws, pinned_rows, site_laws, with_rate
from k2rel.rates.table import RateTable, read_rates, registry, write_rates

__all__ = [
    "CONTRACTS",
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
