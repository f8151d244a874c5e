"""What leaves for other programs loads there, and public files say nothing of the dataset."""

import json

import diffusers
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from engine.adapter_bases import read_base
from engine.adapter_exports import (
    export_dreambooth_folder,
    export_embedding,
    export_hypernetwork,
    export_peft,
    export_public,
    to_a1111_hypernetwork,
)
from engine.adapter_files import check_hash, read_adapter, write_adapter
from engine.errors import ModelError
from engine.headers import hash_model, read_header
from engine.hypernetworks import attach, build_hypernetwork, describe, from_state, state
from engine.starter import WEIGHTS
from tests.engine.adapter_weights import (
    add_by_hand,
    list_parameters,
    load_pipeline,
    make_lora,
    networks_of,
    predict,
)
from tests.engine.ldm import write_single_file
from tests.engine.test_adapter_files import FACTS, refusal, small_lora
from tests.engine.test_architectures import build_large_enough
from tests.engine.tiny import build_folder


@pytest.fixture(scope="module", params=["sd1", "sd2", "sdxl"])
def tiny(request, tmp_path_factory):
    folder = build_folder(request.param, tmp_path_factory.mktemp("model") / request.param)
    return request.param, folder, load_pipeline(request.param, folder)


@pytest.mark.parametrize("with_dora", [False, True])
def test_diffusers_reads_a_peft_export_whole(with_dora, tiny, tmp_path):
    _, _, pipeline = tiny
    weights = make_lora(pipeline, with_conv=True, with_dora=with_dora)
    wanted = predict(add_by_hand(pipeline, weights, 2.0))
    file = tmp_path / "one.safetensors"
    export_peft(file, weights, FACTS, lora_alpha=6.0, dtype="fp32")
    pipeline.load_lora_weights(tmp_path, weight_name=file.name)
    found = predict(networks_of(pipeline))
    pipeline.unload_lora_weights()
    assert (found - wanted).abs().max() < 1e-5
    assert (wanted - predict(networks_of(pipeline))).abs().max() > 0.01


@pytest.mark.parametrize("layout", ["kohya", "peft"])
def test_diffusers_reads_layers_of_different_ranks(layout, tiny, tmp_path):
    """diffusers misreads files whose alphas differ; those of a merge or of a resized LoRA must not."""
    architecture, _, pipeline = tiny
    weights = make_lora(pipeline, rank=3)
    narrow = make_lora(pipeline, rank=1, seed=1)
    weights |= {name: tensor for name, tensor in narrow.items() if "attn2" in name or "layers.1." in name}
    wanted = predict(add_by_hand(pipeline, weights, 1.0))
    file = tmp_path / "one.safetensors"
    if layout == "kohya":
        options = {"architecture": architecture, "layers_per_block": 1, "dtype": "fp32"}
        write_adapter(file, "lora", weights, FACTS, **options)
    else:
        export_peft(file, weights, FACTS, dtype="fp32")
    pipeline.load_lora_weights(tmp_path, weight_name=file.name)
    found = predict(networks_of(pipeline))
    pipeline.unload_lora_weights()
    assert (found - wanted).abs().max() < 1e-5


def test_a_peft_export_describes_itself_as_diffusers_does(tmp_path):
    export_peft(tmp_path / "one", small_lora(), FACTS, lora_alpha=2.0)
    saved = json.loads(read_header(tmp_path / "one").metadata["lora_adapter_metadata"])
    assert (saved["unet.r"], saved["unet.lora_alpha"], saved["unet.use_dora"]) == (4, 2.0, False)
    assert saved["unet.target_modules"] == ["mid_block.attentions.0.transformer_blocks.0.attn2.to_q"]
    assert check_hash(tmp_path / "one")


def teach(pipeline, file, token):
    """Load an embedding as diffusers' own users do, for both text encoders where there are two."""
    tensors = load_file(file)
    if "clip_g" not in tensors:
        pipeline.load_textual_inversion(file, token=token)
        return
    for key, end in (("clip_l", ""), ("clip_g", "_2")):
        encoder, tokenizer = getattr(pipeline, f"text_encoder{end}"), getattr(pipeline, f"tokenizer{end}")
        pipeline.load_textual_inversion(tensors[key], token=token, text_encoder=encoder, tokenizer=tokenizer)


@pytest.mark.parametrize("layout", ["diffusers", "kohya", "a1111"])
def test_diffusers_learns_the_word_of_every_layout(layout, tiny, tmp_path):
    architecture, folder, _ = tiny
    pipeline = load_pipeline(architecture, folder)
    networks = networks_of(pipeline)
    rows = torch.randn(2, networks["text_encoder"].config.hidden_size)
    vectors = {"text_encoder": rows} | ({"text_encoder_2": rows * 0.5} if architecture == "sdxl" else {})
    by_hand = {network: networks[network].get_input_embeddings().weight for network in vectors}
    ids = (7, 8)
    changed = {network: table.detach().clone() for network, table in by_hand.items()}
    for network, table in by_hand.items():
        with torch.no_grad():
            table[list(ids)] = vectors[network]
    wanted = predict(networks, words=ids)
    for network, table in by_hand.items():
        with torch.no_grad():
            table.copy_(changed[network])
    before = predict(networks, words=ids)
    export_embedding(tmp_path / "zkink.safetensors", vectors, "zkink", FACTS, layout=layout)
    teach(pipeline, tmp_path / "zkink.safetensors", "zkink")
    learned = tuple(pipeline.tokenizer.convert_tokens_to_ids(["zkink", "zkink_1"]))
    assert (predict(networks_of(pipeline), words=learned) - wanted).abs().max() < 1e-5
    assert (wanted - before).abs().max() > 1e-3


