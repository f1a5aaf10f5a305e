"""One number with its error: what every estimator returns and what a table of measures holds."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A value, its standard error and its confidence interval, in the unit of the sample.

    None stands for a number that the sample cannot support; `method` then says why. `skewness` is that of the sampling
    error, where the estimate is a mean, or a root of one, and has a standard error.
    """

    value: float | None
    std_error: float | None
    ci_low: float | None
    ci_high: float | None
    method: str
    skewness: float | None = None


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One risk measure of one scope: a row of `tables/measures.parquet`.

    Attributes:
        measure: `EL`, `SD`, `VaR` or `ES`.
        level: confidence level of VaR and ES in (0, 1); None for EL and SD.
        value: the estimate, losses positive; None where the sample has none (SD of one scenario).
        std_error: its Monte Carlo standard error; None where the sample is too small for one.
        ci_low: lower confidence limit; None where there is none.
        ci_high: upper confidence limit; None where there is none.
        unit: unit of the four numbers above.
        scope: `portfolio` or the name of a segment.
        n_scenarios: number of scenarios behind the estimate.
        method: estimator and interval in words, and the reason for every None.
    """

    measure: str
    level: float | None
    value: float | None
    std_error: float | None
    ci_low: float | None
    ci_high: float | None
    unit: str
    scope: str
    n_scenarios: int
    method: str
