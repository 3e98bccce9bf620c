"""A site's services as fault trees, and its chain for probabilistic model checkers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from k2rel.columns import counted
from k2rel.ctmc.chain import Chain
from k2rel.ctmc.files import LabelledChain
from k2rel.errors import ModelTooLargeError
from k2rel.faulttrees.write import open_psa
from k2rel.logic.structure import Node
from k2rel.markov.engine import solved
from k2rel.measures.modes import sides_in_use
from k2rel.measures.tested import mean_values
from k2rel.organisation import Organisation
from k2rel.services.catalogue import site_services
from k2rel.services.diagrams import services_of
from k2rel.services.loading import Loading
from k2rel.services.whole import function_of
from k2rel.studies import Study, StudyLike, study_of
from k2rel.textio import identifiers

__all__ = ["fault_trees_of", "functions_of", "labelled_chain_of", "open_psa_of", "prism_of"]


def functions_of(study: Study) -> dict[str, Callable[[], Node]]:
    """Services of a site that are written as structure functions of its parts, every client with its own.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> list(functions_of(study("L2R")))[:3]
    ['media', 'media_client', 'media_client_2']
    """
    count = study.site.client_count
    listed = site_services(study.site, [count] if count > 1 else [])
    return {service.name: partial(function_of, study.policy, service) for service in listed}


def open_psa_of(study: StudyLike) -> str:
    """Write the services of a site as fault trees, every client with its own parts.

    Parameters
    ----------
    study : Study

    Returns
    -------
    str
        Open-PSA XML: a fault tree for each traffic class of the whole site and of the first client of each
        group, each role, the loss of all clients, and full service (a flow is lost or not whole); a comment says where
        that is too large. RAID sets are basic events with the unavailability of their Markov chain. Parts that are
        tested on known days have their mean unavailability, which a comment says.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> open_psa_of(study("L2R")).splitlines()[2]
    '<opsa-mef name="L2R">'
    """
    return fault_trees_of(study)[0]


def fault_trees_of(study: StudyLike) -> tuple[str, list[str]]:
    """As `open_psa_of`, with what there is to say about the file.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> fault_trees_of(study("L2R"))[1]
    []
    """
    study = study_of(study)
    site, s = study.site, study.policy.structure
    tops, notes = {}, []
    for name, written in functions_of(study).items():
        try:
            tops[name] = written()
        except ModelTooLargeError as error:
            notes.append(f"no fault tree of {name}: {error}")
    if said := mean_values(study):
        notes.append(said)
    probabilities = {variable: study.law(variable).unavailability for variable in s.variables(tops.values())}
    p = study.provenance
    about = f"{site.title}; {counted(p.clients, 'client')}, contract {p.contract}; {p.engine}; inputs {p.input_hash}"
    return open_psa(site.name, s, tops, probabilities, note="; ".join([about, *notes])), notes


def labelled_chain_of(study: Study, organisation: Organisation) -> LabelledChain:
    """Give the chain of a site with what its states mean: members of populations in each state, and the roles.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> list(labelled_chain_of(study("L1"), Organisation(tolerance=1e-4)).labels)[:2]
    ['media_lost', 'control_lost']
    """
    dynamics = solved(study, organisation)
    states = dynamics.states
    labels = {
        f"{service.name}_lost": dynamics.down(service)
        for service in services_of(dynamics.policy)
        if service.scope == "site"
    }
    loading = Loading(dynamics.policy)
    sides = study.site.sides
    used = [sides_in_use(dynamics.policy, mode) for mode in loading.table.modes]
    rewards = {}
    for side in sides[:1] if len(sides) <= 2 else sides:
        clients = [float(sum(size for where, size in items if side in where)) for items in used]
        rewards[f"clients_on_{side}"] = np.array(clients)[dynamics.modes(loading.table.diagram)]
    names = []
    columns = []
    for atom, (number, local) in enumerate(zip(states.population.tolist(), states.local.tolist(), strict=True), 1):
        population = states.parts.populations[number]
        names.append(f"{population.members[0]}_{population.states[local - 1]}".replace(" ", "_"))
        columns.append((states.atoms == atom).sum(axis=1)[states.part_state])
    if states.onsite.any():
        names.append("technician_on_site")
        columns.append(states.onsite[states.part_state].astype(np.int64))
    table = np.column_stack([*columns, states.control])
    takeover = states.takeover
    words = []
    for values in table.tolist():
        said = [f"{value} x {name}" for name, value in zip(names, values, strict=False) if value]
        roles = f"; {takeover.words(values[-1])}" if takeover and takeover.roles else ""
        words.append((", ".join(said) or "nothing failed") + roles)
    rates = states.chain.rates.copy()
    rates.sum_duplicates()
    called = identifiers([*labels, *rewards, *names])
    return LabelledChain(
        Chain(rates),
        {called[name]: inside for name, inside in labels.items()},
        {called[name]: values for name, values in rewards.items()},
        (*(called[name] for name in names), "control"),
        table,
        tuple(words),
        {plain: name for name, plain in called.items() if plain != name},
    )


def prism_of(study: Study, model: LabelledChain) -> str:
    """Write a chain in the language of the PRISM model checker, each state with what it stands for.

    Examples
    --------
    >>> from k2rel.studies import study
    >>> s = study("L1")
    >>> prism_of(s, labelled_chain_of(s, Organisation(tolerance=1e-4))).splitlines()[1]
    'ctmc'
    """
    rates = model.chain.rates
    lines = [
        f"// {study.site.name}: {model.chain.states} states; rates per hour; written by k2rel",
        *([f"// {said}"] if (said := mean_values(study, chain=True)) else []),
        *(f"// {plain}: {name}" for plain, name in model.called.items()),
        "ctmc",
        "module site",
        f"  s : [0..{max(1, model.chain.states - 1)}] init {model.chain.initial};",
    ]
    for state, words in enumerate(model.words):
        lines.append(f"  // {state}: {words}")
        begin, end = rates.indptr[state], rates.indptr[state + 1]
        moves = zip(rates.data[begin:end].tolist(), rates.indices[begin:end].tolist(), strict=True)
        if end > begin:
            lines.append(f"  [] s={state} -> " + " + ".join(f"{rate!r} : (s'={to})" for rate, to in moves) + ";")
    lines.append("endmodule")
    for name, inside in model.labels.items():
        where = " | ".join(f"s={state}" for state in np.flatnonzero(inside).tolist())
        lines.append(f'label "{name}" = {where or "false"};')
    for name, reward in model.rewards.items():
        lines.append(f'rewards "{name}"')
        lines += [f"  s={state} : {reward[state]!r};" for state in np.flatnonzero(reward).tolist()]
        lines.append("endrewards")
    return "\n".join(lines) + "\n"
