"""Who may do what: roles, and how a caller proves to have one."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple, Protocol

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from collections.abc import Sequence

    from api.live.limits import Limits


class Role(StrEnum):
    """What a caller is."""

    VIEWER = "viewer"
    DISPATCHER = "dispatcher"
    PLANNER = "planner"
    ADMIN = "admin"
    SERVICE = "service"


class Principal(NamedTuple):
    """A caller.

    Parameters
    ----------
    name : str
        Of a workplace or a program; of a person only a pseudonym.
    role : Role
        What it is.
    """

    name: str
    role: Role


class Authenticator(Protocol):
    """Knows callers by what they show."""

    def principal(self, secret: str) -> Principal | None:
        """Return who shows this.

        Parameters
        ----------
        secret : str
            What stood behind ``Bearer``.

        Returns
        -------
        Principal or None
            None for a stranger.
        """
        ...


class Access:
    """Who is let in.

    Parameters
    ----------
    authenticators : sequence of Authenticator
        Asked in order; one that asks the network says so by `may_wait`.
    """

    def __init__(self, authenticators: Sequence[Authenticator]) -> None:
        self._authenticators = list(authenticators)
        self.may_wait = any(getattr(each, "may_wait", False) for each in authenticators)

    def principal(self, request: Request) -> Principal:
        """Return who asks.

        Parameters
        ----------
        request : Request
            The request.

        Returns
        -------
        Principal
            The caller.

        Raises
        ------
        HTTPException
            401: a stranger.
        """
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        if kind.lower() != "bearer" or not secret:
            raise _stranger("no token; send 'Authorization: Bearer ...', see 'bluelight token'")
        for each in self._authenticators:
            found = each.principal(secret.strip())
            if found is not None:
                return found
        raise _stranger("this token is unknown, has expired or was revoked")


class OpenAccess(Access):
    """Everybody is let in, as admin: for one's own machine alone."""

    def __init__(self) -> None:
        super().__init__(())

    def principal(self, _: Request) -> Principal:  # numpydoc ignore=PR01
        """Return the same for everybody.

        Returns
        -------
        Principal
            The admin of this machine.
        """
        return Principal("local", Role.ADMIN)


_BEARER: Final = HTTPBearer(auto_error=False, description="A token of 'bluelight token', or a JWT.")

_Shown = Annotated[Any, Security(_BEARER)]


class Allowed:
    """A dependency that lets some roles pass.

    Parameters
    ----------
    roles : frozenset of Role
        Those.
    """

    def __init__(self, roles: frozenset[Role]) -> None:
        self.roles = roles

    async def __call__(self, request: Request, _: _Shown) -> Principal:
        """Return who asks, if it may."""
        access: Access = request.app.state.access
        if access.may_wait:
            found = await asyncio.to_thread(access.principal, request)
        else:
            found = access.principal(request)
        if found.role not in self.roles:
            may = ", ".join(role for role in Role if role in self.roles)
            raise HTTPException(403, f"{found.role} may not do this; it takes one of: {may}")
        limits: Limits | None = request.app.state.limits
        if limits is not None:
            await limits.check(found.name)
        return found


def allow(*roles: Role) -> Any:
    """Let some roles pass; every path but the open ones declares them.

    Parameters
    ----------
    *roles : Role
        Those.

    Returns
    -------
    fastapi.params.Depends
        A dependency whose value is the `Principal`.
    """
    return Depends(Allowed(frozenset(roles)))


READS: Final = tuple(Role)
ASKS: Final = (Role.DISPATCHER, Role.PLANNER, Role.ADMIN, Role.SERVICE)
"""Who may ask what to do, of units of its own."""

Reader = Annotated[Principal, allow(*READS)]
REPORTS: Final = (Role.DISPATCHER, Role.ADMIN, Role.SERVICE)
"""Who may say what is the case, and ask what to do about it."""
Reporter = Annotated[Principal, allow(*REPORTS)]
Decider = Annotated[Principal, allow(Role.DISPATCHER, Role.ADMIN)]
"""Who may decide."""
Planner = Annotated[Principal, allow(Role.PLANNER, Role.ADMIN)]
"""Who may ask for plans and simulations, and see what came of them."""
Administrator = Annotated[Principal, allow(Role.ADMIN)]


def _stranger(why: str) -> HTTPException:
    return HTTPException(401, why, {"WWW-Authenticate": 'Bearer realm="bluelight"'})
