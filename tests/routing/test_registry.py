"""Plug-ins by name, and errors as one line."""

from __future__ import annotations

import pytest

from routing.errors import InputError
from routing.registry import Registry


@pytest.fixture
def policies() -> Registry[int]:
    registry = Registry[int]("policy")
    for version in (1, 2, 10):
        registry.register(f"closest-v{version}", version)
    registry.register("closest-idle-v1", 100)
    return registry


def test_names_without_version_mean_the_newest(policies: Registry[int]) -> None:
    assert policies["closest"] == 10
    assert policies["closest-v2"] == 2
    assert policies.resolve("closest-idle") == "closest-idle-v1"
    assert list(policies) == ["closest-v1", "closest-v2", "closest-v10", "closest-idle-v1"]


@pytest.mark.parametrize("name", ["closests", "closest-v3", "-v1", ""])
def test_unknown_names(policies: Registry[int], name: str) -> None:
    with pytest.raises(InputError, match=f"policy: unknown policy '{name}'; .*known: closest-"):
        policies[name]


def test_near_miss_is_named(policies: Registry[int]) -> None:
    with pytest.raises(InputError, match="did you mean 'closest-idle-v1'"):
        policies["closest-idel"]


@pytest.mark.parametrize("name", ["closest", "Closest-v1", "closest-v0", "closest v1", "x--y-v1"])
def test_malformed_ids(policies: Registry[int], name: str) -> None:
    with pytest.raises(ValueError, match="not of the form"):
        policies.register(name, 1)


def test_taken_ids(policies: Registry[int]) -> None:
    with pytest.raises(ValueError, match="'closest-v1' is taken"):
        policies.register("closest-v1", 1)


def test_an_error_is_one_line() -> None:
    error = InputError("a\nlong   story", field="--bbox", fix="shorten\tit")
    assert str(error) == "--bbox: a long story; shorten it"
    assert str(InputError("alone")) == "alone"
