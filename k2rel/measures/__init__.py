"""From the engine's answers to what people ask: tidy results with their provenance.

``inventory``     what a site is made of and on what it rests: levels, components, assumptions
``cases``         the failover cases, one after another
``availability``  how available each service is
``load``          where the load goes
``importance``    what causes the downtime
``uncertainty``   what the limits of each failure rate do to the downtime

What compares several answers is `k2rel.design`.
"""
