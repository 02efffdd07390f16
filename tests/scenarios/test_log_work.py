"""Durations and transports of a log: found again, bad rows named, told on a page."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from routing.errors import InputError
from scenarios.demand import draw_incidents
from scenarios.fit_report import SHOWN, verdict
from scenarios.importers import INCIDENT_LOG, incident_log
from scenarios.package import lonlat
from scenarios.packaging import FIT_PAGE, load_scenario, reseal, save_scenario
from tests.command_line import refused, run
from tests.scenarios.test_report import images, text_of
from tests.toy_city import toy_city

if TYPE_CHECKING:
    from pathlib import Path

    from scenarios.importers.base import Imported

COLUMNS = """\
time = "when"
x = "lon"
y = "lat"
on_scene = "arrived"
left = "left"
at_hospital = "hospital"
free = "free"
"""
TYPED = f'{COLUMNS}type = "kind"\npriority = "code"\n[priorities]\nA = "emergency"\nB = "urgent"\n'
ON_SCENE = {"fall": 900.0, "stroke": 600.0, "crash": 1800.0}
TAKEN = {"fall": 0.5, "stroke": 0.95, "crash": 0.3}
CODE = {"fall": "B", "stroke": "A", "crash": "A"}
N = 3000


def frame(n: int = N) -> pd.DataFrame:
    """Draw a log whose durations and transports are known; times as text, UTC."""
    random = np.random.default_rng(1)
    kind = random.choice(list(ON_SCENE), n)
    when = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(
        np.sort(random.uniform(0, 60 * 86_400, n)), unit="s"
    )
    arrived = when + pd.to_timedelta(random.uniform(120, 900, n), unit="s")
    factor = np.exp(random.normal(-0.125, 0.5, n))
    scene = pd.Series(kind).map(ON_SCENE).to_numpy() * factor
    left = arrived + pd.to_timedelta(scene, unit="s")
    hospital = left + pd.to_timedelta(random.uniform(120, 900, n), unit="s")
    free = hospital + pd.to_timedelta(random.exponential(1200, n), unit="s")
    taken = random.random(n) < pd.Series(kind).map(TAKEN).to_numpy()

    def text(times: pd.DatetimeIndex) -> pd.Series[str]:
        return pd.Series(times.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))

    zone = random.integers(0, len(toy_city().zones), n)
    place = lonlat(toy_city().zones)[zone]
    return pd.DataFrame(
        {
            "when": text(when),
            "lon": place[:, 0],
            "lat": place[:, 1],
            "kind": kind,
            "code": pd.Series(kind).map(CODE),
            "arrived": text(arrived),
            # who takes nobody is free when it leaves
            "left": text(left).where(taken),
            "hospital": text(hospital).where(taken),
            "free": text(free).where(taken, text(left)),
            "caller": "somebody",
        }
    )


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Return a log, not to be changed."""
    return frame()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a city."""
    save_scenario(toy_city(), tmp_path / "city")
    return tmp_path


@pytest.fixture(autouse=True)
def _few_pages(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw pictures only for the tests of the page: they take a second."""
    if "page" not in request.node.name:
        monkeypatch.setattr(incident_log, "render_fit_report", lambda _: "")


def options(folder: Path) -> dict[str, str]:
    """Return the options of the importer."""
    return {"columns": str(folder / "columns.toml"), "scenario": str(folder / "city")}


def write(folder: Path, table: pd.DataFrame, columns: str = TYPED) -> None:
    """Write a log and what its columns mean."""
    table.to_csv(folder / "log.csv", index=False)
    (folder / "columns.toml").write_text(columns, encoding="utf-8")


def read(folder: Path, table: pd.DataFrame, columns: str = TYPED) -> Imported:
    """Import a log."""
    write(folder, table, columns)
    return INCIDENT_LOG.read(folder / "log.csv", options(folder))


def kinds(imported: Imported) -> dict[str, Any]:
    """Return the types of the scenario by name."""
    return {kind.name: kind for kind in imported.scenario.settings.incident_types}


