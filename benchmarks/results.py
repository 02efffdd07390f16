"""Benchmarks by name, and what their results carry to be comparable."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

from benchmarks.decisions import measure as decisions
from benchmarks.hindsight import measure as lists_in_hindsight
from benchmarks.location_cases import reference_data
from benchmarks.peers import CONTESTANTS
from benchmarks.policies import OURS as FORESIGHT
from benchmarks.policies import POLICIES, TEST_SEED, TRAIN_SEED
from benchmarks.policies import measure as leaderboard
from benchmarks.policy_cases import CITIES, policy_cases, utrecht
from benchmarks.road_graphs import SIZES, RoadGraph, generate, simple_graph
from benchmarks.routing import measure
from benchmarks.simulation import measure as simulations
from benchmarks.simulation import peers_of
from benchmarks.simulation_cases import OURS as US
from benchmarks.simulation_cases import PEERS, PHASES, UTRECHT, fleet_cases
from benchmarks.stationing import measure as plans
from benchmarks.stationing_cases import SETS, location_cases, missing_families
from benchmarks.stationing_peers import OURS, PLANNERS
from routing.errors import InputError, did_you_mean
from scenarios.packaging import load_scenario
from scenarios.provenance import provenance

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

T = TypeVar("T")

BENCHMARKS: Final = (
    "routing",
    "stationing",
    "simulation",
    "policies",
    "hindsight",
    "decisions",
)

SEEDS: Final = {"test": TEST_SEED, "train": TRAIN_SEED}

_PLAYED: Final = 20_000
_PLAYED_ALONE: Final = 200_000


def results(
    name: str | None,
    graphs: Sequence[str],
    peers: Sequence[str],
    *,
    rounds: int,
    budget_s: float,
    check_s: float,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Run the routing benchmark.

    Parameters
    ----------
    name : str or None
        ``routing``, or None for the same.
    graphs : sequence of str
        Names of generated graphs or bundled cities, or scenario folders.
    peers : sequence of str
        Peers by name; all if empty.
    rounds : int
        How often each task is asked.
    budget_s : float
        Seconds for each contestant and task.
    check_s : float
        Seconds for SciPy's answers beyond those that must be known, for each graph.
    say : callable
        Told what is going on.

    Returns
    -------
    dict
        Revision, versions, machine, and the results by name.

    Raises
    ------
    InputError
        There is no such benchmark, peer or graph.
    """
    if name is not None and name not in BENCHMARKS:
        raise InputError(
            f"unknown benchmark {name!r}", field="NAME", fix=did_you_mean(name, BENCHMARKS)
        )
    chosen = _chosen(CONTESTANTS, peers)
    document = head({key: kind.package for key, kind in chosen.items() if kind.package})
    document["settings"] = {
        "rounds": rounds,
        "budget_s": budget_s,
        "check_s": check_s,
        "threads": 1,
    }
    loaded = [road_graph(graph) for graph in graphs]
    document["results"] = {
        "routing": [
            measure(graph, chosen, rounds=rounds, budget_s=budget_s, check_s=check_s, say=say)
            for graph in loaded
        ]
    }
    return document


