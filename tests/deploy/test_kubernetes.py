"""The Kubernetes jobs: what they run, what is tried again, and that they give the bytes of one process."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from .results import OVERRIDES, SHARDED, results_hash
from .submitting import DEPLOY, Site

FOLDER = DEPLOY / "kubernetes"
SUBMIT = FOLDER / "submit.sh"
STEPS = ("prepare", "shards", "merge")


def spec(step: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / f"{step}.yaml").read_text())["spec"]


def test_prepare_shards_and_merge_in_this_order(site: Site) -> None:
    done = site.submit(SUBMIT)
    assert done.returncode == 0, done.stderr
    run = str(site.folder / "volume" / "base")
    shards = [f"shard {run} --index {index} --of 8" for index in range(8)]
    assert site.calls == [f"run executor=shard out={run} scenarios=1000000", *shards, f"resume {run}"]


def test_the_pods_know_how_many_they_are() -> None:
    shards = spec("shards")
    args = shards["template"]["spec"]["containers"][0]["args"]
    assert args[args.index("--of") + 1] == str(shards["completions"])


@pytest.mark.parametrize("code", [75, 130, 143, 137])
def test_what_passes_is_tried_again(site: Site, code: int) -> None:
    site.fail("5", code, code)
    site.submit(SUBMIT)
    assert site.attempts["shards"]["5"] == [code, code, 0]
    assert site.attempts["merge"] == {"0": [0]}


@pytest.mark.parametrize("code", [1, 2])
def test_what_does_not_get_better_fails_its_index_alone_and_nothing_is_merged(site: Site, code: int) -> None:
    site.fail("5", code)
    done = site.submit(SUBMIT)
    assert done.returncode == 1
    assert site.attempts["shards"] == {str(index): [code if index == 5 else 0] for index in range(8)}
    assert "merge" not in site.attempts


@pytest.mark.parametrize("step", STEPS)
def test_an_evicted_pod_is_no_fault_of_the_run(step: str) -> None:
    """The first rule that fits decides, and an evicted pod has an exit code too."""
    first = spec(step)["podFailurePolicy"]["rules"][0]
    assert first == {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]}
    assert spec(step)["template"]["spec"]["restartPolicy"] == "Never"  # without it there is no such policy


@pytest.mark.parametrize("step", STEPS)
def test_pods_have_no_rights_they_do_not_need(step: str) -> None:
    pod = spec(step)["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == 10001
    assert not pod["automountServiceAccountToken"]
    inside = container["securityContext"]
    assert inside["readOnlyRootFilesystem"]
    assert not inside["allowPrivilegeEscalation"]
    assert inside["capabilities"] == {"drop": ["ALL"]}
    assert not container.keys() & {"env", "envFrom", "ports"}


def test_the_three_jobs_share_one_volume_and_everything_else_but_the_command() -> None:
    pods = [spec(step)["template"]["spec"] for step in STEPS]
    for pod in pods:
        del pod["containers"][0]["args"]
    assert pods[0] == pods[1] == pods[2]
    volume = yaml.safe_load((FOLDER / "volume.yaml").read_text())
    assert volume["spec"]["accessModes"] == ["ReadWriteMany"]
    assert pods[0]["volumes"][0]["persistentVolumeClaim"]["claimName"] == volume["metadata"]["name"]


@pytest.mark.slow
def test_an_indexed_job_gives_the_results_of_one_process(real_site: Site, tmp_path: Path) -> None:
    copy = tmp_path / "jobs"
    shutil.copytree(FOLDER, copy)
    edit(copy / "prepare.yaml", "scenarios=1000000", ", ".join(OVERRIDES + SHARDED))
    edit(copy / "shards.yaml", "completions: 8", "completions: 3")
    edit(copy / "shards.yaml", '"8"]', '"3"]')
    done = real_site.submit(SUBMIT, str(copy))
    assert done.returncode == 0, done.stderr
    assert results_hash(real_site.folder / "volume" / "base") == results_hash(None)


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
