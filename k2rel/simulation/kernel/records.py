"""The flat arrays that the compiled loops read and write: one named tuple for each of the four things there are.

`Model` is the site as it fails and is repaired, `Tables` what the rules say (extended while histories run), `Work` the
state of one history, `Sums` what is counted.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__: list[str] = []

# arrays by the number of their dimensions; the letters say to compiled code what they hold
F1: TypeAlias = NDArray[np.float64]
F2: TypeAlias = NDArray[np.float64]
F3: TypeAlias = NDArray[np.float64]
I1: TypeAlias = NDArray[np.int64]
I2: TypeAlias = NDArray[np.int64]
W1: TypeAlias = NDArray[np.uint64]
W2: TypeAlias = NDArray[np.uint64]
B1: TypeAlias = NDArray[np.uint8]
B2: TypeAlias = NDArray[np.uint8]
S3: TypeAlias = NDArray[np.int16]

# what an entry of the calendar is
FAIL, FOUND, REPAIRED, TAKEOVER, TRAVEL, SPARE, WINDOW, WINDOW_END, SHOCK, SHOCK_END = range(10)
# what else the log tells
WRONG_UNIT, MOVED, MOVE_FAILED, START = range(10, 14)
# states of a part
UP, HIDDEN, NO_SPARE, NO_CREW, REPAIR, TAKEN_OUT, SHOCKED = range(7)
# how a step ended
DONE, AT_LIMIT, UNKNOWN, FULL, LOCKED = range(5)

# places in Work.f
(NOW, NEXT_FAILURE, SINCE, TOTAL_RATE, DELIVERED, YEAR_START, GRID_RATE, SCRATCH, CUT_BEFORE,
 ANY_DAY) = range(10)  # fmt: skip
FLOATS = 10
# places in Work.i
(HEAP, CONTROL, MODE, PAIR, DOWN, HURT, ON_SITE, BUSY, TRAVELLING, WAITING, CHANGED, ON_A, ON_B, OVER, CUT, TOUCHED,
 LOGGED, LOG_KIND, LOG_ITEM, WANTED, MOVES, FAILED_MOVES, HISTORY, YEAR, COUNTED, STOPPED, SCOUTING,
 SHOWN_MODE, SHOWN_CONTROL, SHOWN_HURT, LOST_ANY) = range(31)  # fmt: skip
INTS = 31

# columns of Sums.service
(S_DOWN, S_DOWN2, S_COUNT, S_COUNT2, S_DOWN_COUNT, S_ANY, S_AIR, S_AIR2, S_LONGEST) = range(9)
SERVICE_COLUMNS = 9
# rows of Sums.reward
R_A, R_B, R_CUT, R_OVER, R_DELIVERED, R_MOVES, R_FAILED_MOVES, R_EVENTS = range(8)
REWARDS = 8

# times are counted in 32 bins an octave, from 2^-18 h to 2^24 h: the first bits of the number itself
BIN_SHIFT = 47
FIRST_BIN = (1023 - 18) << 5
BINS = 42 * 32
COUNTS = 256
GRID = 200  # points of time at which losses are counted


class Model(NamedTuple):
    """A site as it fails and is repaired."""

    # parts: shared ones first, then each client's own
    life: I1  # law, -1 for a constant rate (in the pool) or none
    rate: F1  # constant failure rate [1/h]
    repair: I1  # law
    test_h: F1  # interval of the tests that find a hidden failure [h], 0 for none
    test_at: I1  # where its days within the interval are listed, and how many
    test_n: I1
    test_day_h: F1
    any_day: B1  # its days have nothing to do with those of others
    age_kept: F1  # share of the age that a repair leaves: 0 as good as new, 1 as bad as old
    bit: I1  # place among the shared parts, -1 for a client's own
    client: I1  # whose own it is, -1 for a shared part
    own_bit: I1  # place among a client's own parts
    rank: I1  # rank of its repair, -1: waits for no crew
    spares: I1  # shelf that its spare lies on, -1: none needed
    wrong: F1  # probability that the repair of it takes away a wrong unit
    alike_at: I1  # where the units that can be mistaken for it are listed, and how many
    alike_n: I1
    alike: I1
    timed: I1  # parts whose life is no constant rate
    # laws
    kind: I1
    parameter: F2  # (laws, 3)
    at: I1
    length: I1
    grid: F1
    # constant rates together
    pool_rate: float
    pool_probability: F1
    pool_alias: I1
    pool_part: I1
    # rules as gates: arguments before gates
    gate: I1
    gate_k: I1
    gate_at: I1
    gate_n: I1
    argument: I1
    conditions: I1  # gates that decide takeovers
    deciding: I1  # gates that decide services and loads
    control_value: B2  # (controls, variables of control)
    # takeovers
    moves: int  # events in time of the control state
    move_law: I1  # laws with mean 1
    moves_by_calendar: B1  # events that only planned windows start
    # crews and spares
    crews: int  # 0: as many as needed
    travel_law: int  # -1: none
    reinsert_law: int
    stock: I1
    lead_law: I1
    # planned windows: a part, or a takeover event, every so many hours
    window_part: I1
    window_move: I1
    window_back: I1  # the event that ends it
    window_every_h: F1
    window_first_h: F1
    window_law: I1
    # events that hit several parts
    shock_between: I1
    shock_lasts: I1
    shock_at: I1
    shock_part: I1
    shock_probability: F1
    # clients and services
    group: I1  # of each client
    group_size: I1
    classes: int
    counts: B1  # of each class: whether its load counts in full service
    side_of: I2  # (classes x groups, routes): 0 first side, 1 second, -1 other
    flow_at: I1  # (classes x groups): where its routes stand among the flows
    capacity: F1  # of each element [MB/s]
    limit: F1  # load above which it counts as exceeded [MB/s]
    all_of: I1  # service of each class for all clients, then for the first client of each group
    one_of: I2  # (classes, groups)
    lost_k: I1
    lost_service: I1
    full_service: int
    services: int
    buffer_h: float


class Tables(NamedTuple):
    """What the rules say, as far as it has been asked."""

    pair_key: W2  # (slots, words of conditions + 1)
    pair_id: I1
    settled: I1
    failed: I1
    coverage: F1
    begins: B1
    move_rate: F2  # (pairs, moves)
    leads: I2
    quiet: B1  # by control state: every role held, every server in service
    mode_key: W2
    mode_id: I1
    site_bits: W1
    base_bits: W1
    taken: S3  # (modes, classes x groups, failed own parts)
    base_lost: I2  # (modes, classes)
    base_a: I1
    base_b: I1
    base_over: B1
    base_delivered: F1
    base_load: F2  # (modes, elements), every client's own parts good
    base_counted: F2  # of the traffic that counts in full service
    base_client_load: F2  # of its client classes
    alive: I1  # row of `share`
    share: F3  # (kinds of modes, flows, elements) [MB/s]


class Work(NamedTuple):
    """The state of one history, and room for the loops."""

    rng: W1
    f: F1
    f_bits: I1  # the same memory as `f`, as integers
    i: I1
    state: B1
    stamp: I1
    age: F1  # age at `since` [h]
    since: F1  # when the part last went up
    hit_by: I1
    mask: W1
    own: I1  # failed own parts of each client
    hurt: I1  # clients with any
    hurt_at: I1
    heap_t: F1
    heap_e: I1
    move_stamp: I1
    move_rate: F1
    move_wait: F1  # a wait that is known already
    waiting: I1
    stock: I1
    touched: I1
    touched_yet: B1
    value: B1  # of each gate
    cond: W1
    vector: W1
    cache_key: W2
    cache_pair: I1
    cache_mode: I1
    bits: W1  # [services lost now, before]
    begin: F1
    down: F1  # in this year
    losses: I1
    air: I1
    longest: F1
    first: F1
    history_down: F1
    history_count: I1
    history_air: I1
    reward: F1  # in this history
    load: F1
    counted: F1
    client_load: F1
    wanted: W2  # (room, words of mask + 1): what the tables do not know
    mode_time: F1  # hours in each mode with every client's own parts good
    log_t: F1
    log_i: I2  # (room, 6): kind, item, control, mode, on the first side, on the second
    log_bits: W1
    log_mask: W2  # shared parts that are down


class Sums(NamedTuple):
    """What is counted over histories."""

    histories: I1
    service: F2
    reward: F2  # (rewards, 2): sum and sum of squares of a history
    down_bins: I2  # (services, bins): downtime of a year, where above 0
    longest_bins: I2  # longest interruption that ends in a year
    length_bins: I2  # of each interruption
    first_bins: I2  # time to the first loss
    count_bins: I2  # (services, 256): interruptions in a year
    cut_bins: I1  # client-hours lost in a year, where above 0
    joint: F2  # (on the first side, on the second): hours
    control: F1  # hours in each control state
    element: F2  # (elements, 2): load times hours, hours above capacity
    lost_at: I2  # (services, points + 1): histories in which it is lost, as differences from point to point
