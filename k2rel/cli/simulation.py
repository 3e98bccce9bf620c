"""The verb that simulates: estimates with intervals, one history, rare service failures, static sampling."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from k2rel._version import __version__
from k2rel.cli.inputs import (
    format_option,
    hours_of,
    organisation_of,
    organisation_options,
    primary_option,
    quiet_option,
    study_of,
    study_options,
)
from k2rel.cli.printing import PICTURES, heading, main_rows, print_json, print_table, say, writing
from k2rel.doing import doing
from k2rel.errors import InputError

if TYPE_CHECKING:
    from k2rel.simulation import Circumstances
    from k2rel.simulation.estimates import Estimate
    from k2rel.simulation.results import Simulation
    from k2rel.studies import Study

__all__: list[str] = []


def simulate_options(sub: argparse.ArgumentParser) -> None:
    study_options(sub)
    primary_option(sub)
    sub.add_argument(
        "--circumstances", metavar="FILE", help="distributions, ageing, spares, planned work, common events (YAML)"
    )
    sub.add_argument("--histories", type=int, metavar="N", help="number of histories (default 100,000)")
    sub.add_argument(
        "--years", type=int, default=10, metavar="N",
        help="counted years of each history (default 10)",
    )  # fmt: skip
    sub.add_argument(
        "--warm-up", default="2 y", metavar="TIME", help="simulated time before counting begins, from new (default 2 y)"
    )
    sub.add_argument("--seed", type=int, default=1, metavar="N", help="seed (default 1)")
    sub.add_argument("--target", type=float, metavar="X", help="run until the relative half width of the interval is X")
    sub.add_argument("--service", metavar="NAME", help="the service of --target and --rare")
    sub.add_argument("--confidence", type=float, default=0.95, metavar="P", help="of the intervals (default 0.95)")
    sub.add_argument("--workers", type=int, metavar="N", help="parallel processes; default: one per core")
    sub.add_argument("--scheduler", metavar="ADDRESS", help="run on a Dask cluster, such as tcp://host:8786")
    sub.add_argument("--rare", choices=["biasing", "splitting"], help="estimate rare failures of --service")
    sub.add_argument(
        "--static", type=int, metavar="SAMPLES", help="static sampling: number of states of the static model"
    )
    sub.add_argument("--timeline", action="store_true", help="one history, event by event, as table and picture")
    sub.add_argument(
        "--history", type=int, default=0, metavar="N", help="number of the history of --timeline (default 0)"
    )
    sub.add_argument("--output", metavar="FILE", help="file of the picture, .svg, .png or .pdf")
    quiet_option(sub)
    organisation_options(sub, method=False)
    format_option(sub)


def simulate_verb(args: argparse.Namespace) -> int:
    from k2rel.simulation import Circumstances, Plan, read_circumstances, simulate

    study = study_of(args)
    circumstances = read_circumstances(args.circumstances) if args.circumstances else Circumstances()
    if sum(map(bool, (args.rare, args.static is not None, args.timeline))) > 1:
        raise InputError("--rare, --static and --timeline are mutually exclusive")
    if args.output and not args.timeline:
        raise InputError("--output names the picture of --timeline, which is missing")
    if args.static is not None:
        return _static(args, study)
    if args.timeline:
        return _timeline(args, study, circumstances)
    if args.rare:
        return _rare(args, study, circumstances)
    warm_up_h = hours_of(args, "warm_up")
    most = args.histories if args.histories is not None else (10**8 if args.target is not None else 100_000)
    plan = Plan(most, args.years, warm_up_h, args.seed, args.target, args.service, args.confidence)
    with doing("simulating"), _Bar(args.quiet, "histories") as bar:
        result = simulate(
            study, organisation_of(args, study), circumstances, plan,
            workers=args.workers, scheduler=args.scheduler, progress=bar.histories,
        )  # fmt: skip
    if args.format == "json":
        print_json(result.to_json())
    else:
        _print(study, result)
    return 130 if result.partial else 0


class _Bar:
    """A progress bar on the terminal's error stream, with the time left where the number of runs is known."""

    def __init__(self, quiet: bool, unit: str) -> None:
        self.quiet = quiet or not sys.stderr.isatty()
        self.unit = unit
        self.bar: Any = None
        self.alone = ExitStack()

    def __enter__(self) -> _Bar:
        return self

    def histories(self, done: int, expected: int, relative_width: float) -> None:
        self._show(done, f"± {100 * relative_width:.1f} %" if relative_width < 10 else "", expected)

    def replicas(self, done: int, error: float) -> None:
        self._show(done, f"relative error {100 * error:.1f} %" if error < 10 else "")

    def _show(self, done: int, error: str, total: int | None = None) -> None:
        if self.quiet:
            return
        if self.bar is None:
            from tqdm import tqdm

            self.alone.enter_context(doing(""))
            self.bar = tqdm(total=total, unit=f" {self.unit}", unit_scale=total is not None, leave=False)
        self.bar.total = total
        self.bar.set_postfix_str(error)
        self.bar.update(done - self.bar.n)

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()
        self.alone.close()


def _around(item: Estimate, digits: int = 3) -> str:
    """An estimate with its interval."""
    if item.value == 0.0 and not item.high < float("inf"):
        return "none observed"
    return f"{item.value:.{digits}g} ({item.low:.{digits}g} to {item.high:.{digits}g})"


