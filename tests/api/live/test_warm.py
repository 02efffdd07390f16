"""The first question after a start is answered by the road: nothing is left to compile."""

from __future__ import annotations

import subprocess
import sys

_SESSION = """
import gc, pathlib, sys, tempfile
from fastapi.testclient import TestClient
from numba.core.dispatcher import Dispatcher
from api.app import create_app
from api.city import City
from api.live.access import OpenAccess
from api.live.schema import migrate
from api.live.service import Live, LiveOptions
from api.live.store import Store
from api.serve import warm_up
from tests.toy_city import corner, toy_city

def kernels():
    return {
        (each.py_func.__module__, each.py_func.__name__, str(made))
        for each in gc.get_objects() if isinstance(each, Dispatcher)
        for made in each.signatures if each.py_func.__module__.split(".")[0] in ROOMS
    }

ROOMS = ("routing", "engine", "scenarios", "api")
city = City(toy_city())
warm_up(city)
before = kernels()
with tempfile.TemporaryDirectory() as folder:
    store = Store(f"{folder}/log.db")
    migrate(store.engine)
    live = Live.begin(city, store, LiveOptions(deadline_s=60))
    with TestClient(create_app(city, live, access=OpenAccess())) as desk:
        spots = [corner(row, row) for row in range(len(live.world.units))]
        reports = [
            {"unit": unit, "lon": lon, "lat": lat}
            for unit, (lon, lat) in zip(live.world.units, spots)
        ]
        line = {"type": "LineString", "coordinates": [corner(1, 1), corner(2, 1)]}
        asked = [
            desk.post("/v1/positions", json={"reports": reports}),
            desk.post("/v1/incidents", json={"lon": spots[1][0], "lat": spots[1][1]}),
            desk.post("/v1/incidents/I3/recommendation", json={}),
            desk.get("/v1/coverage"),
            desk.put("/v1/closures/works", json={"geometry": line}),
            desk.post("/v1/incidents/I3/recommendation", json={}),
            desk.post("/v1/incidents/I3/recommendation", json={"policy": "preparedness"}),
        ]
        assert all(answer.status_code < 300 for answer in asked), [a.text for a in asked]
    live.close()
    store.close()
assert before
print(*sorted(kernels() - before), sep="\\n")
"""


def test_a_start_compiles_all_that_the_desk_needs() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _SESSION], capture_output=True, text=True, timeout=280, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.strip() == ""
