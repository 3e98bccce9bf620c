"""What a person describes: a YAML file becomes a checked, frozen `Site`.

``source``    the text of a file, safely read, with the line of every entry
``document``  what may stand in the file, as pydantic models; the JSON Schema comes from here
``model``     the frozen records that the rest of k2rel reads
``build``     from document to model, with every check that spans entries
``settings``  changes by hand
``read``      all of it, from a file's name to a site
"""

from k2rel.site.model import Site
from k2rel.site.read import read_site

__all__ = ["Site", "read_site"]
