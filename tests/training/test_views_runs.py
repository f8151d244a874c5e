"""The training room: its pages say what is so, and its forms do what they say."""

import re
from dataclasses import fields

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from assets.services.datasets import add_items, freeze_version
from engine.specs import TrainingSpec
from ledger.models import Entry
from tests.assets.material import picture
from tests.training.room_stage import drawn_sample
from tests.training.saved import save
from tests.training.stage import TRIGGER, asked, frozen
from training.forms import RunForm
from training.models import Method, TrainingPoint, TrainingRun
from training.run_starts import Offer, follow_choices, opening_values
from training.values import BOUND

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
STRIPS = {"sample_steps": 2, "sample_prompts": [{"prompt": "sksumbrella on a beach"}]}


def url(name="training", *args):
    return reverse(name, args=["spring", *args])


def text(response):
    return response.content.decode()


@pytest.fixture
def version(people, project):
    return frozen(people, project)


@pytest.fixture
def run(people, project, starter, version):
    """Return a run that waits."""
    return asked(people, project, version, starter, **STRIPS)


def form_values(project, **asked_for):
    """Return what a browser would send for the form as it opens, with some values changed."""
    offer = Offer(project)
    values = follow_choices({**opening_values(offer, {}), "purpose": "object", "method": "lora"}, offer)
    return {name: value for name, value in {**values, **asked_for}.items() if value != ""}


def end(run, status, **facts):
    """End a run as a worker would."""
    TrainingRun.objects.filter(pk=run.pk).update(
        status=status, finished_at=timezone.now(), started_at=timezone.now(), attempt=1, **facts
    )
    run.refresh_from_db()
    return run


def measured(run, *changes, fold=0):
    """Write what was measured on held-out pictures, every second step; the lowest is the best."""
    best = changes.index(min(changes))
    for place, change in enumerate(changes):
        width = 0.02 if place else 0.0
        TrainingPoint.objects.create(
            run=run, fold=fold, step=2 * place, loss=0.1, held_out_mean=change, held_out_low=change - width,
            held_out_high=change + width, train_mean=change, is_best=place == best,
        )  # fmt: skip
    TrainingRun.objects.filter(pk=run.pk).update(best_step=2 * best)


def test_an_empty_room_leads_to_the_datasets_and_then_to_the_form(signed_in, people, project):
    assert reverse("datasets", args=["spring"]) in text(signed_in("editor").get(url())).split("<main")[1]
    frozen(people, project)
    assert url("training_new") in text(signed_in("editor").get(url())).split("<main")[1]
    seen = text(signed_in("viewer").get(url()))
    assert "An editor of this project starts the first run" in seen
    assert url("training_new") not in seen


def test_a_frozen_version_leads_to_the_form(signed_in, people, starter, version):
    address = f"{url('training_new')}?version={version.id}"
    assert address in text(signed_in("editor").get(version.get_absolute_url()))
    assert address not in text(signed_in("viewer").get(version.get_absolute_url()))
    response = signed_in("editor").get(address)
    assert response.context["form"]["dataset_version"].value() == str(version.id)
    assert "Textual Inversion" not in text(response)


def test_a_purpose_brings_ways_with_their_reasons(signed_in, starter, version):
    cards = signed_in("editor").get(url("training_new") + "?purpose=object").context["choices"].methods
    assert [card.title for card in cards] == ["Textual Inversion", "LoRA"]
    assert [card.is_advised for card in cards] == [True, False]
    assert "three to five pictures" in cards[0].words
    assert [card.mark for card in cards] == ["ok", "warn"]


@pytest.mark.parametrize("method", Method.values)
def test_at_most_twelve_fields_are_seen_at_once_and_all_others_are_in_groups(project, starter, version, method):
    form = RunForm(form_values(project, purpose="other", method=method), offer=Offer(project))
    assert len(form.visible_names) <= 12
    groups = [field.name for _number, _title, found in form.more for field in found]
    assert not set(groups) & set(form.visible_names)
    assert all(field.help_text for field in form.shown if field.name != "dataset_version")


def test_every_field_of_a_recipe_is_in_the_form_of_some_method(project, starter, version):
    known = {"with_prior_preservation", "prior_mode", "sample_prompts", "prediction_type"}
    for method in Method.values:
        known |= set(RunForm(form_values(project, purpose="other", method=method), offer=Offer(project)).recipe_fields)
    assert {each.name for each in fields(TrainingSpec)} - BOUND - known == set()


