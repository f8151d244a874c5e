"""What a picture says of its adapters: in its file, on its page, beside others, and when it is read again."""

import hashlib
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse

from assets.models import ModelFile
from assets.pictures import open_picture
from assets.services.short_hashes import keep_short_hash
from engine.headers import read_header
from generation.models import Output
from generation.parameters import claims_of
from generation.services.outputs import parameters_text
from tests.assets.chain import drawn_with, frozen, learned
from tests.generation.pictures import made


@pytest.fixture
def adapter(people, project, starter) -> ModelFile:
    """Return an adapter whose name holds marks that would end a tag."""
    return learned(people, project, starter, frozen(people, project, ["CC0-1.0"]), name="傘: <Umbrella>, v2")


def tensors_hash(adapter: ModelFile) -> str:
    """Return the 12 digits as A1111 computes them: over everything behind the header."""
    data = adapter.file.read_bytes()
    return hashlib.sha256(data[read_header(adapter.file).data_start :]).hexdigest()[:12]


def texts_of(output: Output):
    """Return the texts inside a stored picture."""
    data = Path(settings.MEDIA_ROOT, output.path).read_bytes()
    return open_picture(data, max_bytes=10**7, max_pixels=10**7).texts


def test_a_lora_is_known_by_its_tensors_from_the_day_it_comes_in(adapter):
    assert adapter.defaults["short_hash"] == tensors_hash(adapter)
    assert adapter.defaults["trigger_words"] == ["sksumbrella"]
    assert keep_short_hash(adapter) == tensors_hash(adapter)


def test_the_file_names_it_with_weight_and_hash(people, project, starter, adapter):
    [output] = drawn_with(people, project, starter, adapter)
    parameters = texts_of(output)["parameters"]
    assert "<lora:傘 Umbrella v2:0.7>\n" in parameters
    assert f'Lora hashes: "傘 Umbrella v2: {tensors_hash(adapter)}"' in parameters
    assert parameters == parameters_text(output)
    [claimed] = claims_of({"parameters": parameters}).loras
    assert (claimed.name, claimed.weight, claimed.hash) == ("傘 Umbrella v2", 0.7, tensors_hash(adapter))
    [claimed] = claims_of(texts_of(output)).loras
    assert (claimed.name, claimed.weight, claimed.hash) == (adapter.name, 0.7, adapter.sha256)


def test_a_lora_from_before_gets_its_hash_from_the_worker_and_never_from_a_page(people, project, starter, adapter):
    ModelFile.objects.filter(pk=adapter.pk).update(defaults={"trigger_words": ["sksumbrella"]})
    [output] = drawn_with(people, project, starter, adapter)
    assert f"v2: {tensors_hash(adapter)}" in texts_of(output)["parameters"]
    adapter.refresh_from_db()
    assert adapter.defaults == {"trigger_words": ["sksumbrella"], "short_hash": tensors_hash(adapter)}
    ModelFile.objects.filter(pk=adapter.pk).update(defaults={})
    text = parameters_text(Output.objects.get(pk=output.pk))
    assert "<lora:傘 Umbrella v2:0.7>" in text
    assert "Lora hashes" not in text
    adapter.refresh_from_db()
    assert adapter.defaults == {}


def test_a_lora_whose_file_is_gone_is_named_without_a_hash(people, project, starter, adapter):
    ModelFile.objects.filter(pk=adapter.pk).update(defaults={}, path="adapters/gone.safetensors")
    [output] = drawn_with(people, project, starter, adapter)
    assert "<lora:傘 Umbrella v2:0.7>" in texts_of(output)["parameters"]
    assert "Lora hashes" not in texts_of(output)["parameters"]


def test_the_page_and_the_comparison_show_adapters_and_weights(signed_in, people, project, starter, adapter):
    [output], [other] = drawn_with(people, project, starter, adapter), made(people.editor, project, starter)
    client = signed_in("viewer")
    recipe = dict(client.get(reverse("picture", args=["spring", output.id])).context["recipe"])
    assert recipe["Adapters"] == "傘: <Umbrella>, v2 (0.7)"
    assert "Adapters" not in dict(client.get(reverse("picture", args=["spring", other.id])).context["recipe"])
    rows = client.get(reverse("compare", args=["spring"]), {"ids": f"{output.id},{other.id}"}).context["recipe"]
    [row] = [row for row in rows if row["label"] == "Adapters"]
    assert (row["values"], row["differs"]) == (["傘: <Umbrella>, v2 (0.7)", ""], True)
