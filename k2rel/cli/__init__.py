"""The command ``k2rel``: one verb a question, a table for people or JSON for programs.

Exit codes: 0 done; 1 a report failed, or a solution did not reach its tolerance; 2 something given cannot be
used; 3 a defect in k2rel itself. Heavy imports happen inside the verbs, so that ``k2rel --help`` answers at once.

``inputs``         options that verbs share, and the study that they name
``printing``       tables that fit the terminal, CSV, JSON
``layout``         texts and tables within a width
``terminal``       what an output can show
``waiting``        what is being done meanwhile, where that takes long
``glossary``       the verb about the terms of art
``named``          verbs about what can be named: levels, designs, a copy to begin with
``studies``        verbs about a level or a site
``sure``           the verb about what inputs within their limits leave possible
``interruptions``  verbs about interruptions, and about downtime in one year or month
``duty``           the verb about the next hours from the state at present
``alarms``         the state at present from what a monitoring system says
``simulation``     the verb that simulates
``cables``         the verb that makes a site of a list of cables
``rates``          the registry of failure data
``field``          field logs, updates
``past``           the verb about a past period
``advice``         what to change, spare parts, how many clients
``batches``        reports, sweeps and the explorer
``notebooks``      copies of the notebooks to work in
``works``          the verb about planned work
``trees``          verbs about fault trees, and exports
``chains``         the verb about any chain
"""

from __future__ import annotations

import argparse
import errno
import gc
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from k2rel._version import __version__
from k2rel.arguments import as_tolerance, as_whole
from k2rel.bundled import telling_of_examples
from k2rel.cli import (
    advice,
    batches,
    cables,
    chains,
    duty,
    field,
    glossary,
    interruptions,
    named,
    notebooks,
    past,
    rates,
    simulation,
    studies,
    sure,
    traffic,
    trees,
    works,
)
from k2rel.cli.inputs import quiet_option
from k2rel.cli.printing import answering, one_table, tell
from k2rel.cli.terminal import make_ready
from k2rel.cli.waiting import patience
from k2rel.errors import K2relError, NoConvergenceError, RenderError, closest
from k2rel.memory import allowed_bytes
from k2rel.signs import plain_signs

__all__ = ["main"]


