"""A picture from elsewhere names files: found by hash, or by a name of their own, or plainly said to be missing."""

import io
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import PngImagePlugin

from assets.models import ModelFile
from assets.services import Declaration, clear_rights, register_model
from generation.composing import compose
from generation.forms import StudioForm
from projects.models import Project
from tests.assets.chain import drawn_with, frozen, learned
from tests.assets.model_material import vae_weights, write
from tests.generation.pictures import drawn

PARAMETERS = "a fox {tags}\nSteps: 9, Sampler: Euler, CFG scale: 6.5, Seed: 5, Size: 128x128{more}"


@pytest.fixture
def adapters(people, project, starter) -> list[ModelFile]:
    """Return two adapters with names of their own."""
    version = frozen(people, project, ["CC0-1.0"])
    return [learned(people, project, starter, version, name=name, seed=seed) for seed, name in enumerate(("Ink", "水"))]


@pytest.fixture
def vae(people, project) -> ModelFile:
    """Return a VAE of the project."""
    path = Path(settings.MODELS_ROOT, write("vaes/soft.safetensors", vae_weights(8)))
    options = {"kind": ModelFile.Kind.VAE, "name": "Soft", "actor": people.editor, "project": project}
    declared = Declaration(expression="CC0-1.0", creator="Ana", source_url="https://daicho.example/soft")
    made = register_model(path, declaration=declared, architecture="sd1", **options)
    clear_rights(made, reviewer=people.reviewer)
    return made


def png(tags: str = "", more: str = "") -> bytes:
    """Return a picture as A1111 writes it."""
    info, file = PngImagePlugin.PngInfo(), io.BytesIO()
    info.add_itxt("parameters", PARAMETERS.format(tags=tags, more=more))
    drawn((9, 9, 9)).image.save(file, "PNG", pnginfo=info)
    return file.getvalue()


def read(client: Client, data: bytes) -> tuple[str, StudioForm, str]:
    """Upload a picture and reuse all of it. Return the reader's page, the Studio's form and its page."""
    url = reverse("studio_read", args=["spring"])
    page = client.post(url, {"file": SimpleUploadedFile("x.png", data)}, follow=True).content.decode()
    answer = client.get(reverse("studio", args=["spring"]), {"from": "reading"})
    return page, answer.context["form"], answer.content.decode()


def weights_of(form: StudioForm) -> dict[str, float]:
    """Return the adapters that the form has chosen."""
    return {row.field.name: row.value() for row in form.adapters}


def test_our_own_picture_comes_back_whole(signed_in, people, project, starter, adapters):
    [output] = drawn_with(people, project, starter, adapters[0], seed=3)
    client = signed_in("editor")
    file = b"".join(client.get(reverse("picture_file", args=["spring", output.id])).streaming_content)
    ModelFile.objects.filter(pk=adapters[0].pk).update(name="Renamed")
    page, form, studio = read(client, file)
    assert weights_of(form) == {"Renamed": 0.7}
    assert page.count(">Adapter: found<") == page.count(">Base model: found<") == 1
    assert 'id="unsure"' not in studio
    spec = compose(project, form.picture_request()).spec
    assert (spec.base_model, spec.adapters) == (output.spec["base_model"], output.image_spec().adapters)


def test_a1111s_short_hashes_find_the_files(signed_in, starter, adapters, vae):
    first = adapters[0].defaults["short_hash"]
    more = f", Model hash: {starter.sha256[:10]}, Model: x, VAE hash: {vae.sha256[:10]}, VAE: y"
    more += f', Lora hashes: "a: {first}"'
    page, form, studio = read(signed_in("editor"), png("<lora:a:0.65>", more))
    assert form["base_model"].value() == str(starter.id)
    assert form["vae"].value() == str(vae.id)
    assert weights_of(form) == {"Ink": 0.65}
    assert 'id="unsure"' not in studio
    assert page.count(": found<") == 3


def test_names_find_what_is_there_once_and_say_that_nothing_proves_it(signed_in, starter, adapters, vae):
    more = f", Model: {starter.name.lower()}.safetensors, VAE: Soft.safetensors, Model hash: {'0' * 10}"
    page, form, studio = read(signed_in("editor"), png("<lora:sub/ink:0.65> <lora:水:-99>", more))
    assert form["vae"].value() == str(vae.id)
    assert weights_of(form) == {"Ink": 0.65, "水": -10.0}
    assert page.count(": by its name only<") == 4
    assert "Ink in the library has this name. Whether it is the same file is not known." in studio


def test_what_is_not_there_is_said_on_both_pages(signed_in, starter, adapters):
    page, form, studio = read(signed_in("editor"), png("<lora:nope:1>", ", Model: dream<b>, VAE: none-such"))
    assert form["base_model"].value() == str(starter.id)
    assert weights_of(form) == {}
    for said in (
        "The model dream&lt;b&gt; is not in the library. Daicho Starter is taken instead.",
        "The VAE none-such is not in the library. The model&#x27;s own is taken instead.",
        "The adapter nope is not in the library and is left out.",
    ):
        assert said in page
        assert said in studio


def test_a_picture_that_names_no_model_says_whose_place_is_taken(signed_in, starter):
    _page, _form, studio = read(signed_in("editor"), png(more=", VAE: Automatic"))
    assert "The picture does not say which model has made it. Daicho Starter is taken." in studio
    assert "VAE Automatic" not in studio


def test_of_two_with_one_name_none_is_taken(signed_in, starter, adapters):
    ModelFile.objects.filter(pk=adapters[1].pk).update(name="INK")
    _page, form, studio = read(signed_in("editor"), png("<lora:ink:0.65>"))
    assert weights_of(form) == {}
    assert "More than one file in the library is called ink." in studio


def test_another_projects_files_are_not_found(signed_in, people, project, starter, adapters):
    ModelFile.objects.filter(pk=adapters[0].pk).update(project=Project.objects.get(slug="elsewhere"))
    more = f', Lora hashes: "ink: {adapters[0].defaults["short_hash"]}"'
    _page, form, _studio = read(signed_in("editor"), png("<lora:ink:0.65>", more))
    assert weights_of(form) == {}
