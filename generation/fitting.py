"""Which VAEs and adapters a base model can be used with."""

from collections.abc import Iterable

from assets.models import ModelFile
from projects.models import Project
from projects.problems import Problem

from .sentences import sentence

# Stable Diffusion 2 learned in the latents of 1, so that they take each other's VAEs.
SHARED_LATENTS = frozenset((ModelFile.Architecture.SD1, ModelFile.Architecture.SD2))


def fits(file: ModelFile, model: ModelFile) -> bool:
    """Can a VAE or an adapter be used with a base model? One whose architecture nobody knows may."""
    return is_of_kind(file, model) and has_channels(file, model)


def is_of_kind(file: ModelFile, model: ModelFile) -> bool:
    """Was a file made for the architecture of a base model, or for one with the same latents?"""
    both = {file.architecture, model.architecture}
    return len(both) == 1 or "" in both or (file.kind == ModelFile.Kind.VAE and both == SHARED_LATENTS)


def has_channels(file: ModelFile, model: ModelFile) -> bool:
    """Has a VAE as many latent channels as a base model, as far as both say it? Others have none."""
    both = {file.latent_channels, model.latent_channels}
    return file.kind != ModelFile.Kind.VAE or len(both) == 1 or None in both


def check_files(model: ModelFile, vae: ModelFile | None, adapters: Iterable[ModelFile]) -> None:
    """Refuse a VAE or an adapter that was made for something else. Raises Problem naming the field and both files."""
    for field, file in (*([("vae", vae)] if vae else []), *(("adapters", each) for each in adapters)):
        if not is_of_kind(file, model):
            params = {"file": file.name, "made_for": file.get_architecture_display()}
            params |= {"model": model.name, "architecture": model.get_architecture_display()}
            raise problem_of(f"{file.kind}_made_for_another", params, field)
        if not has_channels(file, model):
            params = {"vae": file.latent_channels, "base_model": model.latent_channels}
            raise problem_of("vae_mismatch", params, field)


def problem_of(code: str, params: dict[str, object], field: str) -> Problem:
    """Return a file's problem, beside its field."""
    message = sentence(code, params)
    return Problem(code, message, fields={field: message})


def withdrawn_in(project: Project, files: Iterable[ModelFile]) -> ModelFile | None:
    """Return the first file whose version this project has taken back.

    Rights follow what the project owns. A file that the whole house shares keeps its rights, and other projects keep
    the file: where it was somebody's version, only they have taken it back.
    """
    versions = ((file, getattr(file, "adapter_version", None)) for file in files)
    taken_back = ((file, version) for file, version in versions if version is not None and version.is_withdrawn)
    return next((file for file, version in taken_back if version.adapter.project_id == project.id), None)


def check_withdrawn(project: Project, files: Iterable[ModelFile]) -> None:
    """Refuse a file whose version this project has taken back. Raises Problem."""
    file = withdrawn_in(project, files)
    if file is not None:
        message = sentence("adapter_taken_back", {"adapter": file.name})
        raise Problem("adapter_taken_back", message, status=409, fields={"adapters": message})
