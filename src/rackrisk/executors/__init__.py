"""Where shards are computed: in this process, in several, by Ray, or by an array of jobs."""

from ._compute import compute as compute
from ._task import ShardsMissing as ShardsMissing
from ._task import Task as Task
from ._task import WorkersLost as WorkersLost
from ._task import check_foreseen as check_foreseen
from ._task import compute_shard as compute_shard
from ._task import keep_shard as keep_shard
from ._task import task_of as task_of
