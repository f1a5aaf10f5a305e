"""Run the copula kernels under a sanitizer: `python -m tests.helpers.sanitized_copula -fsanitize=...`."""

import sys

import numpy as np

from rackrisk.kernels.cuda.copula import CopulaCuda

from .emulated import SMALL, EmulatedDevice
from .random_pools import random_pool


def main(flags: tuple[str, ...]) -> None:
    """Random pools and launches; half of them with all that costs most: several years and an LGD that factors drive."""
    random, pools, defaults = np.random.default_rng(17), 8, 0
    device = EmulatedDevice(shape=SMALL._replace(threads=8), flags=flags)
    for seed in range(pools):
        years, kind = (1, "fixed") if seed % 2 else (int(random.integers(2, 6)), "wrong_way")
        names, buckets, factors, scenarios, blocks = (int(random.integers(*ends)) for ends in RANGES)
        pool = random_pool(
            seed, names=names, buckets=buckets, factors=factors, years=years, lgd_kind=kind, mixing=4 * (seed % 3 > 0)
        )
        engine = CopulaCuda(device, pool, key=(1, 2), blocks=blocks)
        defaults += int(engine.run(4 * seed, scenarios).defaults.sum())
    assert defaults > 0
    print(f"checked {pools} pools")


RANGES = ((1, 80), (1, 9), (0, 3), (1, 60), (1, 20))  # names, buckets, factors, scenarios, blocks


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
