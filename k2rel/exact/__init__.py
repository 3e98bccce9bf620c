"""The exact static engine: independent components, roles at the preferred side whenever it is healthy.

``modes``     operating modes: the policy compiled to a diagram
``clients``   what one of exchangeable clients does given the mode
``counts``    how many of them do it
``loading``   what that puts on each element
``services``  what users ask for, as functions of the mode
``full_service``  the one of them in which loads have a say
``engine``    probabilities and rates put to all of it
"""
