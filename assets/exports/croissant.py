"""croissant.json: the dataset described in JSON-LD after Croissant 1.1 (MLCommons, 2026-01-29).

The pictures are a file set beside it, their records are in metadata.jsonl, and the file names join both.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from assets.manifests import ManifestItem

from .credits import license_of, one_line
from .descriptions import ExportDescription
from .metadata import caption_column, languages_of

CONFORMS_TO = "http://mlcommons.org/croissant/1.1"
RECORDS = "pictures"
METADATA = "metadata.jsonl"
FILE_SET = "picture-files"
ENCODINGS = {".png": "image/png", ".jpg": "image/jpeg", ".webp": "image/webp"}
CONTEXT_TERMS = [
    "arrayShape",
    "citeAs",
    "column",
    "containedIn",
    "equivalentProperty",
    "extract",
    "field",
    "fileProperty",
    "fileObject",
    "fileSet",
    "format",
    "includes",
    "isArray",
    "isLiveDataset",
    "jsonPath",
    "key",
    "md5",
    "parentField",
    "path",
    "recordSet",
    "references",
    "regex",
    "repeated",
    "replace",
    "samplingRate",
    "separator",
    "source",
    "subField",
    "transform",
]
CONTEXT: Mapping[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{term: f"cr:{term}" for term in CONTEXT_TERMS},
}
# Column, type, what schema.org calls it, and what it is.
FIELDS = (
    ("text", "sc:Text", "sc:caption", "The caption to train with."),
    ("tags", "sc:Text", "sc:keywords", "Words that describe the picture."),
    ("width", "sc:Integer", "sc:width", "Width in pixels."),
    ("height", "sc:Integer", "sc:height", "Height in pixels."),
    ("license", "sc:Text", "sc:license", "The licence of this picture, as an SPDX expression with our choice made."),
    ("license_name", "sc:Text", "", "What the licence is called."),
    ("license_url", "sc:Text", "", "The page of the licence; several are separated by spaces."),
    ("creator", "sc:Text", "sc:creator", "Who made the picture."),
    ("title", "sc:Text", "sc:name", "What its creator calls it."),
    ("source_url", "sc:Text", "sc:isBasedOn", "Where it came from."),
    ("attribution", "sc:Text", "sc:creditText", "The credit to give."),
    ("sha256", "sc:Text", "sc:sha256", "Checksum of the picture file."),
    ("pixels_sha256", "sc:Text", "", "Checksum of the decoded 8-bit RGB pixels with their size."),
)


def croissant(
    description: ExportDescription, items: Sequence[ManifestItem], files: Mapping[str, tuple[str, bytes]], root: str
) -> dict[str, Any]:
    """Return the JSON-LD. `files` are the other files in the folder by name, each with its media type and bytes."""
    return {
        "@context": dict(CONTEXT),
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": one_line(description.name),
        "description": description.description.strip() or description.name,
        "version": f"{description.version}.0.0",
        "url": description.url,
        "license": _licenses(description, items),
        "creator": [{"@type": "sc:Organization", "name": name} for name in description.creators],
        "datePublished": description.published_on.isoformat(),
        "citeAs": _citation(description, root),
        "inLanguage": languages_of(items) or [description.language],
        "isLiveDataset": False,
        "distribution": [*(_file_object(name, *files[name]) for name in files), _file_set(items)],
        "recordSet": [_record_set(items)],
    }


def croissant_json(content: Mapping[str, Any]) -> bytes:
    """Return the JSON-LD as a file."""
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()


def _licenses(description: ExportDescription, items: Sequence[ManifestItem]) -> list[Any]:
    held = [license_of(item, description.own) for item in items]
    found = {one for each in held for one in zip(each.names, each.titles, each.pages, strict=True)}
    return [page or {"@type": "sc:CreativeWork", "name": _called(name, title)} for name, title, page in sorted(found)]


def _called(name: str, title: str) -> str:
    return f"{title} ({name})" if title and title != name else name


def _citation(description: ExportDescription, root: str) -> str:
    values = {
        "title": f"{description.name}, version {description.version}",
        "author": " and ".join(description.creators),
        "year": str(description.published_on.year),
        "url": description.url,
        "note": f"Manifest root {root}",
    }
    body = ", ".join(f"{name} = {{{_bibtex(text)}}}" for name, text in values.items())
    return f"@misc{{dataset{root[:12]}, {body}}}"


def _bibtex(text: str) -> str:
    return "".join(mark for mark in one_line(text) if mark not in "{}\\")


def _file_object(name: str, encoding: str, data: bytes) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{len(data)} B",
        "encodingFormat": encoding,
        "sha256": hashlib.sha256(data).hexdigest(),
    }


def _file_set(items: Sequence[ManifestItem]) -> dict[str, Any]:
    suffixes = sorted({f".{item.file_name.rpartition('.')[2]}" for item in items})
    return {
        "@type": "cr:FileSet",
        "@id": FILE_SET,
        "name": FILE_SET,
        "description": "The pictures. Their checksums are in the records.",
        "encodingFormat": [ENCODINGS[suffix] for suffix in suffixes],
        "includes": [f"images/*{suffix}" for suffix in suffixes],
    }


def _record_set(items: Sequence[ManifestItem]) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": RECORDS,
        "name": RECORDS,
        "description": "One record for each picture, with its own licence and credit.",
        "key": {"@id": f"{RECORDS}/file_name"},
        "field": _fields(languages_of(items)),
    }


def _fields(languages: Sequence[str]) -> list[dict[str, Any]]:
    captions = (
        (caption_column(language), "sc:Text", "", f"The caption in the language {language}.") for language in languages
    )
    return [_name_field(), _picture_field(), *(_field(*each) for each in (*FIELDS, *captions))]


def _name_field() -> dict[str, Any]:
    return {
        **_field("file_name", "sc:Text", "sc:contentUrl", "The picture's file, without its folder."),
        "source": {
            "fileObject": {"@id": METADATA},
            "extract": {"column": "file_name"},
            "transform": {"regex": "images/(.*)"},
        },
        "references": {"fileSet": {"@id": FILE_SET}, "extract": {"fileProperty": "filename"}},
    }


def _picture_field() -> dict[str, Any]:
    return {
        **_field("image", "sc:ImageObject", "", "The picture."),
        "source": {"fileSet": {"@id": FILE_SET}, "extract": {"fileProperty": "content"}},
    }


def _field(column: str, data_type: str, equivalent: str, description: str) -> dict[str, Any]:
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{RECORDS}/{column}",
        "name": column,
        "description": description,
        "dataType": data_type,
        "source": {"fileObject": {"@id": METADATA}, "extract": {"column": column}},
    }
    field |= {"equivalentProperty": equivalent} if equivalent else {}
    return field | ({"isArray": True, "arrayShape": "-1"} if column == "tags" else {})
