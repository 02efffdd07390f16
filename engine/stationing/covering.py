from dataclasses import dataclass
import numpy as np
from engine.stationing.mip import minimise


@dataclass(frozen=True)
class UnitChoice:
    units: object
    value: float
    bound: float


def choose_units(rows, gains, k, *, capacity, lower=None, effort, seed=0, stopped=lambda: False):
    from engine.stationing.program import ProgramBuilder

    b = ProgramBuilder()
    m = rows.n_sites
    z = b.variables(
        m,
        lower=0.0 if lower is None else lower.astype(float),
        upper=capacity.astype(float),
        whole=True,
    )
    b.row((z, 1.0), at_least=k, at_most=k)
    g = np.arange(len(rows.weight))
    of = np.repeat(g, np.diff(rows.ptr))
    t = [(of, z[rows.sites], -1.0)]
    for x in gains:
        t.append((g, b.variables(len(g), upper=1.0, cost=-x * rows.weight), 1.0))
    b.rows(len(g), *t, at_most=0.0)
    a = minimise(b.build(), seconds=effort.seconds, tolerance=0.0)
    u = np.rint(a.values[z]).astype(int)
    return UnitChoice(u, rows.value(u, gains), -a.bound)
