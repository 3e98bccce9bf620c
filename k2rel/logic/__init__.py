"""Boolean mathematics that knows nothing of sites: structure functions, decision diagrams, cut sets.

``structure``  a Boolean function as a graph of gates over named variables
``graph``      the same with negated edges; its modules
``simplify``   rewriting until it gets no smaller
``ordering``   in which order a diagram asks for its variables
``reduce``     one module reduced to a decision diagram
``function``   one function compiled: probability, derivatives, moments
``cutsets``    minimal cut sets and path sets of a compiled function
``families``   such sets counted, summed and searched without a list
``passes``     the passes over the arrays
``kernels``    what is compiled in any case
``diagram``    many functions at once, in one multi-terminal diagram: the operating modes
"""
