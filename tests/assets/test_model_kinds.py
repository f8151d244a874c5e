"""What a model file is, by its own bytes, and what contradicts the kind that a person gave it."""

import pytest
import torch
from safetensors.torch import load_file, save_file

from assets.model_kinds import examine_model, identify
from engine.errors import ModelError
from engine.headers import hash_model
from tests.engine.ldm import write_single_file
from tests.engine.tiny import build_folder, build_tiny_vae, build_vae

from .model_material import lora_weights, strange_weights, upscaler_weights, vae_weights

WRITTEN = {
    "lora": (lora_weights, "adapter"),
    "vae": (vae_weights, "vae"),
    "upscaler": (upscaler_weights, "upscaler"),
    "strange": (strange_weights, ""),
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    place = tmp_path_factory.mktemp("checkpoint")
    return write_single_file(build_folder("sd1", place / "folder"), "sd1", place / "m.safetensors")


@pytest.fixture
def written(tmp_path):
    def write(name):
        save_file(WRITTEN[name][0](), tmp_path / f"{name}.safetensors")
        return tmp_path / f"{name}.safetensors"

    return write


@pytest.mark.parametrize("name", WRITTEN)
def test_a_file_is_known_by_its_tensors(written, name):
    assert identify(written(name)).kind == WRITTEN[name][1]


def test_a_checkpoint_and_its_folder_are_base_models(checkpoint):
    found = identify(checkpoint)
    assert (found.kind, found.layout, found.architecture, found.latent_channels) == ("base", "single", "sd1", 4)
    found = identify(checkpoint.parent / "folder")
    assert (found.kind, found.layout, found.architecture) == ("base", "diffusers", "sd1")


@pytest.mark.parametrize(("build", "channels"), [(build_vae, 4), (build_tiny_vae, 4)])
def test_a_folder_can_be_a_vae(tmp_path, build, channels):
    found = identify(build(tmp_path / "vae", channels=channels))
    assert (found.kind, found.layout, found.latent_channels) == ("vae", "diffusers", channels)


CONTRADICTIONS = [
    ("lora", "base", "kind_is_adapter"),
    ("lora", "upscaler", "kind_is_adapter"),
    ("vae", "adapter", "kind_is_vae"),
    ("upscaler", "vae", "kind_is_upscaler"),
    ("strange", "base", "architecture_unsupported"),
    ("strange", "vae", "vae_unsupported"),
    ("strange", "adapter", "adapter_unknown"),
]


@pytest.mark.parametrize(("name", "kind", "code"), CONTRADICTIONS)
def test_what_contradicts_its_kind_is_refused(written, name, kind, code):
    with pytest.raises(ModelError) as refused:
        examine_model(written(name), kind=kind, made_for=["sd1"])
    assert refused.value.code == code


def test_a_checkpoint_is_no_adapter(checkpoint):
    with pytest.raises(ModelError) as refused:
        examine_model(checkpoint, kind="adapter")
    assert refused.value.code == "kind_is_base"


def test_what_nobody_knows_may_be_an_upscaler(written):
    assert examine_model(written("strange"), kind="upscaler").architecture == ""


def test_a_checkpoint_without_a_part_is_refused_at_once(checkpoint, tmp_path):
    whole = load_file(checkpoint)
    save_file({key: value for key, value in whole.items() if not key.startswith("first")}, tmp_path / "m.safetensors")
    with pytest.raises(ModelError) as refused:
        examine_model(tmp_path / "m.safetensors", kind="base")
    assert (refused.value.code, refused.value.params) == ("part_missing", {"component": "vae"})


@pytest.mark.parametrize(
    ("text", "made_for", "found"),
    [(768, [], "sd1"), (768, ["sd1"], "sd1"), (128, ["sdxl"], "sdxl"), (128, [], "adapter_base_needed"),
     (768, ["sdxl"], "adapter_architecture_differs")],
)  # fmt: skip
def test_an_adapter_fits_what_it_says_or_what_a_person_says(tmp_path, text, made_for, found):
    save_file(lora_weights(text=text), tmp_path / "a.safetensors")
    try:
        result = examine_model(tmp_path / "a.safetensors", kind="adapter", made_for=made_for).architecture
    except ModelError as error:
        result = error.code
    assert result == found


@pytest.mark.parametrize(
    ("channels", "made_for", "found"),
    [(4, ["sdxl"], "sdxl"), (16, ["flux"], "flux"), (8, ["sd1"], "sd1"), (4, [], "architecture_needed"),
     (16, ["sd1"], "vae_channels_differ"), (4, ["flux"], "vae_channels_differ")],
)  # fmt: skip
def test_a_vae_fits_what_a_person_says_unless_its_channels_differ(tmp_path, channels, made_for, found):
    save_file(vae_weights(channels), tmp_path / "v.safetensors")
    try:
        result = examine_model(tmp_path / "v.safetensors", kind="vae", made_for=made_for).architecture
    except ModelError as error:
        result = error.code
    assert result == found


@pytest.mark.parametrize("name", ["lora", "vae", "upscaler"])
def test_weights_that_are_no_numbers_are_refused_whatever_the_kind(tmp_path, name):
    weights = WRITTEN[name][0]()
    key = next(iter(weights))
    weights[key] = torch.full_like(weights[key], float("nan"))
    save_file(weights, tmp_path / "a.safetensors")
    with pytest.raises(ModelError) as refused:
        examine_model(tmp_path / "a.safetensors", kind=WRITTEN[name][1], made_for=["sd1"])
    assert refused.value.code == "weights_not_finite"


def test_the_hash_is_that_of_the_engine(checkpoint):
    for path in (checkpoint, checkpoint.parent / "folder"):
        assert examine_model(path, kind="base").sha256 == hash_model(path)