def _print(study: Study, result: Simulation) -> None:
    import pandas as pd

    from k2rel.columns import COLUMNS
    from k2rel.policy.words import on_sides_words

    if result.partial:
        say(f"PARTIAL: stopped after {result.histories:,} histories; the figures are of these.\n")
    heading(study, result.provenance)
    exceeded = result.table()[["downtime_q90_min", "downtime_q99_min"]].to_numpy()
    percent = f"{100 * result.plan.confidence:g} %"
    rows = [
        {
            "service": item.service,
            f"downtime [min/year], {percent} interval": _around(item.downtime_min_per_year),
            "failures per year": _around(item.interruptions_per_year),
            "on-air interruptions per year": f"{item.on_air_per_year.value:.3g}",
            "mean downtime [min]": f"{item.mean_interruption_h.value * 60:.3g}"
            if item.mean_interruption_h.value >= 0
            else "–",
            "downtime, 90 % quantile of years [min]": f"{exceeded[n, 0]:.3g}",
            "99 % quantile [min]": f"{exceeded[n, 1]:.3g}",
            "longest interruption [h]": f"{item.longest_h:.3g}",
        }
        for n, item in enumerate(result.services)
    ]
    print_table(pd.DataFrame(rows).set_index("service"), whole=result.table())
    load = {
        COLUMNS.get(name, (name.replace("_", " "), str))[0]: _around(item, 4)
        for name, item in result.load().items()
        if item.value > 0
    }
    frame = pd.DataFrame({"figure": load}).rename_axis("quantity")
    print_table(frame, "\nPerformability, mean over time")
    print_table(result.sides().head(8), f"\n{on_sides_words(study.site)} (share of time)", index=False)
    say(f"\n{result.years:,.0f} years with {result.events:,.0f} events in {result.seconds:.1f} s")


def _rare(args: argparse.Namespace, study: Study, circumstances: Circumstances) -> int:
    from k2rel.simulation.rare import rare_loss

    with doing("simulating rare losses"), _Bar(args.quiet, "replicas") as bar:
        result = rare_loss(
            study, organisation_of(args, study), circumstances, service=args.service, method=args.rare,
            target=0.05 if args.target is None else args.target, seed=args.seed, workers=args.workers,
            confidence=args.confidence, progress=bar.replicas,
        )  # fmt: skip
    u, n = result.unavailability, result.interruptions_per_year
    if args.format == "json":
        print_json(
            {
                **result.provenance.heading(),
                "service": result.service,
                "unavailability": u.to_json(),
                "failures_per_year": n.to_json(),
                "relative_error": result.relative_error if u.value > 0 else None,
                "replicas": result.replicas,
                "excursions": result.excursions,
                "reached": result.reached,
            }
        )  # fmt: skip
    else:
        main_rows([{"service": result.service, "unavailability": u.value, "unavailability_low": u.low,
                    "unavailability_high": u.high, "failures_per_year": n.value}])  # fmt: skip
        heading(study, result.provenance)
        say(f"{result.service}: unavailability {_around(u)}, {_around(result.downtime_min_per_year)} min/year")
        say(f"failures per year: {_around(n)}")
        say(f"relative error {100 * result.relative_error:.1f} %" if u.value > 0 else "no failure was observed")
        say(f"{result.excursions:,} regenerative cycles in {result.seconds:.1f} s")
        if not result.reached:
            say("the required relative error was NOT reached")
    return 0 if result.reached else 1


def _static(args: argparse.Namespace, study: Study) -> int:
    import pandas as pd

    from k2rel.simulation.static_sampling import quick_look

    with doing(f"sampling {args.static:,} states"):
        found = quick_look(study, args.static, seed=args.seed, workers=args.workers, confidence=args.confidence)
    engine = (
        f"sampling of the static model, {study.policy.asked_first}; {args.static:,} states, seed {args.seed} "
        f"(k2rel {__version__})"
    )
    provenance = replace(study.provenance, engine=engine)
    services = [
        {"service": name, "unavailability": item.value, "unavailability_low": item.low,
         "unavailability_high": item.high if item.high < float("inf") else None}
        for name, item in found.items()
    ]  # fmt: skip
    if args.format == "json":
        print_json({**provenance.heading(), "services": services})
        return 0
    main_rows(services)
    heading(study, provenance)
    column = f"unavailability, {100 * args.confidence:g} % interval"
    print_table(pd.DataFrame({column: {name: _around(item) for name, item in found.items()}}).rename_axis("service"))
    return 0


def _timeline(args: argparse.Namespace, study: Study, circumstances: Circumstances) -> int:
    from k2rel.simulation.timeline import timeline
    from k2rel.site.names import file_stem

    history = timeline(
        study, organisation_of(args, study), circumstances, seed=args.seed, history=args.history, years=args.years
    )
    target = Path(args.output or f"{file_stem(study.site.name)}-seed{args.seed}.svg")
    if target.suffix.lower() not in PICTURES:
        raise InputError(f"--output {str(target)[:80]}: a picture ends in .svg, .png or .pdf")
    from k2rel.plots.histories import timeline_picture
    from k2rel.plots.style import any_letters

    with writing(target) as temporary, any_letters():
        timeline_picture(history).savefig(temporary, dpi=120)
    if args.format == "json":
        print_json({**history.to_json(), "picture": str(target)})
        return 0
    heading(study, history.provenance)
    table = history.table()
    lost = [text if text.count(",") < 3 else f"{text.count(',') + 1} services" for text in table["lost"]]
    shown = table.assign(lost=lost)
    print_table(shown.drop(columns="roles").head(200), whole=table)
    if len(table) > 200:
        say(f"... {len(table) - 200} more; --format json has all of them")
    say(f"\npicture: {target}")
    return 0
