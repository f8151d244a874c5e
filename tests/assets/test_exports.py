"""An export is the same bytes every time, names every picture's licence and credit, and opens elsewhere."""

import csv
import hashlib
import io
import json
import logging
import socket
import tomllib
import zipfile
from datetime import date
from pathlib import Path

import mlcroissant
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from assets.exports import FORMATS, ExportDescription, ExportError, ExportItem, KohyaOptions, write_export
from assets.exports.credits import FORMULA_STARTS, safe_cell
from assets.exports.imagefolder import size_category
from assets.exports.kohya import caption_text, folder_name
from assets.manifests import Manifest, ManifestError, ManifestItem, parse_manifest, picture_name
from assets.pictures import pixels_hash
from tests.assets.test_manifests import digest

DESCRIPTION = ExportDescription(
    name="Foxes 狐",
    version=3,
    description="Foxes for a campaign.",
    url="https://daicho.example.org/datasets/foxes/3/",
    creators=("Brand team",),
    published_on=date(2026, 11, 25),
)
KOHYA = KohyaOptions(trigger="inkfox", class_word="fox", repeats=12, resolution=768)
CAST = (
    ("CC-BY-4.0", "", "山田 花子", "赤い狐", "“赤い狐” 山田 花子, CC BY 4.0 (modified)"),
    ("CC0-1.0", "", "", "", ""),
    ("CC-BY-SA-4.0 OR CC-BY-NC-4.0", "CC-BY-SA-4.0", "=cmd|' /C calc'!A0", "@SUM(1)", "Ana\nLicense: CC0-1.0"),
    ("LicenseRef-Stock-77", "", "Ana", "Den", "Photo: Ana"),
)


def picture(shade: int, kind: str = "PNG") -> tuple[Image.Image, bytes]:
    image = Image.new("RGB", (16, 8), (shade, 40, 90))
    file = io.BytesIO()
    image.save(file, kind)
    return image, file.getvalue()


def export_items(kind: str = "PNG", suffix: str = ".png") -> list[ExportItem]:
    items = []
    for number, (expression, branch, creator, title, attribution) in enumerate(CAST, start=1):
        image, data = picture(number * 40, kind)
        item = ManifestItem(
            number=number,
            file_name=picture_name(number, suffix),
            sha256=digest(str(number)),
            pixels_sha256=pixels_hash(image),
            width=16,
            height=8,
            captions={"en": f"inkfox, a fox number {number}, snow", "ja": "狐、雪"} if number > 1 else {"ja": "赤い狐"},
            tags=("fox", f"pose:{number}"),
            license=expression,
            branch=branch,
            creator=creator,
            title=title,
            source_url=f"https://example.org/{number}",
            attribution=attribution,
            rights_sha256=digest("rights"),
        )
        items.append(ExportItem(item=item, source=lambda data=data: data))
    return items


