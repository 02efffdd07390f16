"""Sets of units over HTTP: intervals, coverage, reasons, and the makeshift answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.api.test_app import recommend, unit
from tests.toy_city import ISLAND, corner

if TYPE_CHECKING:
    import pytest
    from fastapi.testclient import TestClient


def test_sets_agree_with_the_ranking(client: TestClient) -> None:
    units = [unit("far", corner(5, 5)), unit("near", corner(1, 0)), unit("mid", corner(3, 0))]
    answer = recommend(client, units)
    assert [[u["unit"] for u in s["units"]] for s in answer["sets"]] == [["near"], ["mid"], ["far"]]
    assert not answer["degraded"]
    assert answer["degraded_cause"] is None
    for group, ranked in zip(answer["sets"], answer["ranking"], strict=True):
        (sent,) = group["units"]
        assert sent["arrival_seconds"] == ranked["arrival_seconds"] == group["last_arrival_seconds"]
        assert sent["earliest_seconds"] < sent["arrival_seconds"] < sent["latest_seconds"]
        assert 0 <= group["coverage_after"] <= group["coverage_before"] <= 1
        assert group["reasons"][0]["kind"] == "closest" or group is not answer["sets"][0]
    # alone, whoever goes leaves nothing covered
    (alone,) = recommend(client, units[:1])["sets"]
    assert alone["coverage_before"] > 0
    assert alone["coverage_after"] == 0


def test_waiting_makes_the_standard_less_likely(client: TestClient) -> None:
    units = [unit("far", corner(5, 5))]
    chances = [
        recommend(client, units, incident={"waiting_seconds": s})["sets"][0]["units"][0][
            "within_standard"
        ]
        for s in (0, 80_000)
    ]
    assert chances[0] > chances[1] == 0


def test_an_empty_slot_names_each_unit(client: TestClient) -> None:
    answer = recommend(client, [unit("busy", corner(1, 0), 3), unit("cut off", ISLAND)])
    assert answer["sets"][0]["empty_slots"] == [0]
    assert answer["sets"][0]["last_arrival_seconds"] is None
    assert answer["unfilled"][0]["passed_over"] == {
        "busy": "responding",
        "cut off": "no road leads there",
    }


def test_an_unknown_type_names_its_field(client: TestClient) -> None:
    lon, lat = corner(0, 0)
    answer = client.post(
        "/v1/recommendations",
        json={"incident": {"lon": lon, "lat": lat, "type": "flood"}, "units": []},
    )
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == "incident.type"


def test_a_policy_that_fails_is_answered_by_the_closest(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Fails:
        def decide(self, _: Any) -> int:
            raise ArithmeticError("no")

    monkeypatch.setattr("api.recommendations.POLICIES", {"x-v1": Fails()})
    monkeypatch.setattr("api.recommendations._policy", lambda *_: "x-v1")
    answer = recommend(client, [unit("far", corner(5, 5)), unit("near", corner(1, 0))])
    assert answer["degraded"]
    assert answer["degraded_cause"] == "the solver failed: ArithmeticError: no"
    assert answer["sets"][0]["units"][0]["unit"] == "near"
    assert answer["ranking"][0]["unit"] == "near"
