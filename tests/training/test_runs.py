"""Asking for trainings: what is checked, parted, estimated and written, and how runs are stopped and repeated."""

import uuid
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from assets.models import ModelFile, PicturePair, Rights
from assets.services import clear_rights, edit_rights, withdraw_rights
from assets.services.curation import duplicate_groups
from engine.specs import TrainingSpec
from jobs.models import Status
from jobs.reaper import reap
from ledger.models import Entry
from ledger.services import verify
from projects.models import Project
from projects.problems import Problem
from tests.training.stage import SMALL, TRIGGER, asked, frozen, request
from training.material import MaterialChoice
from training.models import TrainingRun
from training.recipes import Machine
from training.requests import plan
from training.services.notes import note_run
from training.services.runs import cancel_run, duplicate_run, repeat_request, resume_run, start_run, sweep_runs
from training.starting import starting_values


@pytest.fixture
def version(people, project):
    return frozen(people, project)


@pytest.fixture
def run(people, project, starter, version) -> TrainingRun:
    return asked(people, project, version, starter)


def refused(people, project, wanted, code: str) -> Problem:
    """Return the problem that a request meets; nothing is written then."""
    with pytest.raises(Problem) as raised:
        start_run(people.editor, project, wanted, key=str(uuid.uuid4()))
    assert raised.value.code == code
    assert not TrainingRun.objects.exists()
    return raised.value


def test_a_run_keeps_its_recipe_and_the_ledger_keeps_what_decided_it(people, project, starter, version, run):
    spec = TrainingSpec.from_dict(run.spec)
    assert (spec.base_model, spec.dataset, spec.rank) == (starter.sha256, version.merkle_root, 2)
    assert run.recipe_sha256 == spec.recipe_sha256()
    entry = Entry.objects.get(chain=project.id, event="training.run.requested")
    assert entry.data["split_sha256"] == spec.split
    assert entry.data["split"] == run.split
    assert entry.data["dataset"]["root"] == version.merkle_root
    assert len(entry.data["decision_sha256"]) == 64
    assert run.estimate["memory_bytes"] > 0
    assert (run.adapter.name, run.adapter.method) == ("Umbrellas", "lora")
    assert verify(project.id).ok


def test_every_picture_is_on_one_side(run, version):
    train, validation = run.split["train"], run.split["validation"]
    assert sorted([*train, *validation]) == list(range(1, version.count + 1))
    assert len(validation) == 2


def test_near_duplicates_are_never_parted(people, project, starter):
    version = frozen(people, project, count=8)
    pictures = [item.picture for item in version.items.all()]
    # Found after the freeze: what is alike now counts too.
    for one, other in zip(pictures[::2], pictures[1::2], strict=True):
        first, second = sorted((one, other), key=lambda each: each.id)
        PicturePair.objects.create(first=first, second=second, similarity=0.99)
    assert len(duplicate_groups(pictures)) == 4
    for seed in range(6):
        choice = MaterialChoice(validation_share=0.3, split_seed=seed)
        held = set(plan(project, request(version, starter, material=choice)).split["validation"])
        assert held
        assert all((number in held) == (number + 1 in held) for number in (1, 3, 5, 7))


@pytest.mark.postgres
def test_the_same_key_makes_one_run(people, project, starter, version):
    first = start_run(people.editor, project, request(version, starter), key="once")
    assert start_run(people.editor, project, request(version, starter, rank=4), key="once") == first
    assert TrainingRun.objects.count() == 1
    assert Entry.objects.filter(event="training.run.requested").count() == 1
    first.id = uuid.uuid4()
    with pytest.raises(IntegrityError), transaction.atomic():
        first.save(force_insert=True)


def test_what_the_rights_forbid_is_refused_in_words(people, project, starter):
    version = frozen(people, project, expression="CC-BY-NC-4.0")
    problem = refused(people, project, request(version, starter), "rights_blocked")
    assert "1.png" in problem.details["reasons"][0]


def test_a_base_model_that_may_not_be_trained_on_is_refused(people, project, starter, version):
    edit_rights(starter.rights, actor=people.editor, changes={"expression": "LicenseRef-Daicho-Unknown"})
    problem = refused(people, project, request(version, starter), "rights_blocked")
    assert starter.name in problem.details["reasons"][0]


