"""What a person describes: a YAML file becomes a checked, frozen `Site`.

``source``    the text of a file, safely read, with the line of every entry
``document``  what may stand in the file, as pydantic models; the JSON Schema comes from here
``model``     the frozen records that the rest of k2rel reads
``build``     from document to model, with every check that spans entries
"""

from k2rel.site.build import read_site
from k2rel.site.model import Site

__all__ = ["Site", "read_site"]
