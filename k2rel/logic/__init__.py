"""Structure functions, decision diagrams and cut sets: Boolean mathematics that knows nothing of sites.

``structure``  a Boolean function as a graph of and, or, not, at-least-k over named variables
``diagram``    many such functions at once, compiled to one multi-terminal decision diagram in flat arrays
``cutsets``    minimal cut sets by order, from evaluating the structure on whole batches of states
"""
