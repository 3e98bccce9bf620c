"""The verb about any chain in the explicit format of model checkers."""

from __future__ import annotations

import argparse
from pathlib import Path

from k2rel.cli.printing import print_json

__all__: list[str] = []


def ctmc_verb(args: argparse.Namespace) -> int:
    import numpy as np

    from k2rel.ctmc.chain import Chain
    from k2rel.ctmc.files import read_chain, read_labels, read_rewards
    from k2rel.ctmc.steady import steady
    from k2rel.ctmc.transient import over_time
    from k2rel.errors import InputError

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
        result |= {"method": found.method, "residual": found.residual}
    else:
        moving = over_time(chain, [args.time], tolerance=args.tolerance)
        p, spent = moving.probability[0], moving.spent_h[0]
        result |= {"method": moving.method, "residual": moving.error, "time": args.time}
    result["labels"] = {name: float(p[states].sum()) for name, states in labels.items()}
    result["rewards"] = {name: float(p @ values) for name, values in rewards.items()}
    if spent is not None:
        result["accumulated"] = {name: float(spent @ values) for name, values in rewards.items()}
    if args.format == "json":
        print_json(result)
        return 0
    when = "steady state" if args.time is None else f"time {args.time:g}"
    print(f"{Path(args.model).name}: {chain.states:,} states, {chain.transitions:,} transitions; {when}")
    measure = "residual" if args.time is None else "bound on the error"
    print(f"{result['method']}; {measure} {result['residual']:.2g}\n")
    for name, states in labels.items():
        print(f"P({name}) = {float(p[states].sum()):.15g}")
    for name, values in rewards.items():
        print(f"mean of {name} = {float(p @ values):.15g}")
        if spent is not None:
            print(f"accumulated {name} = {float(spent @ values):.15g}")
    if not labels and not rewards:
        for state in np.argsort(-p)[:12].tolist():
            print(f"P(state {state}) = {p[state]:.15g}")
    return 0
