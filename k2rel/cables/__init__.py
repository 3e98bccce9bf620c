"""Lists of cables and tables of devices, as spreadsheets and inventory tools keep them, become sites.

``sheet``       a table as texts: files of any delimiter and most encodings, frames
``headings``    which column is what, by the names that people and tools give them
``quantities``  numbers with their units
``rows``        rows of a list of cables: cables, what is left out, what is wrong
``panels``      connections through patch panels
``power``       what a device is fed by
``inventory``   what tables of devices and types say of a device
``matching``    component types of the registry by the words that people have for them
``kinds``       type and failure data of every device and cable
``choice``      which devices are meant by a name, a pattern, a type or a role
``record``      what was found
``read``        all of it, from tables to a site
"""

from k2rel.cables.read import from_cables, read_cables
from k2rel.cables.record import Cables

__all__ = ["Cables", "from_cables", "read_cables"]
