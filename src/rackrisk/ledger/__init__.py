"""Unfinished runs: what is to be computed, and the shards that are there."""

from ._lock import Busy as Busy
from ._lock import take_lock as take_lock
from ._order import Order as Order
from ._order import read_order as read_order
from ._shard_file import Arrays as Arrays
from ._shard_file import DamagedShard as DamagedShard
from ._unfinished import ShardConflict as ShardConflict
from ._unfinished import Unfinished as Unfinished
from ._unfinished import begin as begin
from ._unfinished import look_at as look_at
from ._unfinished import remove_leftover as remove_leftover
from ._unfinished import reopen as reopen
from ._unfinished import run_of as run_of
from ._unfinished import unfinished_folder as unfinished_folder
