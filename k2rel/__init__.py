"""k2rel: availability and load of storage networks with redundant A/B paths.

>>> import k2rel
>>> study = k2rel.study("L2R", clients=4)
>>> f"{k2rel.availability(study)['media'].downtime_min_per_year:.1f} min a year"
'4.0 min a year'

What is public is listed in `__all__`; each name is loaded from its module when it is first used, so that
``import k2rel`` takes no time.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from k2rel._version import __version__

# name: module that holds it
_EXPORTS = {
    "InputError": "k2rel.errors",
    "K2relError": "k2rel.errors",
    "Policy": "k2rel.policy",
    "Site": "k2rel.site",
    "Study": "k2rel.studies",
    "assumptions": "k2rel.measures.inventory",
    "availability": "k2rel.measures.availability",
    "causes": "k2rel.measures.importance",
    "case_table": "k2rel.measures.cases",
    "common_causes": "k2rel.design.comparison",
    "compare": "k2rel.design.comparison",
    "components": "k2rel.measures.inventory",
    "contracts": "k2rel.design.comparison",
    "cut_set_table": "k2rel.measures.importance",
    "cut_sets": "k2rel.measures.importance",
    "failover": "k2rel.measures.cases",
    "failover_cases": "k2rel.measures.cases",
    "for_people": "k2rel.tables",
    "headline": "k2rel.design.comparison",
    "level_names": "k2rel.bundled",
    "levels": "k2rel.measures.inventory",
    "load": "k2rel.measures.load",
    "load_after_failures": "k2rel.measures.cases",
    "modes": "k2rel.measures.modes",
    "overload_by_level": "k2rel.design.comparison",
    "over_time": "k2rel.measures.availability",
    "raid_sets": "k2rel.measures.inventory",
    "rates_used": "k2rel.measures.inventory",
    "render_reports": "k2rel.report",
    "moments": "k2rel.measures.uncertainty",
    "open_psa_of": "k2rel.measures.exchange",
    "read_fault_trees": "k2rel.faulttrees",
    "sensitivity": "k2rel.measures.uncertainty",
    "served": "k2rel.measures.availability",
    "single_points_of_failure": "k2rel.measures.importance",
    "solve": "k2rel.faulttrees.solve",
    "studies_of": "k2rel.studies",
    "study": "k2rel.studies",
    "swing": "k2rel.measures.uncertainty",
    "uncertainty": "k2rel.measures.uncertainty",
    "takeovers": "k2rel.measures.availability",
    "variants": "k2rel.design.comparison",
    "verdict": "k2rel.design.comparison",
    "units_with_coverage": "k2rel.design.redundancy",
    "best_changes": "k2rel.design.candidates",
    "candidate_changes": "k2rel.design.candidates",
    "differences": "k2rel.design.differences",
    "history": "k2rel.design.differences",
    "services_compared": "k2rel.design.differences",
    "with_second": "k2rel.design.changes",
    "most_clients": "k2rel.design.planning",
    "judge": "k2rel.design.targets",
    "judgement_table": "k2rel.design.targets",
    "read_target": "k2rel.design.targets",
    "takeover_steps": "k2rel.measures.steps",
    "redundant_units": "k2rel.design.redundancy",
    "mode_flows": "k2rel.measures.modes",
    "why_they_differ": "k2rel.measures.dynamic",
    "sticky_and_preferred": "k2rel.measures.dynamic",
    "performability": "k2rel.measures.dynamic",
    "roles_by_level": "k2rel.measures.dynamic",
    "rule_effects": "k2rel.measures.rules",
    "feasible_organisation": "k2rel.measures.dynamic",
    "interruptions": "k2rel.measures.dynamic",
    "dynamic_over_time": "k2rel.measures.dynamic",
    "downtime_causes": "k2rel.measures.dynamic",
    "Organisation": "k2rel.organisation",
    "Circumstances": "k2rel.simulation.circumstances",
    "Distribution": "k2rel.distributions",
    "Plan": "k2rel.simulation.engine",
    "RaidGroup": "k2rel.simulation.raid_group",
    "data_loss": "k2rel.simulation.raid_group",
    "mttdl_table": "k2rel.measures.data_loss",
    "parse_distribution": "k2rel.distributions",
    "quick_look": "k2rel.simulation.static_sampling",
    "raid_losses": "k2rel.measures.data_loss",
    "raid_over_time": "k2rel.measures.data_loss",
    "rare_loss": "k2rel.simulation.rare",
    "read_circumstances": "k2rel.simulation.circumstances",
    "scrubbing": "k2rel.measures.data_loss",
    "simulate": "k2rel.simulation.engine",
    "timeline": "k2rel.simulation.timeline",
    "advise": "k2rel.design.advice",
    "entries_compared": "k2rel.design.registry",
    "fit_laws": "k2rel.field",
    "overload_after_takeover": "k2rel.design.planning",
    "read_costs": "k2rel.design.costs",
    "read_field": "k2rel.field",
    "registry": "k2rel.rates",
    "spare_parts": "k2rel.design.spares",
    "uncertainty_by_source": "k2rel.measures.sources",
    "updated": "k2rel.measures.updating",
}

__all__ = [*_EXPORTS, "__version__"]

if TYPE_CHECKING:
    from k2rel.bundled import level_names as level_names
    from k2rel.design.advice import advise as advise
    from k2rel.design.candidates import best_changes as best_changes
    from k2rel.design.candidates import candidate_changes as candidate_changes
    from k2rel.design.changes import with_second as with_second
    from k2rel.design.comparison import common_causes as common_causes
    from k2rel.design.comparison import compare as compare
    from k2rel.design.comparison import contracts as contracts
    from k2rel.design.comparison import headline as headline
    from k2rel.design.comparison import overload_by_level as overload_by_level
    from k2rel.design.comparison import variants as variants
    from k2rel.design.comparison import verdict as verdict
    from k2rel.design.costs import read_costs as read_costs
    from k2rel.design.differences import differences as differences
    from k2rel.design.differences import history as history
    from k2rel.design.differences import services_compared as services_compared
    from k2rel.design.planning import most_clients as most_clients
    from k2rel.design.planning import overload_after_takeover as overload_after_takeover
    from k2rel.design.redundancy import redundant_units as redundant_units
    from k2rel.design.redundancy import units_with_coverage as units_with_coverage
    from k2rel.design.registry import entries_compared as entries_compared
    from k2rel.design.spares import spare_parts as spare_parts
    from k2rel.design.targets import judge as judge
    from k2rel.design.targets import judgement_table as judgement_table
    from k2rel.design.targets import read_target as read_target
    from k2rel.distributions import Distribution as Distribution
    from k2rel.distributions import parse_distribution as parse_distribution
    from k2rel.errors import InputError as InputError
    from k2rel.errors import K2relError as K2relError
    from k2rel.faulttrees import read_fault_trees as read_fault_trees
    from k2rel.faulttrees.solve import solve as solve
    from k2rel.field import fit_laws as fit_laws
    from k2rel.field import read_field as read_field
    from k2rel.measures.availability import availability as availability
    from k2rel.measures.availability import over_time as over_time
    from k2rel.measures.availability import served as served
    from k2rel.measures.availability import takeovers as takeovers
    from k2rel.measures.cases import case_table as case_table
    from k2rel.measures.cases import failover as failover
    from k2rel.measures.cases import failover_cases as failover_cases
    from k2rel.measures.cases import load_after_failures as load_after_failures
    from k2rel.measures.data_loss import mttdl_table as mttdl_table
    from k2rel.measures.data_loss import raid_losses as raid_losses
    from k2rel.measures.data_loss import raid_over_time as raid_over_time
    from k2rel.measures.data_loss import scrubbing as scrubbing
    from k2rel.measures.dynamic import downtime_causes as downtime_causes
    from k2rel.measures.dynamic import dynamic_over_time as dynamic_over_time
    from k2rel.measures.dynamic import feasible_organisation as feasible_organisation
    from k2rel.measures.dynamic import interruptions as interruptions
    from k2rel.measures.dynamic import performability as performability
    from k2rel.measures.dynamic import roles_by_level as roles_by_level
    from k2rel.measures.dynamic import sticky_and_preferred as sticky_and_preferred
    from k2rel.measures.dynamic import why_they_differ as why_they_differ
    from k2rel.measures.exchange import open_psa_of as open_psa_of
    from k2rel.measures.importance import causes as causes
    from k2rel.measures.importance import cut_set_table as cut_set_table
    from k2rel.measures.importance import cut_sets as cut_sets
    from k2rel.measures.importance import single_points_of_failure as single_points_of_failure
    from k2rel.measures.inventory import assumptions as assumptions
    from k2rel.measures.inventory import components as components
    from k2rel.measures.inventory import levels as levels
    from k2rel.measures.inventory import raid_sets as raid_sets
    from k2rel.measures.inventory import rates_used as rates_used
    from k2rel.measures.load import load as load
    from k2rel.measures.modes import mode_flows as mode_flows
    from k2rel.measures.modes import modes as modes
    from k2rel.measures.rules import rule_effects as rule_effects
    from k2rel.measures.sources import uncertainty_by_source as uncertainty_by_source
    from k2rel.measures.steps import takeover_steps as takeover_steps
    from k2rel.measures.uncertainty import moments as moments
    from k2rel.measures.uncertainty import sensitivity as sensitivity
    from k2rel.measures.uncertainty import swing as swing
    from k2rel.measures.uncertainty import uncertainty as uncertainty
    from k2rel.measures.updating import updated as updated
    from k2rel.organisation import Organisation as Organisation
    from k2rel.policy import Policy as Policy
    from k2rel.rates import registry as registry
    from k2rel.report import render_reports as render_reports
    from k2rel.simulation.circumstances import Circumstances as Circumstances
    from k2rel.simulation.circumstances import read_circumstances as read_circumstances
    from k2rel.simulation.engine import Plan as Plan
    from k2rel.simulation.engine import simulate as simulate
    from k2rel.simulation.raid_group import RaidGroup as RaidGroup
    from k2rel.simulation.raid_group import data_loss as data_loss
    from k2rel.simulation.rare import rare_loss as rare_loss
    from k2rel.simulation.static_sampling import quick_look as quick_look
    from k2rel.simulation.timeline import timeline as timeline
    from k2rel.site import Site as Site
    from k2rel.studies import Study as Study
    from k2rel.studies import studies_of as studies_of
    from k2rel.studies import study as study
    from k2rel.tables import for_people as for_people


def __getattr__(name: str) -> Any:
    if name not in _EXPORTS:
        raise AttributeError(f"module 'k2rel' has no attribute {name!r}")
    value = getattr(import_module(_EXPORTS[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_EXPORTS})
