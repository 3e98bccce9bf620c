"""From the engine's answers to what people ask: tidy results with their provenance.

``inventory``     what a site is made of and on what it rests: levels, components, assumptions
``cases``         the failover cases, one after another; ``steps``: one takeover step by step
``engines``       the static engine behind the names of the dynamic one
``availability``  how available each service is; ``modes``: how operating modes share the year
``dynamic``       effect of takeovers as modelled; ``rules``: what each rule of takeovers changes
``load``          where the load goes
``windows``       downtime and interruptions of one year, one month
``importance``    what causes the downtime
``uncertainty``   what the limits of each failure rate do to the downtime; ``sources``: by source of failure data
``updating``      a study with what the site's own log says
``data_loss``     how often RAID groups lose data
``tested``        what has to be said where tests find hidden failures
``solution``      who answers, under which reading, and why
``exchange``      fault trees and chains for other tools

Tables are frames: numeric columns numeric, units in their names, and `attrs` say who computed (`solution.framed`). What
is more than a table is a record with ``.table()``.

What compares several answers is `k2rel.design`.
"""
