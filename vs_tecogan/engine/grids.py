"""The grids on which each dialect enlarges; the same choices as in :mod:`vs_tecogan.networks`."""

from ..networks import Dialect
from ..ops.resample import Grid

FLOW_GRIDS = {
    Dialect.TF: Grid.BILINEAR_LEGACY,
    Dialect.BD: Grid.BICUBIC_LEGACY,
    Dialect.BI: Grid.BILINEAR_CENTRED,
    Dialect.EGVSR: Grid.BICUBIC_LEGACY,
}
"""Of the flow, to the output's size."""

SKIP_GRIDS = {
    Dialect.TF: Grid.BICUBIC_LEGACY,
    Dialect.BD: Grid.BICUBIC_LEGACY,
    Dialect.BI: Grid.BILINEAR_CENTRED,
}
"""Of the frame that is added to the residual; EGVSR adds none."""

FNET_GRIDS = {dialect: Grid.BILINEAR_LEGACY if dialect is Dialect.TF else Grid.BILINEAR_CENTRED for dialect in Dialect}
"""Of features within FNet, by two."""
