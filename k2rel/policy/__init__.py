"""The failover behaviour, written once.

``rules``     who holds each role and which routes each flow may take, as structure functions of a site
``flows``     what a flow makes of the routes that it may take: which are in use, and where the load falls
``failover``  the same rules followed for one set of failed parts: paths, services, loads
"""

from k2rel.policy.failover import FailoverOutcome, failover
from k2rel.policy.flows import Choice, Route
from k2rel.policy.rules import Policy

__all__ = ["Choice", "FailoverOutcome", "Policy", "Route", "failover"]
