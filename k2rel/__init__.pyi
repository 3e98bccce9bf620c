"""What is public, and where it is: the one list of names, read by type checkers and by `k2rel` itself."""

# isort: skip_file
from . import (
    alarms as alarms,
    cables as cables,
    ctmc as ctmc,
    design as design,
    distributions as distributions,
    drawn as drawn,
    exact as exact,
    explore as explore,
    faulttrees as faulttrees,
    field as field,
    logic as logic,
    markov as markov,
    measures as measures,
    plots as plots,
    policy as policy,
    rates as rates,
    report as report,
    services as services,
    simulation as simulation,
    site as site,
    sweep as sweep,
)
from ._version import __version__ as __version__
from .alarms import read_alarms as read_alarms
from .answer import Answer as Answer
from .bundled import design_names as design_names, level_names as level_names
from .cables import from_cables as from_cables, read_cables as read_cables
from .design.advice import advise as advise, best_changes as best_changes
from .design.candidates import candidate_changes as candidate_changes
from .design.changes import with_second as with_second
from .design.carrying import carrying as carrying
from .design.comparison import (
    common_causes as common_causes,
    compare as compare,
    contracts as contracts,
    headline as headline,
    overload_by_counts as overload_by_counts,
    overload_by_level as overload_by_level,
    roles_by_level as roles_by_level,
    variants as variants,
)
from .design.costs import read_costs as read_costs
from .design.differences import differences as differences, history as history, services_compared as services_compared
from .design.overview import overview as overview
from .design.choice import recommend as recommend
from .measures.paired import paired_draws as paired_draws
from .design.planning import most_clients as most_clients, overload_after_takeover as overload_after_takeover
from .design.redundancy import redundant_units as redundant_units, units_with_coverage as units_with_coverage
from .design.registry import entries_compared as entries_compared
from .design.spares import spare_parts as spare_parts
from .design.summary import summary as summary
from .design.targets import judge as judge, judgement_table as judgement_table, read_target as read_target
from .design.verdict import verdict as verdict
from .errors import InputError as InputError, K2relError as K2relError
from .faulttrees import read_fault_trees as read_fault_trees
from .faulttrees.solve import solve as solve
from .field import fit_laws as fit_laws, read_field as read_field
from .measures.availability import (
    availability as availability,
    takeovers as takeovers,
)
from .measures.cases import (
    case_table as case_table,
    failover as failover,
    failover_cases as failover_cases,
    load_after_failures as load_after_failures,
)
from .measures.data_loss import (
    mttdl_table as mttdl_table,
    raid_losses as raid_losses,
    raid_over_time as raid_over_time,
    scrubbing as scrubbing,
)
from .measures.dynamic import (
    feasible_organisation as feasible_organisation,
    interruptions as interruptions,
    performability as performability,
    modelled_and_ideal as modelled_and_ideal,
)
from .measures.exchange import open_psa_of as open_psa_of
from .measures.graphs import graphml_of as graphml_of
from .measures.importance import (
    assumption_importance as assumption_importance,
    causes as causes,
    cut_set_table as cut_set_table,
    cut_sets as cut_sets,
    downtime_split as downtime_split,
    importance as importance,
    minimal_cut_sets as minimal_cut_sets,
    single_points_of_failure as single_points_of_failure,
)
from .measures.inventory import (
    assumptions as assumptions,
    components as components,
    designs as designs,
    levels as levels,
    raid_sets as raid_sets,
    rates_used as rates_used,
)
from .measures.load import load as load
from .measures.maintenance import Work as Work, maintenance as maintenance
from .measures.modes import mode_flows as mode_flows, modes as modes
from .measures.over_time import dynamic_over_time as dynamic_over_time, over_time as over_time
from .measures.past import outage as outage
from .measures.risk import duty_table as duty_table, risk as risk
from .measures.role_downtime import downtime_causes as downtime_causes, why_they_differ as why_they_differ
from .measures.rules import rule_effects as rule_effects
from .measures.served import served as served
from .measures.steps import takeover_steps as takeover_steps
from .measures.moments import moments as moments
from .measures.uncertainty import UncertaintyResult as UncertaintyResult, uncertainty as uncertainty
from .measures.what_matters import break_even as break_even, sensitivity as sensitivity, swing as swing
from .measures.updating import updated as updated
from .measures.windows import window as window
from .organisation import Organisation as Organisation
from .policy import Policy as Policy
from .plots.dot import dot_of as dot_of
from .quantities import nomenclature as nomenclature
from .rates import registry as registry
from .distributions import Distribution as Distribution, parse_distribution as parse_distribution
from .report import render_reports as render_reports
from .simulation.circumstances import Circumstances as Circumstances, read_circumstances as read_circumstances
from .simulation.engine import simulate as simulate
from .simulation.plan import Plan as Plan
from .simulation.raid_group import RaidGroup as RaidGroup, data_loss as data_loss
from .simulation.rare import rare_loss as rare_loss
from .simulation.static_sampling import quick_look as quick_look
from .simulation.timeline import timeline as timeline
from .site import Site as Site, read_site as read_site
from .site.describe import SiteDescription as SiteDescription, at_least as at_least, describe as describe
from .studies import Study as Study, studies_of as studies_of, study as study
from .tables import for_people as for_people
from .terms import glossary as glossary
