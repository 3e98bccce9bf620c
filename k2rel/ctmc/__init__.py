"""Continuous-time Markov chains of any origin (IEC 61165).

small     chains of a few dozen states, all at once and without a subtraction
chain     a chain as a sparse matrix, and what makes one unfit for a question
explore   every state that rules can lead to
steady    where it is in the long run
elimination, wide   the same without a subtraction, also where rates lie hundreds of decades apart
sweeps, levels, balance   the same for large chains, and whether it can be believed
doubling  a small chain over any time
passage   how long until some states are entered, how long a visit lasts
transient where it is at a time, and how long it was where until then
accumulated  how long it is in some states within a window, as a distribution
phases    times that are not exponential, as chains of a few phases
files     the explicit format of probabilistic model checkers
"""
