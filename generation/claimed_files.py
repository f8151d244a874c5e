"""Which of a project's files are those that a picture from elsewhere names: by hash, or else by a name of its own."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.utils.translation import gettext as _

from assets.models import ModelFile
from assets.services.short_hashes import kept_short_hash
from engine.limits import MAX_ADAPTER_WEIGHT

from .adapter_choice import values_of
from .parameters import Claims
from .starting import Shelf

HASH, NAME, SEVERAL, NOWHERE = "hash", "name", "several", "nowhere"
# What A1111 writes where no VAE was chosen.
NO_VAE = ("automatic", "none")
FILE_SUFFIX = re.compile(r"\.(?:safetensors|sft|ckpt|pth?|bin)$", re.IGNORECASE)
MARKS = re.compile(r'[<>:,"]')


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedFile:
    """One file that a picture names, and what it is here: `name` and `id` are empty where nothing was found."""

    kind: str
    claimed: str
    weight: float = 1.0
    how: str = NOWHERE
    id: str = ""
    name: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return values that a session can keep."""
        return asdict(self)


def claimed_files(shelf: Shelf, claims: Claims) -> list[ClaimedFile]:
    """Look for the model, the VAE and the adapters that a picture names. The model is always among them."""
    base, vae, adapter = ModelFile.Kind.BASE.value, ModelFile.Kind.VAE.value, ModelFile.Kind.ADAPTER.value
    found = [look(shelf.models, base, claims.model_name, claims.model_hash)]
    if claims.vae_hash or (claims.vae_name and claims.vae_name.casefold() not in NO_VAE):
        found.append(look(shelf.vaes, vae, claims.vae_name, claims.vae_hash))
    adapters = list(shelf.adapters.only("name", "sha256", "defaults").order_by("id")) if claims.loras else []
    return found + [look(adapters, adapter, lora.name, lora.hash, lora.weight) for lora in claims.loras]


def look(files: Sequence[ModelFile], kind: str, name: str, digest: str | None, weight: float = 1.0) -> ClaimedFile:
    """Return the one file among these that a picture names; several by one name are none."""
    claimed, how = name or (digest or "")[:12], HASH
    found = [file for file in files if digest and has_hash(file, digest)][:1]
    if not found and name:
        found, how = [file for file in files if plain_name(file.name) == plain_name(name)], NAME
    if len(found) != 1:
        return ClaimedFile(kind=kind, claimed=claimed, weight=weight, how=SEVERAL if found else NOWHERE)
    [file] = found
    return ClaimedFile(kind=kind, claimed=claimed, weight=weight, how=how, id=str(file.id), name=file.name)


def has_hash(file: ModelFile, digest: str) -> bool:
    """Does a hash, shortened as tools shorten it, name this file's bytes or a LoRA's tensors?"""
    known = (file.sha256, kept_short_hash(file))
    return any(each and (each.startswith(digest) or digest.startswith(each)) for each in known)


def plain_name(name: str) -> str:
    """Return a file's name as tools write it, without folder, ending, case, and the marks that end a tag."""
    last = re.split(r"[\\/]", name)[-1]
    return " ".join(MARKS.sub(" ", FILE_SUFFIX.sub("", last)).split()).casefold()


def form_values(found: Sequence[ClaimedFile]) -> dict[str, Any]:
    """Return what was found as the Studio's form takes it."""
    return files_in(found) | values_of(adapters_in(found).items())


def files_in(found: Iterable[ClaimedFile]) -> dict[str, str]:
    """Return the model and the VAE that were found, by the names of their fields."""
    fields = {ModelFile.Kind.BASE.value: "base_model", ModelFile.Kind.VAE.value: "vae"}
    return {fields[each.kind]: each.id for each in found if each.id and each.kind in fields}


def adapters_in(found: Sequence[ClaimedFile]) -> dict[str, float]:
    """Return the weights of the adapters that were found, by id, each once."""
    weights = {each.id: bounded(each.weight) for each in reversed(found) if each.kind == ModelFile.Kind.ADAPTER}
    return {file_id: weights[file_id] for file_id in reversed(weights) if file_id}


def bounded(weight: float) -> float:
    """Return a claimed weight within what the engine takes."""
    return min(max(weight, -MAX_ADAPTER_WEIGHT), MAX_ADAPTER_WEIGHT)


def describe(found: Mapping[str, Any], usual: str) -> dict[str, Any]:
    """Say of a file that a session kept what it is here; `usual` is the model that stands in for one that is not."""
    words = {"model": found["name"], "claimed": found["claimed"], "other": usual}
    said = {
        HASH: _("The hash is that of %(model)s, which is in the library."),
        NAME: _("%(model)s in the library has this name. Whether it is the same file is not known."),
        SEVERAL: _("More than one file in the library is called %(claimed)s. Choose the right one yourself."),
    }
    text = said.get(found["how"]) or missing_words(found, usual)
    return {**found, "label": ModelFile.Kind(found["kind"]).label, "words": text % words}


def missing_words(found: Mapping[str, Any], usual: str) -> str:
    """Say that a file is not here, and what happens without it."""
    if found["kind"] == ModelFile.Kind.VAE:
        return _("The VAE %(claimed)s is not in the library. The model's own is taken instead.")
    if found["kind"] == ModelFile.Kind.ADAPTER:
        return _("The adapter %(claimed)s is not in the library and is left out.")
    if not found["claimed"]:
        return _("The picture does not say which model has made it. %(other)s is taken.")
    return _("The model %(claimed)s is not in the library. %(other)s is taken instead.")
