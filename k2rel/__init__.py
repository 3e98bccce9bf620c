"""k2rel: availability and load of storage networks with redundant A/B paths.

>>> import k2rel
>>> study = k2rel.study("L2R", clients=4)
>>> f"{k2rel.availability(study)['media'].downtime_min_per_year:.1f} min a year"
'35.7 min a year'

What is public stands in ``__init__.pyi``; each name is loaded from its module when it is first used, so that
``import k2rel`` takes no time.
"""

import os
from typing import Any

import lazy_loader

_load, __dir__, _public = lazy_loader.attach_stub(__name__, __file__)

# sub-packages have names of everyday use, such as `field`, which a star import must not take from its user
_packages = {entry.name for entry in os.scandir(os.path.dirname(__file__)) if entry.is_dir()}
__all__ = sorted(set(_public) - _packages)


# until release 0.3, as the former names of columns
_FORMER = {"sticky_and_preferred": "modelled_and_ideal"}


def __getattr__(name: str) -> Any:
    if name in _public:
        return _load(name)
    if name in _FORMER:
        import warnings

        text = f"k2rel.{name} is called k2rel.{_FORMER[name]} now; the former name goes with release 0.3"
        warnings.warn(text, DeprecationWarning, stacklevel=2)
        return _load(_FORMER[name])
    from k2rel.errors import closest

    raise AttributeError(f"k2rel has no public name '{name}'{closest(name, _public)}; dir(k2rel) lists what there is")
