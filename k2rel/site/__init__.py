"""What a person describes: a YAML file becomes a checked, frozen `Site`.

``source``    the text of a file, safely read, with the line of every entry
``findings``  what pydantic finds wrong with it, in words
``document``  what may stand in the file, as pydantic models
``schema``    the same as a JSON Schema, for editors
``model``     the frozen records that the rest of k2rel reads
``checks``    what checks share: the entries, their names, the mistakes found
``flows``     traffic classes with their paths: the records and every check of them
``build``     from document to model, with every other check that spans entries
``formats``   what format 1 of a file says otherwise than format 2
``wiring``    whether a path follows the wiring
``warnings``  what a valid file says without effect, or with another than it seems to have
``settings``  changes by hand
``templates``  ``repeat``, patterns of links and blocks written out, before the rest is read (``template_...``)
``register``  the named assumptions with the values in use
``read``      all of it, from a file's name to a site
``describe``  the same from Python, entry by entry; ``entry_keys`` has the keys, for editors
``mapping``   from a mapping of Python to what a file would say
``settled``   what was chosen beside a file, put into its entries
``yaml_text`` plain data as YAML; ``editing`` changes a text in its places alone
``saved``     a site as a file
``graph``     the site as a networkx graph; ``as_graph`` what `Site` has of it
``found``     what was found in a graph that a site was made of
``common_cause_pairs``  a choice of common-cause groups
"""

from k2rel.site.describe import SiteDescription, at_least, describe
from k2rel.site.model import Site
from k2rel.site.read import read_site

__all__ = ["Site", "SiteDescription", "at_least", "describe", "read_site"]
