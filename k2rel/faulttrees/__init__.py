"""Fault trees in the Open-PSA model exchange format: read, solve, write.

``source``      XML, safely read, with the line of every element
``expression``  numbers, parameters, built-in distributions and deviates
``gates``       what gates refer to, and an order of them
``groups``      members, factors and distribution of a common-cause group
``read``        gates, events, common-cause groups and includes into structure functions
``solve``       probability, cut sets, importance and uncertainty of every top event
``write``       structure functions with probabilities back to the format
"""

from k2rel.faulttrees.read import FaultTrees, read_fault_trees

__all__ = ["FaultTrees", "read_fault_trees"]
