"""The AWS Batch array: what is submitted, what is tried again, and that it gives the bytes of one process."""

import json

import pytest

from .results import OVERRIDES, SHARDED, results_hash
from .submitting import DEPLOY, Site

SUBMIT = DEPLOY / "aws-batch" / "submit.sh"
DEFINITION = json.loads((DEPLOY / "aws-batch" / "job-definition.json").read_text())


def test_prepare_array_and_merge_in_this_order(site: Site) -> None:
    done = site.submit(SUBMIT, "/runs/base", "2", "scenarios=1000", "measures.levels=[0.99,0.999]", QUEUE="spot")
    assert done.returncode == 0, done.stderr
    run = str(site.folder / "volume" / "base")
    prepare = f"run executor=shard out={run} scenarios=1000 measures.levels=[0.99,0.999]"
    shards = [f"shard {run} --index {index} --of 2" for index in range(2)]
    assert site.calls == [prepare, *shards, f"resume {run}"]
    assert [job["options"].get("depends-on") for job in site.jobs] == [None, "jobId=1", "jobId=2"]
    assert {job["options"]["job-queue"] for job in site.jobs} == {"spot"}


@pytest.mark.parametrize("children", ["1", "10001", "many", "-3"])
def test_the_size_of_an_array_is_checked_before_anything_is_submitted(site: Site, children: str) -> None:
    assert site.submit(SUBMIT, "/runs/base", children, QUEUE="spot").returncode == 2
    assert site.jobs == []


@pytest.mark.parametrize("code", [75, 130, 143])
def test_what_passes_is_tried_again(site: Site, code: int) -> None:
    site.fail("1", code, code)
    site.submit(SUBMIT, "/runs/base", "2", QUEUE="spot")
    assert site.attempts["shard"] == {"0": [0], "1": [code, code, 0]}
    assert site.attempts["merge"] == {"0": [0]}


@pytest.mark.parametrize("code", [1, 2, 137])
def test_what_does_not_get_better_is_not_tried_again_and_nothing_is_merged(site: Site, code: int) -> None:
    site.fail("1", code)
    site.submit(SUBMIT, "/runs/base", "2", QUEUE="spot")
    assert site.attempts["shard"]["1"] == [code]
    assert site.attempts["merge"] == {}


def test_a_reclaimed_spot_host_is_no_fault_of_the_run() -> None:
    rules = DEFINITION["retryStrategy"]["evaluateOnExit"]
    assert {"onStatusReason": "Host EC2*", "action": "RETRY"} in rules
    assert rules[-1] == {"onReason": "*", "action": "EXIT"}  # whatever no rule fits would be tried again
    assert len(rules) <= 5  # as many as the service takes


def test_containers_have_no_rights_they_do_not_need() -> None:
    container = DEFINITION["containerProperties"]
    assert container["user"] == "10001:10001"
    assert container["readonlyRootFilesystem"]
    assert not container["privileged"]
    assert not container.keys() & {"environment", "secrets", "jobRoleArn", "executionRoleArn"}


@pytest.mark.slow
def test_an_array_gives_the_results_of_one_process(real_site: Site) -> None:
    done = real_site.submit(SUBMIT, "/runs/array", "2", *OVERRIDES, *SHARDED, QUEUE="spot")
    assert done.returncode == 0, done.stderr
    assert real_site.attempts["shard"] == {"0": [0], "1": [0]}
    assert results_hash(real_site.folder / "volume" / "array") == results_hash(None)
