"""From a finished simulation to the contributions to its tail: which scenarios, the replay, the estimates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from rackrisk.kernels.engines import Engine, replay_scenarios
from rackrisk.kernels.tally import Scale, Tally
from rackrisk.models.stages import StageReport, told, unheard

from ._estimates import TailEstimates, estimate_tail
from ._members import Dimension
from ._moments import Groups, gather
from ._tail import tail_of


def replay_tail(
    engine: Engine,
    scale: Scale,
    tally: Tally,
    parts: list[Dimension],
    *,
    levels: Sequence[float],
    confidence: float,
    weights: NDArray[np.float64],
    report: StageReport = unheard,
) -> TailEstimates:
    """Run the scenarios of the tail again and estimate who contributes to VaR and ES.

    Args:
        engine: the run's.
        tally: of scenarios 0, 1, ... of the run.
        levels: of VaR and ES.
        weights: [Q, F], weighted sums of facilities to be followed through the tail.
        report: hears how many scenarios were run again.

    Raises:
        ReplayMismatch: a replayed loss is not the run's, to the last quantum.
    """
    tail = tail_of(tally.loss[:, 0], levels, confidence)
    groups = Groups(scale.facility_in_group, tally.loss[tail.numbers])
    again, count = replay_scenarios(engine, tail.numbers), len(tail.numbers)
    rows = told(report, "scenarios of the tail", again, count, size=lambda rows: len(rows.loss))
    gathered = gather(tail, rows, parts, weights=weights, groups=groups)
    quantum = float(scale.loss_quantum_usd)
    losses_usd = tally.loss[:, 0] * quantum
    return estimate_tail(tail, gathered, parts, losses_usd=losses_usd, quantum_usd=quantum, confidence=confidence)
