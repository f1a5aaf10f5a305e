"""The `copula` configuration group, as a user writes it."""

from typing import Annotated, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from rackrisk.kernels.copula.arrays import MAX_HORIZON_YEARS
from rackrisk.models.correlation import check_correlation
from rackrisk.models.market import Frozen

Correlation = Annotated[float, Field(ge=-1, le=1)]
MIN_DOF, MAX_DOF = 2.0, 1e6  # above, a Student t copula is the Gaussian one to the sampling error of any run


class LgdConfig(Frozen, strict=True):
    """Loss given default.

    Attributes:
        kind: `fixed`: the tape's `lgd`; `beta`: drawn for each default, independent of everything else; `wrong_way`:
            beta, high when the name's factors are bad.
        sd: standard deviation of the beta distribution where the tape has no `lgd_sd`.
        correlation: share of the LGD driver's variance that comes from the name's factors.
    """

    kind: Literal["fixed", "beta", "wrong_way"] = "fixed"
    sd: Annotated[float, Field(ge=0, lt=0.5)] | None = None
    correlation: Annotated[float, Field(ge=0, le=1)] | None = None

    @model_validator(mode="after")
    def _fits_the_kind(self) -> Self:
        if self.kind == "fixed" and self.sd is not None:
            raise ValueError("a fixed LGD has no sd: leave lgd.sd out or take lgd.kind=beta")
        if (self.kind == "wrong_way") != (self.correlation is not None):
            raise ValueError("lgd.correlation is needed for lgd.kind=wrong_way, and for nothing else")
        return self


class CopulaConfig(Frozen, strict=True):
    """The model behind the defaults of one pool of names.

    Attributes:
        dependence: `gaussian` or `t`.
        dof: degrees of freedom of the t copula, above 2; null for a Gaussian one.
        asset_correlation: of every pair of names, for a tape without loadings; the loading is its square root.
        factor_correlation: `{factor: {factor: value}}`, pairs left out are uncorrelated; or a matrix in the order of
            the tape's sorted loading columns; null for independent factors.
        horizon_years: default by the end of which year counts as a loss.
        lgd: loss given default.
    """

    dependence: Literal["gaussian", "t"] = "gaussian"
    dof: Annotated[float, Field(gt=MIN_DOF, le=MAX_DOF)] | None = None
    asset_correlation: Annotated[float, Field(ge=0, lt=1)] | None = None
    factor_correlation: dict[str, dict[str, Correlation]] | list[list[Correlation]] | None = None
    horizon_years: Annotated[int, Field(ge=1, le=MAX_HORIZON_YEARS)] = 1
    lgd: LgdConfig = LgdConfig()

    @model_validator(mode="after")
    def _dof_belongs_to_t(self) -> Self:
        if (self.dependence == "t") != (self.dof is not None):
            raise ValueError("copula.dof is needed for copula.dependence=t, and for nothing else")
        return self

    @model_validator(mode="after")
    def _factors_correlate(self) -> Self:
        if self.factor_correlation is None:
            return self
        if self.asset_correlation is not None:
            raise ValueError("copula.asset_correlation stands for one factor, so there is no factor_correlation")
        check_correlation(self.correlation(self.named_factors()), "factor_correlation")
        return self

    def named_factors(self) -> list[str]:
        """Factors that `factor_correlation` names, sorted; of a matrix, its places."""
        given = self.factor_correlation or []
        if isinstance(given, list):
            return [str(place) for place in range(len(given))]
        return sorted({*given, *(other for row in given.values() for other in row)})

    def correlation(self, factors: list[str]) -> np.ndarray:
        """Correlation matrix of `factors`, float64.

        Raises:
            ValueError: the matrix has another size, or a pair of factors is given twice with two values.
        """
        given = self.factor_correlation
        if given is None:
            return np.eye(len(factors))
        if isinstance(given, list):
            if len(given) != len(factors) or any(len(row) != len(factors) for row in given):
                raise ValueError(f"factor_correlation must have {len(factors)} rows of {len(factors)} numbers")
            return np.array(given, dtype=np.float64)
        return np.array([[_pair(given, one, other) for other in factors] for one in factors], dtype=np.float64)


def _pair(given: dict[str, dict[str, float]], one: str, other: str) -> float:
    """Correlation of two factors: given once, or twice alike."""
    found = {row[column] for row, column in ((given.get(one, {}), other), (given.get(other, {}), one)) if column in row}
    if len(found) > 1:
        raise ValueError(f"factor_correlation of {one} and {other} is given twice with two values")
    return found.pop() if found else float(one == other)
