"""The compiled part of the simulation: records of numbers, and the functions that move them through time.

Everything here runs inside Numba: `layout` says how a record is described, `records` what there is, `records_abi` hands
it over, `draws` makes random numbers, `events` and `rules` move one history, `histories` and `cycles` run
many, `ahead` from a present state (`present`).
"""
