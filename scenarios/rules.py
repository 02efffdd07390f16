"""The default rules of a new scenario, with what is assumed said beside each number."""

from __future__ import annotations

from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Final

from scenarios.settings import Standard
from scenarios.toml import toml_tables, toml_value

if TYPE_CHECKING:
    from collections.abc import Sequence

PERSONS_PER_POINT: Final = 5.0
"""Inhabitants for each address or building on the map; an assumption."""

INCIDENTS_PER_1000_AND_YEAR: Final = 87.0
"""Emergency responses by 1,000 inhabitants and year: Germany 2016/17 had 169 responses,
82 of them patient transports (BASt, Leistungen des Rettungsdienstes 2016/17)."""

DEFAULT_STANDARD: Final = Standard(
    name="10 minutes",
    start="call",
    limit_s=600,
    share=0.9,
    priorities=["emergency"],
    source="assumption: put the standard that binds your service here",
)


def estimate_incidents(total: float, what: str) -> tuple[float, str]:
    """Estimate how many incidents there are.

    Parameters
    ----------
    total : float
        Sum of the weights of all demand zones.
    what : str
        What was counted: ``inhabitants``, ``addresses`` or ``buildings``.

    Returns
    -------
    per_day : float
        Incidents a day, to three digits.
    comment : str
        How the number came about.
    """
    rate = INCIDENTS_PER_1000_AND_YEAR
    if what == "inhabitants":
        inhabitants, people = total, f"{total:,.0f} inhabitants (the population table given)"
    else:
        inhabitants = total * PERSONS_PER_POINT
        people = (
            f"{total:,.0f} {what} x {PERSONS_PER_POINT:g} persons (assumption) "
            f"= {inhabitants:,.0f} inhabitants"
        )
    per_day = float(f"{inhabitants * rate / 1000 / 365:.3g}")
    return per_day, (
        f"Estimate: {people}\n"
        f"x {rate:g} emergency responses by 1,000 inhabitants and year / 365 days. The rate is\n"
        "Germany's of 2016/17 (169 responses less 82 patient transports, BASt, Leistungen\n"
        "des Rettungsdienstes 2016/17); that it holds here is an assumption."
    )


def default_rules(
    name: str,
    timezone: str,
    incidents_per_day: float,
    comment: str,
    standards: Sequence[Standard] = (),
) -> str:
    """Write the rules of a new scenario.

    Parameters
    ----------
    name : str
        The city.
    timezone : str
        IANA name.
    incidents_per_day : float
        Mean number of incidents.
    comment : str
        How that number came about.
    standards : sequence of Standard
        Response standards; `DEFAULT_STANDARD` if there is none.

    Returns
    -------
    str
        The text of ``scenario.toml``.
    """
    template = Template((Path(__file__).parent / "template.toml").read_text(encoding="utf-8"))
    rows = [standard.model_dump(mode="json") for standard in standards or (DEFAULT_STANDARD,)]
    return template.substitute(
        name=toml_value(name),
        timezone=toml_value(timezone),
        demand_comment="\n".join(f"# {line}" for line in comment.splitlines()),
        incidents_per_day=toml_value(incidents_per_day),
        standards=toml_tables("standards", rows),
    )