def test_a_preset_brings_its_values_and_leaves_what_is_about_these_pictures(signed_in, project, starter, version):
    values = form_values(project, rank="5", seed="77", preset="careful")
    response = signed_in("editor").post(url("training_plan"), values, headers=HTMX)
    assert response.headers["HX-Retarget"] == "#run-form"
    data = response.context["form"].data
    assert (data["rank"], data["seed"], data["lora_dropout"], data["lr_scheduler"]) == ("32", "77", "0.1", "cosine")
    assert "Small model" in text(response)


def test_a_value_that_a_person_changes_stays(signed_in, project, starter, version):
    response = signed_in("editor").post(url("training_plan"), form_values(project, rank="5"), headers=HTMX)
    assert "HX-Retarget" not in response.headers
    assert response.context["plan"].plan.spec.rank == 5
    assert response.context["form"].data["rank"] == "5"


def test_the_small_model_gets_values_of_its_own(project, starter, version):
    values = form_values(project)
    assert (values["preset"], values["resolution"], values["learning_rate"]) == ("small", "128", "0.002")
    assert values["sample_negative"] == "blurry, noisy, text artifacts"
    assert values["sample_guidance_scale"] == "2"
    assert all(TRIGGER in line for line in values["sample_lines"].splitlines())


def test_the_plan_tells_rights_costs_and_pictures_and_writes_nothing(signed_in, project, starter, version):
    client, before = signed_in("editor"), Entry.objects.count()
    response = client.post(url("training_plan"), form_values(project), headers=HTMX)
    plan = response.context["plan"]
    assert [each.question for each in plan.rights.answers] == [
        "Train on these pictures", "Make pictures with what comes of it", "Publish those pictures",
        "Give the file away",
    ]  # fmt: skip
    assert {each.mark for each in plan.rights.answers} == {"ok"}
    assert plan.sides == "5 pictures to learn from, 1 held out to measure with."
    assert plan.length == "200 steps: every picture is seen about 160 times."
    assert "6 pictures are few" in text(response)
    assert plan.memory in text(response)
    assert not plan.refusals
    assert (TrainingRun.objects.count(), Entry.objects.count()) == (0, before)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("rank", "999", "The value must be from 1 to 256."),
        ("rank", "9" * 5000, "Enter a whole number."),
        ("resolution", "130", "The resolution must be a multiple of 8 pixels."),
        ("learning_rate", "nan", "Enter a number."),
        ("trigger_word", "a, b", "A trigger word is short, and has no commas."),
        ("base_model", "", "This field is required."),
        ("dataset_version", "nonsense", "Select a valid choice. nonsense is not one of the available choices."),
    ],
)
def test_a_mistake_stands_beside_its_field(signed_in, project, starter, version, field, value, said):
    client, values = signed_in("editor"), {**form_values(project), field: value}
    response = client.post(url("training_new"), values)
    assert response.status_code == 422
    assert response.context["form"].errors[field] == [said]
    assert f'id="id_{field}_error"' in text(response)
    assert not TrainingRun.objects.exists()


def test_what_the_rights_forbid_cannot_start_and_says_why(signed_in, people, project, starter, version):
    add_items(people.editor, version.dataset, [picture(people.editor, project, 40, "CC-BY-NC-4.0")])
    unclear = freeze_version(people.editor, version.dataset)
    client, values = signed_in("editor"), form_values(project, dataset_version=str(unclear.id))
    shown = client.post(url("training_plan"), values, headers=HTMX)
    assert re.search(r'id="start"\s+disabled', text(shown))
    train = shown.context["plan"].rights.train
    assert train.mark == "stop"
    assert any("40.png" in reason for reason in train.reasons)
    assert "For the same reasons." in text(shown)
    response = client.post(url("training_new"), values)
    assert response.status_code == 422
    assert any("40.png" in reason for reason in response.context["plan"].refusals)
    assert not TrainingRun.objects.exists()


def test_what_was_shown_is_what_is_asked_for_once(signed_in, project, starter, version):
    values = form_values(project, max_train_steps="4", rank="3", name="First try", adapter_name="Umbrella")
    client = signed_in("editor")
    first, again = client.post(url("training_new"), values), client.post(url("training_new"), values)
    run = TrainingRun.objects.get()
    assert first.url == again.url == run.get_absolute_url()
    assert (run.name, run.adapter.name, run.recipe.rank, run.total_steps) == ("First try", "Umbrella", 3, 4)
    assert (run.recipe.trigger_word, run.material["validation_share"]) == (TRIGGER, 0.15)
    assert run.recipe.sample_prompts[0].negative_prompt == "blurry, noisy, text artifacts"
    assert [each.seed for each in run.recipe.sample_prompts] == [0, 1]


