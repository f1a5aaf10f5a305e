"""Risk measures of simulated losses, each with its standard error and confidence interval.

Formulas, sources and limits are in `docs/measures.md`. Only NumPy is needed, except by `measures_table`.
"""

from ._difference import Sample as Sample
from ._difference import difference as difference
from ._expected_shortfall import expected_shortfall as expected_shortfall
from ._expected_shortfall import shortfall_has_error as shortfall_has_error
from ._expected_shortfall import shortfall_terms as shortfall_terms
from ._losses import measure_losses as measure_losses
from ._losses import measure_one as measure_one
from ._measure import Estimate as Estimate
from ._measure import Measure as Measure
from ._moments import mean_estimate as mean_estimate
from ._proportion import Proportion as Proportion
from ._proportion import proportion as proportion
from ._ratio import Ratio as Ratio
from ._ratio import Ratios as Ratios
from ._ratio import ratio as ratio
from ._ratio import ratio_from_sums as ratio_from_sums
from ._ratio_interval import ratio_interval as ratio_interval
from ._table import measures_table as measures_table
from ._value_at_risk import tail_ranks as tail_ranks
from ._value_at_risk import value_at_risk as value_at_risk
