"""What one answer costs: all services, the load, all causes, takeovers as modelled."""

from __future__ import annotations

from functools import partial

from measured import Clock, Row, Run, Section

from k2rel.studies import study


def answer(level: str, clients: int) -> Run:
    """Read and compile, then all services and the load, then all causes, of a study that nobody has solved."""

    def run(clock: Clock) -> dict[str, object]:
        with clock.step("read and compile"):
            found = study(level, clients=clients).solve()
        with clock.step("services"):
            assert all(service.failures_per_year >= 0 for service in found.services.services)
            found.load()
        with clock.step("causes"):
            for service in found.services.services:
                found.causes(service.service)
        states = found.solution.dynamics.states
        return {
            "services": len(found.services.services),
            "states": states.chain.states,
            "error bound": f"{found.solution.error_bound:.1e}",
        }

    return run


SECTIONS = [
    Section(
        "answer",
        "performance/dynamic.md",
        "Answer of a level",
        [
            Row(
                f"answer/{level}/{clients}",
                partial(answer, level, clients),
                {"level": level, "clients": clients},
                size=clients,
                unit="clients",
                line=f"{level}: services, load, causes",
            )
            for level in ("L2R", "L3R")
            for clients in (4, 20, 100)
        ],
        "*Services*: the chain, unavailability and failure frequency of all services, and the load. *Causes*: causes "
        "of downtime of all services, in addition.",
    )
]
