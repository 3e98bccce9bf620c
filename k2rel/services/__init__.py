"""What the engines share: the services of a site, its modes, its clients and their loads.

``catalogue``   which services a site has and when each is up; all that the simulation shares
``modes``       the states of the site, divided by where the traffic goes
``clients``, ``counts``   what one client's own parts do, and how many of many clients do something
``loading``     what each network element carries in a mode
``diagrams``, ``full_service``   each service as a function of the mode, and how often it fails
``engine``      what measures ask of an engine
``kernels``     the compiled loops

No engine is here: each gives the probabilities of the modes, and the rates between them, in its own way.
"""