@pytest.mark.parametrize(("layout", "name"), [("diffusers", "zkink"), ("kohya", "emb_params"), ("a1111", "*")])
def test_each_layout_has_its_name(layout, name, tmp_path):
    vectors = {"text_encoder": torch.randn(3, 8)}
    export_embedding(tmp_path / "one", vectors, "zkink", FACTS, layout=layout)
    stored = load_file(tmp_path / "one")
    assert set(stored) == {name}
    assert torch.equal(stored[name], vectors["text_encoder"])
    assert read_header(tmp_path / "one").metadata["modelspec.trigger_phrase"] == "zkink"
    assert set(read_adapter(tmp_path / "one").weights) == {"text_encoder"}


def test_vectors_for_the_second_encoder_only_are_refused(tmp_path):
    error = refusal(export_embedding, tmp_path / "one", {"text_encoder_2": torch.ones(1, 8)}, "zkink", FACTS)
    assert error.code == "adapter_incomplete"


def test_a_hypernetwork_predicts_the_same_after_a_file(tmp_path):
    pipeline = load_pipeline("sd1", WEIGHTS)
    torch.manual_seed(0)
    made = build_hypernetwork((64, 128, 192), layer_structure=(1, 2, 1), activation_func="relu", is_layer_norm=True)
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(torch.randn_like(weight) * 0.05)
    before = predict(networks_of(pipeline))
    attach(pipeline.unet, [(made.eval(), 0.7)])
    wanted = predict(networks_of(pipeline))
    export_hypernetwork(tmp_path / "one", state(made), FACTS | describe(made))
    read = read_adapter(tmp_path / "one")
    attach(pipeline.unet, [(from_state(read.weights, read.header), 0.7)])
    assert (predict(networks_of(pipeline)) - wanted).abs().max() < 1e-5
    assert (wanted - before).abs().max() > 1e-3


def test_a1111s_own_layout_has_the_same_values():
    made = build_hypernetwork((32, 64), layer_structure=(1, 2, 1), use_dropout=True)
    theirs = to_a1111_hypernetwork(state(made), describe(made) | {"step": "30", "name": "ink"})
    assert set(theirs) == {
        *(32, 64, "layer_structure", "activation_func", "is_layer_norm", "use_dropout", "activate_output"),
        *("weight_initialization", "step", "name"),
    }
    assert (theirs["layer_structure"], theirs["use_dropout"], theirs["step"]) == ([1, 2, 1], True, 30)
    keys, values = theirs[64]
    assert set(keys) == set(values) == set(made.pairs["64"]["k"].state_dict())
    assert torch.equal(values["linear.0.weight"], made.pairs["64"]["v"].linear[0].weight)


def train_a_little(pipeline, seed=0):
    """Return changed parameters of the UNet and a text encoder, and the networks that have them."""
    generator = torch.Generator().manual_seed(seed)
    chosen = ("unet.conv_in", "unet.mid_block", "text_encoder.text_model.encoder.layers.0")
    trained = {
        name: weight.detach() + 0.05 * torch.randn(weight.shape, generator=generator)
        for name, weight in list_parameters(pipeline).items()
        if name.startswith(chosen)
    }
    return trained


def put_in(pipeline, trained):
    parameters = list_parameters(pipeline)
    with torch.no_grad():
        for name, weight in trained.items():
            parameters[name].copy_(weight)
    return pipeline


@pytest.mark.parametrize("architecture", ["sd1", "sdxl"])
def test_a_dreambooth_becomes_a_folder_that_diffusers_reads(architecture, tmp_path):
    base = build_folder(architecture, tmp_path / "base")
    (base / "unet" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"the base's own, in half")
    (base / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"a pickle")
    (base / "README.md").write_text("how to use it")
    trained = train_a_little(load_pipeline(architecture, base))
    export_dreambooth_folder(base, trained, tmp_path / "out")
    wanted = predict(networks_of(put_in(load_pipeline(architecture, base), trained)))
    assert (predict(networks_of(load_pipeline(architecture, tmp_path / "out"))) - wanted).abs().max() < 1e-5
    assert (predict(networks_of(load_pipeline(architecture, base))) - wanted).abs().max() > 0.01
    files = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    same = {path.relative_to(base).as_posix() for path in base.rglob("*") if path.is_file()}
    assert same - files == {"unet/diffusion_pytorch_model.fp16.safetensors", "unet/diffusion_pytorch_model.bin"}
    assert files <= same
    assert (tmp_path / "out" / "vae" / "config.json").read_bytes() == (base / "vae" / "config.json").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base", "out"]


