"""A header says all that other programs and people ask for, and its public form nothing of the dataset."""

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.adapter_facts import CurvePoint, DerivedFacts, HeaderFacts, Source
from engine.adapter_headers import (
    MAX_ATTRIBUTION_BYTES,
    MAX_TAG_BYTES,
    as_text,
    build_derived_header,
    build_header,
)
from engine.adapter_public import PUBLIC_KEYS, public_header
from engine.headers import MAX_METADATA_BYTES
from engine.specs import SamplePrompt, TrainingSpec

# What sd-scripts itself writes for a LoRA with one dataset folder, and what its `update_metadata` and save add.
KOHYA = (
    *("session_id", "training_started_at", "training_finished_at", "output_name", "learning_rate", "unet_lr"),
    *("text_encoder_lr", "num_train_images", "num_validation_images", "num_reg_images", "num_batches_per_epoch"),
    *("num_epochs", "gradient_checkpointing", "gradient_accumulation_steps", "max_train_steps", "lr_warmup_steps"),
    *("lr_scheduler", "network_module", "network_dim", "network_alpha", "network_dropout", "network_args"),
    *("mixed_precision", "full_fp16", "v2", "base_model_version", "clip_skip", "max_token_length", "cache_latents"),
    *("seed", "lowram", "noise_offset", "multires_noise_iterations", "multires_noise_discount"),
    *("adaptive_noise_scale", "zero_terminal_snr", "training_comment", "optimizer", "max_grad_norm"),
    *("caption_dropout_rate", "caption_dropout_every_n_epochs", "caption_tag_dropout_rate", "prior_loss_weight"),
    *("min_snr_gamma", "scale_weight_norms", "ip_noise_gamma", "debiased_estimation", "loss_type"),
    *("batch_size_per_device", "total_batch_size", "resolution", "color_aug", "flip_aug", "random_crop"),
    *("shuffle_caption", "enable_bucket", "bucket_no_upscale", "keep_tokens", "dataset_dirs", "reg_dataset_dirs"),
    *("tag_frequency", "bucket_info", "sd_model_name", "sd_model_hash", "new_sd_model_hash", "vae_name", "vae_hash"),
    *("new_vae_hash", "steps", "epoch"),
)
STANDARD = (
    *("sai_model_spec", "architecture", "implementation", "title", "description", "author", "date", "license"),
    *("trigger_phrase", "tags", "usage_hint", "resolution", "prediction_type", "encoder_layer"),
)
OWN = (
    *("kind", "run", "recipe_sha256", "dataset_root", "split", "held_out", "effective_license", "attribution"),
    "recommended_weight",
)
SPEC = TrainingSpec(
    method="lora",
    architecture="sd1",
    base_model="b" * 64,
    vae="c" * 64,
    dataset="d" * 64,
    split="e" * 64,
    seed=11,
    trigger_word="zkfox",
    rank=8,
    lora_alpha=4.0,
    train_batch_size=4,
    gradient_accumulation_steps=2,
    max_train_steps=100,
    caption_dropout=0.1,
    sample_prompts=(SamplePrompt(prompt="a zkfox in the secret garden"),),
)
FACTS = HeaderFacts(
    spec=SPEC,
    title="Fox 狐",
    step=60,
    started_at=datetime(2026, 1, 2, 3, tzinfo=UTC),
    finished_at=datetime(2026, 1, 2, 4, tzinfo=UTC),
    run_id="run-1",
    author="Studio",
    description="A fox.",
    base_model_name="C:\\models\\sd-v1-5.safetensors",
    base_model_legacy_hash="81761151",
    vae_name="/models/vae-ft-mse.safetensors",
    vae_legacy_hash="deadbeef",
    num_train_images=21,
    num_validation_images=3,
    num_reg_images=50,
    dataset_name="fox pictures",
    tag_frequency={"zkfox": 21, "snow": 4},
    bucket_info={"512x512": 15, "448x576": 6},
    held_out=(
        CurvePoint(step=0, mean=0.0, low=0.0, high=0.0),
        CurvePoint(step=60, mean=-0.12, low=-0.2, high=-0.05),
    ),
    effective_license="CC-BY-4.0",
    attribution=("Photos: 山田, CC BY 4.0", "Photos: Ana, CC BY 4.0"),
    trigger_words=("zkfox", "zkfox snow"),
    tags=("fox", "animal"),
    recommended_weight=0.8,
    comment="second try",
)


@pytest.fixture
def header():
    return build_header(FACTS)


