"""Versions that are computed from others: both lineages, the merge gate, and what is lost."""

import json
import uuid
from pathlib import Path

import pytest
import torch
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from safetensors import safe_open
from safetensors.torch import load_file

from assets.licensing import Action
from assets.models import ModelFile
from assets.services import Declaration, clear_rights, decide_use, register_adapter, withdraw_rights
from engine.adapter_bases import read_base
from engine.adapter_files import read_adapter
from engine.adapter_layers import split_layers
from engine.adapter_names import LAYERS_PER_BLOCK
from engine.deltas import read_changes
from engine.headers import read_header
from jobs.models import Status
from ledger.models import Entry
from ledger.services import verify
from projects.problems import Problem
from tests.engine.adapter_material import STARTER, write_layers
from tests.training.numbered import adapter, numbered
from tests.training.stage import asked, frozen, trained
from training import tasks
from training.models import AdapterJob
from training.services.imports import import_version
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


def unusual(people, project, holder, form, base):
    """Return a version whose file is a LoHa, a LoKr or a DoRA."""
    folder = Path(settings.MODELS_ROOT, "adapters")
    folder.mkdir(parents=True, exist_ok=True)
    path = write_layers(folder / f"{uuid.uuid4().hex}.safetensors", form, **STARTER)
    declared = Declaration(expression="CC-BY-4.0", creator="Ana", source_url="https://example.com/lora")
    options = {"actor": people.editor, "project": project, "bases": [base]}
    file = register_adapter(path, name=form, declaration=declared, **options)
    clear_rights(file, reviewer=people.reviewer)
    return import_version(people.editor, holder, ModelFile.objects.get(pk=file.pk))


def deltas_of(version) -> dict[str, torch.Tensor]:
    return {name: each.delta() for name, each in split_layers(read_adapter(version.file.file).weights).items()}


def changes_in(version, base) -> dict[str, torch.Tensor]:
    """Return what a file of any form changes, layer by layer."""
    header = read_header(version.file.file).metadata
    found = read_changes(load_file(version.file.file), header, layers_per_block=LAYERS_PER_BLOCK)
    return {name.removesuffix(".weight"): change(base[name]) - base[name] for name, change in found.items()}


@pytest.mark.parametrize("form", ["loha", "lokr", "dora"])
def test_what_is_no_plain_lora_becomes_one_before_it_is_merged_or_resized(
    people, project, starter, holder, first, signed_in, form
):
    made = unusual(people, project, holder, form, starter)
    base = read_base(starter.file)
    job = wanted(people, project, "merge", (first, 1.0), (made, 0.5), adapter_name="Both")
    page = signed_in("viewer").get(reverse("adapter_job", args=["spring", job.id])).content.decode()
    assert "keeps as many ranks as 99 % of its change needs, at most 128." in page
    merged = done(job).version
    assert merged.scores["retained"] > 0.95
    assert max(merged.scores["ranks"]) <= 128
    before, now, own = deltas_of(first), deltas_of(merged), changes_in(made, base)
    assert own.keys() <= now.keys()
    for name, change in own.items():
        expected = before.get(name, torch.zeros_like(now[name])) + 0.5 * change.reshape(now[name].shape)
        assert (now[name] - expected).norm() <= 0.35 * 0.5 * change.norm() + 1e-2, name
    small = done(wanted(people, project, "resize", (made, 1.0), options={"rank": 2}, adapter=made.adapter)).version
    assert {each.rank for each in split_layers(read_adapter(small.file.file).weights).values()} <= {1, 2}
    assert 0 < small.scores["retained"] < 1


def test_what_nobody_knows_the_base_model_of_is_refused_at_once(people, project, starter, holder, first):
    made = unusual(people, project, holder, "loha", starter)
    made.file.sources.all().delete()
    for kind, inputs in (("merge", [(first, 1.0), (made, 1.0)]), ("resize", [(made, 1.0)])):
        with pytest.raises(Problem, match="Nobody has said what base model") as raised:
            wanted(people, project, kind, *inputs, options={"rank": 1} if kind == "resize" else {})
        assert raised.value.code == "base_unknown"
    assert not AdapterJob.objects.exists()


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


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("worker_died", "The worker stopped while it computed."),
        ("timed_out", "Take fewer versions, or a lower rank."),
        ("out_of_memory", "Take fewer versions, or a lower rank."),
        ("unexpected", "Nothing was changed."),
        ("of_a_newer_worker", "Nothing was changed."),
        ("rights_blocked", "do not allow these versions to be worked on"),
        ("base_unknown", "what base model Ink was trained on"),
        ("adapter_name_unknown", "has no name in the format"),
    ],
)
def test_a_job_that_failed_says_so_in_words_of_its_own(people, project, first, second, signed_in, code, said):
    job = wanted(people, project, "merge", (first, 1.0), (second, 1.0))
    AdapterJob.objects.filter(pk=job.pk).update(
        status=Status.FAILED, finished_at=timezone.now(), error=code, error_params={"file": "Ink", "attempts": 3}
    )
    job.refresh_from_db()
    assert said in job.reason
    assert not any(word in job.reason for word in ("training", "checkpoint", "Resume", "batch"))
    page = signed_in("viewer").get(reverse("adapter_job", args=["spring", job.id])).content.decode()
    assert said in page


def test_rights_that_end_meanwhile_block_the_job(people, project, first, second):
    job = wanted(people, project, "merge", (first, 1.0), (second, 1.0))
    withdraw_rights(first.dataset_version.items.first().picture, actor=people.reviewer, reason="They asked.")
    tasks.rework(str(job.id))
    job.refresh_from_db()
    assert (job.status, job.error) == (Status.BLOCKED, "rights_blocked")
    assert Entry.objects.filter(chain=project.id, event="training.rework.blocked").count() == 1