def test_what_no_machine_here_can_do_is_refused_with_what_to_change(people, project, starter, version, monkeypatch):
    tiny = Machine(kind="cuda", memory_bytes=100 * 1024**2, name="tiny")
    monkeypatch.setattr("training.requests.known_machine", lambda: tiny)
    problem = refused(people, project, request(version, starter), "training_too_large")
    assert "100" in str(problem)
    assert "smaller batch" in str(problem)


def test_an_optimizer_that_needs_a_gpu_is_refused_without_one(people, project, starter, version):
    problem = refused(people, project, request(version, starter, optimizer="adamw_8bit"), "optimizer_needs_gpu")
    assert list(problem.fields) == ["optimizer"]


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        ({"rank": 0}, "training_out_of_range", "rank"),
        ({"rank": 2.5}, "value_unfit", "rank"),
        ({"learning_rate": float("nan")}, "value_unfit", "learning_rate"),
        ({"learning_rate": "fast"}, "value_unfit", "learning_rate"),
        ({"learning_rate": -1.0}, "training_out_of_range", "learning_rate"),
        ({"trigger_word": "a, b"}, "training_word_unfit", "trigger_word"),
        ({"trigger_word": "\ud800"}, "value_unfit", "trigger_word"),
        ({"resolution": 65}, "training_resolution_uneven", "resolution"),
        ({"optimizer": "sgd"}, "training_choice_unknown", "optimizer"),
        ({"split": "b" * 64}, "value_unknown", "split"),
        ({"sample_prompts": [{"seed": 1}]}, "value_unfit", "sample_prompts"),
        ({"with_prior_preservation": True}, "training_prior_unfit", "with_prior_preservation"),
        ({"nonsense": 1}, "value_unknown", "nonsense"),
    ],
)
def test_a_value_that_cannot_be_is_named(people, project, starter, version, values, code, field):
    problem = refused(people, project, request(version, starter, **values), code)
    assert field in problem.fields


def test_class_pictures_must_be_counted(people, project, starter, version):
    wanted = request(version, starter, method="dreambooth_lora", with_prior_preservation=True, num_class_images=0)
    problem = refused(people, project, wanted, "training_class_pictures_missing")
    assert "num_class_images" in problem.fields


def test_folds_learn_from_everything(people, project, starter, version):
    run = asked(people, project, version, starter, folds=3)
    assert (len(run.split["train"]), run.split["validation"]) == (version.count, [])


def test_captions_get_the_trigger_word_where_they_lack_it(project, starter, version):
    wanted = request(version, starter, trigger_word="skskite", class_word="kite")
    captions = [item.caption for item in plan(project, wanted).material.train]
    assert all(caption.startswith("skskite kite, umbrella, number") for caption in captions)
    as_written = replace(wanted, material=MaterialChoice(trigger_mode="as_written"))
    assert all(item.caption.startswith("umbrella") for item in plan(project, as_written).material.train)
    in_japanese = replace(wanted, material=MaterialChoice(language="ja"))
    assert {item.caption for item in plan(project, in_japanese).material.train} == {"skskite kite"}


def test_a_change_of_more_than_one_field_is_flagged(people, project, starter, version, run):
    def compared(**values):
        return plan(project, request(version, starter, compared_with=run, **values))

    assert compared().changes == ()
    assert [each.field for each in compared(rank=4).changes] == ["rank"]
    assert not compared(rank=4).changes_several
    several = compared(rank=4, learning_rate=5e-4)
    assert [each.field for each in several.changes] == ["rank", "learning_rate"]
    assert several.changes_several


def test_a_compared_run_of_the_same_set_keeps_its_split(people, project, starter, version, run):
    first, second = sorted((version.items.all()[0].picture, version.items.all()[1].picture), key=lambda each: each.id)
    PicturePair.objects.create(first=first, second=second, similarity=0.99)
    assert plan(project, request(version, starter, compared_with=run, rank=4)).split == run.split