def test_known_durations_and_transports_are_found(folder: Path, table: pd.DataFrame) -> None:
    imported = read(folder, table)
    found = kinds(imported)
    assert set(found) == set(ON_SCENE)
    for name, kind in found.items():
        assert kind.priority == {"A": "emergency", "B": "urgent"}[CODE[name]]
        assert kind.on_scene.distribution == "lognormal"
        assert kind.on_scene.mean_s == pytest.approx(ON_SCENE[name], rel=0.07)
        assert kind.on_scene.cv == pytest.approx(np.sqrt(np.expm1(0.25)), rel=0.1)
        assert kind.handover.distribution == "exponential"
        assert kind.handover.mean_s == pytest.approx(1200, rel=0.1)
        assert kind.transported == pytest.approx(TAKEN[name], abs=0.06)
    work = imported.report["work"]
    assert work["rows_left_out"] == 0
    assert work["on_scene"]["all"]["cases"] == N
    assert all(each["p"] > 0.001 for each in work["on_scene"]["types"].values())
    assert work["transported"]["p"] < 1e-6
    json.dumps(work, allow_nan=False)
    assert "somebody" not in str(imported)


def test_what_is_drawn_is_as_the_log(folder: Path, table: pd.DataFrame) -> None:
    city = read(folder, table).scenario
    drawn = draw_incidents(city, 1, 0)
    names = [kind.name for kind in city.settings.types]
    for number, name in enumerate(names):
        mine = drawn.type == number
        observed = table[table["kind"] == name]
        assert mine.mean() == pytest.approx(len(observed) / N, abs=0.05)
        assert drawn.on_scene_ms[mine].mean() / 1000 == pytest.approx(ON_SCENE[name], rel=0.15)
        assert drawn.transported[mine].mean() == pytest.approx(TAKEN[name], abs=0.12)


def test_without_the_columns_all_is_as_before(folder: Path, table: pd.DataFrame) -> None:
    imported = read(folder, table, 'time = "when"\nx = "lon"\ny = "lat"\n')
    before, after = toy_city().settings, imported.scenario.settings
    assert (after.process, after.priorities) == (before.process, before.priorities)
    assert after.incident_types == before.incident_types
    assert imported.report["work"] is None


def test_types_alone_are_types(folder: Path, table: pd.DataFrame) -> None:
    alone = TYPED.replace(COLUMNS, 'time = "when"\nx = "lon"\ny = "lat"\n')
    imported = read(folder, table, alone)
    found = kinds(imported)
    assert set(found) == set(ON_SCENE)
    share = (table["kind"] == "stroke").sum() / (table["code"] == "A").sum()
    assert found["stroke"].weight == pytest.approx(share, abs=1e-6)
    assert (found["stroke"].on_scene, found["stroke"].transported) == (None, None)
    assert imported.report["work"] is None


def test_without_types_durations_are_of_all(folder: Path, table: pd.DataFrame) -> None:
    imported = read(folder, table, COLUMNS)
    settings = imported.scenario.settings
    assert settings.incident_types == []
    mean = imported.report["work"]["on_scene"]["all"]["observed_mean_s"]
    assert settings.process.on_scene.mean_s == pytest.approx(mean, rel=0.05)
    share = table["hospital"].notna().mean()
    for priority in settings.priorities:
        assert priority.transported == pytest.approx(share, abs=1e-6)


def test_priorities_stand_in_for_types(folder: Path, table: pd.DataFrame) -> None:
    imported = read(folder, table, TYPED.replace('type = "kind"\n', ""))
    assert set(kinds(imported)) == {"emergency", "urgent"}
    assert kinds(imported)["urgent"].on_scene.mean_s == pytest.approx(ON_SCENE["fall"], rel=0.07)


def test_a_type_of_several_priorities_becomes_one_for_each(
    folder: Path, table: pd.DataFrame
) -> None:
    both = table.assign(code=np.where(np.arange(N) % 2 == 0, "A", "B"))
    found = kinds(read(folder, both))
    assert set(found) == {f"{name} ({p})" for name in ON_SCENE for p in ("emergency", "urgent")}
    assert found["fall (urgent)"].on_scene == found["fall (emergency)"].on_scene


