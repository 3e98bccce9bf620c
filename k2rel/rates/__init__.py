"""How often things fail and how long they stay away, and where each number comes from.

``law``    failure and repair of one component: constant rates, hidden failures
``raid``   a RAID set as a module with a Markov chain of its own
``table``  the table of rates with evidence and source, and the laws of every part of a site
"""

from k2rel.rates.law import Law
from k2rel.rates.raid import RaidModule
from k2rel.rates.table import Contract, RateTable, SiteLaws, read_rates, site_laws, with_rate

__all__ = ["Contract", "Law", "RaidModule", "RateTable", "SiteLaws", "read_rates", "site_laws", "with_rate"]
