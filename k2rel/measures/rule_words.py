"""What the policy does beside the keys that no source states, in words, as a site's own keys have it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from k2rel.policy.rules import Policy
from k2rel.site.coverage import detection_times
from k2rel.site.model import Site
from k2rel.site.roles import Role
from k2rel.units import format_duration

__all__ = ["said_of"]

Said = tuple[str, str, str]  # name, value, reason
_SHORTER, _LONGER = "errs towards shorter outages", "errs towards longer outages where a cluster retries"


def said_of(policy: Policy) -> list[Said]:
    """Name, value, and the reason or direction in which it errs, of each rule that takeovers of a site follow."""
    roles = list(policy.site.movable.values())
    return list(_said(policy, roles) if roles else _of_sites_that_have_it(policy.site, roles))


def _said(policy: Policy, roles: list[Role]) -> Iterator[Said]:
    site = policy.site
    fences = policy.fences_of(holder for role in site.movable.values() for holder in role.holders)
    slow = any(time > 0 for role in roles for time in detection_times(role).values())
    if slow:
        why = "exponential; with several causes the shortest time applies, for roles that fail together the longest"
        yield "detection", _each(roles, _detected), why
    else:
        yield (
            "detection",
            "a failure is detected at once",
            "the time until the loss of a heartbeat is detected is part of the switchover time",
        )
    stopped = ", and before it while its fences act" if any(fence.time_h > 0 for fence in fences) else ""
    yield (
        "switchover",
        f"everything that requires or prefers a role is interrupted during its takeover{stopped}",
        "no holder has the role meanwhile",
    )
    yield (
        "several roles",
        "the smallest coverage and the longest switchover time apply; a takeover that starts meanwhile ends with them",
        "they are one event",
    )
    unsure = "; multiplied by that of each fence that acts" if any(fence.coverage < 1 for fence in fences) else ""
    yield (
        "coverage",
        "that of the failed parts that caused the detected failure of a trigger; of several values the smallest"
        + unsure,
        "one value where the site file does not distinguish what failed",
    )
    yield "arrival", _arrival(policy), "a failure during the switchover is rare"
    yield "failed takeover", _each(roles, _failed), _LONGER if not any(r.retry_coverage for r in roles) else (
        "times are exponential; the former holder stays down meanwhile"
    )  # fmt: skip
    yield from _silence(policy, roles)
    yield "planned moves", _planned(roles), _SHORTER
    yield "operators", "act on servers and roles at the same time, not one after another", _SHORTER
    yield (
        "maintenance",
        "begins only while all is in service, and the server returns without an operator",
        _SHORTER,
    )
    yield (
        "times",
        "switchover and operator action exponential",
        "the simulation takes other distributions from a file of circumstances",
    )
    yield from _of_sites_that_have_it(site, roles)


def _each(roles: list[Role], words: Callable[[Role], str]) -> str:
    """The same words once; where roles differ each with its name."""
    found = {role.id: words(role) for role in roles}
    if len(set(found.values())) == 1:
        return next(iter(found.values()))
    return "; ".join(f"{role}: {said}" for role, said in found.items())


def _detected(role: Role) -> str:
    times = detection_times(role)

    def after(hours: float) -> str:
        return f"after {format_duration(hours)}" if hours > 0 else "at once"

    other = ", ".join(f"{after(hours)} if {cause} failed" for cause, hours in times.items() if cause)
    return f"a failure is detected {after(times[''])}" + (f" ({other})" if other else "") + ", on average"


def _arrival(policy: Policy) -> str:
    """Where a role on its way arrives, by what a takeover asks of the backup."""
    able = [name for name in policy.site.movable if policy.takes_able(name)]
    which = "" if len(able) == len(policy.site.movable) else f" of {', '.join(able)}"
    other = f", else at the first that is able (backup{which}: able)" if able else ""
    return (
        f"at the first holder that is standby ready then, in the order of the file{other}; if none, the takeover fails"
    )


def _failed(role: Role) -> str:
    if role.retry_coverage == 0 and role.operator_coverage == 1:
        return "is not retried, and the former holder stays down; only an operator restores the role, a repair does not"
    again = "is not retried"
    if role.retry_coverage > 0:
        works = f"succeeds with probability {role.retry_coverage:g}"
        again = f"is retried once after {format_duration(role.retry_after_h)} and {works}"
    operator = "then an operator restores the role"
    if role.operator_coverage < 1:
        rest = f"else it is restored after {format_duration(role.restoration_h)}"
        operator = f"then an operator restores the role with probability {role.operator_coverage:g}, {rest}"
    return f"{again}; {operator}; the former holder stays down until then, even if it is repaired"


def _silence(policy: Policy, roles: list[Role]) -> Iterator[Said]:
    spurious = [role for role in roles if role.spurious_per_h > 0]
    units = dict.fromkeys(name for role in roles for holder in role.holders for name in holder.units)
    taken = [name for name in units if any(
        need.kind == "heartbeat" and need.missing == "anyway" for need in policy.site.units[name].needed
    )]  # fmt: skip
    left_out = [
        *(["spurious takeovers"] if not spurious else []),
        *(["two holders active at once"] if not taken else []),
    ]
    why = f"not modelled: {' and '.join(left_out)}" if left_out else "as stated in the site file"
    if not taken:
        yield "loss of a heartbeat alone", "starts no takeover", why
        return
    others = [name for name in units if name not in taken]
    which = f" of {', '.join(taken)}; of {', '.join(others)} it starts no takeover" if others else ""
    yield "loss of a heartbeat alone", f"is treated as a failure of the holder{which} (missing: anyway)", why
    yield (
        "partition",
        _each(roles, lambda role: (
            "if the former holder could be stopped, it keeps the role and stops the other by its fences"
            if role.partition == "keeps" else "the other side takes the role over, if the former holder can be stopped"
        )),
        "which side fences first depends on delays; the file states which one wins",
    )  # fmt: skip
    split = [role for role in roles if policy.can_split(role.id)]
    if split:
        yield (
            "split brain",
            "begins if a holder without contact is up and nothing stops it, ends when contact is restored or one of "
            f"them is down; {_each(split, _mended)}",
            "it begins by loss of contact only; a third holder is never involved",
        )


def _mended(role: Role) -> str:
    serves = {"neither": "no holder performs the role", "former": "the former holder performs the role",
              "new": "the new holder performs the role"}[role.split_serves]  # fmt: skip
    if role.split_mend_h == 0:
        return f"{serves} meanwhile, and it needs no time to be resolved"
    mend = f"{serves} meanwhile, resolving it takes {format_duration(role.split_mend_h)}"
    if role.split_restore_share == 0:
        return mend
    again = (
        f"with probability {role.split_restore_share:g} data are restored in {format_duration(role.split_restore_h)}"
    )
    return f"{mend}, {again}"


def _planned(roles: list[Role]) -> str:
    never = "failback and maintenance never fail and shut no server down"
    by_plan = [role for role in roles if role.failback == "automatic" and (
        role.failback_after_h > 0 or role.giveback_h is not None
    )]  # fmt: skip

    def back(role: Role) -> str:
        when = f"after {format_duration(role.failback_after_h)}" if role.failback_after_h > 0 else "at once"
        lasts = role.switchover_h if role.giveback_h is None else role.giveback_h
        return (
            f"the role returns to its first holder {when}, which takes {format_duration(lasts) if lasts else 'no time'}"
        )

    return f"{never}; {_each(by_plan, back)}" if by_plan else never


def _of_sites_that_have_it(site: Site, roles: list[Role]) -> Iterator[Said]:
    """Rules that only some keys bring about."""
    spurious = [role for role in roles if role.spurious_per_h > 0]
    if spurious:
        yield (
            "spurious takeovers",
            _each(spurious, lambda role: f"begin once in {format_duration(1 / role.spurious_per_h)} on average"),
            "fail as often as others, occur only while another holder could take over, and cause no split brain",
        )
    unready = [role for role in roles if role.drift_per_h > 0]
    if unready:
        yield (
            "readiness",
            _each(unready, _readiness),
            "an unready takeover always fails; that failure or a drill reveals the defect, which is then corrected",
        )
    if site.suspensions:
        parts = [
            f"{entry.part}: " + (f"recovers by itself after {format_duration(entry.auto_recovery_h)}"
                                 if entry.auto_recovery_h < float("inf") else "does not recover by itself")
            for entry in site.suspensions
        ]  # fmt: skip
        yield (
            "suspension",
            "begins when all parts under 'lost' are down while all under 'works' are up, and lasts until one of those "
            f"under 'lost' is up again; if one under 'works' fails meanwhile, {'; '.join(parts)}",
            "the order of the failures decides; with ideal takeovers it is not modelled",
        )


def _readiness(role: Role) -> str:
    lost = f"becomes unready once in {format_duration(1 / role.drift_per_h)} on average, undetected"
    if role.drill_every_h == float("inf"):
        return f"{lost}; no drills"
    takes = f"which interrupts for {format_duration(role.drill_h)}" if role.drill_h > 0 else "without an interruption"
    return f"{lost}; a drill every {format_duration(role.drill_every_h)} while everything is up, {takes}"
