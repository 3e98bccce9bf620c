"""What verbs are given: options that several of them share, and the study and the organisation that they name."""

from __future__ import annotations

import argparse
import glob
import math
import os
from typing import TYPE_CHECKING, Any

from k2rel.errors import InputError, closest
from k2rel.quantities import REMOVED_IN

if TYPE_CHECKING:
    from k2rel.measures.solution import Solution
    from k2rel.organisation import Organisation
    from k2rel.studies import Study

__all__: list[str] = []

_ORGANISATION = (
    "roles", "crews", "travel", "priority", "return_to_service", "manual_takeover", "maintenance_every", "maintenance",
    "repair_variation", "tolerance",
)  # fmt: skip
_TIMES = {"travel", "return_to_service", "manual_takeover", "maintenance_every", "maintenance"}
_IDEAL = ("roles", "ideal")  # what the exact engine does in any case


def format_option(sub: argparse.ArgumentParser, *, csv: bool = True) -> None:
    """Add who the answer is for; `csv` where there is a table, the first of which that format then has."""
    choices, more = (["table", "csv", "json"], "; csv: the main table only") if csv else (["table", "json"], "")
    former = f"; csv and json have former names of columns and keys, too, until release {REMOVED_IN}" if csv else ""
    sub.add_argument("--format", choices=choices, default="table", help=f"output format{more}{former}")


def data_option(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--data", metavar="VERSION", help="version of the bundled rates and levels; default: the current one"
    )


