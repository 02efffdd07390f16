"""Pages that people read: one file, with pictures in it, that opens without a network."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import jinja2

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TEMPLATE: Final = "report.html.jinja"


@dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Parameters
    ----------
    text : str
        The figure.
    note : str
        Its interval, in small print.
    tone : str
        ``better``, ``worse`` or empty.
    """

    text: str
    note: str = ""
    tone: str = ""


def render_page(
    title: str,
    subtitle: str,
    cards: Sequence[Mapping[str, str]],
    sections: Sequence[Mapping[str, Any]],
    notes: Sequence[str],
) -> str:
    """Write a page.

    Parameters
    ----------
    title, subtitle : str
        Its head.
    cards : sequence of mapping
        Figures at the top: ``label``, ``value`` and ``note``.
    sections : sequence of mapping
        Each with a ``heading`` and maybe ``text``, an ``image`` as a data URI with its
        ``alt``, and a ``table`` of a ``head`` and ``rows`` of cells.
    notes : sequence of str
        Its foot.

    Returns
    -------
    str
        HTML that asks nothing of any network; all text is text, not markup.
    """
    source = resources.files("scenarios").joinpath("templates", _TEMPLATE)
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.ChainableUndefined, keep_trailing_newline=True
    )
    return environment.from_string(source.read_text(encoding="utf-8")).render(
        title=title, subtitle=subtitle, cards=cards, sections=sections, notes=notes
    )
