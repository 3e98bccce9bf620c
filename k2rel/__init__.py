"""k2rel: availability and load of storage networks with redundant A/B paths.

>>> import k2rel
>>> study = k2rel.study("L2R", clients=4)
>>> f"{k2rel.availability(study)['media'].downtime_min_per_year:.1f} min a year"
'4.0 min a year'

What is public stands in ``__init__.pyi``; each name is loaded from its module when it is first used, so that
``import k2rel`` takes no time.
"""

from typing import Any

import lazy_loader

_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name in __all__:
        return _load(name)
    from k2rel.errors import closest

    raise AttributeError(f"k2rel has no public name '{name}'{closest(name, __all__)}; dir(k2rel) lists what there is")