@pytest.mark.parametrize("architecture", ["sd1", "sd2", "sdxl"])
def test_a_single_file_becomes_a_folder_too(architecture, tmp_path):
    folder = build_large_enough(architecture, tmp_path / "m")
    file = write_single_file(folder, architecture, tmp_path / "base.safetensors")
    trained = train_a_little(load_pipeline(architecture, folder))
    export_dreambooth_folder(file, trained, tmp_path / "out", tokenizers=WEIGHTS / "tokenizer")
    cls = diffusers.StableDiffusionXLPipeline if architecture == "sdxl" else diffusers.StableDiffusionPipeline
    found = cls.from_pretrained(tmp_path / "out", local_files_only=True)
    wanted = predict(networks_of(put_in(load_pipeline(architecture, folder), trained)))
    assert (predict(networks_of(found)) - wanted).abs().max() < 1e-5
    assert found.scheduler.config.prediction_type == ("v_prediction" if architecture == "sd2" else "epsilon")


def test_a_half_precision_base_stays_one(tmp_path):
    trained = train_a_little(load_pipeline("sd1", WEIGHTS))
    export_dreambooth_folder(WEIGHTS, trained, tmp_path / "out")
    (file,) = (tmp_path / "out" / "unet").glob("*.safetensors")
    stored = load_file(file)
    assert {tensor.dtype for tensor in stored.values()} == {torch.float16}
    assert torch.equal(stored["conv_in.bias"], trained["unet.conv_in.bias"].half())
    assert hash_model(tmp_path / "out") != hash_model(WEIGHTS)


@pytest.mark.parametrize(
    "weights",
    [
        {"unet.nothing.weight": torch.ones(1)},
        {"text_encoder_2.text_model.x": torch.ones(1)},
        {"unet.conv_in.bias": torch.ones(3)},
    ],
)
def test_parameters_that_the_base_lacks_are_refused_and_leave_nothing(weights, tmp_path):
    assert refusal(export_dreambooth_folder, WEIGHTS, weights, tmp_path / "out").code == "adapter_mismatch"
    assert list(tmp_path.iterdir()) == []


def test_a_base_is_read_by_classic_names_from_folder_and_file(tmp_path):
    folder = build_large_enough("sdxl", tmp_path / "m")
    file = write_single_file(folder, "sdxl", tmp_path / "base.safetensors")
    one, two = read_base(folder), read_base(file, tokenizers=WEIGHTS / "tokenizer")
    wanted = set(list_parameters(load_pipeline("sdxl", folder)))
    assert wanted <= set(one)
    assert wanted == set(two)
    assert all(torch.equal(one[name], two[name]) for name in wanted)


def test_a_public_file_has_the_same_weights_and_no_dataset(tmp_path):
    private = {
        "ss_tag_frequency": '{"secret folder": {"secret tag": 1}}',
        "daicho.dataset_root": "a" * 64,
        "daicho.effective_license": "CC-BY-4.0",
        "daicho.attribution": "Ana",
    }
    options = {"architecture": "sd1", "lora_alpha": 2.0, "dtype": "fp32"}
    write_adapter(tmp_path / "one", "lora", small_lora(), FACTS | private, **options)
    export_public(tmp_path / "one", tmp_path / "two")
    before, after = read_header(tmp_path / "one"), read_header(tmp_path / "two")
    assert b"secret" not in (tmp_path / "two").read_bytes()
    assert after.metadata["modelspec.hash_sha256"] == before.metadata["modelspec.hash_sha256"]
    assert after.tensors == before.tensors
    assert {key: after.metadata.get(key) for key in private} == {
        "ss_tag_frequency": None,
        "daicho.dataset_root": None,
        "daicho.effective_license": "CC-BY-4.0",
        "daicho.attribution": "Ana",
    }
    assert check_hash(tmp_path / "two")


def test_a_changed_file_is_not_published(tmp_path):
    write_adapter(tmp_path / "one", "lora", small_lora(), FACTS, architecture="sd1")
    content = bytearray((tmp_path / "one").read_bytes())
    content[-2] ^= 1
    (tmp_path / "one").write_bytes(content)
    with pytest.raises(ModelError, match="changed"):
        export_public(tmp_path / "one", tmp_path / "two")
    assert not (tmp_path / "two").exists()


def test_anybodys_safetensors_reads_our_files(tmp_path):
    write_adapter(tmp_path / "one", "lora", small_lora(), FACTS | {"modelspec.title": "絵"}, architecture="sd1")
    with safe_open(tmp_path / "one", "pt") as opened:
        assert opened.metadata() == dict(read_header(tmp_path / "one").metadata)
        assert opened.metadata()["modelspec.title"] == "絵"
        assert len(opened.keys()) == 3