def test_steps_may_be_given_in_times_that_every_picture_is_seen(signed_in, project, starter, version):
    values = form_values(project, max_train_steps="8", length_unit="epochs", train_batch_size="2")
    plan = signed_in("editor").post(url("training_plan"), values, headers=HTMX).context["plan"]
    assert plan.plan.spec.max_train_steps == 20
    assert plan.length.startswith("20 steps: every picture is seen about 8 times")


def test_how_the_class_is_kept_is_one_choice_of_dreambooth(signed_in, project, starter, version):
    client = signed_in("editor")
    chosen = {"purpose": "character", "method": "dreambooth_lora"}
    shown = client.post(url("training_plan"), form_values(project, **chosen), headers=HTMX).context["form"].data
    sent = {name: value for name, value in shown.items() if value != ""} | {"regularization": "adapter_off"}
    spec = client.post(url("training_plan"), sent, headers=HTMX).context["plan"].plan.spec
    assert (spec.with_prior_preservation, spec.prior_mode) == (True, "adapter_off")
    assert "Regularisation" not in text(client.post(url("training_plan"), form_values(project), headers=HTMX))


def test_changing_more_than_one_thing_is_flagged(signed_in, run):
    client = signed_in("editor")
    shown = client.get(f"{url('training_new')}?like={run.id}")
    data = shown.context["form"].data
    assert shown.context["plan"].changes == []
    sent = {name: value for name, value in data.items() if value != ""}
    one = client.post(url("training_plan"), sent | {"rank": "4"}, headers=HTMX)
    assert [(each.label, each.before, each.after) for each in one.context["plan"].changes] == [("Rank", "2", "4")]
    assert "nobody can tell" not in text(one)
    two = client.post(url("training_plan"), sent | {"rank": "4", "train_batch_size": "3"}, headers=HTMX)
    assert "2 fields differ: nobody can tell which of them helped" in text(two)


def test_a_run_tells_what_it_does_and_moves_while_it_is_live(signed_in, run):
    client = signed_in("editor")
    page = text(client.get(run.get_absolute_url()))
    assert 'hx-trigger="every 2s"' in page
    assert "Waiting for the worker" in page
    measured(run, 0.0, -0.2, -0.1)
    news = text(client.get(url("training_run_news", run.id)))
    assert 'id="run-live" class="stack" hx-swap-oob="true"' in news
    assert 'role="img" aria-labelledby="chart-change-title chart-change-words"' in news
    assert "best: step 2" in news
    assert "Step 2: −20.0\N{NO-BREAK SPACE}% (−22.0\N{NO-BREAK SPACE}% to −18.0\N{NO-BREAK SPACE}%)" in news
    assert "style=" not in news


def test_a_run_that_is_over_says_its_verdict_and_asks_no_more(signed_in, run):
    measured(run, 0.0, -0.2, -0.1)
    end(
        run, "succeeded", verdict="overfitting_since", verdict_params={"step": 4}, memorized=0.25,
        peak_memory_bytes=2**30, pictures_per_second=3.5, seconds=75.0, cache_seconds=4.0,
    )  # fmt: skip
    page = text(signed_in("viewer").get(run.get_absolute_url()))
    assert "every 2s" not in page
    assert "Overfitting since step 4" in page
    assert "Take fewer steps or more varied pictures" in page
    assert "20.0\N{NO-BREAK SPACE}% better (18.0 to 22.0\N{NO-BREAK SPACE}%)" in page
    assert "25 % of the drawn samples" in page
    assert "1.0\N{NO-BREAK SPACE}GB (expected:" in page
    assert "Train again" not in page


def test_a_failure_says_what_is_safe_and_offers_to_go_on(signed_in, run):
    end(run, "failed", error="training_diverged", error_params={"step": 3}, step=3, checkpoint_step=2)
    page = text(signed_in("editor").get(run.get_absolute_url()))
    assert "At step 3 the loss was no number any more. Take a lower learning rate" in page
    assert "The checkpoint of step 2 is kept" in page
    assert url("training_run_resume", run.id) in page
    assert url("training_run_cancel", run.id) not in page
    assert signed_in("editor").post(url("training_run_resume", run.id)).url == run.get_absolute_url()
    run.refresh_from_db()
    assert run.status == "queued"


