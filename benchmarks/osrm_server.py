"""OSRM's table behind a server like ours: ``python -m benchmarks.osrm_server CITY``."""

from __future__ import annotations

import json
import socket
import sys
from typing import TYPE_CHECKING, Any

import uvicorn
from fastapi import FastAPI

from benchmarks.osrm import OsrmCH
from benchmarks.results import road_graph

if TYPE_CHECKING:
    from collections.abc import Callable


def create(table: Callable[[list[tuple[float, float]], list[int], list[int]], Any]) -> FastAPI:
    """Make a server with the one path that is measured.

    Parameters
    ----------
    table : callable
        Takes places and the numbers of sources and destinations; returns durations in
        seconds.

    Returns
    -------
    FastAPI
        The server.
    """
    app = FastAPI(openapi_url=None)

    @app.get("/osrm/table/v1/driving/{coordinates}")
    def osrm_table(  # numpydoc ignore=PR01
        coordinates: str, sources: str, destinations: str
    ) -> dict[str, Any]:
        """Compute travel times from each source to each destination."""
        places = [tuple(map(float, pair.split(","))) for pair in coordinates.split(";")]
        rows, columns = (
            [int(each) for each in text.split(";")] for text in (sources, destinations)
        )
        return {
            "code": "Ok",
            "durations": table([(lon, lat) for lon, lat in places], rows, columns),
        }

    return app


def main() -> None:
    """Serve the streets of a city by contraction hierarchies, on a free port that it names."""
    contestant = OsrmCH(road_graph(sys.argv[1]))
    module: Any = sys.modules["osrm"]

    def _table(places: list[tuple[float, float]], rows: list[int], columns: list[int]) -> Any:
        asked = module.TableParameters(
            coordinates=[module.Coordinate(place) for place in places],
            sources=rows,
            destinations=columns,
            annotations=["duration"],
            generate_hints=False,
        )
        asked.skip_waypoints = True
        return [list(row) for row in contestant.engine.Table(asked)["durations"]]

    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    print(json.dumps({"url": url}, indent=1), flush=True)
    config = uvicorn.Config(create(_table), log_config=None, access_log=False)
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