def with_spec(**changes):
    return build_header(replace(FACTS, spec=SPEC.replace(**changes)))


def test_everything_that_kohya_writes_is_there(header):
    assert {f"ss_{key}" for key in KOHYA} <= set(header)


def test_everything_that_modelspec_wants_is_there(header):
    assert {f"modelspec.{key}" for key in STANDARD} <= set(header)


def test_our_own_keys_are_there_and_nothing_else_is(header):
    assert {f"daicho.{key}" for key in OWN} == {key for key in header if key.startswith("daicho.")}
    assert all(key.startswith(("ss_", "modelspec.", "daicho.")) for key in header)


def test_every_value_is_a_text(header):
    assert all(type(value) is str for value in header.values())


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("ss_v2", "False"),
        ("ss_base_model_version", "sd_v1"),
        ("ss_network_module", "networks.lora"),
        ("ss_network_dim", "8"),
        ("ss_network_alpha", "4.0"),
        ("ss_network_args", "{}"),
        ("ss_text_encoder_lr", "None"),
        ("ss_optimizer", "torch.optim.adamw.AdamW(weight_decay=0.01)"),
        ("ss_noise_offset", "None"),
        ("ss_min_snr_gamma", "5.0"),
        ("ss_resolution", "(512, 512)"),
        ("ss_sd_model_name", "sd-v1-5.safetensors"),
        ("ss_sd_model_hash", "81761151"),
        ("ss_new_sd_model_hash", "b" * 64),
        ("ss_vae_name", "vae-ft-mse.safetensors"),
        ("ss_new_vae_hash", "c" * 64),
        ("ss_total_batch_size", "8"),
        ("ss_num_batches_per_epoch", "6"),
        ("ss_num_epochs", "34"),
        ("ss_epoch", "20"),
        ("ss_steps", "60"),
        ("ss_training_started_at", "1767322800.0"),
        ("ss_training_comment", "second try"),
        ("modelspec.sai_model_spec", "1.0.1"),
        ("modelspec.architecture", "stable-diffusion-v1/lora"),
        ("modelspec.implementation", "diffusers"),
        ("modelspec.title", "Fox 狐"),
        ("modelspec.date", "2026-01-02T04:00:00+00:00"),
        ("modelspec.license", "CC-BY-4.0"),
        ("modelspec.trigger_phrase", "zkfox, zkfox snow"),
        ("modelspec.usage_hint", "Use with: zkfox, zkfox snow. Recommended weight: 0.8"),
        ("modelspec.resolution", "512x512"),
        ("modelspec.prediction_type", "epsilon"),
        ("modelspec.encoder_layer", "1"),
        ("daicho.run", "run-1"),
        ("daicho.recipe_sha256", SPEC.recipe_sha256()),
        ("daicho.dataset_root", "d" * 64),
        ("daicho.split", "e" * 64),
        ("daicho.attribution", "Photos: 山田, CC BY 4.0\nPhotos: Ana, CC BY 4.0"),
    ],
)
def test_a_value_is_written_as_readers_expect_it(key, value, header):
    assert header[key] == value


def test_what_is_nested_is_json(header):
    assert json.loads(header["ss_tag_frequency"]) == {"fox pictures": {"zkfox": 21, "snow": 4}}
    assert json.loads(header["ss_dataset_dirs"]) == {"fox pictures": {"n_repeats": 1, "img_count": 21}}
    assert json.loads(header["ss_bucket_info"])["buckets"]["1"] == {"resolution": [512, 512], "count": 15}
    assert json.loads(header["daicho.held_out"]) == [[0, 0.0, 0.0, 0.0], [60, -0.12, -0.2, -0.05]]


@pytest.mark.parametrize(
    ("architecture", "prediction", "version", "standard", "is_v2"),
    [
        ("sd1", "epsilon", "sd_v1", "stable-diffusion-v1", "False"),
        ("sd1", "v_prediction", "sd_v1_v", "stable-diffusion-v1", "False"),
        ("sd2", "epsilon", "sd_v2", "stable-diffusion-v2-512", "True"),
        ("sd2", "v_prediction", "sd_v2_v", "stable-diffusion-v2-768-v", "True"),
        ("sdxl", "epsilon", "sdxl_base_v1-0", "stable-diffusion-xl-v1-base", "False"),
    ],
)
def test_the_base_models_have_kohyas_and_modelspecs_words(architecture, prediction, version, standard, is_v2):
    header = build_header(replace(FACTS, prediction_type=prediction, spec=SPEC.replace(architecture=architecture)))
    assert (header["ss_base_model_version"], header["ss_v2"]) == (version, is_v2)
    assert header["modelspec.architecture"] == f"{standard}/lora"
    assert header["modelspec.prediction_type"] == prediction.partition("_")[0]
    assert header["modelspec.implementation"].startswith("https" if architecture == "sdxl" else "diffusers")


