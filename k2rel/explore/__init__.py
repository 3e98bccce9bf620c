"""The explorer with figures: fail parts, change clients, contract and rates, and availability and load follow.

``figures``  the figures that follow, fast enough to follow a hand
``answers``  what is shown for what was chosen
``widget``   the widget for JupyterLab (extra ``explore``)
``serve``    the same as a page of its own, on the loopback address, behind a token
"""

from k2rel.explore.figures import LiveFigures, LiveSite

__all__ = ["LiveFigures", "LiveSite"]
