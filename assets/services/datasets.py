"""Choose pictures for a dataset, caption them, and freeze versions of it."""

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

import rfc8785
from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _

from projects.models import Project, User
from projects.names import clean_name, free_address
from projects.problems import Problem
from projects.services import record

from .. import captions as caption_rules
from .. import licensing, storage
from ..licensing import Action
from ..manifests import Manifest, ManifestItem, picture_name
from ..models import (
    Caption,
    CaptionEdit,
    Dataset,
    DatasetItem,
    DatasetVersion,
    DatasetVersionItem,
    Picture,
    PictureTag,
)
from .curation import duplicate_groups
from .decisions import decide_pictures, facts_of
from .papers import credit_of, own_licenses_of, papers_of, shared_as
from .pictures import SUFFIXES, refresh_search_text

# How much of a hash names a group of near duplicates.
GROUP_CHARS = 12


@transaction.atomic
def create_dataset(user: User, project: Project, *, name: str, name_ja: str = "", **fields: Any) -> Dataset:
    """Open a dataset. Raises Problem for a name that another one of the project has."""
    cleaned = clean_name(name)
    message = _("Write a name.") if not cleaned else _("The project has a dataset with this name already.")
    if not cleaned or project.datasets.filter(name__iexact=cleaned).exists():
        raise Problem("name_taken" if cleaned else "name_empty", message, status=409, fields={"name": message})
    slugs = set(project.datasets.values_list("slug", flat=True))
    dataset = Dataset.objects.create(
        project=project,
        name=cleaned,
        name_ja=clean_name(name_ja),
        slug=free_address(cleaned, kind="dataset", is_taken=slugs.__contains__),
        created_by=user,
        **fields,
    )
    payload = {"name": dataset.name, "slug": dataset.slug}
    record(project, "assets.dataset.created", actor=user, subject=f"dataset:{dataset.id}", payload=payload)
    return dataset


@transaction.atomic
def change_dataset(user: User, dataset: Dataset, changes: Mapping[str, Any]) -> bool:
    """Give a dataset other names, another description or trigger word. Return False when nothing changed.

    Its address and its versions stay. Raises Problem for a name that another one of the project has.
    """
    lock(dataset)
    was = Dataset.objects.get(pk=dataset.pk)
    changed = {name: value for name, value in changes.items() if getattr(was, name) != value}
    message = _("The project has a dataset with this name already.")
    others = Dataset.objects.filter(project=dataset.project_id).exclude(pk=dataset.pk)
    if "name" in changed and others.filter(name__iexact=changed["name"]).exists():
        raise Problem("name_taken", message, status=409, fields={"name": message})
    if not changed:
        return False
    Dataset.objects.filter(pk=dataset.pk).update(**changed)
    facts = {name: {"from": getattr(was, name), "to": value} for name, value in changed.items()}
    write(dataset, "assets.dataset.changed", user, {"name": was.name, "changed": facts})
    dataset.refresh_from_db()
    return True


@transaction.atomic
def add_items(user: User, dataset: Dataset, pictures: Iterable[Picture]) -> int:
    """Put pictures of the project into a dataset, in order. Return how many were not in it yet."""
    lock(dataset)
    known = set(dataset.items.values_list("picture_id", flat=True))
    new = [each for each in pictures if each.id not in known and each.project_id == dataset.project_id]
    start = (dataset.items.aggregate(last=Max("number"))["last"] or 0) + 1
    DatasetItem.objects.bulk_create(
        [DatasetItem(dataset=dataset, picture=each, number=number) for number, each in enumerate(new, start)]
    )
    if new:
        write(dataset, "assets.dataset.pictures_added", user, {"pictures": [each.pixels_sha256 for each in new]})
    return len(new)


@transaction.atomic
def remove_item(user: User, item: DatasetItem) -> None:
    """Take a picture out of a dataset; its versions keep it."""
    lock(item.dataset)
    write(item.dataset, "assets.dataset.picture_removed", user, {"picture": item.picture.pixels_sha256})
    item.delete()