@pytest.mark.parametrize(
    ("method", "kind", "suffix", "has_network"),
    [
        ("lora", "lora", "lora", True),
        ("dreambooth_lora", "lora", "lora", True),
        ("dreambooth", "dreambooth", "dreambooth", False),
        ("textual_inversion", "textual_inversion", "textual-inversion", False),
        ("hypernetwork", "hypernetwork", "hypernetwork", False),
    ],
)
def test_each_method_says_what_kind_of_file_it_leaves(method, kind, suffix, has_network):
    header = with_spec(method=method)
    assert (header["daicho.kind"], header["modelspec.architecture"]) == (kind, f"stable-diffusion-v1/{suffix}")
    assert ("ss_network_dim" in header) is has_network
    assert ("layer_structure" in header) is (kind == "hypernetwork")


def test_a_textual_inversions_phrase_is_its_one_word():
    assert with_spec(method="textual_inversion")["modelspec.trigger_phrase"] == "zkfox"
    bare = replace(FACTS, trigger_words=(), spec=SPEC.replace(method="textual_inversion", trigger_word="zkink"))
    assert build_header(bare)["modelspec.trigger_phrase"] == "zkink"


def test_a_hypernetwork_says_its_structure():
    header = with_spec(method="hypernetwork", layer_structure=(1, 2, 2, 1), activation_func="relu", is_layer_norm=True)
    structure = [header[key] for key in ("layer_structure", "activation_func", "is_layer_norm", "activate_output")]
    assert structure == ["[1, 2, 2, 1]", "relu", "true", "true"]
    assert (header["step"], header["name"]) == ("60", "Fox 狐")


@pytest.mark.parametrize(
    ("changes", "key", "value"),
    [
        ({"train_conv": True}, "ss_network_args", '{"conv_dim": "8", "conv_alpha": "4.0"}'),
        ({"use_dora": True}, "ss_network_module", "lycoris.kohya"),
        ({"train_text_encoder": True}, "ss_text_encoder_lr", "0.0001"),
        ({"train_text_encoder": True, "text_encoder_lr": 1e-5}, "ss_text_encoder_lr", "1e-05"),
        ({"lr_warmup_steps": 10}, "ss_lr_scheduler", "constant_with_warmup"),
        ({"lr_scheduler": "cosine", "lr_warmup_steps": 10}, "ss_lr_scheduler", "cosine"),
        ({"snr_gamma": None}, "ss_min_snr_gamma", "None"),
        ({"optimizer": "prodigy"}, "ss_optimizer", "prodigyopt.prodigy.Prodigy(weight_decay=0.01)"),
        ({"noise_offset": 0.05}, "ss_noise_offset", "0.05"),
    ],
)
def test_the_recipe_decides_what_is_said(changes, key, value):
    assert with_spec(**changes)[key] == value


def test_a_header_stays_within_what_we_read_however_large_the_dataset():
    facts = replace(
        FACTS,
        tag_frequency={f"a very long caption fragment, number {number}": number for number in range(50_000)},
        attribution=tuple(f"Photo {number}: somebody with a long name, CC BY 4.0" for number in range(50_000)),
    )
    header = build_header(facts)
    assert len(header["ss_tag_frequency"].encode()) <= MAX_TAG_BYTES + 1000
    assert "number 49999" in header["ss_tag_frequency"]
    assert len(header["daicho.attribution"].encode()) <= MAX_ATTRIBUTION_BYTES + 100
    assert header["daicho.attribution"].splitlines()[-1].endswith(" more")
    assert sum(len(text.encode()) for pair in header.items() for text in pair) < MAX_METADATA_BYTES


@pytest.mark.parametrize("value", ["a\ud800b", {"k": "\udfff"}, ["\ud800"]])
def test_half_a_character_does_not_break_a_file(value):
    assert "?" in as_text(value)


DERIVED = DerivedFacts(
    operation="merge",
    architecture="sdxl",
    sources=(Source(title="Fox", sha256="1" * 64, weight=0.7), Source(title="Ink", sha256="2" * 64, weight=0.4)),
    title="Fox in ink",
    finished_at=datetime(2026, 1, 2, tzinfo=UTC),
    base_model_name="sd_xl_base_1.0.safetensors",
    effective_license="CC-BY-SA-4.0",
    attribution=("Ana",),
    trigger_words=("zkfox", "zkink"),
)


