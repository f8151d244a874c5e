"""A model is drawn with what was made for it, and with no version that its project has taken back."""

from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from assets.models import ModelFile, Rights
from assets.services import Declaration, clear_rights, register_adapter, register_model
from engine.errors import ModelError
from generation.composing import Adapter, PictureRequest, compose
from generation.fitting import fits
from generation.grid_starts import first_values, preset_values
from generation.models import Output
from generation.services.grids import request_grid
from generation.services.replays import request_replay
from generation.starting import Shelf, opening_values
from generation.tasks import refuse_withdrawn
from projects.models import Role
from projects.problems import Problem
from projects.services import create_project, set_role
from tests.assets.chain import frozen, learned, starter_lora
from tests.assets.model_material import vae_weights, write
from tests.generation.pictures import asked, made
from tests.generation.test_grids_services import order
from tests.test_access_matrix import make_model
from training.models import AdapterVersion
from training.services.adapters import open_adapter
from training.services.imports import import_version
from training.services.withdrawals import withdraw_version

SD1, SD2, SDXL, SD3 = ModelFile.Architecture.values[:4]


@pytest.fixture
def adapter(people, project, starter) -> ModelFile:
    return learned(people, project, starter, frozen(people, project, ["CC0-1.0"]))


@pytest.fixture
def make_vae(people, project):
    """Return a function that registers a VAE for an architecture."""

    def make(architecture: str, *, channels: int = 8) -> ModelFile:
        tensors = {name: tensor * len(architecture) for name, tensor in vae_weights(channels).items()}
        path = Path(settings.MODELS_ROOT, write(f"vaes/{architecture}-{channels}.safetensors", tensors))
        options = {"kind": ModelFile.Kind.VAE, "name": f"Soft {architecture}", "project": project}
        declared = Declaration(expression="CC0-1.0", creator="Ana", source_url="https://daicho.example/soft")
        found = register_model(path, declaration=declared, architecture=architecture, actor=people.editor, **options)
        clear_rights(found, reviewer=people.reviewer)
        return found

    return make


def become(file: ModelFile, architecture: str) -> ModelFile:
    """Return a file that was made for another architecture."""
    ModelFile.objects.filter(pk=file.pk).update(architecture=architecture)
    return ModelFile.objects.get(pk=file.pk)


def make_xl(project) -> ModelFile:
    """Enter a model of another architecture than the bundled one."""
    rights = Rights.objects.create(expression="CC0-1.0", state="cleared", source_url="https://example.com/xl")
    files = {"kind": "base", "layout": "diffusers", "path": "xl", "sha256": "e" * 64, "size_bytes": 1}
    return ModelFile.objects.create(project=project, name="XL", architecture=SDXL, rights=rights, **files)


def refused(project, model, **request) -> Problem:
    with pytest.raises(Problem) as caught:
        compose(project, PictureRequest(base_model=model, seed=1, **request))
    return caught.value


@pytest.mark.parametrize(
    ("kind", "made_for", "architecture", "is_fit"),
    [
        ("vae", SD1, SD1, True),
        ("vae", SD1, SD2, True),
        ("vae", SD2, SD1, True),
        ("vae", SD1, SDXL, False),
        ("vae", SDXL, SD3, False),
        ("vae", "", SDXL, True),
        ("adapter", SD1, SD1, True),
        ("adapter", SD1, SD2, False),
        ("adapter", SD1, SDXL, False),
        ("adapter", "", SDXL, True),
        ("adapter", SD1, "", True),
    ],
)
def test_what_was_made_for_a_kind_of_model_fits_it(kind, made_for, architecture, is_fit):
    file, model = ModelFile(kind=kind, architecture=made_for), ModelFile(kind="base", architecture=architecture)
    assert fits(file, model) is is_fit


def test_an_adapter_for_another_kind_of_model_is_refused_and_both_are_named(project, starter, adapter):
    chosen = (Adapter(file=adapter),)
    assert compose(project, PictureRequest(base_model=starter, adapters=chosen, seed=1)).spec.adapters
    problem = refused(project, become(starter, SDXL), adapters=chosen)
    assert (problem.code, list(problem.fields)) == ("adapter_made_for_another", ["adapters"])
    assert str(problem) == (
        "The adapter Umbrella LoRA was made for Stable Diffusion 1.x, but Daicho Starter is Stable Diffusion XL. "
        "Choose another one."
    )


def test_a_vae_for_another_kind_of_model_is_refused_before_it_draws_wrong_colours(project, starter, make_vae):
    vae = make_vae(SD1)
    assert compose(project, PictureRequest(base_model=starter, vae=vae, seed=1)).spec.vae == vae.sha256
    problem = refused(project, become(starter, SDXL), vae=vae)
    assert (problem.code, list(problem.fields)) == ("vae_made_for_another", ["vae"])
    assert "Soft sd1" in str(problem)
    assert "Daicho Starter" in str(problem)
    assert refused(project, become(starter, SD1), vae=make_vae(SD1, channels=4)).code == "vae_mismatch"


