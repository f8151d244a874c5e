"""Outputs that come back as pictures to learn from: recognised, and bound by what their models allow."""

import io
import json
from importlib import import_module
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from PIL import Image, PngImagePlugin

from assets.licensing import Action, Edge, Verdict
from assets.models import MadePicture, ModelFile, PictureSource, Rights, RightsChange
from assets.services import Declaration, clear_rights, decide_pictures, decide_use, withdraw_rights
from assets.services.datasets import add_items, create_dataset, freeze_version
from assets.services.decisions import Sources
from assets.services.import_steps import confirm
from assets.services.origins import meet_model
from assets.services.pictures import add_picture, read_picture
from generation.models import Output
from generation.services.lineages import descendants_of, lineage_for, verdicts_now
from generation.services.withdrawals import withdraw
from ledger.models import Entry
from projects.models import Project
from tests.api.conftest import bearer
from tests.assets.chain import drawn_with, frozen, learned
from tests.assets.material import cleared, encoded, picture, tried, upload, walk
from tests.assets.test_views import add_model
from tests.generation.pictures import drawn, made

pytestmark = pytest.mark.django_db

FLUX = "LicenseRef-scancode-flux-1-nc"
OWN = {"expression": "LicenseRef-Daicho-OwnWork", "creator": "Ana"}


@pytest.fixture
def flux(people, project, starter) -> ModelFile:
    """Return a model whose outputs may not train without asking, in a project that may run it."""
    Rights.objects.filter(pk=starter.rights_id).update(expression=FLUX)
    Project.objects.filter(pk=project.pk).update(purpose="noncommercial")
    project.refresh_from_db()
    return ModelFile.objects.select_related("rights").get(pk=starter.pk)


@pytest.fixture
def output(people, project, flux) -> Output:
    return made(people.editor, project, flux)[0]


def file_of(output: Output) -> bytes:
    return Path(settings.MEDIA_ROOT, output.path).read_bytes()


def without_texts(data: bytes) -> bytes:
    """Return the same pixels in another file, as an editor saves them."""
    file = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").save(file, "WEBP", lossless=True)
    return file.getvalue()


def brought(people, project, data: bytes, **declared):
    said = Declaration(**{**OWN, **declared})
    return add_picture(people.editor, project, read_picture(data), name="own.png", declaration=said)[0]


def by_form(people, project, data, signed_in):
    [row] = walk_in(people, project, data).rows.all()
    return row.picture


def walk_in(people, project, data):
    batch = tried(people.editor, project, upload("own.png", data), license="CC0-1.0", creator="Ana")
    assert "made_by_model" in {each["code"] for each in batch.rows.get().notices}
    confirm(batch, confirmed={"CC0-1.0": "CC0-1.0"}, user=people.editor)
    return walk(batch)


def by_api(people, project, data, signed_in):
    values = {"project": "spring", "file": upload("own.png", data), "declaration": json.dumps(OWN)}
    answer = bearer(people.editor).post("/api/v1/pictures/", values, format="multipart")
    assert answer.status_code == 201, answer.json()
    assert [each["recognized_by"] for each in answer.json()["made_with"]] == ["pixels"]
    return project.pictures.get(pk=answer.json()["id"])


def by_service(people, project, data, signed_in):
    return brought(people, project, data)


def forbidding(decision) -> list[tuple[str, str]]:
    return [(each.dimension, each.license) for each in decision.reasons]


@pytest.mark.parametrize("way", [by_form, by_api, by_service])
def test_an_output_stays_bound_by_its_model_however_it_comes_back(people, project, flux, output, signed_in, way):
    came = way(people, project, without_texts(file_of(output)), signed_in)
    assert came.output_id == output.id
    [edge] = came.made_with.all()
    assert (edge.file, edge.basis, edge.sha256) == (flux, PictureSource.Basis.PIXELS, flux.sha256)
    clear_rights(came, reviewer=people.reviewer, reason="drawn by us")
    decision = decide_pictures(project, Action.TRAIN, [came])
    assert decision.verdict is Verdict.REVIEW
    assert forbidding(decision) == [("out_train", FLUX)]
    assert "2(d)" in decision.reasons[0].clause
    assert {each.edge for each in decision.inputs if each.item == flux.name} == {Edge.OUTPUT_TO_DATASET}


