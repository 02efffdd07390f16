"""Which of the stations and hospitals on the map a scenario takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from routing.geodesy import segment_lengths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scenarios.citydata import Feature

_SAME_PLACE_M: Final = 200.0


def feature_table(features: Sequence[Feature]) -> pd.DataFrame:
    """Make a table of features.

    Parameters
    ----------
    features : sequence of Feature
        Stations or hospitals. One that is mapped twice, as a node and as its building
        (the same name within 200 m), is taken once, in the first form.

    Returns
    -------
    DataFrame
        Columns ``id, name, lon, lat``. What has no name is called by its OSM id.
    """
    rows = [(f.osm, f.label, f.lon, f.lat) for f in _merged(features)]
    table = pd.DataFrame(rows, columns=["id", "name", "lon", "lat"])
    return table.astype({"id": str, "name": str, "lon": float, "lat": float})


def emergency_hospitals(hospitals: Sequence[Feature], notes: list[str]) -> list[Feature]:
    """Choose the hospitals that ambulances drive to.

    Where any hospital is tagged ``emergency=yes``, those that are; else all that are
    not tagged ``emergency=no``.

    Parameters
    ----------
    hospitals : sequence of Feature
        All hospitals on the map.
    notes : list of str
        Is told what was left out and why.

    Returns
    -------
    list of Feature
        Those taken.
    """
    with_department = [h for h in hospitals if h.emergency == "yes"]
    taken = with_department or [h for h in hospitals if h.emergency != "no"]
    left_out = [h.label for h in hospitals if h not in taken]
    if left_out:
        why = "not tagged emergency=yes, as others are" if with_department else "emergency=no"
        notes.append(f"hospitals left out ({why}): {', '.join(left_out)}")
    if taken and not with_department:
        notes.append("no hospital is tagged emergency=yes: all without emergency=no were taken")
    return taken


def _merged(features: Sequence[Feature]) -> list[Feature]:
    kept: list[Feature] = []
    for new in features:
        if not any(new.name and new.name == old.name and _are_near(new, old) for old in kept):
            kept.append(new)
    return kept


def _are_near(one: Feature, other: Feature) -> bool:
    ends = np.array([[one.lon, one.lat], [other.lon, other.lat]])
    return float(segment_lengths(ends[0], ends[1])) <= _SAME_PLACE_M
