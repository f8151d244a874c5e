"""The same bytes again: what they were made from and nobody had said is added; what is over stays over."""

import json
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.urls import reverse
from safetensors.torch import save

from assets.licensing import Action, Verdict
from assets.models import ModelFile, ModelIntake, Rights
from assets.services import Declaration, clear_rights, decide_use, refuse_rights, register_adapter, withdraw_rights
from assets.services.intake import start_intake
from assets.services.model_sources import SOURCES_ADDED
from generation.models import Output
from generation.services.lineages import descendants_of, publishable
from jobs.models import Status
from ledger.models import Entry
from projects.models import Project
from projects.problems import Problem
from tests.engine.test_adapters import starter_lora

from .chain import drawn_with, frozen
from .model_material import asked, lora_weights, run
from .test_intake import by_upload, uploaded
from .test_views import add_model, model_page

pytestmark = pytest.mark.django_db
LORA = save(lora_weights(text=768))
FROM = "https://example.com/inkline"
REASON = "The page names another licence."


@pytest.fixture(autouse=True)
def models_root(settings, tmp_path):
    settings.MODELS_ROOT = tmp_path / "models"
    settings.MODELS_ROOT.mkdir()
    return settings.MODELS_ROOT


@pytest.fixture
def starter_here(models_root, starter):
    return starter


@pytest.fixture
def known(people, project) -> ModelFile:
    """Return an adapter of the project that nobody has said the making of."""
    return run(by_upload(people, project, LORA)).result


def again(people, project, content=LORA, person=None, **said) -> ModelIntake:
    kept = uploaded(content)
    place = {"source": "upload", "location": kept.name, "upload_id": kept.id}
    return run(start_intake(person or people.editor, project, asked(**said), **place))


def edges(model) -> set:
    return {(row.role, row.file_id or row.dataset_version_id) for row in model.sources.all()}


def card(client, job) -> str:
    return client.get(reverse("model_intake", args=[job.project.slug, job.id])).content.decode()


def test_forgotten_sources_are_added_and_said(signed_in, people, project, known):
    base, version = add_model("Base"), frozen(people, project, ["CC0-1.0"])
    before = known.rights.revision
    job = again(people, project, bases=[base], trained_on=version)
    assert (job.status, job.was_known, job.result) == (Status.SUCCEEDED, True, known)
    assert edges(known) == {("derived_from", base.id), ("trained_on", version.id)}
    change = known.rights.changes.get(event=SOURCES_ADDED)
    assert (change.after["sources"], change.revision) == (["Base", "Umbrellas v1"], before + 1)
    entry = Entry.objects.get(chain=project.id, event=SOURCES_ADDED)
    assert json.loads(entry.payload)["made_from"] == [base.sha256, version.merkle_root]
    html = card(signed_in("editor"), job)
    assert "What it was made from was completed: Base, Umbrellas v1." in html
    assert reverse("model_edit", args=["spring", known.id]) in html
    assert reverse("model_edit", args=["spring", known.id]) not in card(signed_in("viewer"), job)
    lines = model_page(signed_in("viewer"), known).context["record"].history
    assert [str(line.what) for line in lines] == ["What it was made from was completed", "Declared"]


def test_edges_are_only_ever_added(people, project, known):
    first, second = add_model("First"), add_model("Second")
    again(people, project, bases=[first])
    again(people, project, bases=[second])
    again(people, project)
    assert edges(known) == {("derived_from", first.id), ("derived_from", second.id)}


def test_what_is_known_already_changes_nothing(signed_in, people, project, known):
    base = add_model("Base")
    again(people, project, bases=[base])
    before = Rights.objects.get(model_file=known).revision
    job = again(people, project, bases=[base], expression="CC0-1.0")
    assert Rights.objects.get(model_file=known).revision == before
    assert known.sources.count() == 1
    assert Rights.objects.get(model_file=known).expression == "CC-BY-4.0"
    html = card(signed_in("editor"), job)
    assert "what was declared there stands" in html
    assert "was completed" not in html


def test_a_model_is_never_its_own_source(people, project, known):
    again(people, project, bases=[known])
    assert edges(known) == set()


@pytest.fixture
def drawn(people, project, starter_here):
    """Return a base model, an adapter of it that nobody has said the lessons of, and a picture made with both."""
    folder = Path(settings.MODELS_ROOT, "adapters")
    folder.mkdir()
    adapter = register_adapter(
        starter_lora(folder / "a.safetensors"),
        name="Umbrella LoRA",
        declaration=Declaration(expression="CC0-1.0", creator="Spring team", source_url=FROM),
        actor=people.editor,
        project=project,
        bases=[starter_here],
    )
    clear_rights(adapter, reviewer=people.reviewer)
    [output] = drawn_with(people, project, starter_here, adapter)
    return starter_here, adapter, output


