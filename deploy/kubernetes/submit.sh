#!/usr/bin/env bash
# One run on Kubernetes: prepare.yaml, then shards.yaml, then merge.yaml, each when the one before is complete.
#
#   deploy/kubernetes/submit.sh [FOLDER]
#
# FOLDER holds the three files (default: this one). Put your image, folder, overrides and number of pods into a copy.
# The volume they name comes first and once: kubectl apply -f deploy/kubernetes/volume.yaml
# The same command continues a run cut short. Needs Kubernetes 1.33.
set -euo pipefail

folder=${1:-$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)}
ended='{.status.conditions[?(@.status=="True")].type}'

for step in prepare shards merge; do
    kubectl delete --ignore-not-found --wait "job/rackrisk-$step"
    kubectl apply -f "$folder/$step.yaml"
    until state=$(kubectl get "job/rackrisk-$step" -o "jsonpath=$ended") && [[ $state =~ (^| )(Complete|Failed)( |$) ]]; do
        sleep "${POLL_SECONDS:-5}"
    done
    if [[ $state =~ (^| )Failed( |$) ]]; then
        echo "rackrisk-$step failed; its pods say why: kubectl logs -l job-name=rackrisk-$step" >&2
        exit 1
    fi
done
