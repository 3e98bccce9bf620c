"""The explorer with figures: fail parts, change clients, contract and rates, and availability and load follow.

``figures``  the figures that follow, fast enough to follow a hand
``answers``  what is shown for what was chosen
``ahead``    what the next hours hold from the state that is shown
``live``     the same in a notebook: the widget, or what stands for it
``widget``   the widget for JupyterLab (extra ``explore``)
``still``    what stands for the explorer where its script cannot run
``serve``    the same as a page of its own, on the loopback address, behind a token
"""

from k2rel.explore.figures import LiveFigures, LiveSite

__all__ = ["LiveFigures", "LiveSite"]
