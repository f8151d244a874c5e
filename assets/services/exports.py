"""Let a version of a dataset leave the house, when its rights allow it: ask, write, and put it in the ledger."""

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import IO, Any

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from projects.models import User
from projects.problems import Problem

from .. import storage
from ..exports import ExportDescription, ExportError, ExportItem, KohyaOptions, write_export
from ..licensing import Action, Decision, Profile, Verdict
from ..manifests import Manifest, ManifestError, ManifestItem, parse_manifest
from ..models import DatasetVersion
from ..sentences import sentence
from .datasets import write
from .decisions import decide_pictures, explain_here
from .papers import outdated_in, outdated_sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A finished zip file, ready to be read from its beginning and gone when closed."""

    file: IO[bytes]
    size: int
    sha256: str


class Hashing:
    """A file that is hashed while it is written."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.digest, self.size = file, hashlib.sha256(), 0

    def write(self, data: bytes) -> None:
        """Take bytes."""
        self.file.write(data)
        self.digest.update(data)
        self.size += len(data)


def export_version(
    user: User, version: DatasetVersion, *, format: str, url: str, language: str, kohya: KohyaOptions | None = None
) -> Export:
    """Write a version as a zip file, and record who took it.

    The publish gate is asked about every picture as it is now. Raises Problem when it says no, when the papers would
    say other than what it was asked about, or when a picture cannot be read: then nothing is recorded.
    """
    decision = check_export(version)
    description = describe(version, url, language, decision.context.own_profiles)
    export = write_file(version, description, format=format, kohya=kohya)
    payload = {
        "version": version.number,
        "format": format,
        "count": version.count,
        "merkle_root": version.merkle_root,
        "export_sha256": export.sha256,
        "size_bytes": export.size,
        "decision_sha256": decision.sha256(),
    }
    with transaction.atomic():
        write(version.dataset, "assets.dataset.exported", user, payload)
    return export


def check_export(version: DatasetVersion) -> Decision:
    """Return the publish gate's yes. Raises Problem for any other answer, and for papers that were frozen too long ago.

    What the manifest says of licences and credits goes along, so it has to be what the gate was asked about.
    """
    pictures = pictures_of(version)
    decision = decide_pictures(version.dataset.project, Action.PUBLISH, pictures)
    if decision.verdict is not Verdict.ALLOW:
        message = _("The rights do not allow these pictures to leave the house.")
        raise Problem("export_blocked", message, status=409, details={"reasons": explain_here(decision)})
    outdated = outdated_in(version.dataset.project, manifest_in(version), pictures, decision.context.own_profiles)
    if outdated:
        details = {"pictures": [each.item.number for each in outdated]}
        raise Problem("export_outdated", outdated_sentence(outdated), status=409, details=details)
    return decision


def write_file(
    version: DatasetVersion, description: ExportDescription, *, format: str, kohya: KohyaOptions | None
) -> Export:
    """Write the zip into a file without a name beside the pictures, where there is room for them."""
    file = tempfile.TemporaryFile(dir=settings.MEDIA_ROOT)  # noqa: SIM115 - whoever sends it closes it
    sink = Hashing(file)
    try:
        write_export(format, sink, description, items_of(version), kohya=kohya)
    except (ExportError, ManifestError) as error:
        file.close()
        raise Problem(error.code, sentence(error.code, error.params), status=409) from error
    except storage.StorageError as error:
        file.close()
        message = _("A picture of this version is gone or was changed on disk. Bring the file back from a backup.")
        raise Problem("picture_lost", message, status=409) from error
    file.seek(0)
    return Export(file=file, size=sink.size, sha256=sink.digest.hexdigest())


def describe(version: DatasetVersion, url: str, language: str, own: Mapping[str, Profile]) -> ExportDescription:
    """Return what an export says of the dataset as a whole; `own` are the team's own licences that the gate read."""
    return ExportDescription(
        name=version.dataset.name,
        version=version.number,
        description=version.dataset.description,
        url=url,
        creators=(version.dataset.project.name,),
        published_on=version.created_at.date(),
        language=language,
        own=own,
    )


def items_of(version: DatasetVersion) -> list[ExportItem]:
    """Return the version's pictures with where their bytes lie."""
    paths = {picture.file_sha256: picture.path for picture in pictures_of(version)}
    return [
        ExportItem(item=item, source=partial(read_file, paths.get(item.sha256, ""), item))
        for item in manifest_in(version).items
    ]


def read_file(path: str, item: ManifestItem) -> bytes:
    """Return a picture's bytes. Raises StorageError when they are gone, or are not those that were frozen."""
    with storage.open_stored(settings.MEDIA_ROOT, path) as file:
        data = file.read()
    if hashlib.sha256(data).hexdigest() != item.sha256:
        raise storage.StorageError("file_changed", f"The file of picture {item.number} has changed.", path=path)
    return data


def manifest_in(version: DatasetVersion) -> Manifest:
    """Read a version's manifest, whose hash is its name. Raises Problem when it is gone or was changed."""
    try:
        with storage.open_stored(settings.MEDIA_ROOT, version.manifest) as file:
            data = file.read()
        if hashlib.sha256(data).hexdigest() != version.manifest_sha256:
            raise storage.StorageError("file_changed", "The manifest has changed.", path=version.manifest)
        return parse_manifest(data.decode())
    except (storage.StorageError, ManifestError, UnicodeDecodeError) as error:
        message = _("The manifest of this version is gone or was changed. Bring the file back from a backup.")
        raise Problem("manifest_lost", message, status=409) from error


def pictures_of(version: DatasetVersion) -> list[Any]:
    """Return the version's pictures in order, with what the gates ask of their rights."""
    rows = version.items.select_related("picture__rights__evidence").order_by("number")
    pictures = [row.picture for row in rows]
    for picture in pictures:
        picture.project = version.dataset.project
    return pictures