def test_a_withdrawn_model_closes_what_was_made_with_it_and_learned_from(people, project, flux, output):
    came = brought(people, project, file_of(output))
    clear_rights(came, reviewer=people.reviewer)
    withdraw_rights(flux, actor=people.reviewer, reason="licence ended")
    decision = decide_pictures(project, Action.TRAIN, [came])
    assert decision.verdict is Verdict.BLOCK
    assert ("basis", "LicenseRef-Daicho-Policy") in forbidding(decision)
    dataset = create_dataset(people.editor, project, name="Ours")
    add_items(people.editor, dataset, [came])
    assert freeze_version(people.editor, dataset).decision["verdict"] == "block"


def chain_through(people, project, starter, output):
    """Return a version that holds an output, and an adapter that was trained on it with another base."""
    came = brought(people, project, file_of(output))
    clear_rights(came, reviewer=people.reviewer)
    dataset = create_dataset(people.editor, project, name="Ours")
    add_items(people.editor, dataset, [came])
    version = freeze_version(people.editor, dataset)
    return version, learned(people, project, add_model("Other base"), version, name="Second", seed=7)


def test_an_adapter_is_below_the_model_whose_outputs_it_learned_from(people, project, starter):
    [output] = made(people.editor, project, starter)
    version, adapter = chain_through(people, project, starter, output)
    found = descendants_of(starter, project)
    assert adapter in found.files
    assert found.versions == [version]
    assert decide_use(project, Action.GENERATE, [adapter]).verdict is Verdict.ALLOW
    withdraw(starter, actor=people.reviewer, reason="licence ended")
    assert decide_use(project, Action.GENERATE, [adapter]).verdict is Verdict.BLOCK


def test_a_picture_is_followed_through_outputs_that_were_learned_from(people, project, starter):
    first = frozen(people, project, ["CC0-1.0"])
    [output] = drawn_with(people, project, starter, learned(people, project, starter, first))
    second, adapter = chain_through(people, project, starter, output)
    lesson = first.items.get().picture
    found = descendants_of(lesson, project)
    assert set(found.versions) == {first, second}
    assert adapter in found.files
    withdraw(lesson, actor=people.reviewer, reason="asked to")
    assert "withdrawn" in {each.code for each in decide_use(project, Action.GENERATE, [adapter]).reasons}


def test_answers_in_memory_hear_of_a_withdrawal_through_an_output(people, project, starter):
    [output] = made(people.editor, project, starter)
    _version, adapter = chain_through(people, project, starter, output)
    base = ModelFile.objects.get(name="Other base")
    Rights.objects.filter(pk=base.rights_id).update(state="cleared")
    lineage = lineage_for(project, [base, adapter])
    assert verdicts_now(project, Action.PUBLISH)[lineage.id] is Verdict.ALLOW
    withdraw(starter, actor=people.reviewer, reason="licence ended")
    assert verdicts_now(project, Action.PUBLISH)[lineage.id] is Verdict.BLOCK


def test_an_output_is_recognized_in_another_project(people, project, flux, output):
    elsewhere = Project.objects.get(slug="elsewhere")
    said = Declaration(**OWN)
    came, _new = add_picture(
        people.stranger, elsewhere, read_picture(without_texts(file_of(output))), name="a.png", declaration=said
    )
    assert [each.file for each in came.made_with.all()] == [flux]


def test_the_files_own_word_counts_as_a_claim(people, project, flux, output):
    MadePicture.objects.all().delete()
    came = brought(people, project, file_of(output))
    [edge] = came.made_with.all()
    assert (edge.file, edge.basis) == (flux, PictureSource.Basis.CLAIM)
    assert "out_train" in {each.dimension for each in decide_pictures(project, Action.TRAIN, [came]).reasons}


def test_a_model_that_nobody_knows_is_unknown_until_it_comes(people, project, output):
    MadePicture.objects.all().delete()
    ModelFile.objects.filter(pk=output.generation.base_model_id).update(sha256="0" * 64)
    came = brought(people, project, file_of(output))
    clear_rights(came, reviewer=people.reviewer)
    [edge] = came.made_with.all()
    assert edge.file is None
    decision = decide_pictures(project, Action.TRAIN, [came])
    assert decision.verdict is Verdict.BLOCK
    assert {each.ref for each in decision.reasons} == {str(came.rights_id)}
    ModelFile.objects.filter(pk=output.generation.base_model_id).update(sha256=edge.sha256)
    meet_model(ModelFile.objects.get(pk=output.generation.base_model_id))
    edge.refresh_from_db()
    assert edge.file_id == output.generation.base_model_id


