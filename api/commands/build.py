"""Make and check scenarios."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from api.options import FILE_IN, FOLDER_OUT, FiniteRange, bounding_box, json_option
from api.output import figures, report
from routing.errors import InputError


@click.command()
@click.argument("source")
@click.option("--out", required=True, type=FOLDER_OUT, help="Folder of the scenario.")
@click.option(
    "--bbox", type=bounding_box, metavar="W,S,E,N", help="Keep what lies in this box, in degrees."
)
@click.option(
    "--population",
    type=FILE_IN,
    help="CSV with columns lon, lat, population; demand follows it instead of addresses.",
)
@click.option("--speeds", type=FILE_IN, help="Speed table (TOML) instead of the one inside.")
@click.option("--name", help="Name of the city; else from SOURCE.")
@click.option(
    "--timezone",
    default="UTC",
    show_default=True,
    help="IANA name such as Europe/Berlin; the hours of demand are local.",
)
@click.option(
    "--units-per-station",
    type=click.IntRange(0, 1000),
    default=2,
    show_default=True,
    help="Units that each station starts with.",
)
@click.option(
    "--incidents-per-day",
    type=FiniteRange(0, 1e6),
    help="Mean number of incidents; else estimated from the population.",
)
@click.option(
    "--cell",
    "cell_m",
    type=FiniteRange(0, 10_000),
    default=500.0,
    show_default=True,
    help="Edge of a demand zone in metres; 0: every address is a zone.",
)
@click.option(
    "--format",
    "format_name",
    help="Format of SOURCE: elaspy, jemss, log, london. Only its own options then count.",
)
@click.option("--case", help="With --format elaspy: which input streams, such as diesel_3.")
@click.option("--allocation", help="With --format elaspy: CSV of the units and their bases.")
@click.option("--calls", help="With --format jemss: gen_config.xml that says how calls come.")
@click.option("--redispatch", help="With --format jemss: CSV of the rules of redispatch.")
@click.option("--columns", help="With --format log: TOML of what the columns of the log mean.")
@click.option("--scenario", help="With --format log: the scenario whose demand is fitted to it.")
@json_option
def build(  # numpydoc ignore=PR01
    source: str,
    out: Path,
    bbox: tuple[float, float, float, float] | None,
    population: Path | None,
    speeds: Path | None,
    name: str | None,
    timezone: str,
    units_per_station: int,
    incidents_per_day: float | None,
    cell_m: float,
    format_name: str | None,
    case: str | None,
    allocation: str | None,
    calls: str | None,
    redispatch: str | None,
    columns: str | None,
    scenario: str | None,
    as_json: bool,
) -> None:
    """Make a scenario from a map: roads, stations, hospitals, demand.

    SOURCE is an OpenStreetMap file (.osm.pbf, .osm, .osm.gz, .osm.bz2), an OSMnx graph
    (.graphml), a city that comes with bluelight, or else the name of a place, which is
    asked of OpenStreetMap's servers.
    """
    from scenarios.build import build_scenario

    options = {
        "case": case,
        "allocation": allocation,
        "calls": calls,
        "redispatch": redispatch,
        "columns": columns,
        "scenario": scenario,
    }
    if format_name is not None:
        _import(Path(source), out, format_name, options, as_json=as_json)
        return
    for option, value in options.items():
        if value is not None:
            raise InputError(
                "it belongs to a format", field=f"--{option}", fix="name the format with --format"
            )
    result = build_scenario(
        source,
        out,
        bbox=bbox,
        population=population,
        speeds=speeds,
        name=name,
        timezone=timezone,
        units_per_station=units_per_station,
        incidents_per_day=incidents_per_day,
        cell_m=cell_m,
    )
    rows: list[tuple[str, object]] = [
        ("nodes", f"{result.nodes:,}"),
        ("arcs", f"{result.arcs:,}"),
        ("closed to cars", f"{result.emergency_arcs:,}"),
        ("road length", f"{result.km:,.0f} km"),
        ("stations", result.stations),
        ("hospitals", result.hospitals),
        ("units", result.units),
        ("demand zones", f"{result.zones:,}"),
        *((f"dropped: {what}", f"{count:,}") for what, count in result.dropped.items() if count),
    ]
    lines = [
        *figures(rows),
        *(f"note: {note}" for note in result.notes),
        f"wrote {result.folder} (hash {result.hash[:12]})",
    ]
    report(asdict(result), lines, as_json=as_json)


def _import(
    source: Path, out: Path, name: str, options: dict[str, str | None], *, as_json: bool
) -> None:
    from scenarios.importers import IMPORTERS
    from scenarios.packaging import FIT_PAGE, check_untouched, save_scenario

    importer = IMPORTERS[name]
    check_untouched(out)
    given = {option: value for option, value in options.items() if value is not None}
    imported = importer.read(source, given)
    digest = save_scenario(imported.scenario, out, imported.page)
    city = imported.scenario
    counts = {
        "stations": len(city.stations),
        "hospitals": len(city.hospitals),
        "units": len(city.units),
        "zones": len(city.zones),
        "incidents": None if city.incidents is None else city.incidents.size,
    }
    document = {
        "folder": str(out),
        "hash": digest,
        "format": importer.id,
        "policy": imported.policy,
        "notes": list(imported.notes),
        "report": imported.report,
        "page": str(out / FIT_PAGE) if imported.page else None,
    }
    lines = [
        *figures([(key, f"{count:,}") for key, count in counts.items() if count is not None]),
        *(f"note: {note}" for note in imported.notes),
        f"to reproduce the source: bluelight simulate {out} --policy {imported.policy} --out RUN",
        *([f"how well it fits: {out / FIT_PAGE}"] if imported.page else []),
        f"wrote {out} (hash {digest[:12]})",
    ]
    report(document | counts, lines, as_json=as_json)


@click.command()
@click.argument("scenario", metavar="SCENARIO")
@click.option("--accept", is_flag=True, help="Take edited files as they are: write new hashes.")
@json_option
def check(scenario: str, accept: bool, as_json: bool) -> None:  # numpydoc ignore=PR01
    """Check a scenario: files, hashes, references between tables.

    Says also what keeps it from being simulated, which is no error: a map alone is
    enough for travel times; when nobody is on duty, and which zones no unit reaches.
    """
    from scenarios.demand import check_demand
    from scenarios.duty import duty_gaps
    from scenarios.packaging import load_scenario, reseal
    from scenarios.reach import unserved_zones
    from scenarios.simulation.tables import build_tables

    if accept:
        reseal(Path(scenario))
    city = load_scenario(scenario)
    notes = []
    try:
        tables = build_tables(city)
        check_demand(city)
        notes += [*duty_gaps(city), *unserved_zones(city, tables)]
    except InputError as error:
        notes.append(f"cannot be simulated: {error}")
    document = {
        "scenario": city.settings.name,
        "hash": city.hash,
        "nodes": city.network.n_nodes,
        "arcs": city.network.n_arcs,
        "stations": len(city.stations),
        "hospitals": len(city.hospitals),
        "units": len(city.units),
        "zones": len(city.zones),
    }
    lines = [f"{key}: {value}" for key, value in document.items()]
    lines += [f"note: {note}" for note in notes]
    report(document | {"notes": notes}, lines, as_json=as_json)
