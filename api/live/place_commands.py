"""What may happen to roads and hospitals."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from api.live.commands import RefusedError
from api.live.records import Entry
from api.live.views import moment

if TYPE_CHECKING:
    from api.live.draft import Draft


@dataclass(frozen=True)
class SetClosure:
    """A piece of the roads is closed or slow.

    Parameters
    ----------
    closure : str
        Its name.
    geometry, from_ms, to_ms, factor
        As of `api.live.world.ClosureNow`.
    version : int or None
        As the caller saw it; None: it is new.
    """

    closure: str
    geometry: Any
    from_ms: int | None
    to_ms: int | None
    factor: float | None
    version: int | None

    def decide(self, draft: Draft, now_ms: int) -> Entry:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        if self.to_ms is not None and self.to_ms <= now_ms:
            raise RefusedError(
                f"closure {self.closure} would have ended at {moment(self.to_ms)}",
                status=HTTPStatus.UNPROCESSABLE_ENTITY,
                field="to",
                fix="give an end to come, or null until it is lifted; DELETE lifts one that holds",
            )
        known = draft.closures.get(self.closure)
        seen = None if known is None else known.version
        if seen != self.version:
            raise RefusedError(
                f"closure {self.closure} "
                + ("does not exist" if seen is None else f"has version {seen}"),
                field="version",
                fix="look at it as it is now, and decide again",
            )
        body = asdict(self) | {"version": (seen or 0) + 1}
        return Entry("closure_set", body, f"closure:{self.closure}")


@dataclass(frozen=True)
class LiftClosure:
    """A piece of the roads is open again.

    Parameters
    ----------
    closure : str
        Its name.
    """

    closure: str

    def decide(self, draft: Draft, _: int) -> Entry:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        if self.closure not in draft.closures:
            raise RefusedError(
                f"there is no closure {self.closure!r}",
                status=HTTPStatus.NOT_FOUND,
                fix="see GET /v1/closures",
            )
        return Entry("closure_lifted", {"closure": self.closure}, f"closure:{self.closure}")


@dataclass(frozen=True)
class SetHospital:
    """A hospital takes patients, or does not.

    Parameters
    ----------
    hospital, state
        As of `api.live.world.HospitalNow`.
    version : int or None
        As the caller saw it; None: whatever it is.
    """

    hospital: str
    state: str
    version: int | None

    def decide(self, draft: Draft, _: int) -> Entry:  # numpydoc ignore=PR01,RT01
        """Return what is to be written; see `Command`."""
        known = draft.hospitals.get(self.hospital)
        seen = 0 if known is None else known.version
        if self.version is not None and self.version != seen:
            raise RefusedError(
                f"hospital {self.hospital} has changed: now it is version {seen}, "
                f"{'open' if known is None else known.state}",
                field="version",
                fix="look at it as it is now, and decide again",
            )
        body = {"hospital": self.hospital, "state": self.state, "version": seen + 1}
        return Entry("hospital_set", body, f"hospital:{self.hospital}")
