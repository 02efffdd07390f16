"""What the leaderboard of policies must show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from benchmarks.bars import Bar

if TYPE_CHECKING:
    from collections.abc import Callable

_OURS: Final = "foresight"


def _over_scenarios(
    figure: Callable[[dict[str, Any]], float | None], gather: Callable[[list[float]], float]
) -> Callable[[dict[str, Any]], float | None]:
    def _of(document: dict[str, Any]) -> float | None:
        found = [figure(case) for case in document["scenarios"] if _OURS in case["policies"]]
        known = [each for each in found if each is not None]
        return gather(known) if known else None

    return _of


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def _beats_all(case: dict[str, Any]) -> float | None:
    """Return 1 where ours is late less often than each other one, all intervals off zero."""
    others = [each["ours_minus"] for name, each in case["policies"].items() if name != _OURS]
    if not others:
        return None
    highs = [each["late"]["high"] for each in others]
    return float(all(high is not None and high < 0 for high in highs))


def _best_mean(case: dict[str, Any]) -> float | None:
    """Return 1 where ours has the least late share, by chance or not."""
    late = {name: each["late"]["value"] for name, each in case["policies"].items()}
    return float(late[_OURS] == min(late.values()))


def _longer(case: dict[str, Any]) -> float | None:
    means = {name: case["policies"][name]["mean_s"]["value"] for name in ("closest", _OURS)}
    return float(means[_OURS] / means["closest"])


def _moves(case: dict[str, Any]) -> float | None:
    """Return moves beside those of the published rule that is late least often."""
    rules = {name: each for name, each in case["policies"].items() if "+" in name}
    if not rules:
        return None
    best = min(rules.values(), key=lambda each: each["late"]["value"])
    theirs = best["moves"]["value"]
    ours = case["policies"][_OURS]["moves"]["value"]
    return float(ours / theirs) if theirs else None


def _slowest(case: dict[str, Any]) -> float | None:
    return float(case["policies"][_OURS]["decision_ms"]["p99"])


BARS: Final = (
    Bar(
        "share of scenarios in which foresight is late less often than every other policy, "
        "all paired intervals off zero",
        {"*": 0.75},
        _over_scenarios(_beats_all, _mean),
    ),
    Bar(
        "share of scenarios in which foresight is late least often",
        {"*": 0.75},
        _over_scenarios(_best_mean, _mean),
    ),
    Bar(
        "mean response of foresight over that of closest, worst scenario",
        {"*": 1.05},
        _over_scenarios(_longer, max),
        at_most=True,
    ),
    Bar(
        "moves of foresight over those of the published rule that is late least often, "
        "worst scenario",
        {"*": 1.0},
        _over_scenarios(_moves, max),
        at_most=True,
    ),
    Bar(
        "slowest hundredth of foresight's answers, ms, worst scenario",
        {"*": 10.0},
        _over_scenarios(_slowest, max),
        at_most=True,
    ),
)
