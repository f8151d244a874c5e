"""Say in an adapter's header how it was made: kohya's `ss_*`, ModelSpec 1.0.1, and Daicho's own keys. No torch.

All values are texts, as safetensors wants them; kohya writes Python's `str` of a value, so None is "None". Sources:
kohya's `train_network.py` and `library/sai_model_spec.py`, and the ModelSpec standard. What a file's tensors decide,
its hashes, `engine.adapter_files` adds.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PureWindowsPath
from types import MappingProxyType
from typing import Any

from engine.adapter_facts import KINDS, DerivedFacts, HeaderFacts
from engine.specs import AdapterKind, Architecture, TrainingSpec

MODELSPEC = "1.0.1"
# A header may hold a megabyte (`engine.headers`); the two that grow with the dataset share less than that.
MAX_TAG_BYTES = 200_000
MAX_ATTRIBUTION_BYTES = 400_000
_SUFFIXES: Mapping[AdapterKind, str] = MappingProxyType(
    {
        "lora": "lora",
        "dreambooth": "dreambooth",
        "textual_inversion": "textual-inversion",
        "hypernetwork": "hypernetwork",
    }
)
_OPTIMIZERS = MappingProxyType(
    {
        "adamw": "torch.optim.adamw.AdamW",
        "adamw_8bit": "bitsandbytes.optim.adamw.AdamW8bit",
        "adafactor": "transformers.optimization.Adafactor",
        "prodigy": "prodigyopt.prodigy.Prodigy",
    }
)
_STABILITY = "https://github.com/Stability-AI/generative-models"


def build_header(facts: HeaderFacts) -> dict[str, str]:
    """Return the whole header of an adapter that was trained here."""
    spec = facts.spec
    kind = KINDS[spec.method]
    values = {
        **_say_versions(spec.architecture, facts.prediction_type),
        **(_say_network(spec) if kind == "lora" else {}),
        **_say_optimizing(spec),
        **_say_losses(spec),
        **_say_pictures(facts),
        **_say_epochs(facts),
        **_say_models(facts),
        **_say_standard(facts, kind, spec.resolution),
        **(_say_structure(facts) if kind == "hypernetwork" else {}),
        **_say_rights(facts),
        "daicho.kind": kind,
        "daicho.run": facts.run_id,
        "daicho.recipe_sha256": spec.recipe_sha256(),
        "daicho.dataset_root": facts.dataset_root or spec.dataset,
        "daicho.split": facts.split or spec.split,
        "daicho.held_out": [[each.step, each.mean, each.low, each.high] for each in facts.held_out],
    }
    return {key: as_text(value) for key, value in values.items() if value != ""}


def build_derived_header(facts: DerivedFacts) -> dict[str, str]:
    """Return the whole header of a LoRA that was computed from others; both lineages stand in it."""
    dim: int | str = "Dynamic" if facts.rank is None else facts.rank
    lineage = [{"title": each.title, "sha256": each.sha256, "weight": each.weight} for each in facts.sources]
    values = {
        **_say_versions(facts.architecture, facts.prediction_type),
        "ss_network_module": "networks.lora",
        "ss_network_dim": dim,
        "ss_network_alpha": dim,
        "ss_network_args": {"conv_dim": str(dim), "conv_alpha": str(dim)} if facts.has_conv else {},
        "ss_training_finished_at": facts.finished_at.timestamp(),
        **_say_models(facts),
        **_say_standard(facts, "lora", facts.resolution),
        **({"modelspec.merged_from": _line(each.title for each in facts.sources)} if facts.sources else {}),
        **_say_rights(facts),
        "daicho.kind": "lora",
        "daicho.operation": facts.operation,
        "daicho.lineage": lineage,
    }
    return {key: as_text(value) for key, value in values.items() if value != ""}


def as_text(value: Any) -> str:
    """Return a value as kohya writes it: JSON for lists and tables, else Python's own text."""
    is_nested = isinstance(value, Mapping | list | tuple)
    text = json.dumps(value, ensure_ascii=False) if is_nested else str(value)
    return text.encode("utf-8", "replace").decode()


def name_architecture(architecture: Architecture, prediction_type: str) -> str:
    """Return ModelSpec's word for a base model."""
    if architecture == "sd2":
        return "stable-diffusion-v2-768-v" if prediction_type == "v_prediction" else "stable-diffusion-v2-512"
    words = {"sd1": "stable-diffusion-v1", "sdxl": "stable-diffusion-xl-v1-base", "sd3": "stable-diffusion-3"}
    return words.get(architecture, "flux-1")


def name_version(architecture: Architecture, prediction_type: str) -> str:
    """Return kohya's word for a base model."""
    if architecture in ("sd1", "sd2"):
        return f"sd_v{architecture[-1]}{'_v' if prediction_type == 'v_prediction' else ''}"
    return {"sdxl": "sdxl_base_v1-0", "sd3": "sd3", "flux": "flux1"}[architecture]


