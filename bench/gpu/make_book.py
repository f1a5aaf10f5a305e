"""Write bench/gpu/book.npz: generated loans in the base market, for machines that have arrays but no tapes.

python -m bench.gpu.make_book
"""

from pathlib import Path
from typing import Any

import numpy as np

from rackrisk.kernels.balances import facility_balances, rank_balances

from ..case import make_case

FILE = Path(__file__).with_name("book.npz")
LOANS, MONTHS = 512, 60


def flat(name: str, part: Any) -> dict[str, np.ndarray]:
    """The arrays of nested named tuples by their dotted names; floats in single precision, which halves the file."""
    if hasattr(part, "_asdict"):
        return {
            key: array
            for field, value in part._asdict().items()
            for key, array in flat(f"{name}.{field}", value).items()
        }
    array = np.asarray(part)
    return {name: array.astype(np.float32) if array.dtype == np.float64 and name.startswith("book") else array}


def main() -> None:
    """As the benchmark of the other engines makes it."""
    case = make_case(LOANS, MONTHS)
    built = case.built
    book = built.book._replace(
        facilities=built.book.facilities._replace(balance_usd=facility_balances(built.book)),
        ranks=rank_balances(built.book),
    )
    arrays = flat("book", book) | flat("scale", built.scale) | flat("market", case.market)
    arrays["book.rank_balance_usd"] = arrays.pop("book.ranks")
    channels = {"cash_channels": np.array(built.cash_channels), "value_channels": np.array(built.value_channels)}
    np.savez_compressed(FILE, allow_pickle=False, **arrays, **channels)
    print(f"{FILE.name}: {LOANS} loans, {FILE.stat().st_size / 2**20:.1f} MiB")


if __name__ == "__main__":
    main()
