"""Versions that are computed from others: both lineages, the merge gate, and what is lost."""

import json
import uuid

import pytest
from safetensors import safe_open

from assets.licensing import Action
from assets.services import decide_use, withdraw_rights
from engine.adapter_files import read_adapter
from engine.adapter_layers import split_layers
from jobs.models import Status
from ledger.models import Entry
from ledger.services import verify
from projects.problems import Problem
from tests.training.numbered import adapter, numbered
from tests.training.stage import asked, frozen, trained
from training import tasks
from training.models import AdapterJob
from training.services.reworks import ask_rework, cancel_rework

pytestmark = pytest.mark.slow


@pytest.fixture
def holder(people, project):
    return adapter(people, project)


@pytest.fixture
def first(people, project, starter, holder):
    return numbered(people, project, starter, holder, trigger_words=["one"])


@pytest.fixture
def second(people, project, starter, holder):
    return numbered(people, project, starter, holder, seed=1, trigger_words=["two", "one"])


def wanted(people, project, kind, *inputs, **more) -> AdapterJob:
    return ask_rework(people.editor, project, kind=kind, inputs=inputs, key=more.pop("key", str(uuid.uuid4())), **more)


def done(job: AdapterJob) -> AdapterJob:
    tasks.rework(str(job.id))
    job.refresh_from_db()
    assert job.status == Status.SUCCEEDED, (job.error, job.error_params, job.detail)
    return job


def test_a_merge_is_the_weighted_sum_and_keeps_both_lineages(people, project, first, second):
    made = done(wanted(people, project, "merge", (first, 0.5), (second, -0.25), adapter_name="Both")).version
    assert (made.adapter.name, made.number, made.trigger_words) == ("Both", 1, ["one", "two"])
    assert [(each.parent, each.weight) for each in made.parents.all()] == [(first, 0.5), (second, -0.25)]
    edges = {(each.role, each.file_id) for each in made.file.sources.all()}
    assert edges == {("merged_from", first.file_id), ("merged_from", second.file_id)}
    parts = [split_layers(read_adapter(each.file.file).weights) for each in (first, second, made)]
    name = next(iter(parts[0]))
    delta = 0.5 * parts[0][name].delta() - 0.25 * parts[1][name].delta()
    assert (parts[2][name].delta() - delta).abs().max() < 1e-3 * delta.abs().max().clamp(min=1e-3)
    with safe_open(made.file.file, "pt") as opened:
        header = opened.metadata()
    lineage = json.loads(header["daicho.lineage"])
    assert [(each["sha256"], each["weight"]) for each in lineage] == [
        (first.file.sha256, 0.5),
        (second.file.sha256, -0.25),
    ]
    assert verify(project.id).ok


def test_a_merge_closes_with_either_of_its_parents_lessons(people, project, first, second):
    made = done(wanted(people, project, "merge", (first, 1.0), (second, 1.0))).version
    assert decide_use(project, Action.GENERATE, [made.file]).allowed
    withdraw_rights(second.dataset_version.items.first().picture, actor=people.reviewer, reason="They asked.")
    assert decide_use(project, Action.GENERATE, [made.file]).verdict == "block"
    with pytest.raises(Problem) as raised:
        wanted(people, project, "merge", (first, 1.0), (second, 0.5))
    assert raised.value.code == "rights_blocked"


def test_a_smaller_one_says_what_is_left(people, project, first):
    job = done(wanted(people, project, "resize", (first, 1.0), options={"rank": 1}, adapter=first.adapter))
    made = job.version
    assert (made.adapter, made.number) == (first.adapter, 2)
    assert made.scores["ranks"] == [1]
    assert 0 < made.scores["retained"] < 1
    assert {each.rank for each in split_layers(read_adapter(made.file.file).weights).values()} == {1}
    assert made.dataset_version == first.dataset_version


def test_a_lora_is_taken_out_of_a_dreambooth(people, project, starter):
    version = frozen(people, project)
    quick = {"max_train_steps": 1, "validation_steps": 0, "checkpointing_steps": 1}
    tuned = trained(asked(people, project, version, starter, method="dreambooth", **quick)).version
    made = done(wanted(people, project, "extract", (tuned, 1.0), options={"rank": 2})).version
    assert (made.file.method, made.adapter.method) == ("lora", "lora")
    assert {each.rank for each in split_layers(read_adapter(made.file.file).weights).values()} <= {1, 2}
    assert 0 < made.scores["retained"] <= 1


@pytest.mark.parametrize(
    ("kind", "count", "options", "code"),
    [
        ("merge", 1, {}, "inputs_count"),
        ("resize", 2, {"rank": 1}, "inputs_count"),
        ("resize", 1, {}, "size_missing"),
        ("resize", 1, {"rank": 0}, "rank_unfit"),
        ("resize", 1, {"energy": 1.5}, "energy_unfit"),
        ("extract", 1, {"rank": 1}, "inputs_kind"),
        ("melt", 1, {}, "kind_unknown"),
    ],
)
def test_what_cannot_be_computed_is_refused(people, project, first, second, kind, count, options, code):
    inputs = [(first, 1.0), (second, 1.0)][:count]
    with pytest.raises(Problem) as raised:
        wanted(people, project, kind, *inputs, options=options)
    assert raised.value.code == code
    assert not AdapterJob.objects.exists()


def test_weights_are_numbers_and_versions_come_once(people, project, first, second):
    for weight in (0.0, float("nan"), 3.0):
        with pytest.raises(Problem, match="weight is a number"):
            wanted(people, project, "merge", (first, weight), (second, 1.0))
    with pytest.raises(Problem, match="each once"):
        wanted(people, project, "merge", (first, 1.0), (first, 1.0))


@pytest.mark.postgres
def test_the_same_key_asks_once_and_a_waiting_job_can_be_canceled(people, project, first, second):
    job = wanted(people, project, "merge", (first, 1.0), (second, 1.0), key="once")
    assert wanted(people, project, "merge", (second, 1.0), (first, 1.0), key="once") == job
    assert cancel_rework(job, actor=people.editor)
    assert not cancel_rework(job, actor=people.editor)
    tasks.rework(str(job.id))
    job.refresh_from_db()
    assert job.status == Status.CANCELED


def test_rights_that_end_meanwhile_block_the_job(people, project, first, second):
    job = wanted(people, project, "merge", (first, 1.0), (second, 1.0))
    withdraw_rights(first.dataset_version.items.first().picture, actor=people.reviewer, reason="They asked.")
    tasks.rework(str(job.id))
    job.refresh_from_db()
    assert (job.status, job.error) == (Status.BLOCKED, "rights_blocked")
    assert Entry.objects.filter(chain=project.id, event="training.rework.blocked").count() == 1
