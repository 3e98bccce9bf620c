"""Sites from what people have drawn: a networkx graph becomes a site, its paths found.

``said``        attributes by other names, and those that were not looked at
``attributes``  nodes and edges as entries of a site file
``ends``        which nodes are clients and targets, and the sides
``kinds``       clients by how they are attached
``ways``        ways through the network, by cost and hops
``stages``      many ways as one path
``choice``      which ways are kept, and in which order of preference
``bound``       how much what is left out can matter
``writing``     the site file of it all
``finding``     from graph to site
"""

from k2rel.drawn.finding import from_graph

__all__ = ["from_graph"]