def test_types_of_the_scenario_keep_what_the_log_does_not_tell(
    folder: Path, table: pd.DataFrame
) -> None:
    path = folder / "city" / "scenario.toml"
    text = path.read_text(encoding="utf-8").replace("incident_types = []\n", "")
    own = (
        '\n[[incident_types]]\nname = "fall"\npriority = "urgent"\nweight = 3\n'
        'hospital_needs = ["trauma"]\n'
        '[[incident_types]]\nname = "flood"\npriority = "urgent"\n'
    )
    path.write_text(text + own, encoding="utf-8")
    reseal(folder / "city")
    without = TYPED.replace('priority = "code"\n', "").split("[priorities]")[0]
    with pytest.raises(InputError, match="'crash' is no type of the scenario"):
        read(folder, table, without)
    found = kinds(read(folder, table))
    assert found["fall"].hospital_needs == ["trauma"]
    assert found["fall"].weight == 1
    assert found["flood"].weight == 0
    assert found["fall"].on_scene.mean_s == pytest.approx(ON_SCENE["fall"], rel=0.07)
    only = table[table["kind"] == "fall"]
    shares = [p.share for p in read(folder, only, without).scenario.settings.priorities]
    assert shares == [0, 1]


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("left", "2023-12-31T00:00:00.0Z", "'left' is before the one that it must follow, row 8"),
        ("arrived", "2023-01-01T00:00:00.0Z", "'on_scene' is before .* row 8"),
        ("free", "2024-12-31T00:00:00.0Z", "'free' is over 24 h after .* row 8"),
    ],
)
def test_nonsense_is_named_and_left_out(
    folder: Path, table: pd.DataFrame, field: str, value: str, told: str
) -> None:
    bad = table.copy()
    bad.loc[7, field] = value
    imported = read(folder, bad)
    assert any(re.search(told, note) for note in imported.notes)
    assert imported.report["work"]["rows_left_out"] == 1
    gone = table.copy()
    gone.loc[7, ["arrived", "left", "hospital", "free"]] = None
    good = read(folder, gone)
    # the incident itself still counts
    assert imported.report["incidents"] == N
    for part in ("on_scene", "handover", "transported"):
        assert imported.report["work"][part] == good.report["work"][part]


def test_many_bad_rows_are_counted_and_the_first_named(folder: Path, table: pd.DataFrame) -> None:
    bad = table.copy()
    bad.loc[10:19, "left"] = "2023-01-01T00:00:00.0Z"
    notes = " ".join(read(folder, bad).notes)
    assert "10 rows of log.csv in which 'left'" in notes
    assert "rows 11, 12, 13, 14, 15 and 5 more" in notes


def test_a_time_of_nothing_is_no_duration(folder: Path, table: pd.DataFrame) -> None:
    bad = table.copy()
    row = int(bad["hospital"].notna().to_numpy().argmax())
    bad.loc[row, "left"] = str(bad["arrived"].iloc[row])
    imported = read(folder, bad)
    assert any(f"time on scene is 0 s, row {row + 1}" in note for note in imported.notes)
    work = imported.report["work"]
    assert work["on_scene"]["all"]["cases"] == N - 1
    assert sum(each["cases"] for each in work["transported"]["types"].values()) == N


def test_local_times_are_as_those_in_utc(folder: Path, table: pd.DataFrame) -> None:
    local = table.copy()
    for column in ("when", "arrived", "left", "hospital", "free"):
        times = pd.to_datetime(table[column], utc=True).dt.tz_convert("Europe/Berlin")
        local[column] = times.dt.strftime("%Y-%m-%d %H:%M:%S.%f")
    named = read(folder, local, f'timezone = "Europe/Berlin"\n{TYPED}')
    assert named.report == read(folder, table).report


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('left = "left"', 'left = "gone"', "no column 'gone'"),
        ('left = "left"', 'left = "kind"', "row 1 of log.csv: '\\w+' is no time"),
        ('type = "kind"', 'type = "when"', "3,000 types of incidents, a scenario at most 64"),
        ("[priorities]", '[types]\nfall = "x"\n[priorities]', "'\\w+' is not named"),
        ("[priorities]", '[types]\nfall = ""\n[priorities]', "types.fall"),
    ],
)
def test_what_is_wrong_is_told(
    folder: Path, table: pd.DataFrame, old: str, new: str, told: str
) -> None:
    assert old in TYPED
    with pytest.raises(InputError, match=told):
        read(folder, table, TYPED.replace(old, new))


