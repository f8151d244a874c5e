"""Embeddings, hypernetworks and DreamBooth in the Studio, in recipes, and in the texts that other tools read."""

from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from assets.models import ModelFile
from assets.services import Declaration, clear_rights, register_adapter
from engine.render import Engine
from engine.specs import AdapterRef, ImageSpec
from engine.starter import WEIGHTS
from generation.adapter_choice import label_of, usual_weight
from generation.claimed_files import claimed_files
from generation.composing import Adapter, PictureRequest, compose
from generation.parameters import AdapterName, LoraClaim, claims_of, claims_to_form
from generation.starting import Shelf
from generation.tasks import resolve_file
from tests.engine.adapter_material import STARTER, write_any, write_words
from tests.generation.pictures import made
from tests.generation.test_parameters import SPEC, write
from training.models import Adapter as MadeAdapter
from training.models import AdapterVersion

KINDS = ("loha", "textual_inversion", "hypernetwork", "dreambooth")
HTMX = {"HX-Request": "true"}


@pytest.fixture
def shelf_of_all(people, project, starter) -> dict[str, ModelFile]:
    """Return one cleared adapter of each kind for the starter model."""
    folder = Path(settings.MODELS_ROOT, "adapters")
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for kind in KINDS:
        write_any(kind, folder / f"{kind}.safetensors", WEIGHTS, sizes=STARTER)
        found[kind] = enter(people, project, starter, folder / f"{kind}.safetensors", name=kind)
    return found


def enter(people, project, starter, path, *, name, words=()):
    adapter = register_adapter(
        path,
        name=name,
        declaration=Declaration(expression="LicenseRef-Daicho-OwnWork", creator="Ana"),
        actor=people.editor,
        project=project,
        bases=[starter],
        trigger_words=words,
    )
    clear_rights(adapter, reviewer=people.reviewer)
    return adapter


def request_with(starter, *files, subject="a red car"):
    chosen = tuple(Adapter(file=file, weight=0.5) for file in files)
    return PictureRequest(base_model=starter, slots={"subject": subject}, seed=1, adapters=chosen)


def test_a_recipe_names_each_kind_and_an_embedding_by_its_word(project, starter, shelf_of_all):
    spec = compose(project, request_with(starter, *shelf_of_all.values())).spec
    assert [(each.kind, each.word) for each in spec.adapters] == [
        ("lora", ""),
        ("textual_inversion", "zkink"),
        ("hypernetwork", ""),
        ("dreambooth", ""),
    ]
    assert "zkink" in spec.prompt
    assert ImageSpec.from_dict(spec.as_dict()) == spec
    assert [sorted(each) for each in spec.as_dict()["adapters"]] == [
        ["kind", "sha256", "weight"],
        ["kind", "sha256", "weight", "word"],
        ["kind", "sha256", "weight"],
        ["kind", "sha256", "weight"],
    ]


def test_an_embedding_is_called_as_a_person_calls_it(people, project, starter):
    path = Path(settings.MODELS_ROOT, "moody.safetensors")
    file = enter(people, project, starter, write_words(path, text=128), name="Moody", words=["zkmood", "dark"])
    [ref] = compose(project, request_with(starter, file)).spec.adapters
    assert ref.word == "zkmood"


def test_the_studio_says_what_each_one_is_and_begins_with_its_usual_weight(signed_in, project, shelf_of_all):
    client = signed_in("editor")
    form = client.get(reverse("studio", args=["spring"])).context["form"]
    offered = [name for _key, name in form.fields["adapter"].choices]
    assert {"loha", "hypernetwork · Hypernetwork", "dreambooth · DreamBooth"} <= set(offered)
    values = {bound.html_name: "" if bound.value() is None else bound.value() for bound in form}
    for kind, weight in (("hypernetwork", 0.8), ("dreambooth", 1.0), ("loha", 0.7)):
        chosen = {"adapter": shelf_of_all[kind].id, "adapter_weight": "0.7", "add_adapter": "1"}
        response = client.post(reverse("studio_compose", args=["spring"]), values | chosen, headers=HTMX)
        [row] = response.context["form"].adapters
        assert (row.field.name, float(row.value())) == (label_of(shelf_of_all[kind]), weight)
        said = values | chosen | {"adapter_weight": "0.65"}
        [row] = client.post(reverse("studio_compose", args=["spring"]), said, headers=HTMX).context["form"].adapters
        assert float(row.value()) == 0.65


def test_a_version_of_ours_knows_its_own_weight(people, project, shelf_of_all):
    file = shelf_of_all["loha"]
    assert usual_weight(file) == 0.7
    row = MadeAdapter.objects.create(project=project, slug="ink", name="Ink", method="lora", created_by=people.editor)
    AdapterVersion.objects.create(
        adapter=row, number=1, file=file, created_by=people.editor, ledger_seq=1, recommended_weight=0.85
    )
    assert usual_weight(ModelFile.objects.get(pk=file.pk)) == 0.85


