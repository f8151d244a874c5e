"""Take pictures in with their rights, name them, and take them out; the original is sealed."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from projects.models import Project, User
from projects.problems import Problem
from projects.services import record

from .. import storage
from ..claims import EmbeddedClaims, contradictions, read_claims
from ..models import DatasetItem, Evidence, ImportBatch, ModelFile, Picture, PictureTag
from ..pictures import Verified, make_thumbnail, open_picture, pixels_hash, strip_picture
from .ingest import as_kept, decide_arrival
from .origins import find_origin, keep_origin
from .rights import OPEN, Declaration, declare, edit_rights

SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp"}
THUMBNAIL_SIDE = 384
EVIDENCE_TYPES = {b"%PDF-": ".pdf", b"\x89PNG\r\n": ".png", b"\xff\xd8\xff": ".jpg", b"RIFF": ".webp"}
MAX_EVIDENCE_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A picture file that was opened: its pixels, what it says of its own rights, and who it is by its pixels."""

    data: bytes
    verified: Verified
    claims: EmbeddedClaims
    pixels_sha256: str


def read_picture(data: bytes) -> Read:
    """Open a picture file as untrusted bytes. Raises PictureError."""
    verified = open_picture(data, max_bytes=settings.UPLOAD_MAX_BYTES, max_pixels=settings.UPLOAD_MAX_PIXELS)
    return Read(data=data, verified=verified, claims=read_claims(data), pixels_sha256=pixels_hash(verified.image))


def add_picture(
    user: User, project: Project, read: Read, *, name: str, declaration: Declaration, batch: ImportBatch | None = None
) -> tuple[Picture, bool]:
    """Keep a picture whose rights wait for review. The same pixels are kept once: the second answer says if it is new.

    One that was taken out comes back, as it is declared now. Raises Problem when its rights were refused or withdrawn.
    Files are written before the rows, under the hash of their content, so that a kill between leaves nothing wrong.
    """
    rows = Picture.objects.filter(project=project, pixels_sha256=read.pixels_sha256)
    known = rows.select_related("rights", "project").first()
    if known is not None and known.removed_at is None:
        return known, False
    if known is not None:
        return restore_picture(user, known, read, declaration=declaration, batch=batch), True
    values = store_files(read)
    try:
        return write_picture(user, project, read, values, name=name, declaration=declaration, batch=batch), True
    except IntegrityError:
        return Picture.objects.get(project=project, pixels_sha256=read.pixels_sha256), False


def store_files(read: Read) -> dict[str, Any]:
    """Write the stripped picture, its thumbnail and the sealed original. Raises StorageError."""
    root, suffix = settings.MEDIA_ROOT, SUFFIXES[read.verified.format]
    stripped = strip_picture(read.data, max_bytes=settings.UPLOAD_MAX_BYTES, max_pixels=settings.UPLOAD_MAX_PIXELS)
    kept = storage.store_bytes(root, "pictures", stripped, suffix)
    thumbnail = storage.store_bytes(root, "thumbnails", make_thumbnail(read.verified.image, THUMBNAIL_SIDE), ".webp")
    original = storage.store_bytes(root, "sealed", read.data, suffix)
    return {
        "path": kept.path,
        "file_sha256": kept.sha256,
        "size_bytes": kept.size,
        "thumbnail": thumbnail.path,
        "original": original.path,
        "original_sha256": original.sha256,
    }


@transaction.atomic
def write_picture(
    user: User,
    project: Project,
    read: Read,
    values: dict[str, Any],
    *,
    name: str,
    declaration: Declaration,
    batch: ImportBatch | None,
) -> Picture:
    """Write rights, picture and ledger entry together."""
    said = replace(declaration, title=declaration.title or Path(name).stem, facts=facts_with(declaration, read))
    picture = Picture.objects.create(
        project=project,
        name=name[:200],
        pixels_sha256=read.pixels_sha256,
        format=read.verified.format,
        width=read.verified.width,
        height=read.verified.height,
        rights=declare(said, actor=user),
        batch=batch,
        added_by=user,
        **values,
    )
    refresh_search_text(picture)
    payload = {
        "name": picture.name,
        "pixels_sha256": picture.pixels_sha256,
        "original_sha256": picture.original_sha256,
        "expression": picture.rights.expression,
        "data_mining": picture.rights.data_mining,
        **arrive(picture, read),
    }
    record(project, "assets.picture.added", actor=user, subject=f"picture:{picture.id}", payload=payload)
    return picture


def arrive(picture: Picture, read: Read) -> dict[str, Any]:
    """Keep which models have made a picture, and ask the first gate. Return what the ledger keeps of both."""
    origin = find_origin(picture.project, read.pixels_sha256, read.data)
    if origin is not None:
        keep_origin(picture, origin)
    asked = {"ingest": as_kept(decide_arrival(picture))}
    return asked if origin is None else {**asked, "origin": origin.as_kept()}


def may_come_back(picture: Picture) -> bool:
    """Say whether a picture is here, or may be brought in again after it was taken out."""
    return picture.removed_at is None or picture.rights.state in OPEN


