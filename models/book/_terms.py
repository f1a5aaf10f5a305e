"""Covenants, support and starting accounts of every obligor."""

import numpy as np

from rackrisk.kernels import arrays

from ._cash import counterparty_index
from ._rows import Rows

NO_LIMIT = 1e30  # an LTV nobody reaches; infinity times no collateral would be undefined
THE_MARKETS = -1.0  # refinancing terms that the tape leaves to the market


def terms(rows: Rows, counterparties: list[str]) -> arrays.Terms:
    """What the rows of an obligor agree on, and accounts that add up."""
    tape = rows.tape
    guarantor = counterparty_index(tape["guarantor"], counterparties)
    limit = rows.agreed("guarantee_limit_usd", np.nan)
    limit = np.where(np.isnan(limit), rows.total(rows.number("balance_usd")), limit)
    reserve, reserve_months = rows.total(rows.number("reserve_usd")), rows.agreed("reserve_months")
    call = rows.agreed("margin_call_ltv", NO_LIMIT)
    return arrays.Terms(
        covenant_dscr=rows.agreed("covenant_dscr"),
        covenant_ltv=rows.agreed("covenant_ltv", NO_LIMIT),
        sweep_share=rows.agreed("sweep_share"),
        margin_call_ltv=call,
        margin_restore_ltv=np.minimum(rows.agreed("margin_restore_ltv", NO_LIMIT), call),
        refi_ltv=rows.agreed("refi_ltv", THE_MARKETS),
        refi_dscr=rows.agreed("refi_dscr", THE_MARKETS),
        reserve_months=reserve_months,
        reserve_floor_usd=np.where(reserve_months > 0, 0.0, reserve),
        cash_usd=reserve,
        coins=rows.total(rows.number("btc_treasury")),
        pledged_coins=rows.total(rows.number("btc_pledged")),
        cure_usd=rows.total(rows.number("cure_usd")),
        guarantee_usd=np.where(rows.largest(guarantor) > 0, limit, 0.0),
        guarantor=rows.largest(guarantor).astype(np.int32),
    )