def stationing_results(
    chosen: str,
    peers: Sequence[str],
    *,
    budget_s: float,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Run the stationing benchmark.

    Parameters
    ----------
    chosen : str
        One of `benchmarks.stationing_cases.SETS`.
    peers : sequence of str
        Peers by name; all if empty.
    budget_s : float
        Seconds for a peer and a case.
    say : callable
        Told what is going on.

    Returns
    -------
    dict
        Revision, versions, machine, and the results.

    Raises
    ------
    InputError
        There is no such set or peer.
    """
    if chosen not in SETS:
        raise InputError(f"unknown set {chosen!r}", field="--set", fix=did_you_mean(chosen, SETS))
    kinds = _chosen(PLANNERS, peers)
    packages = dict.fromkeys(
        ["ortools", *(package for kind in kinds.values() for package in kind.packages)]
    )
    document = head({package: package for package in packages})
    document["settings"] = {"set": chosen, "budget_s": budget_s, "rounds": 1}
    data = reference_data()
    measured = plans(location_cases(chosen, data), kinds, budget_s=budget_s, say=say)
    measured["skipped"] = missing_families(chosen, data)
    document["results"] = {"stationing": measured}
    return document


def simulation_results(
    peers: Sequence[str], *, rounds: int, say: Callable[[str], None] = lambda _: None
) -> dict[str, Any]:
    """Run the simulation benchmark.

    Parameters
    ----------
    peers : sequence of str
        Peers by name; all if empty.
    rounds : int
        How often everybody plays.
    say : callable
        Told what is going on.

    Returns
    -------
    dict
        Revision, versions, machine, and the results.

    Raises
    ------
    InputError
        There is no such peer.
    """
    for peer in peers:
        if peer not in (US, *PEERS):
            raise InputError(
                f"unknown peer {peer!r}", field="--peers", fix=did_you_mean(peer, PEERS)
            )
    chosen = peers_of(peers)
    document = head({package: package for peer in chosen if (package := PEERS[peer])})
    settings = {"rounds": rounds, "incidents": _PLAYED, "alone": _PLAYED_ALONE}
    document["settings"] = settings
    data = reference_data()
    measured = simulations(
        fleet_cases(data), chosen, incidents=_PLAYED, rounds=rounds, alone=_PLAYED_ALONE, say=say
    )
    measured["skipped"] = [UTRECHT, PHASES] if data is None else []
    document["results"] = {"simulation": measured}
    return document


def policy_results(
    chosen: str,
    policies: Sequence[str],
    cities: Sequence[str],
    *,
    replications: int,
    bounds: int,
    workers: int,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Run the leaderboard of policies.

    Parameters
    ----------
    chosen : str
        One of `SEEDS`.
    policies : sequence of str
        Policies by name; the usual ones if empty. Ours is always among them.
    cities : sequence of str
        Cities by name; all if empty.
    replications : int
        How often each scenario is played.
    bounds : int
        For how many of them the best possible is sought.
    workers : int
        Processes.
    say : callable
        Told what is going on.

    Returns
    -------
    dict
        Revision, versions, machine, and the results.

    Raises
    ------
    InputError
        There is no such set, policy or city.
    """
    if chosen not in SEEDS:
        raise InputError(f"unknown set {chosen!r}", field="--set", fix=did_you_mean(chosen, SEEDS))
    if replications < 2:
        raise InputError(
            f"{replications} replication says nothing of chance",
            field="--rounds",
            fix="ask for two at least",
        )
    known = [city.name for city in CITIES]
    for city in cities:
        if city not in known:
            raise InputError(
                f"unknown city {city!r}", field="--city", fix=did_you_mean(city, known)
            )
    data = reference_data()
    skipped = [
        city.name
        for city in CITIES
        if data is None and not city.bundled and (not cities or city.name in cities)
    ]
    if cities and len(skipped) == len(set(cities)):
        raise InputError(
            f"{', '.join(skipped)} need the reference data",
            field="--city",
            fix="let BLUELIGHT_REFERENCE_DATA name its folder",
        )
    document = head({})
    document["settings"] = {
        "set": chosen,
        "seed": SEEDS[chosen],
        "replications": replications,
        "bounds": bounds,
    }
    measured = leaderboard(
        policy_cases(data, tuple(cities)),
        [*policies, FORESIGHT] if policies else POLICIES,
        replications=replications,
        seed=SEEDS[chosen],
        bounds=min(bounds, replications),
        workers=workers,
        say=say,
    )
    measured["skipped"] = skipped
    document["results"] = {"policies": measured}
    return document


def hindsight_results(
    chosen: str,
    policies: Sequence[str],
    *,
    lists: int,
    workers: int,
    say: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Compare policies with the best plans in hindsight, on lists of Utrecht's incidents.

    Parameters
    ----------
    chosen : str
        One of `SEEDS`.
    policies : sequence of str
        Policies by name; the usual ones if empty.
    lists : int
        How many lists.
    workers : int
        Processes.
    say : callable
        Told what is going on.

    Returns
    -------
    dict
        As the other benchmarks give it.

    Raises
    ------
    InputError
        There is no such set or policy, or no reference data.
    """
    if chosen not in SEEDS:
        raise InputError(f"unknown set {chosen!r}", field="--set", fix=did_you_mean(chosen, SEEDS))
    data = reference_data()
    if data is None:
        raise InputError(
            "Utrecht's region needs the reference data",
            field="NAME",
            fix="let BLUELIGHT_REFERENCE_DATA name its folder",
        )
    document = head({"ortools": "ortools"})
    document["settings"] = {"set": chosen, "seed": SEEDS[chosen], "lists": lists}
    found = lists_in_hindsight(
        utrecht(data), policies, lists=lists, seed=SEEDS[chosen], workers=workers, say=say
    )
    document["results"] = {"hindsight": found}
    return document


def decision_results(*, rounds: int, say: Callable[[str], None] = lambda _: None) -> dict[str, Any]:
    """Time decisions.

    Parameters
    ----------
    rounds : int
        How often each question is asked.
    say : callable
        Told what is going on.

    Returns
    -------
    dict
        As the other benchmarks give it.
    """
    document = head({"ortools": "ortools"})
    document["settings"] = {"rounds": rounds}
    document["results"] = {"decisions": decisions(rounds=rounds, say=say)}
    return document


def road_graph(source: str) -> RoadGraph:
    """Get a graph by name.

    Parameters
    ----------
    source : str
        A size in `SIZES`, the name of a bundled city, or a scenario folder.

    Returns
    -------
    RoadGraph
        The graph; that of a city has the times of a drive with siren.

    Raises
    ------
    InputError
        There is no such scenario.
    """
    if source in SIZES:
        return generate(SIZES[source], name=source)
    scenario = load_scenario(source)
    network = scenario.network
    return simple_graph(
        scenario.settings.name,
        network.arc_tail,
        network.arc_head,
        scenario.speeds.arc_times_ms(network, "siren"),
        network.node_lonlat,
    )


def _chosen(kinds: Mapping[str, T], peers: Sequence[str]) -> dict[str, T]:
    """Choose contestants; ours is always among them."""
    for peer in peers:
        if peer not in kinds:
            raise InputError(
                f"unknown peer {peer!r}", field="--peers", fix=did_you_mean(peer, kinds)
            )
    return {key: kind for key, kind in kinds.items() if not peers or key in (*peers, OURS)}


def head(packages: Mapping[str, str]) -> dict[str, Any]:
    """Tell revision, machine and versions.

    Parameters
    ----------
    packages : mapping of str to str
        Further packages whose versions count, by the name to tell them by.

    Returns
    -------
    dict
        What a document of results begins with.
    """
    document = provenance()
    document["machine"]["cpu"] = _cpu_model()
    document["versions"] |= {key: _version(package) for key, package in packages.items()}
    return document


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
