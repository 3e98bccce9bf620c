"""The exact static engine: independent components, roles at the preferred side whenever it is healthy.

``modes``     operating modes: the policy compiled to a diagram
``clients``   what exchangeable clients do given the mode
``loading``   what that puts on each element
``services``  what users ask for, as functions of the mode
``engine``    probabilities and rates put to all of it
"""