def test_the_api_takes_the_usual_weight_where_none_is_said(signed_in, project, shelf_of_all):
    adapters = [{"id": str(file.id)} for file in shelf_of_all.values()]
    body = {"project": "spring", "slots": {"subject": "a car"}, "adapters": adapters}
    answer = signed_in("editor").post(reverse("api-compose"), body, content_type="application/json")
    assert [each["weight"] for each in answer.json()["spec"]["adapters"]] == [0.7, 1.0, 0.8, 1.0]


HASHES = [f"{digit}" * 64 for digit in "abcd"]
NET, WORD, FULL, OTHER = HASHES


def named(*pairs):
    return [AdapterName(sha256=sha256, name=name) for sha256, name in pairs]


def test_one_hypernetwork_stands_among_the_values():
    spec = SPEC.replace(adapters=(AdapterRef(kind="hypernetwork", sha256=NET, weight=0.8),))
    text = write(spec, adapters=named((NET, "ink: wash")))
    assert text.startswith("a red fox\n")
    assert "Hypernet: ink wash, Hypernet hash: aaaaaaaaaa, Hypernet strength: 0.8, " in text
    assert claims_of({"parameters": text}).loras == (LoraClaim(name="ink wash", weight=0.8, hash="a" * 10),)


def test_several_hypernetworks_join_the_prompt_in_their_order():
    refs = tuple(AdapterRef(kind="hypernetwork", sha256=each, weight=0.5) for each in (NET, OTHER))
    text = write(SPEC.replace(adapters=refs), adapters=named((NET, "one"), (OTHER, "two")))
    assert text.startswith("a red fox <hypernet:one:0.5> <hypernet:two:0.5>\n")
    assert "Hypernet:" not in text
    claims = claims_of({"parameters": text})
    assert [(each.name, each.weight) for each in claims.loras] == [("one", 0.5), ("two", 0.5)]
    assert claims_to_form(claims)["subject"] == "a red fox"


def test_an_embedding_is_named_by_its_word_where_the_prompt_says_it():
    ref = AdapterRef(kind="textual_inversion", sha256=WORD, word="<zk>")
    said = SPEC.replace(prompt="a <ZK> fox", adapters=(ref,))
    text = write(said, adapters=named((WORD, "Moody")))
    assert f'TI hashes: "zk: {"b" * 12}"' in text
    assert claims_of({"parameters": text}).loras == (LoraClaim(name="zk", weight=1.0, hash="b" * 12),)
    assert "TI hashes" not in write(SPEC.replace(adapters=(ref,)), adapters=named((WORD, "Moody")))


def test_a_dreambooth_is_said_beside_its_base_model():
    spec = SPEC.replace(adapters=(AdapterRef(kind="dreambooth", sha256=FULL, weight=0.9),))
    text = write(spec, adapters=named((FULL, "Sks dog")))
    assert 'Model: base, DreamBooth: "Sks dog: 0.9", Version' in text


def test_what_another_tool_names_is_found_by_its_hash(project, shelf_of_all):
    net, word = shelf_of_all["hypernetwork"], shelf_of_all["textual_inversion"]
    text = (
        "a zkink fox\nSteps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1, Size: 512x512, "
        f"Hypernet: other, Hypernet hash: {net.sha256[:10]}, Hypernet strength: 0.6, "
        f'TI hashes: "strange: {word.sha256[:12]}"'
    )
    found = claimed_files(Shelf(project), claims_of({"parameters": text}))
    assert [(each.id, each.weight, each.how) for each in found[1:]] == [
        (str(net.id), 0.6, "hash"),
        (str(word.id), 1.0, "hash"),
    ]


def test_the_picture_shows_them_and_reuse_brings_them_back(signed_in, people, project, starter, shelf_of_all):
    chosen = tuple(Adapter(file=file, weight=0.5) for file in shelf_of_all.values())
    [output] = made(people.editor, project, starter, adapters=chosen)
    page = signed_in("viewer").get(reverse("picture", args=["spring", output.id]))
    assert dict(page.context["recipe"])["Adapters"].count("(0.5)") == 4
    form = signed_in("editor").get(reverse("studio", args=["spring"]), {"from": output.id}).context["form"]
    assert [float(row.value()) for row in form.adapters] == [0.5] * 4
    assert compose(project, form.picture_request()).spec.recipe_sha256() == output.recipe_sha256


@pytest.mark.slow
def test_they_are_all_drawn_with_from_the_library(people, project, starter, shelf_of_all):
    """An upload has a name of ours on the disk, so that the recipe alone says what an embedding is called."""
    path = write_words(Path(settings.MODELS_ROOT, "model.safetensors"), text=128, seed=3)
    word = enter(people, project, starter, path, name="Moody", words=["zkmood"])
    files = [*shelf_of_all.values(), word]
    spec = compose(project, request_with(starter, *files, subject="a zkmood car")).spec
    spec = spec.replace(num_inference_steps=2, width=64, height=64)
    engine = Engine(resolve_file, memory_budget_bytes=10**9, device="cpu", threads=1)
    whole = engine.render(spec, lambda step: None).pixels_sha256
    for left_out in range(len(files)):
        fewer = spec.adapters[:left_out] + spec.adapters[left_out + 1 :]
        assert engine.render(spec.replace(adapters=fewer), lambda step: None).pixels_sha256 != whole
