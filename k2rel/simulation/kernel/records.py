"""The flat arrays that the compiled loops read and write: one named tuple for each of the four things there are.

`Model` is the site as it fails and is repaired, `Tables` what the rules say (extended while histories run), `Work` the
state of one history, `Sums` what is counted. Beside the kind of each array stand its lengths.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

from k2rel.simulation.kernel.layout import ABOVE, B1, B2, F1, F2, I1, I2, N2, W1, W2

__all__: list[str] = []

# what an entry of the calendar is
FAIL, FOUND, REPAIRED, TAKEOVER, TRAVEL, SPARE, WINDOW, WINDOW_END, SHOCK, SHOCK_END = range(10)
# other kinds of entries in the log
WRONG_UNIT, MOVED, MOVE_FAILED, START = range(10, 14)
# states of a part
UP, HIDDEN, NO_SPARE, NO_CREW, REPAIR, TAKEN_OUT, SHOCKED = range(7)
# how a step ended
DONE, AT_LIMIT, UNKNOWN, FULL, LOCKED, CROWDED, ENDLESS = range(7)

# places in Work.f
NOW, NEXT_FAILURE, SINCE, TOTAL_RATE, YEAR_START, GRID_RATE, CUT_BEFORE, ANY_DAY, CALENDAR = range(9)
FLOATS = 9
# places in Work.i
(HEAP, CONTROL, MODE, PAIR, DOWN, HURT, ON_SITE, BUSY, TRAVELLING, WAITING, CHANGED, OVER, CUT, TOUCHED,
 LOGGED, LOG_KIND, LOG_ITEM, WANTED, MOVES, FAILED_MOVES, HISTORY, YEAR, COUNTED, STOPPED, SCOUTING,
 SHOWN_MODE, SHOWN_CONTROL, SHOWN_HURT, DOWN_ANY, LACKS) = range(30)  # fmt: skip
INTS = 30

# columns of Sums.service
(S_DOWN, S_DOWN2, S_COUNT, S_COUNT2, S_DOWN_COUNT, S_ANY, S_AIR, S_AIR2, S_LONGEST) = range(9)
SERVICE_COLUMNS = 9
# rows of Sums.reward
R_CUT, R_OVER, R_MOVES, R_FAILED_MOVES, R_EVENTS, R_SPLITS, R_GIVEN_BACK = range(7)
REWARDS = 7

# times are counted in 32 bins an octave, from 2^-18 h to 2^24 h: the first bits of the number itself
BIN_SHIFT = 47
FIRST_BIN = (1023 - 18) << 5
BINS = 42 * 32
COUNTS = 256
GRID = 200  # points of time at which services are seen down
CACHE = 1 << 13  # states whose outcome a history finds without asking the tables
WANTED_ROOM = 1024
PLACES = 1 << 12  # numbers of clients on the sides that are told apart before they are handed over
PLACE_BITS = 21  # of each number of clients in a key of `Sums.place`
PLACE_NUMBERS = 3  # of them in a word
LOG_PLACES = 4  # columns of Work.log_i before those of the places
TIMED_MODES = 1 << 12  # modes whose hours are kept apart; those after them are counted at once


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
    classes: int  # with a flow for each client; the classes of site-wide flows come after them
    foreground: B1  # of each class: whether it yields to no other
    asked: B1  # whether full service asks for it
    copies: B1  # whether each route in use carries the whole demand
    capacity: F1  # of each element [MB/s]
    limit: F1  # load above which it counts as exceeded [MB/s]
    all_of: I1  # service of each class for all clients, then for the first client of each group
    one_of: I2  # (classes, groups); -1 where that of no client of the group is listed
    first_of: I1  # the first client of each group
    lost_k: I1
    lost_service: I1
    full_service: int
    services: int
    buffer_h: float


class Tables(NamedTuple):
    """What the rules say, as far as it has been asked."""

    pair_key: W2  # (slots, words of conditions + 1)
    pair_id: I1
    settled: Annotated[I1, "pairs"]
    failed: Annotated[I1, "pairs"]
    coverage: Annotated[F1, "pairs"]
    begins: Annotated[B1, "pairs"]  # bits of `Begins`
    move_rate: Annotated[F2, "pairs", "moves"]
    leads: Annotated[I2, "pairs", "moves"]
    quiet: B1  # by control state: every role held, every server in service
    split: B1  # by control state: how many roles two sides have
    mode_key: W2
    mode_id: I1
    site_bits: Annotated[W1, "modes"]  # services of shared parts alone that are down
    situation: Annotated[I2, "modes", "flows"]  # by class and group: a row of `taken`
    taken: Annotated[N2, "situations", "own"]  # by failed own parts: a pattern, or -1 where there is no route
    site_taken: Annotated[I2, "modes", "site_flows"]
    # patterns: what one flow does, the parts of its demand on each side, and its routes
    pattern_load: Annotated[F2, "patterns", "elements"]  # [MB/s]
    pattern_share: Annotated[F2, "patterns", "sides"]
    route_at: I1  # where the routes of each stand, and where they end
    route_share: F1
    crossed_at: I1  # where the elements that each route crosses stand, and where they end
    crossed: I1
    # every client's own parts up; filled by `kernel.serving`
    base_bits: Annotated[W1, "modes"]
    base_up: Annotated[I2, "modes", "traffic"]  # flows with a route
    base_on: Annotated[I2, "modes", "on"]  # clients on each side alone, then on several
    base_share: Annotated[F2, "modes", "sides"]  # demand of the principal class on each side, in demands of one client
    base_over: Annotated[B1, "modes"]
    base_missing: Annotated[F2, "modes", "traffic"]  # what does not arrive, in demands of one flow
    base_lacks: Annotated[B1, "modes"]  # whether there is any
    base_load: Annotated[F2, "modes", "elements"]
    base_foreground: Annotated[F2, "modes", "elements"]  # of the foreground


class Work(NamedTuple):
    """The state of one history, and room for the loops; all views of one buffer of integers and one of floats."""

    # what a kept state holds: as far as the calendar is filled, which comes last
    i: Annotated[I1, INTS]
    f: Annotated[F1, FLOATS]
    on: Annotated[I1, "on"]  # clients on each side alone, then on several
    share: Annotated[F1, "sides"]  # as in `base_share`
    state: Annotated[B1, "parts"]
    touched_yet: Annotated[B1, "parts"]
    stamp: Annotated[I1, "parts"]
    age: Annotated[F1, "parts"]  # age at `since` [h]
    since: Annotated[F1, "parts"]  # when the part last went up
    hit_by: Annotated[I1, "parts"]
    touched: Annotated[I1, "parts"]
    mask: Annotated[W1, "words"]
    own: Annotated[I1, "clients"]  # failed own parts of each client
    hurt: Annotated[I1, "clients"]  # clients with any
    hurt_at: Annotated[I1, "clients"]
    bits: Annotated[W1, 2]  # services down now, before
    move_stamp: Annotated[I1, "moves"]
    move_rate: Annotated[F1, "moves"]
    move_wait: Annotated[F1, "moves"]  # a wait that is known already
    stock: Annotated[I1, "shelves"]
    waiting: Annotated[I1, "queue"]
    heap_e: Annotated[I1, "heap"]
    heap_t: Annotated[F1, "heap"]
    kept_i: Annotated[I1, ABOVE]
    kept_f: Annotated[F1, ABOVE]
    # what it does not hold
    rng: Annotated[W1, 4]
    value: Annotated[B1, "gates"]
    cond: Annotated[W1, "conditions"]
    vector: Annotated[W1, "roots"]
    cache_key: Annotated[W2, CACHE, "key"]
    cache_pair: Annotated[I1, CACHE]
    cache_mode: Annotated[I1, CACHE]
    begin: Annotated[F1, "services"]
    down: Annotated[F1, "services"]  # in this year
    failures: Annotated[I1, "services"]
    air: Annotated[I1, "services"]
    longest: Annotated[F1, "services"]
    first: Annotated[F1, "services"]
    history_down: Annotated[F1, "services"]
    history_count: Annotated[I1, "services"]
    history_air: Annotated[I1, "services"]
    reward: Annotated[F1, REWARDS]  # in this history
    on_h: Annotated[F1, "on"]  # hours of clients, in this history
    happened: Annotated[F1, "moves"]  # events in time of the control state, in this history
    load: Annotated[F1, "elements"]
    foreground: Annotated[F1, "elements"]
    up: Annotated[I1, "traffic"]  # flows with a route
    missing: Annotated[F1, "traffic"]  # what does not arrive, in demands of one flow
    missing_h: Annotated[F1, "traffic"]  # in this history
    wanted: Annotated[W2, WANTED_ROOM, "key"]  # states that the tables do not know: mask and control state
    mode_time: Annotated[F1, TIMED_MODES]  # hours in each mode with every client's own parts up
    log_t: Annotated[F1, "log"]
    log_i: Annotated[I2, "log", "logged"]  # kind, item, control, mode, then as `on`
    log_bits: Annotated[W1, "log"]
    log_mask: Annotated[W2, "log", "words"]  # shared parts that are down


class Sums(NamedTuple):
    """What is counted over histories."""

    histories: Annotated[I1, 1]
    service: Annotated[F2, "services", SERVICE_COLUMNS]
    reward: Annotated[F2, REWARDS, 2]  # sum and sum of squares of a history
    on: Annotated[F2, "on", 2]  # hours of clients on each side alone, then on several, as in `reward`
    happened: Annotated[F2, "moves", 2]  # as in `reward`
    down_bins: Annotated[I2, "services", BINS]  # downtime of a year, where above 0
    longest_bins: Annotated[I2, "services", BINS]  # longest interruption that ends in a year
    length_bins: Annotated[I2, "services", BINS]  # of each interruption
    first_bins: Annotated[I2, "services", BINS]  # time to the first loss
    count_bins: Annotated[I2, "services", COUNTS]  # interruptions in a year
    cut_bins: Annotated[I1, BINS]  # client-hours lost in a year, where above 0
    missing: Annotated[F2, "traffic", 2]  # hours of demands of one flow that did not arrive, as in `reward`
    # numbers of clients on each side alone, then on several, in words as one key; a table with open addressing
    places: Annotated[I1, 1]  # how many keys there are
    place: Annotated[W2, "places", "key_words"]
    joint: Annotated[F2, "places", "on"]  # hours, then hours times the demand on each side in demands of one client
    control: Annotated[F1, "controls"]  # hours in each control state
    element: Annotated[F2, "elements", 2]  # load times hours, hours above capacity
    down_at: Annotated[I2, "services", GRID + 2]  # histories with it down, as differences from point to point