@transaction.atomic
def set_caption(item: DatasetItem, *, language: str, text: str) -> None:
    """Write a caption; an empty text takes it away."""
    cleaned = caption_text(text)
    if cleaned:
        Caption.objects.update_or_create(item=item, language=language, defaults={"text": cleaned})
    else:
        Caption.objects.filter(item=item, language=language).delete()
    refresh_search_text(item.picture)


def caption_text(text: str) -> str:
    """Return a caption as it is kept: on one line."""
    return " ".join(text.split())[:2000]


@transaction.atomic
def save_captions(dataset: Dataset, language: str, texts: Mapping[int, str]) -> None:
    """Write captions by the number of their picture, all or none. Raises Problem for a number that is not there."""
    lock(dataset)
    if set(texts) - set(dataset.items.values_list("number", flat=True)):
        message = _("There is no picture with this number in the dataset.")
        raise Problem("picture_unknown", message, fields={"captions": message})
    write_captions(dataset, language, texts)


def captions_of(dataset: Dataset, language: str) -> dict[str, str]:
    """Return a dataset's captions in one language by the number of their picture, empty ones included."""
    texts = dict(Caption.objects.filter(item__dataset=dataset, language=language).values_list("item__number", "text"))
    return {str(number): texts.get(number, "") for number in dataset.items.values_list("number", flat=True)}


@transaction.atomic
def rename_in_captions(user: User, dataset: Dataset, *, language: str, old: str, new: str) -> CaptionEdit | None:
    """Say something else for a phrase in every caption, so that it can be undone. Return None when none has it."""
    lock(dataset)
    before = captions_of(dataset, language)
    after = caption_rules.rename(before, old, new)
    changes = [
        {"number": int(key), "language": language, "from": before[key], "to": text} for key, text in after.items()
    ]
    if not changes:
        return None
    write_captions(dataset, language, {int(key): text for key, text in after.items()})
    edit = CaptionEdit.objects.create(dataset=dataset, what=f"{old} → {new}"[:300], changes=changes, made_by=user)
    payload = {"from": old, "to": new, "language": language, "count": len(changes)}
    write(dataset, "assets.dataset.captions_renamed", user, payload)
    return edit


@transaction.atomic
def undo_edit(user: User, edit: CaptionEdit) -> int:
    """Bring captions back to what they were before an edit; those that were changed since stay. Return how many."""
    lock(edit.dataset)
    if not CaptionEdit.objects.filter(pk=edit.pk, undone_at=None).update(undone_at=timezone.now()):
        raise Problem("undone_already", _("This was undone already."), status=409)
    back = 0
    for language in {change["language"] for change in edit.changes}:
        now = captions_of(edit.dataset, language)
        texts = {
            change["number"]: change["from"]
            for change in edit.changes
            if change["language"] == language and now.get(str(change["number"])) == change["to"]
        }
        write_captions(edit.dataset, language, texts)
        back += len(texts)
    write(edit.dataset, "assets.dataset.edit_undone", user, {"what": edit.what, "count": back})
    return back


def write_captions(dataset: Dataset, language: str, texts: Mapping[int, str]) -> None:
    """Write captions by the number of their picture."""
    for item in dataset.items.filter(number__in=texts).select_related("picture__rights"):
        set_caption(item, language=language, text=texts[item.number])


@transaction.atomic
def freeze_version(user: User, dataset: Dataset, *, note: str = "") -> DatasetVersion:
    """Freeze the dataset as it is into its next version: manifest, Merkle root, edges and ledger entry.

    The train gate is asked and its answer kept; freezing itself trains nothing, so it is not refused by it. Raises
    Problem for an empty dataset, or one that equals its newest version.
    """
    lock(dataset)
    items = list(
        dataset.items.select_related("picture__rights__evidence", "picture__project").prefetch_related("captions")
    )
    if not items:
        raise Problem("dataset_empty", _("There is no picture in this dataset yet."), status=409)
    decision = decide_pictures(dataset.project, Action.TRAIN, [item.picture for item in items])
    manifest, newest = manifest_of(items), dataset.versions.first()
    frozen = (manifest.root(), dataset.trigger, dataset.aims_at_work)
    if newest is not None and (newest.merkle_root, newest.trigger, newest.aims_at_work) == frozen:
        raise Problem("version_same", _("Nothing has changed since version %d.") % newest.number, status=409)
    version = write_version(user, dataset, manifest, decision, number=newest.number + 1 if newest else 1, note=note)
    DatasetVersionItem.objects.bulk_create(
        [DatasetVersionItem(version=version, picture=item.picture, number=place) for place, item in enumerate(items, 1)]
    )
    return version


