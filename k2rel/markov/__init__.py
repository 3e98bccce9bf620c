"""The dynamic engine: roles that stick, takeovers that can fail, parts that wait for a technician.

organisation  who repairs, how fast a person places servers and roles
parts         what can fail: populations of alike members with local states
states        the chain of a site, generated, with a bound on what is left out
effects       what each state means for services and loads
engine        the solved chain
kernels       the compiled loops
"""
