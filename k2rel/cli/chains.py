"""The verb about any chain in the explicit format of model checkers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from k2rel.cli.inputs import format_option
from k2rel.cli.printing import print_json, say

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from k2rel.ctmc.files import BoolArray
    from k2rel.ctmc.steady import RecurrentClass

__all__: list[str] = []


_LISTED = 100
_SHOWN = 12


def ctmc_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("model", metavar="MODEL.tra", help="transitions: from, to, rate; names of actions are ignored")
    sub.add_argument("--labels", metavar="MODEL.lab", help="sets of states; 'init' names the initial one, else 0")
    sub.add_argument("--rewards", metavar="MODEL.srew", action="append", default=[], help="values of states")
    when = sub.add_mutually_exclusive_group(required=True)
    when.add_argument("--steady", action="store_true", help="in the long run")
    when.add_argument("--time", type=float, metavar="T", help="at time T, in the unit of the rates")
    sub.add_argument("--tolerance", type=float, default=1e-13, metavar="P", help="error of all states together")
    sub.add_argument("--sweeps", type=int, default=20_000, metavar="N", help="largest number of sweeps (default 20000)")
    format_option(sub, csv=False)


def ctmc_verb(args: argparse.Namespace) -> int:
    import numpy as np

    from k2rel.ctmc.chain import Chain
    from k2rel.ctmc.files import read_chain, read_labels, read_rewards
    from k2rel.ctmc.steady import steady
    from k2rel.ctmc.transient import over_time
    from k2rel.errors import InputError
    from k2rel.logic.rounding import at_most_one

    if args.time is not None and not 0 <= args.time < np.inf:
        raise InputError(f"--time: 0 or more is needed, in the unit of the rates, got {args.time:g}")
    chain = read_chain(args.model)
    labels = read_labels(args.labels, chain.states) if args.labels else {}
    rewards = {}
    for path in args.rewards:
        name, values = read_rewards(path, chain.states)
        if name in rewards:
            raise InputError(f"two files of rewards are called '{name}'")
        rewards[name] = values
    initial = np.flatnonzero(labels["init"]) if "init" in labels else np.array([0])
    if len(initial) != 1:
        raise InputError(f"{args.labels}: one state is labelled 'init', got {len(initial)}")
    chain = Chain(chain.rates, int(initial[0]))
    result: dict[str, object] = {"states": chain.states, "transitions": chain.transitions}
    spent = None
    if args.time is None:
        found = steady(chain, args.tolerance, args.sweeps)
        p = found.probability
        result |= {"method": found.method, "residual": found.residual, "error": found.error}
        if len(found.classes) > 1 or len(found.classes[0].states) == 1:
            result["classes"] = [_class_of(one, labels) for one in found.classes]
    else:
        moving = over_time(chain, [args.time], tolerance=args.tolerance, accumulate=bool(rewards))
        p, spent = moving.probability[0], moving.spent_h[0]
        result |= {"method": moving.method, "residual": moving.error, "time": args.time}
    shares = {name: at_most_one(float(p[states].sum())) for name, states in labels.items()}
    result["labels"] = shares
    result["rewards"] = {name: float(p @ values) for name, values in rewards.items()}
    if spent is not None:
        result["accumulated"] = {name: float(spent @ values) for name, values in rewards.items()}
    if args.format == "json":
        print_json(result)
        return 0
    when = "steady state" if args.time is None else f"time {args.time:g}"
    say(f"{Path(args.model).name}: {chain.states:,} states, {chain.transitions:,} transitions; {when}")
    if args.time is None:
        error = f"estimated error {found.error:.2g}" if found.error > 0 else "error of rounding alone"
        say(f"{found.method}; {error}, residual {found.residual:.2g}\n")
        if "classes" in result:
            _print_classes(found.classes, labels)
    else:
        say(f"{result['method']}; bound on the error {result['residual']:.2g}\n")
    for name in labels:
        say(f"P({name}) = {shares[name]:.15g}")
    for name, values in rewards.items():
        say(f"mean of {name} = {float(p @ values):.15g}")
        if spent is not None:
            say(f"accumulated {name} = {float(spent @ values):.15g}")
    if not labels and not rewards:
        for state in np.argsort(-p)[:12].tolist():
            say(f"P(state {state}) = {p[state]:.15g}")
    return 0


def _labels_of(one: RecurrentClass, labels: Mapping[str, BoolArray]) -> list[str]:
    """Labels that states of a class have; 'some of' stands before those that not all have."""
    held = {name: marked[one.states] for name, marked in labels.items() if marked[one.states].any()}
    return [name if of.all() else f"some of {name}" for name, of in held.items()]


def _class_of(one: RecurrentClass, labels: Mapping[str, BoolArray]) -> dict[str, object]:
    return {
        "probability": one.probability,
        "size": len(one.states),
        "states": one.states[:_LISTED].tolist(),
        "labels": _labels_of(one, labels),
    }


def _print_classes(classes: Sequence[RecurrentClass], labels: Mapping[str, BoolArray]) -> None:
    """Where the chain ends, and how probable each end is."""
    possible = [one for one in classes if one.probability > 0]
    if len(classes) == 1:
        say(f"the chain ends in state {classes[0].states[0]}, which is absorbing")
    else:
        say(f"{len(classes)} recurrent classes: where the chain ends depends on chance; from the initial state")
    for one in sorted(possible, key=lambda each: -each.probability)[:_SHOWN] if len(classes) > 1 else []:
        states = ", ".join(map(str, one.states[:_SHOWN].tolist())) + (", ..." if len(one.states) > _SHOWN else "")
        what = f"absorbing state {states}" if len(one.states) == 1 else f"{len(one.states):,} states ({states})"
        named = _labels_of(one, labels)
        say(f"P(ends in {what}{'; ' + ', '.join(named) if named else ''}) = {one.probability:.15g}")
    if len(possible) > _SHOWN:
        say(f"and {len(possible) - _SHOWN} more with probability above 0 (--format json lists all)")
    if len(possible) < len(classes):
        say(f"{len(classes) - len(possible)} that cannot be reached from the initial state have probability 0")
    say()
