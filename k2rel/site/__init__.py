"""What a person describes: a YAML file becomes a checked, frozen `Site`.

``source``    the text of a file, safely read, with the line of every entry
``document``  what may stand in the file, as pydantic models; the JSON Schema comes from here
``model``     the frozen records that the rest of k2rel reads
``build``     from document to model, with every check that spans entries
``wiring``    whether a path follows the wiring
``warnings``  what a valid file says without effect, or with another than it seems to have
``settings``  changes by hand
``register``  the named assumptions with the values in use
``read``      all of it, from a file's name to a site
``common_cause_pairs``  a choice of common-cause groups
"""

from k2rel.site.model import Site
from k2rel.site.read import read_site

__all__ = ["Site", "read_site"]
