"""How a spread is found to be fair."""

from typing import Annotated

from pydantic import Field

from rackrisk.models.market import Frozen


class PricingConfig(Frozen):
    """What capital costs, and how much of it a loan needs.

    Attributes:
        hurdle_annual: return that capital must earn above the short rate, a year.
        capital_level: level of the ES whose contributions are the capital.
    """

    hurdle_annual: Annotated[float, Field(ge=0, le=10)]
    capital_level: Annotated[float, Field(gt=0, lt=1)]
