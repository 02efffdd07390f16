"""The one exception for input that a person can mend."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable


class InputError(ValueError):
    """Input that cannot be used, said so that a person can mend it.

    The command line prints it as one line and exits with 2; the service answers
    problem+json with a 4xx status.

    Parameters
    ----------
    message : str
        What is wrong, with the value that was given.
    field : str, optional
        The option, column or JSON field at fault.
    fix : str, optional
        What to do about it.
    """

    def __init__(self, message: str, *, field: str = "", fix: str = "") -> None:
        self.message = message
        self.field = field
        self.fix = fix
        super().__init__(str(self))

    def __str__(self) -> str:
        """Return the error as one line."""
        head = f"{self.field}: {self.message}" if self.field else self.message
        line = f"{head}; {self.fix}" if self.fix else head
        return " ".join(line.split())


_MOST_NAMES: Final = 20


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Suggest the nearest known name.

    Parameters
    ----------
    name : str
        What was asked for.
    known : iterable of str
        What there is.

    Returns
    -------
    str
        A phrase such as ``did you mean 'closest-v1'? known: ...``.
    """
    names = sorted(known)
    near = get_close_matches(name, names, n=1, cutoff=0.5)
    guess = f"did you mean {near[0]!r}? " if near else ""
    told = ", ".join(names[:_MOST_NAMES]) or "none"
    rest = len(names) - _MOST_NAMES
    return f"{guess}known: {told}" + (f" and {rest} more" if rest > 0 else "")
