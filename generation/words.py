"""Words for values that pages show: stages of a job, names in an environment."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from engine.schedulers import SCHEDULERS

from .parameters import Claims

STAGES: Mapping[str, Any] = {
    "loading": gettext_lazy("Loading the model"),
    "encoding": gettext_lazy("Reading the prompt"),
    "denoising": gettext_lazy("Drawing"),
    "decoding": gettext_lazy("Finishing the picture"),
    "saving": gettext_lazy("Saving"),
}
SOURCES: Mapping[str, str] = {
    "daicho": "Daicho",
    "a1111": "A1111",
    "invokeai": "InvokeAI",
    "comfyui": "ComfyUI",
    "swarmui": "SwarmUI",
    "fooocus": "Fooocus",
}
ENVIRONMENT: Mapping[str, Any] = {
    "device": gettext_lazy("Device"),
    "device_name": gettext_lazy("Device name"),
    "dtype": gettext_lazy("Number type"),
    "attention": gettext_lazy("Attention"),
    "threads": gettext_lazy("Threads"),
    "batch_size": gettext_lazy("Batch size"),
    "batch_position": gettext_lazy("Place in the batch"),
}


def stage_word(stage: str) -> str:
    """Return the word for a job's stage."""
    return str(STAGES.get(stage, stage))


def environment_word(name: str) -> str:
    """Return the word for a dotted name of the environment."""
    if name.startswith("versions."):
        return _("Version of %(name)s") % {"name": name.removeprefix("versions.")}
    return str(ENVIRONMENT.get(name, name))


def environment_rows(environment: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return an environment as rows of a table: versions last, each under its own name."""
    versions = environment.get("versions", {})
    rows = [(environment_word(name), value) for name, value in environment.items() if name != "versions"]
    return rows + [(name, version) for name, version in sorted(versions.items())]


def difference_sentence(difference: Mapping[str, Any]) -> str:
    """Say in words what differs between two environments."""
    words = {"name": environment_word(difference["name"]), "then": difference["then"], "now": difference["now"]}
    if difference["then"] is None:
        return _("%(name)s was not recorded then and is %(now)s now.") % words
    if difference["now"] is None:
        return _("%(name)s was %(then)s then and is not there now.") % words
    return _("%(name)s was %(then)s then and is %(now)s now.") % words


def recipe_rows(output: Any) -> list[tuple[str, Any]]:
    """Return a picture's recipe as labels and values, as it was."""
    generation, spec = output.generation, output.spec
    info = SCHEDULERS.get(spec["scheduler"])
    version = generation.template_version
    rows = [
        (_("Template"), str(version) if version else ""),
        (_("Model"), generation.base_model.name),
        (_("VAE"), generation.vae.name if generation.vae else ""),
        (_("Adapters"), ", ".join(f"{each.file.name} ({each.weight:g})" for each in generation.chosen_adapters)),
        (_("Size"), f"{output.width} × {output.height}"),
        (_("Steps"), spec["num_inference_steps"]),
        (_("Guidance"), f"{spec['guidance_scale']:g}"),
        (_("Scheduler"), info.title if info else spec["scheduler"]),
        (_("Clip skip"), spec["clip_skip"] or ""),
        (_("Seed"), output.seed),
        (_("Quality"), generation.get_quality_display()),
        (_("Campaign"), str(generation.campaign) if generation.campaign_id else ""),
        (_("Prompt"), spec["prompt"]),
        (_("Negative prompt"), spec["negative_prompt"]),
    ]
    return [(name, value) for name, value in rows if value != ""]


def short_hash(sha256: str | None) -> str:
    """Return as much of a hash as people compare."""
    return (sha256 or "")[:12]


def claim_rows(claims: Claims) -> list[tuple[str, str]]:
    """Return what a file claims as labels and texts, in the reader's language."""
    size = f"{claims.width} × {claims.height}" if claims.width and claims.height else None
    loras = ", ".join(f"{lora.name} ({lora.weight:g})" for lora in claims.loras)
    rows = [
        (_("Prompt"), claims.prompt),
        (_("Negative prompt"), claims.negative_prompt),
        (_("Seed"), claims.seed),
        (_("Steps"), claims.num_inference_steps),
        (_("Guidance"), None if claims.guidance_scale is None else f"{claims.guidance_scale:g}"),
        (_("Sampler"), " ".join(filter(None, (claims.sampler, claims.schedule_type)))),
        (_("Size"), size),
        (_("Model"), " · ".join(filter(None, (claims.model_name, short_hash(claims.model_hash))))),
        (_("VAE"), " · ".join(filter(None, (claims.vae_name, short_hash(claims.vae_hash))))),
        (_("LoRA"), loras),
        (_("Clip skip"), claims.clip_skip or None),
        (_("Denoising strength"), claims.strength),
        (_("Written by"), claims.version),
    ]
    return [(name, str(value)) for name, value in rows if value not in (None, "")]