def force_option(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--force", action="store_true", help="replace the file where it exists")


def primary_option(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--primary", metavar="SIDE", help="the preferred side")


def quiet_option(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--quiet", action="store_true", help="do not report progress")


def set_option(sub: argparse.ArgumentParser, text: str) -> None:
    sub.add_argument("--set", action="append", default=[], metavar="NAME.KEY=VALUE", help=text)


def points_option(sub: argparse.ArgumentParser, text: str) -> None:
    sub.add_argument("--points", default="lhs", choices=["random", "lhs", "sobol"], help=text)


def sure_option(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--sure", metavar="PERCENT", help="probability at which a target counts as met, such as 90 %% (default 95 %%)"
    )


def sure_of(args: argparse.Namespace) -> float:
    """Probability from which a target counts as met."""
    from k2rel.design.targets import SURE
    from k2rel.numerals import plain_number

    if args.sure is None:
        return SURE
    if args.target is None:
        raise InputError("--sure: say which target (--target)")
    text = str(args.sure).strip()
    try:
        percent = plain_number(text.removesuffix("%").strip())
    except ValueError:
        percent = math.nan
    if not 50.0 < percent < 100.0:
        raise InputError(f"--sure {text[:40]}: a probability above 50 and below 100 %, such as 90 %")
    return percent / 100.0


class Several(argparse.Action):
    """Several files or levels; a pattern such as ``sites/*.yaml``, which no shell of Windows expands, is expanded."""

    def __call__(self, parser: object, namespace: argparse.Namespace, values: object, *_: object) -> None:
        assert isinstance(values, list)
        setattr(namespace, self.dest, [name for word in values for name in _fitting(word)])


def _fitting(word: str) -> list[str]:
    """Files that a pattern fits, in the order of the alphabet; any other word as it is."""
    if not glob.has_magic(word) or os.path.lexists(word):
        return [word]
    if found := sorted(glob.glob(word)):
        return found
    raise InputError(f"'{word[:80]}': no file matches this pattern")


def study_options(sub: argparse.ArgumentParser, nargs: str | None = None) -> None:
    """Add the level or site, or several of them by `nargs`, and what its study depends on."""
    text = "a level's name (see 'k2rel levels') or a site file"
    if nargs:
        sub.add_argument("level", metavar="LEVEL", nargs=nargs, action=Several, help=text)
    else:
        sub.add_argument("level", metavar="LEVEL", help=text)
    sub.add_argument("--clients", type=int, metavar="N", help="number of clients, in place of that of the file")
    sub.add_argument("--repair", default="4h", metavar="CONTRACT", help="repair contract: onsite, 4h (default) or nbd")
    sub.add_argument("--rates", metavar="FILE", help="CSV table that replaces or adds failure data")
    data_option(sub)
    set_option(
        sub, 'setting of a type, media_server.mttr="4 h", or of a part, which takes precedence: switch_A.mttf="2e6 h"'
    )
    sub.add_argument("--variant", metavar="NAME", help="a variant that the site file describes")
    if not nargs:
        sub.add_argument(
            "--common-cause",
            default="declared",
            metavar="GROUPS",
            help="common cause groups: declared (in the file, default), twins (A/B pairs of parts as well), none",
        )


def method_option(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--method",
        default="auto",
        metavar="auto|exact|markov|simulation",
        help="engine; auto (default): as the site requires; exact: ideal takeovers; markov: Markov chain",
    )


def _reading(text: str) -> str:
    from k2rel.organisation import as_reading

    return as_reading(text)


def roles_option(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--roles",
        type=_reading,
        metavar="modelled|ideal",
        help="takeovers: modelled (default), or ideal: instant and certain, roles at the preferred side",
    )


def organisation_options(sub: argparse.ArgumentParser, *, method: bool = True) -> None:
    """Add who repairs and how roles behave; with `method`, also who answers. What is not given is None."""
    if method:
        method_option(sub)
    roles_option(sub)
    sub.add_argument(
        "--crews", type=int, metavar="N", help="repair crews, parts repaired at the same time; default: all"
    )
    sub.add_argument("--travel", metavar="TIME", help="technician travel time, with --crews")
    sub.add_argument("--priority", metavar="TYPE,...", help="component types repaired first")
    sub.add_argument(
        "--return-to-service", metavar="TIME", help="time until an operator returns a server to service; default 1 h"
    )
    sub.add_argument(
        "--manual-takeover",
        metavar="TIME",
        help="time to operator action after a failed takeover; default 1 h; limits as in '1 h (15 min to 2 h)'",
    )
    sub.add_argument(
        "--maintenance-every",
        metavar="TIME",
        help="interval of planned maintenance of each redundant server; default: never",
    )
    sub.add_argument("--maintenance", metavar="TIME", help="duration of planned maintenance; default 2 h")
    sub.add_argument("--repair-variation", type=float, metavar="X", help="variance / mean^2 of repair times; default 1")
    sub.add_argument(
        "--tolerance",
        type=float,
        metavar="P",
        help="error bound of probabilities, periodic tests excluded; default: that of a chain of moderate size",
    )


def study_of(args: argparse.Namespace) -> Study:
    from k2rel.site.settings import parse_settings
    from k2rel.studies import study

    return study(
        args.level,
        clients=args.clients,
        repair=args.repair,
        rates=args.rates,
        settings=parse_settings(args.set),
        variant=args.variant,
        primary=getattr(args, "primary", None),
        common_cause=args.common_cause,
        data=args.data,
    )


def changes_of(args: argparse.Namespace) -> dict[str, Any]:
    """What a verb about several sites changes in all of them; a variant, for which it has no use, is refused."""
    from k2rel.site.settings import parse_settings

    if args.variant is not None:
        raise InputError(
            f"--variant: k2rel {args.verb} takes sites as their files have them; lay the variant's entries over a copy "
            "of the file, or ask about one site (k2rel availability SITE --variant NAME)"
        )
    return {
        "clients": args.clients, "repair": args.repair, "rates": args.rates, "settings": parse_settings(args.set),
        "data": args.data,
    }  # fmt: skip


def hours_of(args: argparse.Namespace, name: str) -> float:
    """Duration that an option gives [h]; infinite where it is not given."""
    from k2rel.units import parse_duration

    text = getattr(args, name)
    try:
        return math.inf if text is None else parse_duration(text)
    except ValueError as error:
        raise InputError(f"--{name.replace('_', '-')} {str(text)[:40]}: {error}") from None


def _time_of(args: argparse.Namespace, name: str, text: str) -> list[float]:
    """A time of the organisation [h], with limits where there are some, as in ``1 h (0.25 h to 2 h)``."""
    from k2rel.site.limits import from_text

    parts = from_text(text)
    if parts is None:
        return [hours_of(args, name)]
    option = f"--{name.replace('_', '-')}"
    if parts.get("distribution", "lognormal") != "lognormal":
        raise InputError(f"{option}: limits of a time are those of a lognormal distribution, got '{text[:60]}'")
    texts = (parts["value"], parts["low"], parts["high"])
    return [hours_of(argparse.Namespace(**{name: one}), name) for one in texts]


def organisation_of(args: argparse.Namespace, study: Study | None = None) -> Organisation | None:
    """Read who repairs and how roles behave; None where nothing is said, so that all doors share one solution.

    Component types are looked up in a study where there is one; of several sites each looks for itself.
    """
    given = {name: getattr(args, name) for name in _ORGANISATION if getattr(args, name, None) is not None}
    if not given:
        return None
    from k2rel.organisation import DEFAULT_LIMITS, Organisation
    from k2rel.site.names import names_listed

    limits: dict[str, tuple[float, float]] = {}
    for name in sorted(_TIMES & set(given)):
        given[f"{name}_h"], *ends = _time_of(args, name, given.pop(name))
        if ends:
            limits[f"{name}_h"] = ends[0], ends[1]
    if limits:  # those of the defaults stay where nothing is said
        usual = {name: ends[:2] for name, ends in DEFAULT_LIMITS.items() if name not in given}
        given["limits"] = tuple((name, *ends) for name, ends in (usual | limits).items())
    if "priority" in given:
        types = {part.type for part in study.site.components.values()} if study else set()
        given["priority"] = names_listed(args.priority, types)
        types = types or set(given["priority"])
        for kind in given["priority"]:
            if kind not in types:
                name = study.site.name if study else ""
                raise InputError(f"--priority: {name} has no component type '{kind[:40]}'{closest(kind, types)}")
    found = Organisation(**given)
    return None if found == Organisation() else found


def asked_of(args: argparse.Namespace, study: Study | None = None) -> tuple[str, Organisation | None]:
    """Who is to answer, by a word, and for which organisation; what does not go together is refused."""
    from k2rel.measures.solution import checked_method

    checked_method(args.method, "--method")
    organisation = organisation_of(args, study)
    if args.method == "exact":
        given = [
            name for name in _ORGANISATION if getattr(args, name, None) is not None and (name, args.roles) != _IDEAL
        ]
        if given:
            raise InputError(
                f"--{given[0].replace('_', '-')} is for --method auto, markov or simulation; the exact engine repairs "
                "every part by itself and has roles at the preferred side"
            )
        return "exact", None
    return args.method, organisation


def solution_for(args: argparse.Namespace, study: Study | None = None) -> Solution:
    """Who answers for the study that the options name."""
    from k2rel.measures.solution import solution_of

    study = study or study_of(args)
    return solution_of(study, *asked_of(args, study))
