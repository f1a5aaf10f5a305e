"""Do contestants simulate the same thing? Their losses against the reference engine's, scenario by scenario."""

from dataclasses import dataclass

import numpy as np

FLOAT32_ERROR = 1e-5  # of a scenario's loss; measured 5e-7
NEAR_TIE_SHARE = 0.05  # of scenarios may hold a default that float32 decides otherwise than float64
TIE_EFFECT = 1e-3  # such scenarios may change the mean loss by this share


@dataclass(frozen=True)
class Agreement:
    """How far losses are from the reference's.

    Attributes:
        scenarios: compared.
        near_ties: scenarios off by more than float32 error.
        worst_error: relative, among the other scenarios.
        mean_error: of the mean loss, relative.
    """

    scenarios: int
    near_ties: int
    worst_error: float
    mean_error: float

    @property
    def holds(self) -> bool:
        """Whether the two simulate the same thing."""
        return self.near_ties <= NEAR_TIE_SHARE * self.scenarios and self.mean_error <= TIE_EFFECT


def agreement(loss_usd: np.ndarray, reference_usd: np.ndarray) -> Agreement:
    """Compare losses [S] with the reference's."""
    error = np.abs(loss_usd - reference_usd) / np.maximum(reference_usd, 1.0)
    close = error <= FLOAT32_ERROR
    total = reference_usd.sum()
    return Agreement(
        scenarios=error.size,
        near_ties=int(np.count_nonzero(~close)),
        worst_error=float(error[close].max(initial=0.0)),
        mean_error=float(abs(loss_usd.sum() - total) / max(total, 1.0)),
    )