def _say_versions(architecture: Architecture, prediction_type: str) -> dict[str, Any]:
    return {
        "ss_v2": architecture == "sd2",
        "ss_base_model_version": name_version(architecture, prediction_type),
    }


def _say_network(spec: TrainingSpec) -> dict[str, Any]:
    arguments: dict[str, str] = {}
    if spec.use_dora:
        arguments |= {"algo": "lora", "dora_wd": "True", "wd_on_output": "True"}
    if spec.train_conv:
        arguments |= {"conv_dim": str(spec.rank), "conv_alpha": str(spec.lora_alpha)}
    return {
        # kohya's own network knows nothing of DoRA; LyCORIS, which it loads as a module, does.
        "ss_network_module": "lycoris.kohya" if spec.use_dora else "networks.lora",
        "ss_network_dim": spec.rank,
        "ss_network_alpha": spec.lora_alpha,
        "ss_network_args": arguments,
        "ss_network_dropout": spec.lora_dropout or None,
        "ss_unet_lr": spec.learning_rate,
        "ss_text_encoder_lr": _text_encoder_rate(spec),
    }


def _text_encoder_rate(spec: TrainingSpec) -> float | None:
    if not spec.train_text_encoder:
        return None
    return spec.learning_rate if spec.text_encoder_lr is None else spec.text_encoder_lr


def _say_optimizing(spec: TrainingSpec) -> dict[str, Any]:
    warms_up = spec.lr_scheduler == "constant" and spec.lr_warmup_steps > 0
    return {
        "ss_seed": spec.seed,
        "ss_learning_rate": spec.learning_rate,
        "ss_optimizer": f"{_OPTIMIZERS[spec.optimizer]}(weight_decay={spec.weight_decay})",
        "ss_lr_scheduler": "constant_with_warmup" if warms_up else spec.lr_scheduler,
        "ss_lr_warmup_steps": spec.lr_warmup_steps,
        "ss_max_train_steps": spec.max_train_steps,
        "ss_batch_size_per_device": spec.train_batch_size,
        "ss_total_batch_size": spec.train_batch_size * spec.gradient_accumulation_steps,
        "ss_gradient_accumulation_steps": spec.gradient_accumulation_steps,
        "ss_gradient_checkpointing": spec.gradient_checkpointing,
        "ss_max_grad_norm": spec.max_grad_norm,
        "ss_mixed_precision": spec.mixed_precision,
        "ss_full_fp16": False,
        "ss_lowram": False,
        "ss_cache_latents": True,
    }


def _say_losses(spec: TrainingSpec) -> dict[str, Any]:
    return {
        "ss_loss_type": "l2",
        "ss_min_snr_gamma": spec.snr_gamma,
        "ss_noise_offset": spec.noise_offset or None,
        "ss_multires_noise_iterations": None,
        "ss_multires_noise_discount": None,
        "ss_adaptive_noise_scale": None,
        "ss_zero_terminal_snr": False,
        "ss_debiased_estimation": False,
        "ss_scale_weight_norms": None,
        "ss_ip_noise_gamma": None,
        "ss_prior_loss_weight": spec.prior_loss_weight,
        "ss_clip_skip": None,
        "ss_max_token_length": None,
    }


def _say_pictures(facts: HeaderFacts) -> dict[str, Any]:
    spec = facts.spec
    folder = facts.dataset_name or "dataset"
    return {
        "ss_resolution": f"({spec.resolution}, {spec.resolution})",
        "ss_num_train_images": facts.num_train_images,
        "ss_num_validation_images": facts.num_validation_images,
        "ss_num_reg_images": facts.num_reg_images,
        "ss_enable_bucket": spec.enable_bucket,
        "ss_bucket_no_upscale": False,
        "ss_bucket_info": {"buckets": _number_buckets(facts.bucket_info)} if facts.bucket_info else {},
        "ss_flip_aug": spec.random_flip,
        "ss_color_aug": spec.color_jitter > 0,
        "ss_random_crop": spec.crop_scale < 1,
        "ss_shuffle_caption": spec.shuffle_caption,
        "ss_keep_tokens": spec.keep_tokens,
        "ss_caption_dropout_rate": spec.caption_dropout,
        "ss_caption_dropout_every_n_epochs": 0,
        "ss_caption_tag_dropout_rate": 0.0,
        "ss_dataset_dirs": {folder: {"n_repeats": 1, "img_count": facts.num_train_images}},
        "ss_reg_dataset_dirs": {},
        "ss_tag_frequency": {folder: _most_frequent(facts.tag_frequency)} if facts.tag_frequency else {},
        "ss_training_comment": facts.comment or None,
    }


def _number_buckets(buckets: Mapping[str, int]) -> dict[str, Any]:
    return {
        str(number): {"resolution": [int(side) for side in size.split("x")], "count": count}
        for number, (size, count) in enumerate(sorted(buckets.items()))
    }