def test_a_duplicate_changes_one_field(people, run):
    other = duplicate_run(people.editor, run, field="rank", value=4, key="again")
    assert (other.compared_with, [each["field"] for each in other.changes]) == (run, ["rank"])
    assert other.adapter == run.adapter
    assert not other.changes_several
    with pytest.raises(Problem, match="the same value"):
        duplicate_run(people.editor, run, field="rank", value=2, key="same")
    with pytest.raises(Problem, match="no setting called"):
        duplicate_run(people.editor, run, field="base_model", value="a" * 64, key="bound")


def test_a_duplicate_may_change_the_material(people, run):
    other = duplicate_run(people.editor, run, field="trigger_mode", value="as_written", key="again")
    assert other.material["trigger_mode"] == "as_written"
    assert [each["field"] for each in other.changes] == ["trigger_mode"]


def test_a_sweep_asks_for_all_or_none(people, run):
    swept = sweep_runs(people.editor, run, field="learning_rate", values=[1e-4, 2e-4, 3e-4], key="sweep")
    assert [each.recipe.learning_rate for each in swept] == [1e-4, 2e-4, 3e-4]
    names = [f"{run.name} · Learning rate {rate}" for rate in ("0.0001", "0.0002", "0.0003")]
    assert [each.name for each in swept] == names
    assert len({each.sweep for each in swept}) == 1
    assert all([change["field"] for change in each.changes] == ["learning_rate"] for each in swept)
    assert sweep_runs(people.editor, run, field="learning_rate", values=[1e-4, 2e-4, 3e-4], key="sweep") == swept
    before = TrainingRun.objects.count()
    with pytest.raises(Problem):
        sweep_runs(people.editor, run, field="rank", values=[4, 8, 100_000], key="half")
    for values in ([], list(range(1, 10)), [4, 4]):
        with pytest.raises(Problem):
            sweep_runs(people.editor, run, field="rank", values=values, key="size")
    assert TrainingRun.objects.count() == before


def test_the_request_of_a_run_makes_the_same_recipe(project, run):
    assert plan(project, repeat_request(run)).spec == run.recipe


@pytest.mark.postgres
def test_a_waiting_run_is_canceled_and_goes_on(people, project, run):
    assert cancel_run(run, actor=people.editor)
    assert not cancel_run(run, actor=people.editor)
    run.refresh_from_db()
    assert run.status == Status.CANCELED
    resume_run(run, actor=people.editor)
    assert (run.status, run.finished_at, run.cancel_requested_at) == (Status.QUEUED, None, None)
    with pytest.raises(Problem, match="under way or done"):
        resume_run(run, actor=people.editor)
    assert run.claim()
    assert run.attempt == 1
    events = Entry.objects.filter(chain=project.id, subject=f"training_run:{run.id}").values_list("event", flat=True)
    assert list(events.order_by("seq")) == [
        "training.run.requested", "training.run.cancel_requested", "training.run.resumed",
    ]  # fmt: skip


@pytest.mark.postgres
def test_only_one_of_two_resumes(people, run):
    cancel_run(run, actor=people.editor)
    other = TrainingRun.objects.get(pk=run.pk)
    resume_run(run, actor=people.editor)
    with pytest.raises(Problem, match="under way or done"):
        resume_run(other, actor=people.owner)


def test_a_worker_that_was_given_up_cannot_touch_a_run_that_goes_on(people, run):
    assert run.claim()
    old = TrainingRun.objects.get(pk=run.pk)
    cancel_run(run, actor=people.editor)
    assert run.cancel()
    resume_run(run, actor=people.editor)
    assert not old.holds(progress=0.5)
    assert run.claim()
    assert run.attempt == 2
    assert not old.holds(progress=0.5)


def test_a_run_that_goes_on_has_three_attempts_again(people, run):
    def let_die() -> TrainingRun:
        assert run.claim()
        reap(timezone.now() + timedelta(seconds=settings.JOB_STALE_SECONDS + 1))
        run.refresh_from_db()
        return run

    assert [let_die().status for _ in range(3)] == [Status.QUEUED, Status.QUEUED, Status.FAILED]
    resume_run(run, actor=people.editor)
    assert [let_die().status for _ in range(3)] == [Status.QUEUED, Status.QUEUED, Status.FAILED]
    assert (run.attempt, run.error, run.error_params) == (6, "worker_died", {"attempts": 3})


