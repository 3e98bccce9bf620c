"""The exact static engine: independent components, roles at the preferred side whenever it is healthy.

``engine``    probabilities and rates put to the modes, clients and loads of `k2rel.services`
``sampling``  the same for many samples of the rates at once
``served``    how many clients are served
"""
