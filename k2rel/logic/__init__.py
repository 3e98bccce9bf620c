"""Boolean mathematics that knows nothing of sites: structure functions, decision diagrams, cut sets.

``structure``  a Boolean function as a graph of gates over named variables
``graph``      the same with negated edges; its modules
``simplify``   rewriting until it gets no smaller
``ordering``   orders of the variables, by heuristics
``bdd``        reduced ordered binary decision diagrams: of one module, or of several functions together
``function``   one function compiled: probability, derivatives, moments
``bounds``     proven bounds of a probability whose diagram does not fit
``cutsets``    minimal cut sets and path sets of a compiled function
``zdd``        such sets in a zero-suppressed decision diagram: counted, summed and searched without a list
``passes``     the passes over the arrays
``kernels``    what is compiled in any case
``diagram``    many functions at once, in one multi-terminal diagram: the operating modes
``rounding``   probabilities that the rounding of a sum takes past 1
"""