class _Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line, with what an unknown word may have meant."""

    words: ClassVar[Sequence[str]] = ()  # what is parsed

    def _print_message(self, message: str, file: Any = None) -> None:
        (file or sys.stderr).write(plain_signs(message))  # argparse would pass over an error of writing

    def error(self, message: str) -> NoReturn:
        if "are required: " in message:  # perhaps one of them is there, but misspelt
            message += "".join(self._no_option(word) for word in self.words if self._is_unknown(word))
        self.exit(2, f"{self.prog}: {message}\n(see '{self.prog} --help')\n")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is None or value in action.choices:
            return
        what = f"{' or '.join(action.option_strings)}: there is no" if action.option_strings else "there is no command"
        near = closest(str(value), map(str, action.choices))
        self.error(f"{what} '{str(value)[:40]}'{near}")

    def _is_unknown(self, word: str) -> bool:
        name = word.partition("=")[0]
        return name.startswith("--") and not any(known.startswith(name) for known in self._option_string_actions)

    def _no_option(self, word: str) -> str:
        name = word.partition("=")[0]
        return f"; there is no option {name[:40]}{closest(name, self._option_string_actions)}"

    def unknown(self, words: Sequence[str]) -> NoReturn:
        """Say which words are no option of this verb and nothing that it asks for."""
        first = next((word for word in words if word.startswith("-")), None)
        self.error(f"unexpected argument: '{words[0][:40]}'" if first is None else self._no_option(first).lstrip("; "))


# The first line of the package's docstring.
_ABOUT = "k2rel: availability and load of storage networks with redundant A/B paths."

# In the order of ``k2rel --help``: name, what runs, what adds its options, what it answers.
_VERBS: tuple[tuple[str, Callable[[argparse.Namespace], int], Callable[[argparse.ArgumentParser], None], str], ...] = (
    ("levels", named.levels_verb, named.levels_options, "list the levels and designs that can be named"),
    ("new", named.new_verb, named.new_options, "start a site file of your own from a level or a design"),
    ("components", studies.components_verb, studies.components_options,
     "list every part with its failure data and source"),
    ("check", studies.check_verb, studies.check_options, "check a site file and summarize it"),
    ("schema", studies.schema_verb, studies.schema_options, "print the JSON Schema of a site file"),
    ("import", cables.import_verb, cables.import_options,
     "make a site file from a list of cables, as inventories keep them"),
    ("failover", traffic.failover_verb, traffic.failover_options,
     "state of the site after failures: roles, routes, services, load"),
    ("availability", studies.availability_verb, studies.availability_options,
     "availability and downtime of each service"),
    ("load", traffic.load_verb, traffic.load_options, "load by side and element, and the probability of overload"),
    ("interruptions", interruptions.interruptions_verb, interruptions.interruptions_options,
     "frequency and duration of interruptions, performability"),
    ("window", interruptions.window_verb, interruptions.window_options,
     "distribution of the downtime of one year or month: quantiles, exceedance probabilities"),
    ("risk", duty.risk_verb, duty.risk_options,
     "on duty: risk of the next hours, single points of failure now, first action"),
    ("maintenance", works.maintenance_verb, works.maintenance_options,
     "planned work: additional downtime, best order, simultaneous works"),
    ("simulate", simulation.simulate_verb, simulation.simulate_options,
     "simulation: any distribution of life and repair, distributions of downtime, rare failures"),
    ("causes", studies.causes_verb, studies.causes_options,
     "causes of the downtime: importance of parts, minimal cut sets, inputs at their limits"),
    ("uncertainty", sure.uncertainty_verb, sure.uncertainty_options,
     "uncertainty of the downtime with all inputs within their limits, sensitivity, break-even values"),
    ("served", studies.served_verb, studies.served_options, "distribution of the number of clients served"),
    ("compare", studies.compare_verb, studies.compare_options,
     "compare levels or site files, or one with its earlier reports"),
    ("rates", rates.list_verb, rates.rates_options, "failure and repair data: list, show, compare, predict, pin"),
    ("fit", field.fit_verb, field.fit_options,
     "fit failure laws to a field log, with confidence limits, and write entries for --rates"),
    ("update", field.update_verb, field.update_options, "update failure rates with the site's own log"),
    ("outage", past.outage_verb, past.outage_options,
     "compare the log of a past period with the model: plausibility, excess failures, updated data"),
    ("advise", advice.advise_verb, advice.advise_options,
     "recommended changes, alone and in pairs, by downtime and cost"),
    ("spares", advice.spares_verb, advice.spares_options,
     "number of spare parts for a year, by site or for a pool of sites"),
    ("clients", advice.clients_verb, advice.clients_options,
     "number of clients that levels carry, with P(overload) within a bound"),
    ("report", batches.report_verb, batches.report_options,
     "render reports: HTML, PDF, and their tables as CSV and XLSX"),
    ("explore", batches.explore_verb, batches.explore_options,
     "interactive page: parts fail by a click, and the figures follow"),
    ("sweep", batches.sweep_verb, batches.sweep_options,
     "compute many points: levels, clients, contracts, settings, sampled or listed"),
    ("notebooks", notebooks.notebooks_verb, notebooks.notebooks_options,
     "copy the notebooks into a folder, to change and run them there"),
    ("solve", trees.solve_verb, trees.solve_options, "solve fault trees in the Open-PSA format"),
    ("export", trees.export_verb, trees.export_options, "export a level or a site to other tools"),
    ("ctmc", chains.ctmc_verb, chains.ctmc_options, "solve a Markov chain in the explicit format of model checkers"),
    ("glossary", glossary.glossary_verb, glossary.glossary_options,
     "define the terms in tables and messages: k2rel glossary coverage"),
)  # fmt: skip

_AT_ONCE = {
    "levels",
    "new",
    "check",
    "schema",
    "rates",
    "notebooks",
    "explore",
    "glossary",
}  # they answer at once, or stay


def _parser() -> _Parser:
    parser = _Parser(prog="k2rel", description=_ABOUT)
    parser.add_argument("--version", action="version", version=f"k2rel {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="COMMAND", required=True, parser_class=_Parser)
    for name, run, add_options, text in _VERBS:
        verb = verbs.add_parser(name, help=text, description=text)
        verb.set_defaults(run=run, parser=verb)
        add_options(verb)
        if name not in _AT_ONCE and "--quiet" not in verb._option_string_actions:
            quiet_option(verb)
    return parser


def _arguments(words: Sequence[str] | None) -> argparse.Namespace:
    """What the words ask for; names of services may be written as tables have them, in several words."""
    parser = _parser()
    _Parser.words = sys.argv[1:] if words is None else words
    args, more = parser.parse_known_args(words)
    if more:
        args.parser.unknown(more)
    for name in ("service", "traffic"):
        if given := getattr(args, name, None):
            one_or_all = [each.replace(" ", "_") for each in ([given] if isinstance(given, str) else given)]
            setattr(args, name, one_or_all[0] if isinstance(given, str) else one_or_all)
    return args


def _check_bounds(args: argparse.Namespace) -> None:
    """Refuse bounds that no one can mean, also where this method would not ask for them."""
    if getattr(args, "tolerance", None) is not None:
        as_tolerance(args.tolerance)
    if hasattr(args, "sweeps"):
        as_whole("sweeps", args.sweeps, 1)
    allowed_bytes()  # an amount that nobody can read is said first, not as a reason why an engine gives nothing


def _is_of_memory(error: Exception) -> bool:
    """Whether memory is what was missing, as the system says it where a library is loaded or a file is mapped."""
    no_room = isinstance(error, OSError) and error.errno == errno.ENOMEM
    return isinstance(error, MemoryError) or no_room or "failed to map segment" in str(error)


def _is_of_output(error: Exception) -> bool:
    """Whether the answer is what could not be written; who writes a file says its name."""
    none_left = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
    return isinstance(error, OSError) and error.filename is None and error.errno in none_left


def _is_closed_pipe(error: Exception) -> bool:
    """Whether whoever read the answer has gone, as Windows says it."""
    invalid = isinstance(error, OSError) and error.filename is None and error.errno == errno.EINVAL
    return invalid and sys.platform == "win32"


def _give_up_output() -> None:
    """Let nothing that still waits to be written raise an error at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _not_written(error: Exception) -> int:
    tell(f"standard output cannot be written: {getattr(error, 'strerror', None) or error}")
    _give_up_output()
    return 2


