#!/usr/bin/env bash
# One run as a SLURM array: prepared here, its shards computed by array tasks, merged by a last job.
#
#   deploy/slurm/submit.sh DIR [overrides]        deploy/slurm/submit.sh /shared/runs/base scenarios=10000000
#
# DIR lies on a file system that every node sees. The same command continues a run that was cut short.
#   RACKRISK   the command on the nodes (default rackrisk; "apptainer exec rackrisk.sif rackrisk" for an image)
#   TASKS      at most so many array tasks (default 1000; many clusters allow 1001); each takes its share of the shards
#   SBATCH_*   partition, account, time limit and so on, as for any sbatch: SBATCH_PARTITION, SBATCH_TIMELIMIT, ...
set -euo pipefail

if [ $# -lt 1 ]; then
    sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
run=$1
shift
read -ra rackrisk <<<"${RACKRISK:-rackrisk}"

# Checks the configuration and the book: mistakes are listed here and now, exit code 2, and nothing is submitted.
prepared=$("${rackrisk[@]}" run executor=shard "out=$run" --json "$@")
shards=$(sed -n 's/.*"shards": *\([0-9]*\).*/\1/p' <<<"$prepared" | head -n 1)
tasks=$((shards < ${TASKS:-1000} ? shards : ${TASKS:-1000}))

array=$(sbatch --parsable --array="0-$((tasks - 1))" "$here/shard.sbatch" "$run" "$tasks")
array=${array%%;*} # "id;cluster" where several clusters share an accounting database
merge=$(sbatch --parsable --dependency="afterok:$array" --kill-on-invalid-dep=yes "$here/merge.sbatch" "$run")
echo "$shards shards of $run: array $array of $tasks tasks, then merge ${merge%%;*}"
