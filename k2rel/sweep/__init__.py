"""Sweeps: many points over levels, clients, contracts, settings and roles, each computed once and kept.

``spec``  what is to be computed: a grid or a sample, from a YAML file
``run``   the points on cores or a cluster, kept by the hash of their inputs; the table and its summary
"""

from k2rel.sweep.run import Sweep, run_sweep
from k2rel.sweep.spec import Point, SweepSpec, read_sweep

__all__ = ["Point", "Sweep", "SweepSpec", "read_sweep", "run_sweep"]
