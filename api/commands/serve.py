"""Answer over HTTP."""

from __future__ import annotations

import gc
import json
from pathlib import Path
from typing import Any

import click

from api.options import json_option, scenario_argument


@click.command()
@scenario_argument
@click.option("--store", help="Event store: a path, or postgresql://...  [default: bluelight.db]")
@click.option("--host", help="Address to listen on.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(0, 65_535), help="0 takes a free one.  [default: 8000]")
@click.option(
    "--no-auth", is_flag=True, default=None, help="Let everybody on this machine in, as admin."
)
@click.option(
    "--replica", is_flag=True, default=None, help="Read what another process writes; write nothing."
)
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Settings as TOML; the environment (BLUELIGHT_STORE, ...) and options go before.",
)
@click.option("--print-config", is_flag=True, help="Show the settings in force, and end.")
@json_option
def serve(
    scenario: str,
    store: str | None,
    host: str | None,
    port: int | None,
    no_auth: bool | None,
    replica: bool | None,
    config: Path | None,
    print_config: bool,
    as_json: bool,
) -> None:  # numpydoc ignore=PR01
    """Serve a city live: incidents, units, recommendations, assignments, a stream of events.

    All that is acknowledged is on disk. Callers show a token of 'bluelight token create';
    GET /openapi.json describes every path. The address is loopback unless told otherwise;
    put a proxy with TLS before any other.
    """
    given = {
        "store": store,
        "host": host,
        "port": port,
        "no_auth": no_auth,
        "replica": replica,
    }
    gc.disable()  # a fifth of the start would go into looking through what stays anyhow
    try:
        _serve(scenario, given, config, print_config=print_config, as_json=as_json)
    finally:
        gc.enable()


def _serve(
    scenario: str, given: dict[str, Any], config: Path | None, *, print_config: bool, as_json: bool
) -> None:
    from api.live.settings import load_settings, shown
    from api.serve import run
    from scenarios.packaging import load_scenario

    settings = load_settings(given, config)
    if print_config:
        click.echo(json.dumps(shown(settings), indent=2))
        return
    run(load_scenario(scenario), settings, as_json=as_json)