def write_version(
    user: User, dataset: Dataset, manifest: Manifest, decision: licensing.Decision, *, number: int, note: str
) -> DatasetVersion:
    """Keep the manifest under its hash, and write the version with its ledger entry."""
    stored = storage.store_bytes(settings.MEDIA_ROOT, "manifests", manifest.text().encode(), ".jsonl")
    frozen = {
        "number": number,
        "count": len(manifest.items),
        "merkle_root": manifest.root(),
        "manifest_sha256": stored.sha256,
        "aims_at_work": dataset.aims_at_work,
    }
    asked = {"decision_sha256": decision.sha256(), "verdict": decision.verdict.value}
    entry = write(dataset, "assets.dataset.version_frozen", user, {"name": dataset.name, **frozen, **asked})
    return DatasetVersion.objects.create(
        dataset=dataset,
        manifest=stored.path,
        trigger=dataset.trigger,
        note=note[:300],
        decision=decision.as_dict(),
        created_by=user,
        ledger_seq=entry.seq,
        **frozen,
    )


def manifest_of(items: Iterable[DatasetItem]) -> Manifest:
    """Return what a version of these items would hold, in order."""
    rows = list(items)
    tags: dict[Any, list[str]] = {}
    accepted = PictureTag.objects.filter(picture__in=[row.picture_id for row in rows], state=PictureTag.State.ACCEPTED)
    for picture_id, text in accepted.values_list("picture_id", "text"):
        tags.setdefault(picture_id, []).append(text)
    pictures, project = [row.picture for row in rows], rows[0].dataset.project
    own, groups = own_licenses_of(project, pictures), near_groups(pictures)
    return Manifest(
        tuple(
            manifest_item(
                place,
                row,
                tags=tuple(tags.get(row.picture_id, ())),
                group=row.group or groups.get(row.picture_id, ""),
                attribution=credit_of(project, given, own),
            )
            for place, (row, given) in enumerate(zip(rows, shared_as(pictures), strict=True), 1)
        )
    )


def near_groups(pictures: Iterable[Picture]) -> dict[Any, str]:
    """Return what near duplicates are grouped under, by the picture's id: a name that stays while the pictures do."""
    found = {}
    for pictures_alike in duplicate_groups(pictures):
        name = f"near-{min(each.pixels_sha256 for each in pictures_alike)[:GROUP_CHARS]}"
        found |= dict.fromkeys((each.id for each in pictures_alike), name)
    return found


def manifest_item(
    place: int, item: DatasetItem, *, tags: tuple[str, ...], group: str, attribution: str
) -> ManifestItem:
    """Return one picture as a manifest holds it."""
    picture = item.picture
    facts = facts_of(picture.rights, kind="training_picture", title=picture.name)
    return ManifestItem(
        number=place,
        file_name=picture_name(place, SUFFIXES[picture.format]),
        sha256=picture.file_sha256,
        pixels_sha256=picture.pixels_sha256,
        width=picture.width,
        height=picture.height,
        captions={caption.language: caption.text for caption in item.captions.all()},
        tags=tags,
        group=group,
        attribution=attribution,
        **papers_of(picture),
        rights_sha256=sha256(rfc8785.dumps(facts.as_dict())).hexdigest(),
    )


def lock(dataset: Dataset) -> None:
    """Let nobody else change the dataset until the transaction ends."""
    try:
        Dataset.objects.select_for_update().get(pk=dataset.pk, archived_at=None)
    except Dataset.DoesNotExist as error:
        raise Problem("dataset_archived", _("This dataset is in the archive."), status=409) from error


def write(dataset: Dataset, event: str, actor: User, payload: Mapping[str, Any]) -> Any:
    """Write what happened to a dataset into the project's ledger, and return the entry."""
    facts = {"dataset": dataset.slug, **payload}
    return record(dataset.project, event, actor=actor, subject=f"dataset:{dataset.id}", payload=facts)