def test_what_is_not_allowed_does_not_go_on(people, project, starter, version, run):
    cancel_run(run, actor=people.editor)
    withdraw_rights(version.items.first().picture, actor=people.reviewer, reason="They asked.")
    with pytest.raises(Problem) as raised:
        resume_run(run, actor=people.editor)
    assert raised.value.code == "rights_blocked"
    run.refresh_from_db()
    assert run.status == Status.CANCELED


def test_a_blocked_run_goes_on_once_it_is_allowed(people, project, starter, version, run):
    assert run.block("rights_blocked", {"reasons": {"en": ["x"]}})
    resume_run(run, actor=people.editor)
    assert (run.status, run.error, run.error_params) == (Status.QUEUED, "", {})


def test_other_aims_of_the_project_count_when_it_is_asked(people, project, starter):
    version = frozen(people, project, expression="CC-BY-NC-4.0")
    Project.objects.filter(pk=project.pk).update(purpose="noncommercial")
    project.refresh_from_db()
    assert asked(people, project, version, starter).status == Status.QUEUED


def test_a_measured_pace_makes_the_next_estimate(people, project, starter, version, run):
    TrainingRun.objects.filter(pk=run.pk).update(
        status=Status.SUCCEEDED, finished_at=timezone.now(), pictures_per_second=2.0
    )
    found = plan(project, request(version, starter)).estimate
    assert found.is_measured
    assert found.seconds > SMALL["max_train_steps"] * SMALL["train_batch_size"] / 2.0
    assert not plan(project, request(version, starter, train_batch_size=1)).estimate.is_measured


def test_things_of_other_projects_and_kinds_are_refused(people, project, starter, version):
    other = Project.objects.get(slug="elsewhere")
    with pytest.raises(Problem, match="not in the project"):
        plan(other, request(version, starter))
    vae = ModelFile(kind="vae", architecture="sdxl", sha256="c" * 64)
    with pytest.raises(Problem, match="does not fit"):
        plan(project, request(version, starter, vae=vae))
    run = asked(people, project, version, starter)
    with pytest.raises(Problem, match="trained with LoRA"):
        plan(project, request(version, starter, method="textual_inversion", adapter=run.adapter))


def test_a_model_that_cannot_be_trained_is_named(people, project, starter, version):
    ModelFile.objects.filter(pk=starter.pk).update(architecture="flux")
    starter.refresh_from_db()
    with pytest.raises(Problem, match="Only Stable Diffusion"):
        plan(project, request(version, starter))


def test_notes_and_observations_are_kept(people, project, run):
    seen = {"hands": {"state": "major", "note": " six  fingers "}, "face": {"state": "", "note": ""}}
    assert note_run(people.editor, run, notes="Hands need work.", checklist=seen)
    assert run.checklist == {"hands": {"state": "major", "note": "six fingers"}}
    assert not note_run(people.editor, run, notes="Hands need work.")
    for wrong in ({"hands": {"state": "awful"}}, {"feet": {"state": "ok"}}, {"face": "ok"}):
        with pytest.raises(Problem):
            note_run(people.editor, run, checklist=wrong)
    assert Entry.objects.filter(event="training.run.noted").count() == 1


def test_the_trigger_word_comes_from_the_version(people, project, starter, version):
    values = starting_values(version, starter, method="lora", purpose="object", preset="quick")
    assert values["trigger_word"] == TRIGGER == version.trigger
    assert plan(project, request(version, starter, **values)).spec.resolution == 128


def test_rights_that_were_cleared_again_allow_it(people, project, starter, version):
    edit_rights(starter.rights, actor=people.editor, changes={"expression": "CC-BY-4.0"})
    assert starter.rights.state == Rights.State.PENDING
    refused(people, project, request(version, starter), "rights_blocked")
    clear_rights(starter, reviewer=people.reviewer)
    assert asked(people, project, version, starter).decision["effective_license"] == "CC-BY-4.0"
