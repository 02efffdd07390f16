"""Rules as TOML, read back by the standard library."""

from __future__ import annotations

import tomllib

from hypothesis import given, settings
from hypothesis import strategies as st

from scenarios.rules import default_rules
from scenarios.settings import Settings, Standard, parse_settings
from scenarios.toml import settings_toml, toml_value

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)


@given(st.one_of(TEXT, st.booleans(), st.integers(-(2**53), 2**53), st.lists(TEXT)))
@settings(deadline=None)
def test_values_read_back(value: object) -> None:
    assert tomllib.loads(f"x = {toml_value(value)}\n")["x"] == value


@given(
    name=TEXT,
    source=TEXT,
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Atlantic/Reykjavik"]),
    share=st.floats(0, 1),
    limit=st.floats(0.001, 86_400),
)
@settings(deadline=None)
def test_rules_read_back(name: str, source: str, zone: str, share: float, limit: float) -> None:
    standards = [
        Standard(name=name, limit_s=limit, share=share, priorities=["urgent"], source=source),
        Standard(name="other", limit_s=60, share=1, start="dispatch"),
    ]
    made = parse_settings(default_rules(name, zone, 3.5, "Two\nlines.", standards), "x")
    assert made.name == name
    assert made.horizon.timezone == zone
    assert made.demand.incidents_per_day == 3.5
    assert list(made.standards) == standards
    changed = made.model_copy(update={"unit_types": {name: made.unit_types["ambulance"]}})
    assert parse_settings(settings_toml(changed), "x") == Settings.model_validate(
        changed.model_dump()
    )
