"""Continuous-time Markov chains of any origin (IEC 61165).

small     chains of a few dozen states, all at once and without a subtraction
chain     a chain as a sparse matrix, and what makes one unfit for a question
explore   every state that rules can lead to
steady    where it is in the long run
passage   how long until a first loss, how long a loss lasts
transient where it is at a time, and how long it was where until then
phases    times that are not exponential, as chains of a few phases
files     the explicit format of probabilistic model checkers
"""
