"""Say what of an adapter's header may leave the house: only what is known to say nothing of the dataset. No torch."""

import json
from collections.abc import Mapping
from pathlib import PureWindowsPath

PEFT_KEY = "lora_adapter_metadata"
_STANDARD = (
    *("sai_model_spec", "architecture", "implementation", "title", "description", "author", "date", "hash_sha256"),
    *("license", "trigger_phrase", "tags", "usage_hint", "resolution", "prediction_type", "encoder_layer"),
    *("merged_from", "timestep_range", "is_negative_embedding", "implementation_version"),
)
_KOHYA = (
    *("v2", "base_model_version", "network_module", "network_dim", "network_alpha", "network_args", "network_dropout"),
    *("learning_rate", "unet_lr", "text_encoder_lr", "optimizer", "lr_scheduler", "lr_warmup_steps", "seed"),
    *("max_train_steps", "steps", "epoch", "num_epochs", "batch_size_per_device", "total_batch_size"),
    *("gradient_accumulation_steps", "gradient_checkpointing", "max_grad_norm", "mixed_precision", "full_fp16"),
    *("lowram", "cache_latents", "loss_type", "min_snr_gamma", "noise_offset", "multires_noise_iterations"),
    *("multires_noise_discount", "adaptive_noise_scale", "zero_terminal_snr", "debiased_estimation"),
    *("scale_weight_norms", "ip_noise_gamma", "prior_loss_weight", "clip_skip", "max_token_length", "resolution"),
    *("enable_bucket", "bucket_no_upscale", "flip_aug", "color_aug", "random_crop", "shuffle_caption", "keep_tokens"),
    *("caption_dropout_rate", "caption_dropout_every_n_epochs", "caption_tag_dropout_rate"),
    *("num_train_images", "num_reg_images", "num_validation_images", "num_batches_per_epoch"),
    *("sd_model_name", "sd_model_hash", "new_sd_model_hash", "vae_name", "vae_hash", "new_vae_hash"),
    *("training_started_at", "training_finished_at", "output_name"),
)
_DAICHO = (
    *("kind", "operation", "lineage", "layers_per_block", "held_out", "recommended_weight"),
    *("effective_license", "attribution"),
)
_STRUCTURE = (
    *("layer_structure", "activation_func", "is_layer_norm", "use_dropout", "activate_output"),
    *("weight_initialization", "step", "name"),
)
PUBLIC_KEYS = frozenset(
    (
        *(f"modelspec.{key}" for key in _STANDARD),
        *(f"ss_{key}" for key in _KOHYA),
        *(f"daicho.{key}" for key in _DAICHO),
        *_STRUCTURE,
        *("format", "sshs_model_hash", "sshs_legacy_hash", PEFT_KEY),
    )
)


_FILE_NAMES = ("ss_sd_model_name", "ss_vae_name", "ss_output_name")
_PEFT_WORDS = frozenset(
    (
        *("peft_type", "r", "lora_alpha", "rank_pattern", "alpha_pattern", "target_modules"),
        *("use_dora", "use_rslora", "lora_dropout", "bias"),
    )
)


def public_header(header: Mapping[str, str]) -> dict[str, str]:
    """Return a header without what tells of the dataset: tags, folders, buckets, comments, run, split and root.

    Licence, attribution, the models' hashes and all that other programs read to use an adapter stay.
    """
    kept = {key: text for key, text in header.items() if key in PUBLIC_KEYS}
    for key in _FILE_NAMES:
        if key in kept:
            kept[key] = PureWindowsPath(kept[key]).name
    if PEFT_KEY in kept:
        kept[PEFT_KEY] = _clean_description(kept[PEFT_KEY])
    return kept


def _clean_description(text: str) -> str:
    """Return PEFT's own description without the paths that it may hold."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        return "{}"
    if not isinstance(values, dict):
        return "{}"
    kept = {key: value for key, value in values.items() if key.rpartition(".")[2] in _PEFT_WORDS}
    return json.dumps(kept, indent=2, sort_keys=True)
