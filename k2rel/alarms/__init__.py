"""What a monitoring system says of a site, and the state at present that follows from it.

``words``      states as monitoring systems call them, times since when, and the site's own names
``rows``       rows of a table or of JSON lines, each refused with its line or understood
``latest``     the latest word on each part and role
``left_open``  where the rules lead after what has happened, and nobody says it
``notes``      what a person should know of what was read
``read``       the state, and what was taken from which line
"""

from k2rel.alarms.read import Alarms, read_alarms
from k2rel.alarms.rows import Said, Unknown

__all__ = ["Alarms", "Said", "Unknown", "read_alarms"]
