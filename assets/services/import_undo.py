"""What a batch has added to pictures and datasets that were here before, row by row, and how it is taken out again."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from projects.models import User

from ..models import Caption, DatasetItem, DatasetVersionItem, ImportBatch, ImportRow, PictureTag
from .datasets import caption_text, write
from .pictures import refresh_search_text

Frozen = dict[Any, list[tuple[Any, datetime]]]


def mark_added(
    row: ImportRow, *, tags: Collection[str] = (), captions: Collection[str] = (), is_item: bool = False
) -> bool:
    """Note on a row what it has added, beside what it had added before. Return whether that is anything new.

    `at` is when it first added something, `item` when it put its picture into the dataset, "" when it did not.
    Whoever calls saves the row.
    """
    if not (tags or captions or is_item):
        return False
    was, now = row.values.get("added", {}), timezone.now().isoformat()
    found = {
        "at": was.get("at", now),
        "tags": sorted({*was.get("tags", ()), *tags}),
        "captions": sorted({*was.get("captions", ()), *captions}),
        "item": now if is_item else was.get("item", ""),
    }
    row.values = {**row.values, "added": found}
    return True


def undo_additions(batch: ImportBatch, *, actor: User, removed: Collection[Any], kept: Collection[Any]) -> set[Any]:
    """Take out what a batch added to datasets and pictures. Return the pictures of which something stays.

    What was there before stays, and so does what a person has changed since, or a version that was frozen since holds.
    `removed` are pictures that were taken out as a whole, of which only the tags are left; `kept` are pictures that
    stay as they are.
    """
    rows = batch.rows.exclude(picture=None).exclude(picture__in=kept).select_related("picture__rights")
    marked = [row for row in rows if row.values.get("added")]
    frozen, held = versions_with(row.picture_id for row in marked), set[Any]()
    for row in marked:
        datasets = frozen_since(row, frozen)
        if datasets:
            held.add(row.picture_id)
        else:
            undo_tags(row)
        if batch.dataset_id not in datasets and row.picture_id not in removed:
            undo_item(batch, row, actor)
    return held


def versions_with(picture_ids: Iterable[Any]) -> Frozen:
    """Return when versions with pictures were frozen, and of which dataset, by the picture."""
    found: Frozen = defaultdict(list)
    rows = DatasetVersionItem.objects.filter(picture__in=set(picture_ids)).order_by()
    for picture_id, dataset_id, at in rows.values_list("picture_id", "version__dataset", "version__created_at"):
        found[picture_id].append((dataset_id, at))
    return found


def frozen_since(row: ImportRow, frozen: Frozen) -> set[Any]:
    """Return the datasets that have frozen a row's picture since the row added something."""
    since = datetime.fromisoformat(row.values["added"]["at"])
    return {dataset_id for dataset_id, at in frozen.get(row.picture_id, ()) if at >= since}


@transaction.atomic
def undo_tags(row: ImportRow) -> None:
    """Take the row's tags off its picture; those that a person has decided about since have a time, and stay."""
    assert row.picture is not None
    written = row.picture.tags.filter(text__in=row.values["added"]["tags"])
    written.filter(state=PictureTag.State.ACCEPTED, decided_at=None).delete()
    refresh_search_text(row.picture)


@transaction.atomic
def undo_item(batch: ImportBatch, row: ImportRow, actor: User) -> None:
    """Take the row's picture out of the dataset if the row put it there, and else the captions that it wrote."""
    added, picture = row.values["added"], row.picture
    assert picture is not None
    if batch.dataset is None:
        return
    items = DatasetItem.objects.filter(dataset=batch.dataset, picture=picture)
    if added["item"] and items.filter(added_at__lte=datetime.fromisoformat(added["item"])).delete()[0]:
        write(batch.dataset, "assets.dataset.picture_removed", actor, {"picture": picture.pixels_sha256})
    for language in added["captions"]:
        # What a person has written over it since stays.
        text = caption_text(row.values.get("captions", {}).get(language, ""))
        Caption.objects.filter(item__in=items, language=language, text=text).delete()
    refresh_search_text(picture)