def test_a_blank_type_must_be_named(folder: Path, table: pd.DataFrame) -> None:
    blank = table.copy()
    blank.loc[4, "kind"] = None
    with pytest.raises(InputError, match=r"row 5 of log\.csv: '' is not named"):
        read(folder, blank)
    named = f'{TYPED}[types]\nfall = "fall"\nstroke = "stroke"\ncrash = "crash"\n"" = "other"\n'
    assert "other" in {name.split(" (")[0] for name in kinds(read(folder, blank, named))}


def test_names_that_clash_are_refused(folder: Path, table: pd.DataFrame) -> None:
    only = table[table["code"] == "A"].assign(kind="urgent")
    write(folder, only)
    given = [part for name, value in options(folder).items() for part in (f"--{name}", value)]
    out = folder / "out"
    said = refused("build", folder / "log.csv", "--format", "log", *given, "--out", out)
    assert "names repeat" in said
    assert not out.exists()


def test_the_page_shows_the_fit_without_a_network(folder: Path, table: pd.DataFrame) -> None:
    few = table.copy()
    few.loc[:2, "kind"] = "a <rare> $type$"
    write(folder, few)
    given = [part for name, value in options(folder).items() for part in (f"--{name}", value)]
    out = folder / "out"
    ran = run("build", folder / "log.csv", "--format", "log", *given, "--out", out, "--json").json
    assert ran["page"] == str(out / FIT_PAGE)
    page = (out / FIT_PAGE).read_text(encoding="utf-8")
    assert re.findall(r"(?:src|href)=[\"']?(?!data:)[^\"'\s>]|url\(", page) == []
    assert "<script" not in page
    assert [picture[:4] for picture in images(page)] == [b"<?xm", b"\x89PNG", b"<?xm", b"<?xm"]
    text = text_of(page)
    for heading in ("Hours of the week", "Zones", "Time on scene by type", "Transports by type"):
        assert heading in text
    assert "a <rare> $type$" in text
    assert f"a <rare> $type$ under {SHOWN} –" in text
    # a scenario with its page is one, may be built anew, and has the hash without
    assert load_scenario(out).hash == ran["hash"]
    assert FIT_PAGE not in (out / "datapackage.json").read_text(encoding="utf-8")
    run("build", folder / "log.csv", "--format", "log", *given, "--out", out)
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    said = refused("build", folder / "log.csv", "--format", "log", *given, "--out", out)
    assert "notes.txt" in said


def test_the_page_says_what_is_refuted(folder: Path, table: pd.DataFrame) -> None:
    said = text_of(read(folder, table).page)
    assert "Do days differ no more than by chance?" in said
    assert "0 of 3 types refuted" in said
    bent = table.copy()
    # twice as many on every other day
    when = pd.to_datetime(bent["when"])
    bent = bent[(when.dt.day_of_year % 2 == 0) | (np.arange(N) % 4 == 0)]
    text = text_of(read(folder, bent).page)
    assert "refuted there are seasons, events or weather" in text


def test_few_cases_are_told_in_no_figure(folder: Path, table: pd.DataFrame) -> None:
    few = table.copy()
    few.loc[:2, "kind"] = "rare"
    told = read(folder, few).report["work"]["on_scene"]["types"]["rare"]
    assert [told[key] for key in ("cases", "observed_mean_s", "distance")] == [None] * 3
    assert told["own_share"] < 1


@pytest.mark.parametrize(
    ("p", "said"),
    [(np.nan, "too few"), (1e-9, "refuted"), (0.02, "doubtful"), (0.4, "not refuted")],
)
def test_verdicts(p: float, said: str) -> None:
    assert verdict(p).startswith(said)


def test_a_short_log_is_fitted_too(folder: Path, table: pd.DataFrame) -> None:
    imported = read(folder, table.iloc[:3])
    assert any("time on scene: under 5 cases;" in note for note in imported.notes)
    assert not any(" min" in note for note in imported.notes)
    save_scenario(imported.scenario, folder / "short")
    text = (folder / "short" / "scenario.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text)["incident_types"]
