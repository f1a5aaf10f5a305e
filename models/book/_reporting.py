"""The groups that results are reported by, and the quanta they are added in."""

import numpy as np
import polars as pl

from rackrisk.kernels.tally import LOSS_BITS, VIEW_BITS, Scale, power_of_two_quantum
from rackrisk.models.results import PORTFOLIO_SCOPE

from ._rows import Rows

UNNAMED = "(none)"  # group of the rows whose column is empty


def reporting(rows: Rows, segments: tuple[str, ...], balance_usd: np.ndarray) -> tuple[list[str], Scale]:
    """Scopes, the portfolio first, and which facility and obligor (by its largest facility) belongs to which.

    Scopes of the first segmentation are the bare names, of the others `column:name`.

    Args:
        balance_usd: [T+1, N] scheduled debt of every obligor.
    """
    balance = rows.number("balance_usd")
    main_facility = np.lexsort((-balance, rows.owner))[rows.first]
    scopes, members = [PORTFOLIO_SCOPE], [np.ones(balance.shape, dtype=bool)]
    for place, column in enumerate(segments):
        labels = rows.tape[column].cast(pl.String).fill_null(UNNAMED)
        for name in sorted(set(labels)):
            scopes.append(f"{column}:{name}" if place else name)
            members.append((labels == name).to_numpy())
    facility_in_group = np.stack(members).astype(np.float64)
    total = float(balance.sum())
    return scopes, Scale(
        loss_quantum_usd=np.array(power_of_two_quantum(total, LOSS_BITS)),
        view_quantum_usd=np.array(power_of_two_quantum(total, VIEW_BITS)),
        first_balance_usd=balance,
        most_paid_usd_months=balance_usd[:-1].sum(axis=0)[rows.owner],
        facility_in_group=facility_in_group,
        obligor_in_group=facility_in_group[:, main_facility],
    )
