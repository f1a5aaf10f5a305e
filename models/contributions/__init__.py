"""Who and what the risk comes from: contributions to VaR and ES, from a replay of the scenarios in the tail.

Definitions, sources and limits are in `docs/pricing.md`.
"""

from ._apportion import apportion as apportion
from ._estimates import LevelEstimate as LevelEstimate
from ._estimates import TailEstimates as TailEstimates
from ._estimates import estimate_tail as estimate_tail
from ._members import Dimension as Dimension
from ._members import dimensions as dimensions
from ._moments import ReplayMismatch as ReplayMismatch
from ._replay import replay_tail as replay_tail
from ._tables import concentration_table as concentration_table
from ._tables import contribution_tables as contribution_tables
from ._tail import Tail as Tail
from ._tail import tail_of as tail_of
