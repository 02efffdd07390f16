"""Lines as text, in Google's Encoded Polyline Algorithm Format."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FIRST: Final = 63
"""The character that stands for zero."""

_BITS: Final = 5
_MORE: Final = 1 << _BITS
"""Set in each character of a number but the last."""

_LONGEST: Final = 7
"""Characters of a number: 35 bits, more than 180 degrees with six digits take."""


def encode(line: Iterable[Sequence[float]], digits: int = 5) -> str:
    """Write a line as text.

    Parameters
    ----------
    line : iterable of pairs of float
        Lon, lat in degrees.
    digits : int
        Digits after the point that are kept.

    Returns
    -------
    str
        For each vertex lat, then lon, each as its difference from the vertex before.
    """
    text: list[str] = []
    before = (0, 0)
    for lon, lat in line:
        here = (round(lat * 10**digits), round(lon * 10**digits))
        for new, old in zip(here, before, strict=True):
            step = new - old
            number = ~(step << 1) if step < 0 else step << 1
            while number >= _MORE:
                text.append(chr(_FIRST + (number % _MORE | _MORE)))
                number >>= _BITS
            text.append(chr(_FIRST + number))
        before = here
    return "".join(text)


def decode(text: str, digits: int = 5) -> list[list[float]]:
    """Read a line.

    Parameters
    ----------
    text : str
        What `encode` writes.
    digits : int
        Digits after the point that were kept.

    Returns
    -------
    list of pairs of float
        Lon, lat in degrees.

    Raises
    ------
    ValueError
        It is no such text.
    """
    numbers: list[int] = []
    number, length = 0, 0
    for place, character in enumerate(text):
        part = ord(character) - _FIRST
        if not 0 <= part < 2 * _MORE or length == _LONGEST:
            raise ValueError(f"no number ends at character {place + 1}")
        number |= (part % _MORE) << (_BITS * length)
        length += 1
        if part < _MORE:
            numbers.append(~(number >> 1) if number & 1 else number >> 1)
            number, length = 0, 0
    if length or len(numbers) % 2:
        raise ValueError("it ends within a vertex")
    lat, lon, line = 0, 0, []
    for north, east in zip(numbers[::2], numbers[1::2], strict=True):
        lat, lon = lat + north, lon + east
        line.append([lon / 10**digits, lat / 10**digits])
    return line
