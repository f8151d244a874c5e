"""The four layouts of an export, written to anything that takes bytes."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from assets.manifests import Manifest, ManifestItem

from .archives import Archive, Sink, open_archive
from .credits import credits_text, licenses_csv
from .croissant import METADATA, croissant, croissant_json
from .descriptions import ExportDescription, ExportError, ExportItem, KohyaOptions
from .imagefolder import readme
from .kohya import caption_text, dataset_toml, folder_name
from .metadata import json_lines, metadata_records

JSON_LINES = "application/jsonlines"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """All that a layout needs; `sources` and the manifest's items are in the same order."""

    archive: Archive
    description: ExportDescription
    manifest: Manifest
    sources: Sequence[ExportItem]
    kohya: KohyaOptions | None

    @property
    def items(self) -> tuple[ManifestItem, ...]:
        return self.manifest.items

    def add_pictures(self, folder: str) -> dict[int, str]:
        """Write the pictures one at a time, and return each file's sha256 by number."""
        hashes = {}
        for each in self.sources:
            data = each.read()
            hashes[each.item.number] = hashlib.sha256(data).hexdigest()
            self.archive.add(f"{folder}/{each.item.file_name}", data)
        return hashes

    def add_papers(self) -> None:
        """Write what goes with every layout: credits, licences, and the lines that the Merkle root is made of."""
        self.archive.add("CREDITS.txt", credits_text(self.description, self.items, self.manifest.root()).encode())
        self.archive.add("LICENSES.csv", licenses_csv(self.description, self.items))
        self.archive.add("manifest.jsonl", self.manifest.text().encode())


def write_export(
    format: str,
    sink: Sink,
    description: ExportDescription,
    items: Sequence[ExportItem],
    *,
    kohya: KohyaOptions | None = None,
) -> None:
    """Write a zip file of all pictures of a version, the same bytes for the same version.

    `format` is one of FORMATS. The sink need not seek, and one picture is in memory at a time. The pictures' bytes
    are taken as they come: whoever gives them strips their metadata. Raises ExportError or ManifestError before the
    first byte is written, and whatever a picture's source raises after it; what was written then has no table of
    contents, so that no reader takes it for whole.
    """
    if format not in FORMATS:
        raise ExportError("export_format_unknown", format=format[:40])
    if format == "kohya" and kohya is None:
        raise ExportError("export_value_unfit", field="trigger")
    if not items:
        raise ExportError("export_empty")
    manifest = Manifest(tuple(each.item for each in items))
    with open_archive(sink) as archive:
        FORMATS[format](_Job(archive=archive, description=description, manifest=manifest, sources=items, kohya=kohya))


def _write_folder(job: _Job) -> bytes:
    hashes = job.add_pictures("images")
    metadata = json_lines(metadata_records(job.description, job.items, hashes, folder="images/"))
    job.archive.add(METADATA, metadata)
    job.add_papers()
    return metadata


def _write_croissant(job: _Job) -> None:
    files = {
        METADATA: (JSON_LINES, _write_folder(job)),
        "manifest.jsonl": (JSON_LINES, job.manifest.text().encode()),
    }
    content = croissant(job.description, job.items, files, job.manifest.root())
    job.archive.add("croissant.json", croissant_json(content))


def _write_imagefolder(job: _Job) -> None:
    hashes = job.add_pictures("train")
    job.archive.add(f"train/{METADATA}", json_lines(metadata_records(job.description, job.items, hashes)))
    job.archive.add("README.md", readme(job.description, job.items, job.manifest.root()).encode())
    job.add_papers()


def _write_kohya(job: _Job) -> None:
    assert job.kohya is not None
    folder = folder_name(job.kohya)
    job.add_pictures(folder)
    for item in job.items:
        text = caption_text(job.description, item, job.kohya)
        job.archive.add(f"{folder}/{item.file_name.partition('.')[0]}.txt", f"{text}\n".encode())
    job.archive.add("dataset.toml", dataset_toml(job.kohya).encode())
    job.add_papers()


FORMATS: Mapping[str, Callable[[_Job], object]] = MappingProxyType(
    {
        "folder": _write_folder,
        "kohya": _write_kohya,
        "imagefolder": _write_imagefolder,
        "croissant": _write_croissant,
    }
)