def test_a_waiting_run_is_cancelled(signed_in, run):
    client = signed_in("editor")
    assert url("training_run_cancel", run.id) in text(client.get(run.get_absolute_url()))
    client.post(url("training_run_cancel", run.id))
    run.refresh_from_db()
    assert run.status == "canceled"
    said = client.post(url("training_run_cancel", run.id), follow=True)
    assert "had ended already" in text(said)


def test_samples_stand_in_rows_by_step_and_come_only_when_there_are_more(signed_in, run):
    for step in (2, 4, 6):
        drawn_sample(run, step=step, seed=step)
    client = signed_in("viewer")
    page = client.get(run.get_absolute_url())
    assert [row.step for row in page.context["view"].strips.rows] == [2, 4, 6]
    assert [row.is_between for row in page.context["view"].strips.rows] == [False, True, False]
    assert "Only first and last" in text(page)
    assert "run-strips" in text(client.get(url("training_run_news", run.id) + "?strips=2"))
    assert "run-strips" not in text(client.get(url("training_run_news", run.id) + "?strips=3"))
    assert client.get(url("training_sample", run.id, 4, 0))["Content-Type"] == "image/png"
    assert client.get(url("training_sample", run.id, 5, 0)).status_code == 404


def test_everything_that_decided_the_weights_is_shown(signed_in, run):
    settings = signed_in("viewer").get(run.get_absolute_url()).context["view"].settings
    shown = {each.label: each.value for _title, found in settings for each in found}
    assert (shown["Rank"], shown["Trigger word"], shown["Dataset version"]) == ("2", TRIGGER, "Umbrellas v1")
    assert "Vectors" not in shown


def test_one_value_trains_the_same_again_and_several_are_a_sweep(signed_in, run):
    client, address = signed_in("editor"), url("training_run_again", run.id)
    one = client.post(address, {"field": "rank", "values": "4", "again_key": "a"})
    made = TrainingRun.objects.exclude(pk=run.pk).get()
    assert one.url == made.get_absolute_url()
    assert (made.recipe.rank, made.compared_with, [each["field"] for each in made.changes]) == (4, run, ["rank"])
    page = text(client.get(made.get_absolute_url()))
    assert "<del>2</del> <ins>4</ins>" in page
    sweep = client.post(address, {"field": "learning_rate", "values": "1e-4; 2e-4；3e-4", "again_key": "b"})
    assert sweep.url == url()
    rates = TrainingRun.objects.filter(sweep_field="learning_rate").order_by("idempotency_key")
    assert [each.recipe.learning_rate for each in rates] == [1e-4, 2e-4, 3e-4]
    assert client.get(rates[0].get_absolute_url()).context["view"].siblings == list(rates)


@pytest.mark.parametrize(
    ("field", "values", "said"),
    [
        ("rank", "banana", "Enter a whole number."),
        ("rank", "2", "This is the same value as before."),
        ("rank", "0", "The value must be from 1 to 256."),
        ("rank", "1;2;3;4;5;6;7;8;9", "Give one to 8 values."),
        ("random_flip", "perhaps", "Write yes or no."),
        ("optimizer", "sgd", "Select a valid choice."),
        ("layer_structure", "1, 2", "Select a valid choice."),
    ],
)
def test_a_value_that_cannot_be_tried_says_why(signed_in, run, field, values, said):
    response = signed_in("editor").post(
        url("training_run_again", run.id), {"field": field, "values": values, "again_key": "a"}
    )
    assert response.status_code == 422
    assert said in text(response)
    assert TrainingRun.objects.count() == 1


def test_words_of_the_screen_are_values_too(signed_in, run):
    address = url("training_run_again", run.id)
    signed_in("editor").post(address, {"field": "random_flip", "values": "yes", "again_key": "a"})
    signed_in("editor").post(address, {"field": "optimizer", "values": "Adafactor", "again_key": "b"})
    made = TrainingRun.objects.exclude(pk=run.pk).order_by("queued_at")
    assert [made[0].recipe.random_flip, made[1].recipe.optimizer] == [True, "adafactor"]


def test_notes_and_what_was_seen_are_kept(signed_in, run):
    address = url("training_run_notes", run.id)
    sent = {"notes": "Softer than before", "face_state": "ok", "hands_state": "major", "hands_note": "six fingers"}
    assert signed_in("editor").post(address, sent).url == run.get_absolute_url()
    run.refresh_from_db()
    assert run.notes == "Softer than before"
    assert run.checklist["hands"] == {"state": "major", "note": "six fingers"}
    seen = text(signed_in("viewer").get(run.get_absolute_url()))
    assert "Wrong · six fingers" in seen
    assert signed_in("editor").post(address, {"face_state": "purple"}).status_code == 422


