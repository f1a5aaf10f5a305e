"""Answers that need no simulation: exact loss distributions, closed forms and published models.

Formulas, sources, error control and limits are in `docs/exact.md`. NumPy and SciPy only, except `exact_measures`.
"""

from ._asrf import asrf_cdf as asrf_cdf
from ._asrf import asrf_expected_shortfall as asrf_expected_shortfall
from ._asrf import asrf_tranche_expected_loss as asrf_tranche_expected_loss
from ._asrf import asrf_value_at_risk as asrf_value_at_risk
from ._basket import EqualNames as EqualNames
from ._basket import cdo_tranche_spread as cdo_tranche_spread
from ._basket import nth_to_default_spread as nth_to_default_spread
from ._bivariate import bivariate_normal_cdf as bivariate_normal_cdf
from ._bivariate import bivariate_t_cdf as bivariate_t_cdf
from ._contributions import LossContributions as LossContributions
from ._contributions import loss_contributions as loss_contributions
from ._creditrisk_plus import CreditRiskPlus as CreditRiskPlus
from ._creditrisk_plus import creditrisk_plus as creditrisk_plus
from ._factor_grid import NotResolvedError as NotResolvedError
from ._first_passage import BarrierName as BarrierName
from ._first_passage import first_passage_monthly as first_passage_monthly
from ._first_passage import joint_first_passage_monthly as joint_first_passage_monthly
from ._granularity import GranularTail as GranularTail
from ._granularity import granularity_adjustment as granularity_adjustment
from ._homogeneous import homogeneous_distribution as homogeneous_distribution
from ._irb import IrbCapital as IrbCapital
from ._irb import irb_capital as irb_capital
from ._irb import irb_correlation as irb_correlation
from ._loss_distribution import LossDistribution as LossDistribution
from ._measures import ExactMeasures as ExactMeasures
from ._measures import exact_measures as exact_measures
from ._merton import MertonDebt as MertonDebt
from ._merton import merton_debt as merton_debt
from ._moments import Moments as Moments
from ._moments import joint_default_probability as joint_default_probability
from ._moments import portfolio_moments as portfolio_moments
from ._one_factor import one_factor_distribution as one_factor_distribution
