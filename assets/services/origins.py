"""Recognise pictures that a model has made, by their pixels or by what the file says, and keep the models as edges."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F

from projects.access import usable_in
from projects.models import Project, User

from ..models import MadePicture, ModelFile, Picture, PictureSource
from ..pictures import read_container
from .rights import lock, move

CHUNK = "daicho"
SHA256 = re.compile(r"[0-9a-f]{64}")
MAX_ADAPTERS = 64
Basis = PictureSource.Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Which output a picture is, how that was found out, and its models by hash; None for one that is unknown here."""

    output_id: UUID
    basis: str
    models: Mapping[str, ModelFile | None]

    def as_kept(self) -> dict[str, Any]:
        """Return what the ledger keeps."""
        return {"output": str(self.output_id), "recognized_by": str(self.basis), "models": sorted(self.models)}


def find_origin(project: Project, pixels_sha256: str, data: bytes) -> Origin | None:
    """Return where a picture comes from, when its pixels were made here or its file says what made it."""
    return find_made(project, pixels_sha256) or read_claim(project, data)


def find_made(project: Project, pixels_sha256: str) -> Origin | None:
    """Return the origin of pixels that were made here: in this project, or else in any other of the house."""
    rows = list(MadePicture.objects.filter(pixels_sha256=pixels_sha256))
    rows = [each for each in rows if each.project_id == project.id] or rows
    ids = {file_id for each in rows for file_id in each.files}
    files = ModelFile.objects.filter(id__in=ids)
    if not ids:
        return None
    return Origin(output_id=rows[0].output_id, basis=Basis.PIXELS, models={each.sha256: each for each in files})


def read_claim(project: Project, data: bytes) -> Origin | None:
    """Return the origin that a PNG names in the chunk that we write; nobody has verified it."""
    said = read_chunk(data)
    hashes = models_named(said.get("spec"))
    try:
        output_id = UUID(str(said.get("output")))
    except ValueError:
        return None
    if not hashes:
        return None
    rows = usable_in(project, ModelFile.objects.filter(sha256__in=hashes)).order_by(F("project").asc(nulls_first=True))
    known = {each.sha256: each for each in rows}
    return Origin(output_id=output_id, basis=Basis.CLAIM, models={each: known.get(each) for each in hashes})


def read_chunk(data: bytes) -> Mapping[str, Any]:
    """Return what our own chunk in a picture says; nothing where there is none, or none that can be read."""
    text = read_container(data).texts.get(CHUNK, "")
    try:
        said = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def models_named(spec: Any) -> list[str]:
    """Return the hashes of the models in a recipe, each once; what is no hash is passed over."""
    if not isinstance(spec, dict):
        return []
    adapters = spec.get("adapters")
    listed = adapters[:MAX_ADAPTERS] if isinstance(adapters, list) else []
    used = [each.get("sha256") for each in listed if isinstance(each, dict)]
    named = [spec.get("base_model"), spec.get("vae"), *used]
    return list(dict.fromkeys(each for each in named if isinstance(each, str) and SHA256.fullmatch(each)))


def keep_origin(picture: Picture, origin: Origin) -> None:
    """Store the models that made a picture as its edges, and which output it is."""
    rows = [
        PictureSource(picture=picture, file=file, sha256=sha256, basis=origin.basis)
        for sha256, file in sorted(origin.models.items())
    ]
    PictureSource.objects.bulk_create(rows, ignore_conflicts=True)
    Picture.objects.filter(pk=picture.pk).update(output_id=origin.output_id)
    picture.output_id = origin.output_id


def remember_made(
    project: Project, output_id: UUID, pixels_sha256: str, files: Iterable[ModelFile], *, actor: User
) -> None:
    """Write that a picture was made here and with which models; one with the same pixels that is here is recognised.

    Part of the transaction in which the output is written.
    """
    made_with: Sequence[str] = [str(each.id) for each in files]
    MadePicture.objects.create(output_id=output_id, project=project, pixels_sha256=pixels_sha256, files=made_with)
    here = Picture.objects.filter(project=project, pixels_sha256=pixels_sha256, output_id=None)
    for picture in here.select_related("rights", "project"):
        recognize(picture, actor=actor)


def recognize(picture: Picture, *, actor: User) -> bool:
    """Keep the models behind a picture that is here already, where its pixels were made here. Return False for none.

    What its rights allow is computed anew, everywhere that it was learned from.
    """
    origin = find_made(picture.project, picture.pixels_sha256)
    if origin is None:
        return False
    rights = lock(picture.rights)
    keep_origin(picture, origin)
    move(rights, "assets.picture.recognized", actor=actor, before={}, after={}, kept=origin.as_kept())
    return True


def meet_model(model: ModelFile) -> None:
    """Let pictures whose file names a model by its hash know it, now that it is in the library."""
    rows = PictureSource.objects.filter(sha256=model.sha256, file=None)
    if model.project_id is not None:
        rows = rows.filter(picture__project=model.project_id)
    rows.update(file=model)
