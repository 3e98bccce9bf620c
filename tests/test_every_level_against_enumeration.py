"""Every level and example against following each state of ten or so parts through `failover`, one by one.

The engine compiles the rules; here they are only followed, state by state, and probabilities are added up.
"""

import itertools

import pytest

import k2rel
from k2rel.bundled import data_dir
from k2rel.rates import site_laws

EXAMPLES = data_dir() / "examples"
# what can fail; all else is made perfect. Two clients, and every part of these types.
CASES = {
    "L1": [
        "media_server",
        "gige_switch",
        "toe",
        "raid_controller",
        "raid_chassis",
        "client_media_link",
        "control_link",
    ],
    "L2": ["media_server", "toe", "media_link", "fs_database", "raid_chassis", "client_media_link", "ftp_link"],
    "L2R": ["media_server", "toe", "heartbeat", "isl", "client_control_link"],
    "L3": ["media_server", "toe", "gige_switch", "fc_link", "client_media_link"],
    "L3R": ["media_server", "gige_switch", "raid_controller", "heartbeat", "fs_database"],
    "nearline": ["media_server", "fs_database", "fc_link", "control_link", "ftp_link"],
    EXAMPLES / "reference_san.yaml": ["switch", "isl", "toe", "server", "nic"],
    EXAMPLES / "reference_san_dual.yaml": ["switch", "toe", "controller", "nic"],
    EXAMPLES / "ab_8_2.yaml": ["node", "leaf", "core", "controller", "port"],
}


# more than the FTP server's own link to the storage carries: overload that is no client's
HEAVY_FTP = {"ftp.demand": "250 MB/s", "ftp_link.capacity": "300 MB/s"}


@pytest.mark.parametrize("home", ["A", "B"])
@pytest.mark.parametrize("site", CASES, ids=lambda site: getattr(site, "stem", site))
@pytest.mark.usual("L1-A", "L2-A", "L3-A", "L2R-B", "nearline-A", "reference_san_dual-A", "reference_san_dual-B")
def test_services_sides_and_loads_agree(site, home) -> None:
    kinds = CASES[site]
    clients = 4 if site == "L3R" else 2  # as many as there are groups that differ
    base = k2rel.study(site, clients=clients)
    if home not in base.site.sides:
        pytest.skip("a level of one side has no other")
    types = {part.type for part in base.site.parts()}
    settings = {f"{kind}.failure_rate": "0" for kind in types if kind not in kinds}
    for index, kind in enumerate(kinds):
        settings[f"{kind}.unavailability"] = str(0.02 + 0.013 * index)
        settings[f"{kind}.mttr"] = f"{index + 2} h"
    settings |= HEAVY_FTP if site == "L3R" else {}
    study = k2rel.study(site, clients=clients, settings=settings, primary=home)
    laws = site_laws(study.site)
    q = {}
    for client in (None, *range(1, clients + 1)):
        parts = study.site.components if client is None else study.site.client_parts
        for name, part in parts.items():
            if part.type in kinds:
                law = (laws.shared if client is None else laws.client)[name]
                q[name if client is None else study.site.client_part_id(client, name)] = law.unavailability
    assert 7 <= len(q) <= 16, len(q)
    up, sides, loads, overload = {}, {}, {}, 0.0
    for failed in itertools.chain.from_iterable(itertools.combinations(q, k) for k in range(len(q) + 1)):
        p = 1.0
        for name, value in q.items():
            p *= value if name in failed else 1 - value
        outcome = k2rel.failover(study, failed)
        for service, there in outcome.services.items():
            up[service] = up.get(service, 0.0) + (0.0 if there else p)
        carried = {name for state in outcome.clients for path in state.paths.values() for name in path}
        overload += p * any(item.ends_full_service and item.element in carried for item in outcome.loads)
        taken = [state.sides[outcome.principal] for state in outcome.clients]
        first, second = study.site.sides[0], study.site.sides[-1]
        key = (taken.count(first), taken.count(second) if second != first else 0)
        sides[key] = sides.get(key, 0.0) + p
        for item in outcome.loads:
            entry = loads.setdefault(item.element, {})
            entry[round(item.load_mb_s, 9)] = entry.get(round(item.load_mb_s, 9), 0.0) + p
    result = k2rel.availability(study, method="exact")
    for service, unavailability in up.items():
        assert result[service].unavailability == pytest.approx(unavailability, rel=1e-10, abs=1e-300), service
    load = k2rel.load(study, method="exact")
    if "reference_san" not in str(site):  # there a path names one of the cards that share the load
        assert load.p_any_overload == pytest.approx(overload, rel=1e-10)
    assert {(a, b): p for a, b, _, p in load.side_distribution} == pytest.approx(sides, rel=1e-10)
    for element in load.elements:
        assert dict(element.distribution) == pytest.approx(loads[element.element], rel=1e-9), element.element
