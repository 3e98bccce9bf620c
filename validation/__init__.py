"""The page of proof, docs/validation.md: published cases and three engines, computed anew whenever it is written.

``published``    every published case with its source, and how k2rel computes it
``engines``      the exact engine, the Markov engine and the simulation over the reference systems
``sure``         draws of all inputs against a chain written apart, a closed form and sites made anew
``page``         writes the page; ``make validation``
"""