def _is_of_a_stop(error: BaseException) -> bool:
    """Whether Ctrl-C came while a library was at work that makes an error of its own of it, as NumPy does."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, KeyboardInterrupt):
            return True
        seen = seen.__cause__ or seen.__context__
    return False


def _has_no_folder() -> bool:
    """Whether the folder that relative names are of is gone."""
    try:
        os.getcwd()
    except OSError:
        return True
    return False


def _of_example(name: str, file: Path) -> None:
    """Say which file is read where a name means one that came with k2rel."""
    tell(f"{name}: not in the current folder; the example that came with k2rel is read: {file}")


def _defect(error: Exception) -> int:
    """Say what should not have happened."""
    if os.environ.get("K2REL_TRACEBACK"):
        raise error
    tell(f"a defect in k2rel: {type(error).__name__}: {error}")
    tell("set K2REL_TRACEBACK=1 to see where, and please report it")
    return 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after ``k2rel``; by default those the program was called with.

    Returns
    -------
    int
        The exit code.

    Examples
    --------
    >>> main(["check", "L2R"])  # doctest: +ELLIPSIS
    /...L2R.yaml: valid
      Level 2R, two servers, two switches: 68 parts on 2 sides, 4 clients
    ...
    0
    """
    args = argparse.Namespace()
    if sys.stdout is None:  # closed by whoever called
        if sys.stderr is not None:
            tell(f"standard output is closed; redirect it, for example > answer.txt or > {os.devnull}")
        return 2
    make_ready()
    # further threads of linear algebra would wait for their part of small matrices, and take as much processor again
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(50_000)  # modules that load leave nothing to collect; looking for it takes a tenth of a short run
    try:
        args = _arguments(arguments)
        _check_bounds(args)
        csv = one_table(args.verb) if getattr(args, "format", "") == "csv" else nullcontext()
        verb = f"{args.verb}_{args.action}" if "action" in args else args.verb
        with patience(args), answering(verb), csv, telling_of_examples(_of_example):
            code: Any = args.run(args)
        sys.stdout.flush()
        return int(code)
    except (RenderError, NoConvergenceError) as error:
        tell(str(error))
        return 1
    except K2relError as error:
        tell(str(error))
        return 2
    except KeyboardInterrupt:
        tell("stopped")
        return 130
    except SystemExit:  # of the parser, for help too
        try:
            sys.stdout.flush()
        except OSError as error:
            return _not_written(error)
        raise
    except BrokenPipeError:
        _give_up_output()
        return 0
    except (MemoryError, ImportError, OSError) as error:
        if _is_closed_pipe(error):
            _give_up_output()
            return 0
        if _has_no_folder():
            tell("the current folder has been deleted; change into an existing one")
            return 2
        if _is_of_output(error):
            return _not_written(error)
        if not _is_of_memory(error):
            return _defect(error)
        cure = "site; use fewer clients or groups" if hasattr(args, "level") else "model; a smaller one is needed"
        tell(f"not enough memory for this {cure}")
        return 2
    except RecursionError:
        tell("parts, gates or entries depend on one another through too many steps, at most about 150; merge some")
        return 2
    except Exception as error:  # the last line of defence: a person never sees a traceback
        if _is_of_a_stop(error):
            tell("stopped")
            return 130
        return _defect(error)
