#!/usr/bin/env bash
# One run as an AWS Batch array: a job that prepares it, an array of children that compute it, a job that merges it.
#
#   QUEUE=spot deploy/aws-batch/submit.sh DIR CHILDREN [overrides]
#   QUEUE=spot deploy/aws-batch/submit.sh /runs/base 200 scenarios=10000000
#
# DIR is a folder on the volume of job-definition.json, as the containers see it. CHILDREN is 2 to 10,000: each takes
# its share of the shards, and a child without one has nothing to do. The same command continues a run cut short.
#   QUEUE        the job queue
#   DEFINITION   the job definition (default rackrisk), registered once, with your image and your file system in it:
#                aws batch register-job-definition --cli-input-json file://deploy/aws-batch/job-definition.json
set -euo pipefail

if [ $# -lt 2 ] || ! [[ $2 =~ ^[0-9]+$ ]] || [ "$2" -lt 2 ] || [ "$2" -gt 10000 ] || [ -z "${QUEUE:-}" ]; then
    sed -n '2,11s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
run=$1
children=$2
shift 2

# submit NAME [options]: prints the job's id.
submit() {
    aws batch submit-job --job-name "rackrisk-$1" --job-queue "$QUEUE" --job-definition "${DEFINITION:-rackrisk}" \
        --query jobId --output text "${@:2}"
}

# command WORDS: the words as a container's command, whatever commas and quotes are in them.
command_of() {
    python3 -c 'import json, sys; print(json.dumps({"command": sys.argv[1:]}))' "$@"
}

prepare=$(submit prepare --container-overrides "$(command_of rackrisk run executor=shard "out=$run" "$@")")
array=$(submit shard --depends-on "jobId=$prepare" --array-properties "size=$children" --parameters "run=$run")
merge=$(submit merge --depends-on "jobId=$array" --container-overrides "$(command_of rackrisk resume "$run")")
echo "$run: prepare $prepare, array $array of $children children, merge $merge"
