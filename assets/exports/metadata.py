"""One record for each picture, as JSON Lines: what the folder, imagefolder and Croissant exports share."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from assets.manifests import ManifestItem

from .credits import credit_line, license_of
from .descriptions import ExportDescription


def languages_of(items: Iterable[ManifestItem]) -> list[str]:
    """Return the languages that any picture has a caption in, sorted."""
    return sorted({language for item in items for language in item.captions})


def caption_column(language: str) -> str:
    """Return the name of a language's column."""
    return f"caption_{language.lower().replace('-', '_')}"


def metadata_records(
    description: ExportDescription, items: Sequence[ManifestItem], hashes: Mapping[int, str], *, folder: str = ""
) -> list[dict[str, Any]]:
    """Return a record for each picture, all with the same keys, `file_name` (below `folder`) first.

    `hashes` are the sha256 of the exported files by number; the manifest's own are of the files that were kept.
    """
    languages = languages_of(items)
    return [
        {
            "file_name": folder + item.file_name,
            "text": description.caption(item),
            **{caption_column(language): item.captions.get(language, "") for language in languages},
            **_facts(description, item),
            "sha256": hashes[item.number],
            "pixels_sha256": item.pixels_sha256,
        }
        for item in items
    ]


def _facts(description: ExportDescription, item: ManifestItem) -> dict[str, Any]:
    held = license_of(item, description.own)
    return {
        "tags": list(item.tags),
        "width": item.width,
        "height": item.height,
        "license": held.id,
        "license_name": held.title,
        "license_url": held.urls,
        "creator": item.creator,
        "title": item.title,
        "source_url": item.source_url,
        "attribution": credit_line(item),
    }


def json_lines(records: Iterable[Mapping[str, Any]]) -> bytes:
    """Return records as JSON Lines in UTF-8."""
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records).encode()