def test_a_merge_names_both_lineages():
    header = build_derived_header(DERIVED)
    assert header["modelspec.merged_from"] == "Fox, Ink"
    assert [each["weight"] for each in json.loads(header["daicho.lineage"])] == [0.7, 0.4]
    assert (header["ss_network_dim"], header["ss_network_alpha"]) == ("Dynamic", "Dynamic")
    assert (header["daicho.operation"], header["daicho.attribution"]) == ("merge", "Ana")
    assert "ss_num_train_images" not in header
    assert all(type(value) is str for value in header.values())


def test_a_resized_loras_rank_is_said_where_it_is_one():
    header = build_derived_header(replace(DERIVED, operation="resize", rank=4, has_conv=True))
    assert (header["ss_network_dim"], header["ss_network_args"]) == ("4", '{"conv_dim": "4", "conv_alpha": "4"}')


def test_a_public_header_keeps_what_readers_need(header):
    public = public_header(header | {"sshs_model_hash": "x", "modelspec.hash_sha256": "0xabc"})
    gone = {
        *("ss_tag_frequency", "ss_dataset_dirs", "ss_reg_dataset_dirs", "ss_bucket_info", "ss_training_comment"),
        *("ss_session_id", "daicho.run", "daicho.dataset_root", "daicho.split", "daicho.recipe_sha256"),
    }
    assert set(header) - set(public) == gone
    kept = {"daicho.effective_license", "daicho.attribution", "ss_new_sd_model_hash", "ss_network_dim"}
    assert kept | {"sshs_model_hash", "modelspec.hash_sha256", "daicho.held_out"} <= set(public)


def test_a_public_header_of_a_foreign_file_holds_no_paths():
    peft = {"unet.r": 4, "unet.base_model_name_or_path": "/home/ana/secret", "unet.lora_alpha": 8}
    foreign = {
        "ss_sd_model_name": "/home/ana/secret/base.safetensors",
        "ss_output_name": "D:\\secret\\fox",
        "ss_datasets": '[{"image_dir": "secret"}]',
        "my own note": "secret",
        "lora_adapter_metadata": json.dumps(peft),
    }
    public = public_header(foreign)
    assert "secret" not in json.dumps(public)
    assert (public["ss_sd_model_name"], public["ss_output_name"]) == ("base.safetensors", "fox")
    assert json.loads(public["lora_adapter_metadata"]) == {"unet.r": 4, "unet.lora_alpha": 8}
    assert public_header({"lora_adapter_metadata": "secret"}) == {"lora_adapter_metadata": "{}"}


MARKED = st.text(alphabet="abcxyz0123 /\\.,\"'あ狐\n", min_size=1, max_size=30).map(lambda text: f"qqLEAKqq{text}")


@settings(max_examples=60, deadline=None)
@given(
    captions=st.lists(MARKED, min_size=1, max_size=5, unique=True),
    folder=MARKED,
    comment=MARKED,
    prompt=MARKED,
    run=MARKED,
    method=st.sampled_from(["lora", "dreambooth", "dreambooth_lora", "textual_inversion", "hypernetwork"]),
)
def test_nothing_of_captions_folders_prompts_and_runs_is_public(captions, folder, comment, prompt, run, method):
    spec = SPEC.replace(method=method, sample_prompts=(SamplePrompt(prompt=prompt, negative_prompt=prompt),))
    facts = replace(
        FACTS,
        spec=spec,
        tag_frequency=dict.fromkeys(captions, 2),
        dataset_name=folder,
        comment=comment,
        run_id=run,
        base_model_name=f"{folder}/base.safetensors",
        vae_name=f"{folder}\\vae.safetensors",
        dataset_root="qqLEAKqq-root",
        split="qqLEAKqq-split",
    )
    header = build_header(facts)
    assert "qqLEAKqq" in json.dumps(header)
    public = public_header(header)
    assert "qqLEAKqq" not in json.dumps(public)
    assert spec.recipe_sha256() not in json.dumps(public)
    assert public["daicho.effective_license"] == "CC-BY-4.0"


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20)))
def test_a_key_that_nobody_knows_is_not_public(foreign):
    assert set(public_header(foreign)) <= PUBLIC_KEYS


def test_headers_and_names_need_no_torch():
    modules = "engine.adapter_facts, engine.adapter_headers, engine.adapter_names, engine.adapter_public"
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
