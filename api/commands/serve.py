"""Answer over HTTP."""

from __future__ import annotations

import click

from api.options import json_option, scenario_argument


@click.command()
@scenario_argument
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8000,
    show_default=True,
    help="0 takes a free one.",
)
@json_option
def serve(scenario: str, host: str, port: int, as_json: bool) -> None:  # numpydoc ignore=PR01
    """Answer which unit to send, travel times and routes over HTTP.

    POST /v1/recommendations, /v1/assignments, /v1/moves, /v1/matrix, /v1/route; GET
    /healthz, /openapi.json. There is no authentication yet: leave the address at
    loopback, or put a proxy before it.
    """
    from api.serve import run
    from scenarios.packaging import load_scenario

    run(load_scenario(scenario), host=host, port=port, as_json=as_json)