def _most_frequent(tags: Mapping[str, int]) -> dict[str, int]:
    """Return the tags by frequency, as many as fit."""
    kept: dict[str, int] = {}
    size = 0
    for tag, count in sorted(tags.items(), key=lambda item: (-item[1], item[0])):
        size += len(tag.encode("utf-8", "replace")) + 16
        if size > MAX_TAG_BYTES:
            break
        kept[tag] = count
    return kept


def _say_epochs(facts: HeaderFacts) -> dict[str, Any]:
    spec = facts.spec
    batches = facts.num_batches_per_epoch or math.ceil(facts.num_train_images / spec.train_batch_size)
    steps = max(1, math.ceil(batches / spec.gradient_accumulation_steps))
    return {
        "ss_num_batches_per_epoch": batches,
        "ss_num_epochs": math.ceil(spec.max_train_steps / steps),
        "ss_epoch": math.ceil(facts.step / steps),
        "ss_steps": facts.step,
        "ss_session_id": int(hashlib.sha256(facts.run_id.encode()).hexdigest()[:8], 16),
        "ss_training_started_at": facts.started_at.timestamp(),
        "ss_training_finished_at": facts.finished_at.timestamp(),
        "ss_output_name": facts.title,
    }


def _say_models(facts: HeaderFacts | DerivedFacts) -> dict[str, Any]:
    models = {
        "ss_sd_model_name": PureWindowsPath(facts.base_model_name).name,
        "ss_sd_model_hash": facts.base_model_legacy_hash,
        "ss_new_sd_model_hash": facts.base_model_sha256,
    }
    if isinstance(facts, DerivedFacts):
        return models
    return models | {
        "ss_new_sd_model_hash": facts.base_model_sha256 or facts.spec.base_model,
        "ss_vae_name": PureWindowsPath(facts.vae_name).name,
        "ss_vae_hash": facts.vae_legacy_hash,
        "ss_new_vae_hash": facts.vae_sha256 or facts.spec.vae or "",
    }


def _say_standard(facts: HeaderFacts | DerivedFacts, kind: AdapterKind, resolution: int | None) -> dict[str, Any]:
    architecture = facts.architecture if isinstance(facts, DerivedFacts) else facts.spec.architecture
    words = tuple(facts.trigger_words)
    if kind == "textual_inversion" and isinstance(facts, HeaderFacts):
        words = words[:1] or (facts.spec.trigger_word,)
    is_original = kind == "textual_inversion" or (kind == "lora" and architecture == "sdxl")
    return {
        "modelspec.sai_model_spec": MODELSPEC,
        "modelspec.architecture": f"{name_architecture(architecture, facts.prediction_type)}/{_SUFFIXES[kind]}",
        "modelspec.implementation": _STABILITY if is_original else "diffusers",
        "modelspec.title": facts.title,
        "modelspec.description": facts.description,
        "modelspec.author": facts.author,
        "modelspec.date": facts.finished_at.isoformat(timespec="seconds"),
        "modelspec.license": facts.effective_license,
        "modelspec.trigger_phrase": _line(words),
        "modelspec.tags": _line(facts.tags),
        "modelspec.usage_hint": _say_usage(words, facts.recommended_weight),
        "modelspec.resolution": f"{resolution}x{resolution}" if resolution else "",
        "modelspec.prediction_type": "v" if facts.prediction_type == "v_prediction" else "epsilon",
        # Stable Diffusion 2 and XL read their text encoders' last layer but one.
        "modelspec.encoder_layer": {"sd1": "1", "sd2": "2", "sdxl": "2"}.get(architecture, ""),
    }


def _say_usage(words: Sequence[str], weight: float | None) -> str:
    hints = [f"Use with: {_line(words)}"] if words else []
    if weight is not None:
        hints.append(f"Recommended weight: {weight:g}")
    return ". ".join(hints)


def _say_structure(facts: HeaderFacts) -> dict[str, Any]:
    spec = facts.spec
    return {
        "layer_structure": list(spec.layer_structure),
        "activation_func": spec.activation_func,
        "is_layer_norm": json.dumps(spec.is_layer_norm),
        "use_dropout": json.dumps(spec.use_dropout),
        "activate_output": json.dumps(spec.activate_output),
        "weight_initialization": "Normal",
        "step": facts.step,
        "name": facts.title,
    }


def _say_rights(facts: HeaderFacts | DerivedFacts) -> dict[str, Any]:
    return {
        "daicho.effective_license": facts.effective_license,
        "daicho.attribution": _fit_lines(facts.attribution),
        "daicho.recommended_weight": "" if facts.recommended_weight is None else facts.recommended_weight,
    }


def _fit_lines(lines: Sequence[str]) -> str:
    """Join the lines as far as a header has room, and say how many are left."""
    size = 0
    for index, line in enumerate(lines):
        size += len(line.encode("utf-8", "replace")) + 1
        if size > MAX_ATTRIBUTION_BYTES:
            return "\n".join([*lines[:index], f"and {len(lines) - index} more"])
    return "\n".join(lines)


def _line(words: Iterable[str]) -> str:
    return ", ".join(words)
