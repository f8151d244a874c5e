"""In which layouts weights leave the library, what the files are called, and the zip that holds them. Pure."""

import shutil
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.specs import AdapterKind, Architecture

Layout = Literal["file", "kohya", "peft", "diffusers", "a1111", "folder", "package"]
# The oldest time that a zip file can hold: the same content is the same file, whenever it is made.
TIMESTAMP = (1980, 1, 1, 0, 0, 0)
UNIX, FILE_MODE = 3, 0o100644 << 16
SUFFIX = ".safetensors"
INTERNAL = "internal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One way in which weights can be taken out; `programs` are the names of those that read it."""

    layout: Layout
    programs: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of a zip: its name, and its bytes or where they lie."""

    name: str
    content: bytes | Path


FORMS: Mapping[AdapterKind, Sequence[Form]] = {
    "lora": (
        Form(layout="kohya", programs="AUTOMATIC1111, ComfyUI, InvokeAI, diffusers"),
        Form(layout="peft", programs="diffusers, PEFT, InvokeAI"),
    ),
    "textual_inversion": (
        Form(layout="a1111", programs="AUTOMATIC1111, ComfyUI, InvokeAI"),
        Form(layout="diffusers", programs="diffusers, InvokeAI"),
        Form(layout="kohya", programs="kohya sd-scripts, ComfyUI"),
    ),
    "hypernetwork": (Form(layout="file", programs="Daicho"),),
    "dreambooth": (Form(layout="folder", programs="diffusers, InvokeAI"), Form(layout="file", programs="Daicho")),
}
# Stable Diffusion XL has one layout of embeddings that everybody reads.
TWO_ENCODERS = (Form(layout="kohya", programs="AUTOMATIC1111, ComfyUI, InvokeAI, diffusers"),)
PACKAGE = Form(layout="package")
AS_IT_IS = Form(layout="file")


def forms_of(kind: AdapterKind, architecture: Architecture | str, *, is_lycoris: bool = False) -> tuple[Form, ...]:
    """Return the ways in which an adapter can be taken out, the most usual first and the whole package last."""
    if is_lycoris:
        return AS_IT_IS, PACKAGE
    if kind == "textual_inversion" and architecture == "sdxl":
        return *TWO_ENCODERS, PACKAGE
    return *FORMS.get(kind, (AS_IT_IS,)), PACKAGE


def packed_layouts(kind: AdapterKind, architecture: Architecture | str, *, is_lycoris: bool = False) -> list[Layout]:
    """Return the layouts that the package holds: all of them, but a DreamBooth only as the folder that others read."""
    forms = [each.layout for each in forms_of(kind, architecture, is_lycoris=is_lycoris) if each is not PACKAGE]
    return forms[:1] if kind == "dreambooth" else forms


def is_zip(layout: Layout, *, is_public: bool) -> bool:
    """Say whether a download is a zip: papers go along with everything that leaves the house."""
    return is_public or layout in ("folder", "package")


def weights_name(slug: str, number: int, layout: Layout, kind: AdapterKind) -> str:
    """Return what the file, or the folder, of one layout is called. Programs name an adapter by it in prompts."""
    stem = f"{slug}-v{number}"
    if layout == "folder":
        return "diffusers"
    is_usual = layout in ("file", FORMS[kind][0].layout)
    return f"{stem}{SUFFIX}" if is_usual else f"{stem}-{layout}{SUFFIX}"


def download_stem(slug: str, number: int, layout: Layout, *, is_public: bool) -> str:
    """Return what a download is called, without its suffix; what is to stay in the house says so."""
    parts = [slug, f"v{number}", *([] if layout == "file" else [layout]), *([] if is_public else [INTERNAL])]
    return "-".join(parts)


def write_zip(path: Path, entries: Iterable[Entry]) -> None:
    """Write a zip of stored files, the same bytes every time; large ones are copied piece by piece."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for entry in entries:
            info = zipfile.ZipInfo(entry.name, TIMESTAMP)
            info.create_system, info.external_attr = UNIX, FILE_MODE
            if isinstance(entry.content, bytes):
                archive.writestr(info, entry.content)
                continue
            info.file_size = entry.content.stat().st_size
            with entry.content.open("rb") as source, archive.open(info, "w") as target:
                shutil.copyfileobj(source, target, 1 << 20)


def files_below(folder: Path, prefix: str) -> list[Entry]:
    """Return every file of a folder, in order, under a prefix."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [Entry(name=f"{prefix}/{path.relative_to(folder).as_posix()}", content=path) for path in paths]