@transaction.atomic
def restore_picture(
    user: User, picture: Picture, read: Read, *, declaration: Declaration, batch: ImportBatch | None
) -> Picture:
    """Bring a picture back that was taken out. Raises Problem when its rights were refused or withdrawn."""
    if not may_come_back(picture):
        message = _("This picture was here before, and its rights were refused or withdrawn. It does not come back.")
        raise Problem("picture_withdrawn", message, status=409)
    rows = Picture.objects.filter(pk=picture.pk, removed_at__isnull=False)
    if rows.update(removed_at=None, batch=batch):
        said = {**declaration.values(), "title": declaration.title or picture.rights.title}
        edit_rights(picture.rights, actor=user, changes={**said, **facts_with(declaration, read)})
        arrived = arrive(picture, read)
        payload = {"name": picture.name, "pixels_sha256": picture.pixels_sha256, **arrived}
        record(picture.project, "assets.picture.restored", actor=user, subject=f"picture:{picture.id}", payload=payload)
    picture.refresh_from_db()
    return picture


def facts_with(declaration: Declaration, read: Read) -> dict[str, Any]:
    """Return the declared facts with what the file itself says: a prohibition in it is heeded over any licence."""
    claims = read.claims
    return {
        "data_mining": claims.data_mining or "",
        "claims": claims.as_dict(),
        **declaration.facts,
    }


def claims_notices(picture: Picture) -> list[dict[str, Any]]:
    """Return where the file contradicts what was declared, as codes with values."""
    claims = EmbeddedClaims.from_dict(picture.rights.claims) if picture.rights.claims else EmbeddedClaims()
    found = contradictions(claims, expression=picture.rights.license, train_wanted=True)
    return [{"code": each.code, "params": dict(each.params)} for each in (*found, *claims.notices)]


def add_evidence(user: User, project: Project, data: bytes, *, name: str) -> Evidence:
    """Keep a document that shows where rights come from. Raises Problem for what is neither PDF, picture nor text."""
    stored = storage.store_bytes(settings.MEDIA_ROOT, "evidence", data, evidence_suffix(data))
    evidence, _made = Evidence.objects.get_or_create(
        project=project,
        sha256=stored.sha256,
        defaults={"name": name[:200], "path": stored.path, "size_bytes": stored.size, "added_by": user},
    )
    return evidence


@transaction.atomic
def attach_evidence(
    user: User, thing: Picture | ModelFile, data: bytes, *, name: str, project: Project | None = None
) -> Evidence:
    """Keep a document as what shows the rights in a thing. Raises Problem, also for rights that are over.

    It belongs to the thing's project; for a model that the whole house shares say to which one.
    """
    evidence = add_evidence(user, project or thing.project, data, name=name)
    edit_rights(thing.rights, actor=user, changes={"evidence_id": evidence.id})
    return evidence


def evidence_suffix(data: bytes) -> str:
    """Return how a document's name ends. Raises Problem for what is neither PDF, picture nor text, or too large."""
    if len(data) > MAX_EVIDENCE_BYTES:
        raise Problem("evidence_too_large", _("The document is larger than 16 MB."), fields={"evidence": ""})
    return next((end for start, end in EVIDENCE_TYPES.items() if data.startswith(start)), "") or text_suffix(data)


def text_suffix(data: bytes) -> str:
    """Return .txt for readable text. Raises Problem for anything else."""
    try:
        is_text = bool(data) and "\0" not in data.decode()
    except UnicodeDecodeError:
        is_text = False
    if not is_text:
        message = _("Evidence is a PDF, a picture (PNG, JPEG, WebP) or a text in UTF-8.")
        raise Problem("evidence_refused", message, fields={"evidence": message})
    return ".txt"


def refresh_search_text(picture: Picture) -> None:
    """Write what a literal search finds the picture by: name, title, creator, captions and accepted tags."""
    rights = picture.rights
    tags = picture.tags.filter(state=PictureTag.State.ACCEPTED).values_list("text", flat=True)
    captions = picture.items.exclude(captions=None).values_list("captions__text", flat=True)
    parts = [picture.name, rights.title, rights.creator, rights.creator_reading, *tags, *captions]
    text = "\n".join(dict.fromkeys(part for part in parts if part))[:4000]
    Picture.objects.filter(pk=picture.pk).update(search_text=text)
    picture.search_text = text


@transaction.atomic
def remove_picture(picture: Picture, *, actor: User) -> bool:
    """Take a picture out of the library and of every dataset; versions keep it, and the row stays as a tombstone."""
    removed = Picture.objects.filter(pk=picture.pk, removed_at=None).update(removed_at=timezone.now())
    if not removed:
        return False
    DatasetItem.objects.filter(picture=picture).delete()
    payload = {"name": picture.name, "pixels_sha256": picture.pixels_sha256, "expression": picture.rights.expression}
    record(picture.project, "assets.picture.removed", actor=actor, subject=f"picture:{picture.id}", payload=payload)
    return True
