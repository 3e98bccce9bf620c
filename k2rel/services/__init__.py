"""What the engines answer about: the services of a site, its modes, its clients and their loads.

`catalogue` says which services a site has and when each is up; `modes` divides the states of the site by
where the traffic goes; `clients` and `counts` know how many clients are reached by which route; `loading`
and `full_service` say what each network element carries then. No engine is here: each gives the
probabilities of the modes in its own way.
"""
