"""Run the kernels under a sanitizer: `python -m tests.helpers.sanitized -fsanitize=...`."""

import sys
from dataclasses import replace

import numpy as np

from rackrisk.kernels.cuda.device import LaunchShape
from rackrisk.kernels.cuda.structural import StructuralCuda
from rackrisk.kernels.streams import key_words
from rackrisk.models.simulate import path_maker

from .emulated import EmulatedDevice
from .worlds import book, built

SHAPES = (LaunchShape(32, 32, 4, 1), LaunchShape(4, 4, 2, 4), LaunchShape(8, 8, 4, 1))


def main(flags: tuple[str, ...]) -> None:
    """A book of random size in every shape of launch."""
    rng = np.random.default_rng(17)
    for seed, shape in enumerate(SHAPES):
        ready, market = built(book(int(rng.integers(1, 17))), months=int(rng.integers(1, 40)))
        gpu = replace(EmulatedDevice(), shape=shape, flags=flags)
        arguments = ready.book, market, ready.scale, path_maker(ready)
        engine = StructuralCuda(gpu, *arguments, key=key_words(seed), precision="float32")
        scenario = rng.integers(0, 2**26, int(rng.integers(1, 12))).astype(np.uint32)
        assert engine.run(scenario).facility_loss.sum() == engine.replay(scenario).loss.sum()
    print(f"checked {len(SHAPES)} books")


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