def is_open(output) -> bool:
    return publishable(Output.objects.all(), output.project).filter(pk=output.pk).exists()


def test_an_added_source_closes_pictures_when_it_is_withdrawn(people, project, drawn):
    base, adapter, output = drawn
    version = frozen(people, project, ["CC0-1.0", "CC0-1.0"])
    picture = version.items.first().picture
    assert is_open(output)
    assert list(descendants_of(picture, project).outputs) == []
    again(people, project, adapter.file.read_bytes(), bases=[base], trained_on=version)
    assert is_open(output)
    assert list(descendants_of(picture, project).outputs) == [output]
    withdraw_rights(picture, actor=people.reviewer, reason="They asked.")
    assert not is_open(output)
    assert decide_use(project, Action.GENERATE, [adapter]).verdict is Verdict.BLOCK


def test_an_added_source_that_forbids_closes_pictures_at_once(people, project, drawn):
    base, adapter, output = drawn
    version = frozen(people, project, ["CC-BY-NC-4.0"])
    assert is_open(output)
    again(people, project, adapter.file.read_bytes(), bases=[base], trained_on=version)
    assert not is_open(output)


@pytest.mark.parametrize(("end", "code", "words"), [
    (refuse_rights, "model_refused", "were refused"), (withdraw_rights, "model_withdrawn", "were withdrawn"),
])  # fmt: skip
def test_what_is_over_is_not_opened_by_entering_it_again(signed_in, people, project, known, end, code, words):
    end(known, **{"reviewer" if end is refuse_rights else "actor": people.reviewer}, reason=REASON)
    job = again(people, project, expression="CC0-1.0", bases=[add_model("Base")])
    assert (job.status, job.error, job.result) == (Status.FAILED, code, None)
    for said in (words, REASON, "Inkline", "Choose another model"):
        assert said in job.reason
    assert not job.folder.exists()
    rights = Rights.objects.get(model_file=known)
    assert (f"model_{rights.state}", rights.expression, edges(known)) == (code, "CC-BY-4.0", set())
    assert reverse("model_file", args=["spring", known.id]) in card(signed_in("viewer"), job)


def test_the_command_opens_nothing_either(people, project, known):
    refuse_rights(known, reviewer=people.reviewer, reason=REASON)
    said = Declaration(expression="CC0-1.0")
    with pytest.raises(Problem) as refused:
        register_adapter(known.file, name="x", declaration=said, actor=people.editor, project=project)
    assert refused.value.code == "model_refused"


def test_the_demo_is_not_seeded_with_a_starter_model_that_was_withdrawn(people, starter_here):
    withdraw_rights(starter_here, actor=people.reviewer, reason=REASON)
    with pytest.raises(CommandError, match="were withdrawn: The page names"):
        call_command("seed_demo")


def test_the_command_completes_sources_by_the_same_service(people, project, known):
    base, said = add_model("Base"), Declaration(expression="CC0-1.0")
    found = register_adapter(known.file, name="x", declaration=said, actor=people.editor, project=project, bases=[base])
    assert (found, edges(known)) == (known, {("derived_from", base.id)})


def test_only_the_houses_staff_says_what_the_houses_models_were_made_from(signed_in, people, project, known):
    ModelFile.objects.filter(pk=known.pk).update(project=None)
    base, version = add_model("Base", project=project), frozen(people, project, ["CC0-1.0"])
    job = again(people, project, bases=[base])
    assert (job.status, job.error) == (Status.FAILED, "house_model")
    assert "Only the house’s staff" in job.reason
    assert edges(known) == set()
    assert again(people, project).status == Status.SUCCEEDED
    assert again(people, project, person=people.reviewer, bases=[base], trained_on=version).status == Status.SUCCEEDED
    assert edges(known) == {("derived_from", base.id), ("trained_on", version.id)}
    theirs = signed_in("stranger").get(reverse("model_file", args=["elsewhere", known.id])).content.decode()
    assert "Umbrellas" not in theirs
    assert version.merkle_root[:12] in theirs


def test_another_projects_row_is_not_touched(people, project, known):
    elsewhere = Project.objects.get(slug="elsewhere")
    job = again(people, elsewhere, person=people.stranger, bases=[add_model("Base")])
    assert (job.was_known, job.result.project) == (False, elsewhere)
    assert edges(known) == set()
