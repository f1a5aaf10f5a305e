"""From the sums of a tile to what it adds to a run, written once for NumPy and JAX (`xp`)."""

from typing import Any

from .arrays import BY_SCENARIO, Pool, Tally


def tally(xp: Any, loss: Any, counts: Any, by_name: Any, pool: Pool) -> Tally:
    """Bring a tile's sums into order.

    Args:
        loss: int64 [G, 4, Q] loss quanta.
        counts: [G, H, 4, Q] names in default by the end of each year.
        by_name: int64 [N] each: defaults, and unless the LGD is fixed, sum of LGD and sum of its squares.
    """
    counts = counts.astype(xp.int64).swapaxes(0, 1)
    everybody = xp.concatenate([counts.sum(axis=1, keepdims=True), counts], axis=1)
    lgd = by_name[1:] if pool.lgd_kind != "fixed" else [by_name[0][:0]] * 2
    return Tally(
        loss=xp.moveaxis(loss, 0, -1).swapaxes(0, 1).reshape(-1, loss.shape[0]),
        defaults=everybody.sum(axis=(2, 3)),
        default_squares=(everybody * everybody).sum(axis=(2, 3)),
        name_defaults=by_name[0],
        name_lgd=lgd[0],
        name_lgd_squares=lgd[1],
    )


def exact(tally: Tally) -> Tally:
    """The same with squares of counts as Python integers: added up over a long run of a large pool, they may outgrow
    64 bits.
    """
    return tally._replace(default_squares=tally.default_squares.astype(object))


def added(tally: Tally) -> Tally:
    """The tally of a batch, with a leading dimension, as one."""
    sums = {name: getattr(tally, name).sum(axis=0) for name in Tally._fields if name not in BY_SCENARIO}
    return exact(tally._replace(**sums, loss=tally.loss.reshape(-1, tally.loss.shape[-1])))
