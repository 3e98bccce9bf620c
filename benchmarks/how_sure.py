"""What it costs to say how sure the figures are: samples of all inputs, and which input matters."""

from __future__ import annotations

from functools import partial

from measured import Clock, Row, Run, Section

from k2rel.answer import Answer
from k2rel.measures.uncertainty import uncertainty
from k2rel.measures.what_matters import _polynomial, break_even, sensitivity, swing
from k2rel.studies import study

PAGE = "performance/dynamic.md"


def sampled(level: str, clients: int, samples: int) -> Run:
    """All inputs drawn together, another seed each run; the answer itself is solved."""
    answer = study(level, clients=clients).solve()
    answer.uncertainty(samples=16)

    def run(clock: Clock) -> dict[str, object]:
        found = answer.uncertainty(samples=samples, seed=clock.number + 1)
        return {"inputs": len(found.inputs), "services": len(found.unavailability)}

    return run


def matters() -> Run:
    """Tornado, shares by input and by kind, break-even."""
    answer = study("L3R", clients=20).solve()
    answer.uncertainty(samples=16)
    return lambda _: what_matters(answer)


def what_matters(answer: Answer) -> None:
    """All that says which input matters."""
    _polynomial.cache_clear()  # each run fits it anew
    swing(answer.solution)
    sensitivity(answer.solution)
    sensitivity(answer.solution, by="kind")
    break_even(answer.solution, at_most_min_per_year=answer[answer.services.services[0].service].downtime_min_per_year)


def static() -> Run:
    """Ideal takeovers."""
    one = study("L3R", clients=100)

    def run(clock: Clock) -> None:
        uncertainty(one, samples=10_000, seed=clock.number + 1, method="exact", frequency=False)

    return run


SECTIONS = [
    Section(
        "how-sure",
        PAGE,
        "Uncertainty: samples of all inputs",
        [
            Row(
                f"how sure/{level}/{clients}/{samples}",
                partial(sampled, level, clients, samples),
                {"level": level, "clients": clients, "samples": samples},
                size=samples,
                unit="samples",
                line=f"{level}, {clients} clients",
            )
            for level, clients, samples in (
                ("L2R", 4, 500),
                ("L2R", 4, 2000),
                ("L2R", 4, 8000),
                ("L2R", 100, 2000),
                ("L3R", 20, 500),
                ("L3R", 20, 2000),
                ("L3R", 20, 8000),
                ("L3R", 100, 2000),
            )
        ],
        "Runs with different seeds, without the solution of the answer itself. All inputs, all services with their "
        "frequency, overload and the clients that the site carries, takeovers as modelled.",
    ),
    Section(
        "what-matters",
        PAGE,
        "Uncertainty: influence of the inputs",
        [
            Row(
                "how sure/what matters",
                matters,
                {"what": "tornado, shares by input and by kind, break-even: Level 3R, 20 clients"},
                times=3,
            ),
            Row("how sure/static", static, {"what": "media, ideal takeovers, 10,000 samples: Level 3R, 100 clients"}),
        ],
    ),
]
