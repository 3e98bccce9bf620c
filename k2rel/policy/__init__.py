"""The failover behaviour, written once.

``rules``     who holds each role and which route each flow takes, as structure functions of a site
``failover``  the same rules followed for one set of failed parts: paths, services, loads
"""

from k2rel.policy.failover import FailoverOutcome, failover
from k2rel.policy.rules import Choice, Policy, Route

__all__ = ["Choice", "FailoverOutcome", "Policy", "Route", "failover"]
