"""The page of proof, docs/validation.md: published cases and three engines, computed anew whenever it is written.

``published``    every published case with its source, and how k2rel computes it
``engines``      the exact engine, the Markov engine and the simulation over the reference systems
``page``         writes the page; ``make validation``
"""
