"""What pays: cash account, coins, the sponsor's cure and the guarantor, and the rules that move money between them.

Written once for NumPy and JAX (`xp`); values are [S, N].
"""

from typing import Any, NamedTuple

from .arrays import Terms

TINY_USD = 1e-3  # keeps ratios finite where nothing is owed or owned


class Accounts(NamedTuple):
    """Everything that can pay; coins in coins, the rest in USD."""

    cash: Any
    coins: Any
    cure: Any
    guarantee: Any


def draw(xp: Any, accounts: Accounts, need: Any, coin_price: Any, sponsor_stays: Any) -> tuple[Accounts, Any]:
    """Take `need` USD from the accounts in their order; returns them and what is still missing.

    The sponsor cures only while he has something to lose (`sponsor_stays`).
    """
    cash = xp.minimum(need, accounts.cash)
    need = need - cash
    coins = xp.minimum(need, accounts.coins * coin_price)
    need = need - coins
    cure = xp.minimum(need, xp.where(sponsor_stays, accounts.cure, 0))
    need = need - cure
    guarantee = xp.minimum(need, accounts.guarantee)
    left = Accounts(
        cash=accounts.cash - cash,
        coins=xp.maximum(accounts.coins - coins * coins_per_usd(xp, coin_price), 0),
        cure=accounts.cure - cure,
        guarantee=accounts.guarantee - guarantee,
    )
    return left, need - guarantee


def coins_per_usd(xp: Any, coin_price: Any) -> Any:
    """Coins for a dollar, [S, 1]; XLA turns some divisions by a column into products, depending on the devices."""
    return 1 / xp.maximum(coin_price, TINY_USD)


def distribute(
    xp: Any, terms: Terms, cash: Any, *, due: Any, debt: Any, breach: Any, balloon_due: Any
) -> tuple[Any, Any]:
    """Refill the reserve; the excess leaves to equity, is trapped and swept while a covenant is breached, or waits for
    the balloon of the same month.

    Returns:
        Cash left in the account, and the share of the debt that is prepaid: exactly 1 where all of it is.
    """
    target = xp.maximum(terms.reserve_months * due, terms.reserve_floor_usd)
    excess = xp.maximum(cash - target, 0)
    kept = xp.where(breach | balloon_due, excess, 0)
    swept = xp.where(breach, xp.minimum(terms.sweep_share * excess, debt), 0)
    return cash - excess + kept - swept, xp.where(swept >= debt, 1, swept / xp.maximum(debt, TINY_USD))


class MarginCall(NamedTuple):
    """Coins after a margin call; failed where the free ones did not suffice."""

    free: Any
    pledged: Any
    failed: Any


def answer_margin_call(
    xp: Any, terms: Terms, coins: Any, pledged: Any, *, debt: Any, secured: Any, coin_price: Any
) -> MarginCall:
    """Pledge free coins until the LTV is restored."""
    called = debt > terms.margin_call_ltv * xp.maximum(secured, TINY_USD)
    missing = (debt / terms.margin_restore_ltv - secured) * coins_per_usd(xp, coin_price)
    posted = xp.where(called, xp.minimum(xp.maximum(missing, 0), coins), 0)
    return MarginCall(coins - posted, pledged + posted, called & (missing > coins))
