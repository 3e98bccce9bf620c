"""The dynamic engine: takeovers as modelled, which can fail, and parts that wait for a technician.

parts         what can fail: populations of alike members with local states
states        the chain of a site, generated, with a bound on what is left out
tested        tests on known days in that chain
engine        the solved chain
kernels       the compiled loops
"""