def test_the_api_says_it_beside_its_field(signed_in, project, starter, make_vae):
    client, vae = signed_in("editor"), make_vae(SD1)
    become(starter, SDXL)
    body = {"project": "spring", "slots": {"subject": "a car"}, "vae": str(vae.id)}
    answer = client.post(reverse("api-compose"), body, content_type="application/json")
    assert (answer.status_code, list(answer.json()["error"]["fields"])) == (400, ["vae"])


def test_a_grid_names_the_axis_that_holds_what_does_not_fit(people, project, starter, adapter, make_vae):
    vae, other = make_vae(SD1), make_xl(project)
    for base, axes in (
        (starter, [("base_model", [str(starter.id), str(other.id)]), ("vae", ["", str(vae.id)])]),
        (other, [("adapter_weight", ["1"]), ("adapter", [str(adapter.id)])]),
    ):
        with pytest.raises(Problem) as caught:
            request_grid(people.editor, project, order(project, base, *axes), key="one")
        assert caught.value.code in ("vae_made_for_another", "adapter_made_for_another")
        assert list(caught.value.fields) == ["y"]


def test_a_comparison_of_models_begins_with_what_fits_together(project, starter, make_vae):
    second, third = make_model(project), make_xl(project)
    fitting, _other = make_vae(SD1), make_vae(SDXL)
    shelf = Shelf(project)
    values = preset_values("models", opening_values(shelf, None), shelf)
    assert sorted(values["x-chosen"]) == sorted([str(starter.id), str(second.id)])
    assert values["y-chosen"] == ["", str(fitting.id)]
    values = preset_values("models", {"base_model": str(third.id)}, shelf)
    assert values["x-chosen"] == [str(third.id)]
    assert str(fitting.id) not in values["y-chosen"]


def test_an_axis_of_files_begins_with_those_that_fit(project, starter, adapter, make_vae):
    other = make_xl(project)
    fitting, strange = make_vae(SD1), make_vae(SDXL)
    shelf, values = Shelf(project), {"base_model": str(starter.id), f"adapter-{adapter.id}": "0.7"}
    assert first_values("vae", values, shelf) == ["", str(fitting.id)]
    assert first_values("base_model", values, shelf) == [str(starter.id)]
    assert first_values("vae", {"base_model": str(other.id)}, shelf) == ["", str(strange.id)]


@pytest.fixture
def shared(people, project, starter) -> ModelFile:
    """Return an adapter that the whole house shares."""
    path = Path(settings.MODELS_ROOT, "shared.safetensors")
    declared = Declaration(expression="LicenseRef-Daicho-OwnWork", creator="Ana")
    options = {"declaration": declared, "actor": people.editor, "bases": [starter]}
    file = register_adapter(starter_lora(path, seed=5), name="House ink", project=None, **options)
    clear_rights(file, reviewer=people.reviewer)
    return file


@pytest.fixture
def version(people, project, shared) -> AdapterVersion:
    """Return a version that the project has made from the house's adapter."""
    holder = open_adapter(people.editor, project, name="Ink", method="lora")
    return import_version(people.editor, holder, shared)


def test_a_version_that_was_taken_back_is_drawn_with_no_more(people, project, starter, shared, version):
    chosen = (Adapter(file=shared),)
    waiting = asked(people.editor, project, starter, adapters=chosen)
    [output] = made(people.editor, project, starter, adapters=chosen)
    refuse_withdrawn(waiting)
    withdraw_version(version, actor=people.reviewer, reason="The painter asked us to.")
    shared = ModelFile.objects.get(pk=shared.pk)
    assert shared.rights.state == "cleared"
    problem = refused(project, starter, adapters=(Adapter(file=shared),))
    assert (problem.code, problem.status, list(problem.fields)) == ("adapter_taken_back", 409, ["adapters"])
    assert "House ink" in str(problem)
    with pytest.raises(Problem):
        request_replay(people.editor, Output.objects.get(pk=output.pk))
    with pytest.raises(ModelError) as caught:
        refuse_withdrawn(waiting)
    assert caught.value.code == "adapter_taken_back"


def test_another_project_keeps_what_the_house_shares(people, project, starter, shared, version):
    withdraw_version(version, actor=people.reviewer, reason="The painter asked us to.")
    elsewhere = create_project(people.owner, slug="autumn", name="Autumn")
    set_role(elsewhere, actor=people.owner, user=people.editor, role=Role.EDITOR)
    chosen = (Adapter(file=ModelFile.objects.get(pk=shared.pk)),)
    assert compose(elsewhere, PictureRequest(base_model=starter, adapters=chosen, seed=1)).spec.adapters
