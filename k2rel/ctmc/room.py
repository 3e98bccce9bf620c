"""How much memory a chain takes, estimated before it is used."""

from __future__ import annotations

from k2rel.errors import ModelTooLargeError
from k2rel.memory import check_each

__all__ = ["check_room"]

_STATE_BYTES, _TRANSITION_BYTES = 360.0, 24.0
"""Up to the steady state, both ways round: of a state 340 measured with corrections, on clusters."""
_SWEPT_BYTES = 220.0, 40.0
"""Of a state and a transition, with sweeps alone and the mean times that prove them: counted, more where dense."""
_READ_BYTES = 130.0
"""Of a transition that is read from a file, with its text: 100 to 127 measured."""
_MOST_TRANSITIONS = 2**31 - 1


def check_room(states: int, transitions: int, also: str = "", *, read: bool = False) -> None:
    """Refuse a chain that would take more memory than may be used.

    Parameters
    ----------
    states, transitions : int
        How many it has.
    also : str
        What is to be said of them.
    read : bool
        Whether they are read from a file.

    Raises
    ------
    ModelTooLargeError
        If the chain would not fit; the message says what it would take, what may be used, and how many states fit.

    Examples
    --------
    >>> check_room(2_373_652, 11_583_520)
    >>> try:
    ...     check_room(10**11, 10**12)
    ... except ModelTooLargeError as error:
    ...     print(str(error)[:89])
    100,000,000,000 states with 1,000,000,000,000 transitions would take about 62 TB of memor
    """
    size = max(
        of_state * states + of_transition * transitions
        for of_state, of_transition in ((_STATE_BYTES, _TRANSITION_BYTES), _SWEPT_BYTES)
    )
    if read:
        size = max(size, _READ_BYTES * transitions)
    check_each(states, size / states, f"states with {transitions:,} transitions{also}")
    if transitions > _MOST_TRANSITIONS:
        raise ModelTooLargeError(f"{transitions:,} transitions{also}: a chain has at most {_MOST_TRANSITIONS:,}")