class Pipe:
    """A sink that only takes bytes, and remembers the largest piece."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.pieces.append(data)


def export(format: str, items: list[ExportItem] | None = None) -> zipfile.ZipFile:
    file = io.BytesIO()
    write_export(format, file, DESCRIPTION, items or export_items(), kohya=KOHYA)
    return zipfile.ZipFile(file)


def records(archive: zipfile.ZipFile, name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in archive.read(name).decode().splitlines()]


@pytest.mark.parametrize("format", FORMATS)
def test_two_exports_are_the_same_bytes_whatever_they_are_written_to(format, tmp_path):
    pipe, again = Pipe(), io.BytesIO()
    write_export(format, pipe, DESCRIPTION, export_items(), kohya=KOHYA)
    write_export(format, again, DESCRIPTION, export_items(), kohya=KOHYA)
    with (tmp_path / "export.zip").open("wb") as file:
        write_export(format, file, DESCRIPTION, export_items(), kohya=KOHYA)
    assert b"".join(pipe.pieces) == again.getvalue() == (tmp_path / "export.zip").read_bytes()


@pytest.mark.parametrize("format", FORMATS)
def test_entries_are_stored_whole_with_plain_headers(format):
    archive = export(format)
    assert archive.testzip() is None
    for info in archive.infolist():
        assert info.compress_type == zipfile.ZIP_STORED
        assert info.flag_bits & 0x08 == 0
        assert info.date_time == (1980, 1, 1, 0, 0, 0)
        assert info.external_attr >> 16 == 0o100644
        assert not info.filename.startswith("/")
        assert ".." not in info.filename.split("/")
    names = [info.filename.casefold() for info in archive.infolist()]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("format", FORMATS)
def test_one_picture_is_read_at_a_time_and_sent_on_at_once(format):
    pipe, sizes, size = Pipe(), [], 200_000

    def source() -> bytes:
        sizes.append(sum(len(piece) for piece in pipe.pieces))
        return bytes(size)

    items = [ExportItem(item=each.item, source=source) for each in export_items()]
    write_export(format, pipe, DESCRIPTION, items, kohya=KOHYA)
    assert all(before >= size * earlier for earlier, before in enumerate(sizes))
    assert max(len(piece) for piece in pipe.pieces) < size + 1000


@pytest.mark.parametrize("format", FORMATS)
def test_every_layout_holds_the_pictures_licences_credits_and_manifest(format):
    archive, items = export(format), export_items()
    pictures = [name for name in archive.namelist() if name.endswith(".png")]
    assert [archive.read(name) for name in pictures] == [each.read() for each in items]
    credits = archive.read("CREDITS.txt").decode()
    for each in items:
        assert each.item.file_name in credits
        assert " ".join(each.item.attribution.split()) in credits
    version = Manifest(tuple(each.item for each in items))
    assert parse_manifest(archive.read("manifest.jsonl").decode()).root() == version.root()
    assert version.root() in credits


@pytest.mark.parametrize("format", FORMATS)
def test_the_table_of_licences_is_safe_and_complete(format):
    content = export(format).read("LICENSES.csv")
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline="")))
    assert [row["license"] for row in rows] == ["CC-BY-4.0", "CC0-1.0", "CC-BY-SA-4.0", "LicenseRef-Stock-77"]
    assert rows[0]["license_url"] == "https://creativecommons.org/licenses/by/4.0/"
    assert rows[2]["creator"] == "'=cmd|' /C calc'!A0"
    assert rows[2]["title"] == "'@SUM(1)"
    assert rows[2]["attribution"] == "Ana License: CC0-1.0"
    assert rows[1]["attribution"] == "No creator is named."


def test_a_credit_cannot_forge_a_line():
    credits = export("folder").read("CREDITS.txt").decode()
    assert "\nLicense:" not in credits
    assert credits.count("  License: CC0-1.0 ") == 1


@given(st.text())
def test_no_cell_starts_a_formula(text):
    cell = safe_cell(text)
    assert not cell or cell[0] not in FORMULA_STARTS
    assert not set(cell) & set("\r\n\t\0")


def test_the_folder_names_files_beside_their_text():
    archive = export("folder")
    found = records(archive, "metadata.jsonl")
    assert [next(iter(record)) for record in found] == ["file_name"] * 4
    assert {tuple(record) for record in found} == {tuple(found[0])}
    assert found[0]["text"] == found[0]["caption_ja"] == "赤い狐"
    assert found[0]["caption_en"] == ""
    assert found[2]["license"] == "CC-BY-SA-4.0"
    for record in found:
        assert hashlib.sha256(archive.read(record["file_name"])).hexdigest() == record["sha256"]


def test_imagefolder_has_its_metadata_beside_its_pictures():
    archive = export("imagefolder")
    found = records(archive, "train/metadata.jsonl")
    assert next(iter(found[0])) == "file_name"
    assert {f"train/{record['file_name']}" for record in found} <= set(archive.namelist())
    assert all(record["license"] and record["attribution"] for record in found)


def test_the_card_says_that_licences_differ():
    head = export("imagefolder").read("README.md").decode().split("---\n")[1]
    assert head.splitlines() == [
        'pretty_name: "Foxes 狐"',
        "license: other",
        'license_name: "each-picture-has-its-own"',
        "license_link: LICENSES.csv",
        "language:",
        '- "en"',
        '- "ja"',
        "size_categories:",
        "- n<1K",
        "configs:",
        "- config_name: default",
        "  data_files:",
        "  - split: train",
        '    path: "train/**"',
    ]


@pytest.mark.parametrize(
    ("places", "lines"),
    [
        ([0], ["license: cc-by-4.0"]),
        ([0, 1], ["license:", "- cc-by-4.0", "- cc0-1.0"]),
        ([3], ["license: other", 'license_name: "LicenseRef-Stock-77"', "license_link: LICENSES.csv"]),
    ],
)
def test_the_card_names_the_licences_that_the_hub_knows(places, lines):
    chosen = [export_items()[place] for place in places]
    items = [renumber(each, number) for number, each in enumerate(chosen, start=1)]
    head = export("imagefolder", items).read("README.md").decode().split("---\n")[1]
    assert head.splitlines()[1 : 1 + len(lines)] == lines


def renumber(each: ExportItem, number: int) -> ExportItem:
    item = each.item.as_dict() | {"number": number, "file_name": picture_name(number, ".png")}
    return ExportItem(item=ManifestItem(**{**item, "tags": tuple(item["tags"])}), source=each.source)


@pytest.mark.parametrize(("count", "name"), [(1, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (100_000, "100K<n<1M")])
def test_sizes_are_the_hubs(count, name):
    assert size_category(count) == name


def test_a_card_cannot_be_ended_or_scripted_by_a_name():
    sly = ExportDescription(
        name='x": y # <script>',
        version=1,
        description="a\n---\n<img src=x>",
        url="https://example.org",
        creators=("[x](javascript:1)",),
        published_on=date(2026, 1, 1),
    )
    file = io.BytesIO()
    write_export("imagefolder", file, sly, export_items())
    text = zipfile.ZipFile(file).read("README.md").decode()
    assert text.splitlines()[1] == 'pretty_name: "x\\": y # <script>"'
    assert text.count("\n---\n") == 1
    body = text.split("\n---\n")[1]
    assert "\\<script\\>" in body
    assert "\\<img" in body
    assert "\\[x\\](javascript" in body


def test_kohya_puts_the_trigger_first_once():
    archive = export("kohya")
    assert archive.read("12_inkfox fox/0002.txt").decode() == "inkfox, a fox number 2, snow\n"
    assert archive.read("12_inkfox fox/0001.txt").decode() == "inkfox, 赤い狐\n"
    assert {f"12_inkfox fox/000{number}.png" for number in range(1, 5)} <= set(archive.namelist())


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"texts": "tags"}, "inkfox, fox, pose:2"),
        ({"trigger": "SNOW"}, "SNOW, inkfox, a fox number 2"),
        ({"trigger": "a_b"}, "a_b, inkfox, a fox number 2, snow"),
    ],
)
def test_kohya_captions_follow_the_options(options, text):
    given_options = KohyaOptions(**{"trigger": "inkfox", **options})
    assert caption_text(DESCRIPTION, export_items()[1].item, given_options) == text


def test_the_toml_names_the_folder_that_is_there():
    archive = export("kohya")
    config = tomllib.loads(archive.read("dataset.toml").decode())
    (dataset,) = config["datasets"]
    (subset,) = dataset["subsets"]
    assert any(name.startswith(subset["image_dir"] + "/") for name in archive.namelist())
    assert subset == {"image_dir": "12_inkfox fox", "class_tokens": "inkfox fox", "num_repeats": 12}
    assert dataset["resolution"] == 768
    assert dataset["min_bucket_reso"] <= 768 <= dataset["max_bucket_reso"]
    assert config["general"]["caption_extension"] == ".txt"


@given(st.text(max_size=30), st.text(max_size=30), st.integers(1, 10_000))
def test_a_trigger_makes_a_folder_or_is_refused(trigger, word, repeats):
    try:
        options = KohyaOptions(trigger=trigger, class_word=word, repeats=repeats)
    except ExportError:
        assert not trigger.strip() or not (trigger + word).isprintable() or set(trigger + word) & set(",、，/\\")
        return
    name = folder_name(options)
    assert name.startswith(f"{repeats}_")
    assert not set(name) & set('/\\:*?"<>|')


@pytest.fixture
def unpacked(tmp_path, monkeypatch) -> Path:
    """Unpack a Croissant export where no network is."""
    export("croissant").extractall(tmp_path)

    def refuse(*_args: object, **_more: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return tmp_path


def test_mlcroissant_finds_nothing_wrong(unpacked, caplog):
    content = json.loads((unpacked / "croissant.json").read_text(encoding="utf-8"))
    with caplog.at_level(logging.WARNING):
        dataset = mlcroissant.Dataset(jsonld=content)
    assert dataset.metadata.ctx.issues.errors == set()
    assert dataset.metadata.ctx.issues.warnings == set()
    assert not caplog.records
    assert str(dataset.metadata.ctx.conforms_to.value) == "http://mlcommons.org/croissant/1.1"


def test_mlcroissant_reads_the_records_with_licence_and_credit(unpacked):
    dataset = mlcroissant.Dataset(jsonld=unpacked / "croissant.json")
    found = list(dataset.records("pictures"))
    assert len(found) == 4
    for record, each in zip(found, export_items(), strict=True):
        assert as_text(record["pictures/file_name"]) == each.item.file_name
        assert as_text(record["pictures/license"]) in (each.item.license, each.item.branch)
        assert pixels_hash(record["pictures/image"]) == each.item.pixels_sha256
        assert as_text(record["pictures/pixels_sha256"]) == each.item.pixels_sha256
        assert [as_text(tag) for tag in record["pictures/tags"]] == list(each.item.tags)
        assert record["pictures/width"] == 16
    assert as_text(found[0]["pictures/attribution"]) == CAST[0][4]
    assert as_text(found[0]["pictures/caption_ja"]) == "赤い狐"


def as_text(value: object) -> object:
    return value.decode() if isinstance(value, bytes) else value


def test_mlcroissant_notices_a_changed_table(unpacked):
    table = unpacked / "metadata.jsonl"
    table.write_text(table.read_text(encoding="utf-8").replace("CC0-1.0", "CC-BY-4.0"), encoding="utf-8")
    with pytest.raises(mlcroissant.GenerationError) as caught:
        list(mlcroissant.Dataset(jsonld=unpacked / "croissant.json").records("pictures"))
    assert "not identical" in str(caught.value.__cause__)


def test_croissant_says_who_when_and_how_to_cite(unpacked):
    content = json.loads((unpacked / "croissant.json").read_text(encoding="utf-8"))
    root = Manifest(tuple(each.item for each in export_items())).root()
    assert content["datePublished"] == "2026-11-25"
    assert content["creator"] == [{"@type": "sc:Organization", "name": "Brand team"}]
    assert root in content["citeAs"]
    assert content["license"] == [
        "https://creativecommons.org/licenses/by/4.0/",
        "https://creativecommons.org/licenses/by-sa/4.0/",
        "https://creativecommons.org/publicdomain/zero/1.0/",
        {"@type": "sc:CreativeWork", "name": "LicenseRef-Stock-77"},
    ]


@pytest.mark.parametrize(("kind", "suffix"), [("JPEG", ".jpg"), ("WEBP", ".webp")])
def test_other_kinds_of_pictures_are_described_as_what_they_are(kind, suffix):
    content = json.loads(export("croissant", export_items(kind, suffix)).read("croissant.json"))
    mlcroissant.Dataset(jsonld=content)
    assert content["distribution"][-1]["encodingFormat"] == [f"image/{kind.lower()}"]
    assert content["distribution"][-1]["includes"] == [f"images/*{suffix}"]


@pytest.mark.parametrize(
    ("format", "items", "code"),
    [
        ("webdataset", export_items(), "export_format_unknown"),
        ("folder", [], "export_empty"),
        ("folder", export_items()[1:], "manifest_numbers_broken"),
        ("kohya", export_items(), "export_value_unfit"),
    ],
)
def test_a_refused_export_writes_nothing(format, items, code):
    pipe = Pipe()
    with pytest.raises((ExportError, ManifestError)) as caught:
        write_export(format, pipe, DESCRIPTION, items)
    assert caught.value.code == code
    assert pipe.pieces == []


def test_a_picture_without_bytes_leaves_no_file_that_looks_whole(tmp_path):
    empty = tmp_path / "empty.png"
    empty.write_bytes(b"")
    items = export_items()
    items[2] = ExportItem(item=items[2].item, source=empty)
    file = io.BytesIO()
    with pytest.raises(ExportError) as caught:
        write_export("folder", file, DESCRIPTION, items)
    assert caught.value.params == {"number": 3}
    assert not zipfile.is_zipfile(file)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"version": 0}, "version"),
        ({"url": "javascript:1"}, "url"),
        ({"creators": ()}, "creators"),
        ({"language": "English"}, "language"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(values, field):
    whole = {"name": "x", "version": 1, "description": "", "url": "https://x.org", "creators": ("y",)}
    with pytest.raises(ExportError) as caught:
        ExportDescription(**{**whole, "published_on": date(2026, 1, 1), **values})
    assert caught.value.params == {"field": field}


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"trigger": ""}, "trigger"),
        ({"trigger": "a, b"}, "trigger"),
        ({"trigger": "../x"}, "trigger"),
        ({"class_word": "a\nb"}, "class_word"),
        ({"repeats": 0}, "repeats"),
        ({"resolution": 500}, "resolution"),
        ({"texts": "both"}, "texts"),
    ],
)
def test_options_that_do_not_fit_are_refused(values, field):
    with pytest.raises(ExportError) as caught:
        KohyaOptions(**{"trigger": "inkfox", **values})
    assert caught.value.params == {"field": field}