@pytest.mark.parametrize(
    "chunk", ["", "[]", "{", '{"output": "x"}', '{"output": 7, "spec": {"base_model": 3}}', "[" * 100_000]
)
def test_a_chunk_that_says_nothing_readable_is_no_claim(people, project, chunk):
    texts, file = PngImagePlugin.PngInfo(), io.BytesIO()
    texts.add_text("daicho", chunk)
    Image.open(io.BytesIO(encoded(3))).save(file, "PNG", pnginfo=texts)
    came = brought(people, project, file.getvalue())
    assert (came.output_id, came.made_with.count()) == (None, 0)


def test_a_picture_that_was_here_first_is_recognized_when_its_pixels_are_made(people, project, starter):
    file = io.BytesIO()
    drawn((0, 90, 120)).image.save(file, "PNG")
    came = brought(people, project, file.getvalue())
    assert came.output_id is None
    [output] = made(people.editor, project, starter)
    came.refresh_from_db()
    assert came.output_id == output.id
    change = RightsChange.objects.get(rights=came.rights)
    assert (change.event, change.after["output"]) == ("assets.picture.recognized", str(output.id))


def test_the_ledger_says_where_a_picture_comes_from(people, project, starter):
    [output] = made(people.editor, project, starter)
    came = brought(people, project, file_of(output))
    entry = Entry.objects.get(chain=project.id, event="assets.picture.added", subject=f"picture:{came.id}")
    assert json.loads(entry.payload)["origin"] == {
        "output": str(output.id),
        "recognized_by": "pixels",
        "models": [starter.sha256],
    }


def test_pictures_that_no_model_made_cost_no_query(people, project):
    pictures = [cleared(people, project, seed) for seed in (1, 2, 3)]
    with CaptureQueriesContext(connection) as asked:
        decide_pictures(project, Action.TRAIN, pictures, waivers=())
    assert len(asked) == 0


def test_many_outputs_in_a_version_cost_no_more_queries_than_one(people, project, starter):
    outputs = made(people.editor, project, starter, count=3)
    counts = []
    for number, some in enumerate((outputs[:1], outputs), 1):
        pictures = [brought(people, project, file_of(each)) for each in some]
        dataset = create_dataset(people.editor, project, name=f"Set {number}")
        add_items(people.editor, dataset, pictures)
        version = freeze_version(people.editor, dataset)
        adapter = learned(people, project, starter, version, name=f"L{number}", seed=number)
        with CaptureQueriesContext(connection) as asked:
            Sources([adapter]).inputs_of([adapter])
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_the_page_says_what_made_it_and_what_follows(people, project, flux, output, signed_in):
    came = brought(people, project, file_of(output))
    page = signed_in("viewer").get(reverse("material", args=["spring", came.id])).content.decode()
    assert "Made here" in page
    assert reverse("model_file", args=["spring", flux.id]) in page
    assert reverse("picture", args=["spring", output.id]) in page
    assert "2(d)" in page
    other = picture(people.editor, project, 5)
    assert "Made here" not in signed_in("viewer").get(reverse("material", args=["spring", other.id])).content.decode()


def test_published_as_it_is_it_is_an_output_of_its_model(people, project, starter):
    Rights.objects.filter(pk=starter.rights_id).update(expression="LicenseRef-scancode-stability-ai-nc-2023-12-06")
    Project.objects.filter(pk=project.pk).update(purpose="noncommercial")
    project.refresh_from_db()
    [output] = made(people.editor, project, ModelFile.objects.get(pk=starter.pk))
    came = brought(people, project, file_of(output))
    clear_rights(came, reviewer=people.reviewer)
    decision = decide_pictures(project, Action.PUBLISH, [came], purpose="commercial")
    assert ("out_commercial", "LicenseRef-scancode-stability-ai-nc-2023-12-06") in forbidding(decision)


def test_the_migration_recognizes_what_is_there(people, project, starter):
    [output] = made(people.editor, project, starter)
    came, other = brought(people, project, without_texts(file_of(output))), picture(people.editor, project, 5)
    PictureSource.objects.all().delete()
    MadePicture.objects.all().delete()
    project.pictures.update(output_id=None)
    import_module("assets.migrations.0007_pictures_made_with_models").fill(apps, None)
    came.refresh_from_db()
    other.refresh_from_db()
    assert (came.output_id, other.output_id) == (output.id, None)
    assert [(each.file, each.basis) for each in came.made_with.all()] == [(starter, PictureSource.Basis.PIXELS)]
    assert MadePicture.objects.get().files == [str(starter.id)]
