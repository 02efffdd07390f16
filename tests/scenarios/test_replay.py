"""Replays: the same policy gives the same bytes, and nothing else passes for it."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from routing.errors import InputError
from scenarios.packaging import load_scenario, save_scenario
from scenarios.replay import replay
from scenarios.run_tables import EVENT_LOG, EVENT_WRITING, WRITING
from scenarios.runs import simulate
from tests.toy_city import toy_city

if TYPE_CHECKING:
    import numpy as np


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run of a saved scenario."""
    folder = tmp_path_factory.mktemp("replay")
    save_scenario(toy_city(), folder / "toy")
    simulate(load_scenario(folder / "toy"), replications=2, seed=5, out=folder / "run")
    return folder / "run"


@pytest.fixture
def run(original: Path, tmp_path: Path) -> Path:
    """Copy of the run that may be damaged."""
    return Path(shutil.copytree(original, tmp_path / "run"))


def edit(path: Path, column: str, change: Any) -> None:
    """Change one column of a Parquet file, and write it with the very same options."""
    with pq.ParquetFile(path) as file:
        groups = [file.read_row_group(i) for i in range(file.num_row_groups)]
        schema = file.schema_arrow
    writing = EVENT_WRITING if schema.equals(EVENT_LOG) else WRITING
    with pq.ParquetWriter(path, schema, **writing) as writer:
        for table in groups:
            index = table.schema.get_field_index(column)
            field = table.schema.field(index)
            values = pa.array(change(table[column].to_numpy().copy()), field.type)
            writer.write_table(table.set_column(index, field, values))


def first_later(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    values[0] += 1
    return values


def test_the_same_policy_gives_the_same_bytes(run: Path, tmp_path: Path) -> None:
    again = replay(run, None, None, tmp_path / "again")
    assert again.identical is True
    assert again.differing == ()
    for name in ("events.parquet", "incidents.parquet", "summary.json"):
        assert (tmp_path / "again" / name).read_bytes() == (run / name).read_bytes()
    assert replay(tmp_path / "again", "closest").identical is True


def test_another_policy_decides_on_the_same_incidents(run: Path, tmp_path: Path) -> None:
    other = replay(run, "closest-idle", None, tmp_path / "other")
    assert other.identical is None
    assert other.run.policy == "closest-idle-v1"
    before = pq.read_table(run / "incidents.parquet")
    after = pq.read_table(tmp_path / "other" / "incidents.parquet")
    for column in ("call_time", "zone", "on_scene_time", "handover_time", "processing_time"):
        assert before[column].equals(after[column])
    assert not before["response_time"].equals(after["response_time"])
    fresh = simulate(
        load_scenario(run_scenario(run)), policy="closest-idle", replications=2, seed=5
    )
    assert fresh.summary == other.run.summary


def run_scenario(run: Path) -> str:
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    return str(manifest["scenario"]["location"])


@pytest.mark.parametrize(
    ("file", "column"),
    [
        ("events.parquet", "time_ms"),
        ("events.parquet", "metres"),
        ("incidents.parquet", "response_time"),
        ("incidents.parquet", "on_scene_time"),
        ("incidents.parquet", "call_time"),
    ],
)
def test_an_edited_table_is_not_identical(run: Path, file: str, column: str) -> None:
    edit(run / file, column, lambda values: values)
    assert replay(run).identical is True  # it is the change that is found, not the rewriting
    edit(run / file, column, first_later)
    found = replay(run)
    assert found.identical is False
    assert file in found.differing or "events.parquet" in found.differing


def test_edited_incidents_are_refused_under_another_policy(run: Path) -> None:
    edit(run / "incidents.parquet", "on_scene_time", first_later)
    with pytest.raises(InputError, match="was changed since it was written"):
        replay(run, "closest-idle")


def test_an_edited_summary_is_not_identical(run: Path) -> None:
    text = (run / "summary.json").read_text(encoding="utf-8")
    (run / "summary.json").write_text(text.replace('"seed": 5', '"seed": 6'), encoding="utf-8")
    assert replay(run).differing == ("summary.json",)


def test_another_scenario_is_refused(run: Path, tmp_path: Path) -> None:
    changed = replace(toy_city(), zones=toy_city().zones.assign(weight=1.0))
    save_scenario(changed, tmp_path / "changed")
    with pytest.raises(InputError, match="was made of the scenario with hash"):
        replay(run, scenario=str(tmp_path / "changed"), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_scenario_that_was_moved_can_be_named(run: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(run_scenario(run), tmp_path / "elsewhere")
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    manifest["scenario"]["location"] = str(tmp_path / "gone")
    (run / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(InputError, match="gone"):
        replay(run)
    assert replay(run, scenario=str(moved)).identical is True


@pytest.mark.parametrize("name", ["events.parquet", "incidents.parquet", "summary.json"])
def test_missing_files_are_named(run: Path, name: str) -> None:
    (run / name).unlink()
    with pytest.raises(InputError, match=f"has no {name}"):
        replay(run)


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def _drop_rows(path: Path) -> None:
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)


def _other_columns(path: Path) -> None:
    pq.write_table(pq.read_table(path).drop_columns(["zone"]), path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_truncate, "cannot be read"),
        (_drop_rows, "is damaged"),
        (_other_columns, "has other columns"),
    ],
)
def test_unreadable_incidents_are_refused(run: Path, damage: Any, message: str) -> None:
    damage(run / "incidents.parquet")
    with pytest.raises(InputError, match=message):
        replay(run)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is damaged"),
        ("{}", "is damaged"),
        ("[]", "is damaged"),
        (
            json.dumps(
                {
                    "kind": "run",
                    "schema_version": 2,
                    "scenario": {"hash": "", "location": ""},
                    "policy": {"id": "", "source": ""},
                    "files": {"events.parquet": "", "incidents.parquet": "", "summary.json": ""},
                    "seed": 1,
                    "replications": 1,
                }
            ),
            "no run of this version",
        ),
    ],
)
def test_a_damaged_manifest_is_refused(run: Path, text: str, message: str) -> None:
    (run / "manifest.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        replay(run)


def test_what_is_no_run(tmp_path: Path, run: Path) -> None:
    with pytest.raises(InputError, match="is no run"):
        replay(tmp_path)
    with pytest.raises(InputError, match=r"--out: .* is the run itself"):
        replay(run, out=run)
    with pytest.raises(InputError, match="did you mean"):
        replay(run, "closets")


def test_a_scenario_that_was_not_saved_must_be_named(tmp_path: Path) -> None:
    simulate(replace(toy_city(), hash=""), replications=1, out=tmp_path / "run")
    with pytest.raises(InputError, match="was not saved"):
        replay(tmp_path / "run")


def test_a_policy_file_that_changed_is_told(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    text = (
        "class Mine:\n    def decide(self, state):\n        return int(state.arrival_ms.argmin())\n"
    )
    file.write_text(text)
    run = tmp_path / "run"
    simulate(load_scenario("neubrandenburg"), policy=f"{file}:Mine", replications=1, out=run)
    assert replay(run, None, None, None).identical is True
    file.write_text(text + "# another day\n")
    with pytest.raises(InputError, match="is not the one that the run was made with"):
        replay(run, None, None, None)
    assert replay(run, f"{file}:Mine", None, None).identical is None
