"""Dispatch policies by name: registered ones, and classes in files."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.dispatch import Policy, bound, check_policy
from engine.policies import POLICIES, RELOCATIONS
from engine.relocation import Combined, check_relocation
from routing.errors import InputError

if TYPE_CHECKING:
    from types import ModuleType

    from engine.terrain import Terrain


@dataclass(frozen=True)
class NamedPolicy:
    """A policy and what it is called.

    Parameters
    ----------
    id : str
        A registered id, or ``file.py:Class`` without the folder.
    policy : Policy
        The policy.
    source : str
        What to load it by; empty for an object that was made in Python.
    sha256 : str
        Hash of its file; empty where it has none.
    terrain : Terrain, optional
        The city that it was told; see `at`.
    """

    id: str
    policy: Policy
    source: str = ""
    sha256: str = ""
    terrain: Terrain | None = None

    @property
    def moves(self) -> bool:
        """Whether it sends free units to other stations."""
        return hasattr(self.policy, "moves")

    @property
    def asks(self) -> bool:
        """Whether it wants to know the city."""
        return hasattr(self.policy, "at")

    def at(self, terrain: Terrain) -> NamedPolicy:
        """Tell the policy the city.

        Parameters
        ----------
        terrain : Terrain
            The city.

        Returns
        -------
        NamedPolicy
            One that knows it.
        """
        return replace(self, policy=bound(self.policy, terrain), terrain=terrain)

    @property
    def parameters(self) -> dict[str, Any]:
        """What the policy says of its own setting, for the record."""
        return dict(getattr(self.policy, "parameters", {}))


def load_policy(name: str) -> NamedPolicy:
    """Find a policy.

    Parameters
    ----------
    name : str
        A registered id, with its version or without, or ``path/file.py:Class``: a
        class with ``decide(state)`` that is made without arguments; after a ``+`` the
        id of a relocation rule: ``closest+dmexclp-move``.

    Returns
    -------
    NamedPolicy
        The policy, which has passed `engine.dispatch.check_policy`, and, if it moves
        units, `engine.relocation.check_relocation`.

    Raises
    ------
    InputError
        There is no such policy, or it breaks its promises.
    """
    dispatch, plus, moves = name.rpartition("+")
    if plus:
        first, rule = load_policy(dispatch), RELOCATIONS.resolve(moves)
        both = Combined(first.policy, RELOCATIONS[rule])
        where = f"{first.source}+{rule}"
        return NamedPolicy(f"{first.id}+{rule}", both, source=where, sha256=first.sha256)
    path, separator, attribute = name.rpartition(":")
    if not separator or not path.endswith(".py"):
        identifier = POLICIES.resolve(name)
        return NamedPolicy(identifier, POLICIES[identifier], source=identifier)
    file = Path(path)
    try:
        source = file.read_bytes()
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}", field="policy", fix="give FILE.py:CLASS"
        ) from error
    digest = hashlib.sha256(source).hexdigest()
    kind = getattr(_module(file, digest), attribute, None)
    if not isinstance(kind, type):
        raise InputError(
            f"{path} has no class {attribute!r}", field="policy", fix="give FILE.py:CLASS"
        )
    try:
        policy = kind()
    except Exception as error:
        raise InputError(
            f"{attribute}() fails with {type(error).__name__}: {error}",
            field="policy",
            fix="let the class be made without arguments",
        ) from error
    identifier = f"{file.name}:{attribute}"
    check_policy(policy, name=identifier)
    if hasattr(policy, "moves"):
        check_relocation(policy, name=identifier)
    return NamedPolicy(identifier, policy, source=f"{file.resolve()}:{attribute}", sha256=digest)


def _module(file: Path, digest: str) -> ModuleType:
    name = f"bluelight_policy_{digest[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise InputError(f"{file} is no Python file", field="policy")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise InputError(
            f"{file} fails with {type(error).__name__}: {error}", field="policy"
        ) from error
    return module