def test_two_runs_are_compared_with_what_differs_first(signed_in, people, project, starter, version, run):
    other = asked(people, project, version, starter, **STRIPS, rank=4)
    measured(run, 0.0, -0.2)
    measured(other, 0.0, -0.3)
    drawn_sample(run, step=4)
    drawn_sample(other, step=2, seed=5)
    response = signed_in("viewer").get(url("training_compare"), {"ids": [other.id, run.id]})
    view = response.context["view"]
    assert [side.run for side in view.sides] == [run, other]
    assert [(each.label, each.before, each.after) for each in view.differences] == [("Rank", "2", "4")]
    assert [line.key for line in view.drawing.chart.lines] == ["a", "b"]
    [pair] = view.pairs
    assert [drawn.step for drawn in pair.pictures] == [4, 2]
    third = asked(people, project, version, starter, **STRIPS, rank=4, train_batch_size=1)
    two = text(signed_in("viewer").get(url("training_compare"), {"ids": [run.id, third.id]}))
    assert "nobody can tell which of them helped" in two
    alone = signed_in("viewer").get(url("training_compare"), {"ids": [run.id]}, follow=True)
    assert "Choose two runs" in text(alone)


def test_the_table_tells_what_came_of_every_run(signed_in, people, project, starter, version, run):
    measured(run, 0.0, -0.2, -0.1)
    end(run, "succeeded", verdict="best_at", verdict_params={"step": 2}, seconds=200.0, peak_memory_bytes=2**29)
    other = asked(people, project, version, starter, compared_with=run, rank=4)
    newest, oldest = signed_in("viewer").get(url()).context["lines"]
    assert (newest.run, [each.field for each in newest.changes]) == (other, ["rank"])
    assert oldest.held_out == "20.0\N{NO-BREAK SPACE}% better (18.0 to 22.0\N{NO-BREAK SPACE}%)"
    assert (oldest.verdict.word, oldest.time, oldest.memory) == ("Learned", "3 minutes", "512.0\N{NO-BREAK SPACE}MB")


def test_folds_tell_the_mean_of_their_best(signed_in, run):
    measured(run, 0.0, -0.2, fold=1)
    measured(run, 0.0, -0.4, fold=2)
    [line] = signed_in("viewer").get(url()).context["lines"]
    assert line.held_out == "30.0\N{NO-BREAK SPACE}% better"


def test_a_run_on_folds_shows_what_its_parts_found(signed_in, people, project, starter, version):
    run = asked(people, project, version, starter, folds=2)
    measured(run, 0.0, -0.2, fold=1)
    measured(run, 0.0, -0.4, fold=2)
    assert run.claim()
    run.folds = {"10": 4, "2": 2}
    made = save(run)
    TrainingRun.objects.filter(pk=run.pk).update(memorized=0.25)
    seen = " ".join(text(signed_in("viewer").get(run.get_absolute_url())).split())
    assert "Trained on everything for 4 steps" in seen
    assert "The parts were best at step 2, 4" in seen
    assert "on average: 30.0 % better." in seen
    assert "25 % of the drawn samples" in seen
    assert "nothing was held out from the last training" in seen
    assert made.get_absolute_url() in seen
    other = asked(people, project, version, starter, rank=4)
    both = text(signed_in("viewer").get(url("training_compare"), {"ids": [other.id, run.id]}))
    assert "Trained on everything" in both
    page = text(signed_in("viewer").get(made.get_absolute_url()))
    assert "Measured on parts" in page
    assert "30.0\N{NO-BREAK SPACE}% better" in page
    assert "Not measured" not in page


def test_runs_are_found_by_method_dataset_state_and_person(signed_in, people, run):
    client = signed_in("viewer")

    def found(**asked_for):
        return len(client.get(url(), asked_for).context["lines"])

    assert found(method="lora", dataset="umbrellas", status="queued", person=people.editor.id) == 1
    assert found(method="hypernetwork") == 0
    assert found(status="failed") == 0
    assert found(person="nonsense") == 1
    assert "No run fits" in text(client.get(url(), {"status": "failed"}))


def test_more_runs_take_no_more_queries(signed_in, people, project, starter, version, run):
    client, counts = signed_in("viewer"), []
    for rank in (3, 4, 5):
        measured(asked(people, project, version, starter, compared_with=run, rank=rank), 0.0, -0.1)
        client.get(url())
        with CaptureQueriesContext(connection) as queries:
            client.get(url())
        counts.append(len(queries))
    assert counts[0] == counts[2]
