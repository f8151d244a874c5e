"""What stands in an adapter's file, read from its header alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from assets.models import ModelFile
from engine.errors import ModelError
from engine.headers import Header, read_header
from engine.layer_parts import UNUSUAL, part_of

NETWORKS = ("unet", "text_encoder", "text_encoder_2")
LYCORIS = (".hada_", ".lokr_")
LONG = 400
# The groups in which a header is shown: where their keys begin, and what they are.
GROUPS = ("modelspec.", "ss_", "daicho.", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderGroup:
    """Keys of one kind with their texts; `is_cut` where a text is longer than a page wants to show."""

    title: str
    rows: Sequence[tuple[str, str, bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What a file holds: how many tensors and numbers, in which precision, and everything that its header says."""

    tensors: int
    parameters: str
    dtypes: str
    groups: Sequence[HeaderGroup]


def header_of(file: ModelFile) -> Header | None:
    """Return a file's header, or nothing where the file is a folder, gone or damaged."""
    try:
        return read_header(file.file) if file.layout == "single" else None
    except ModelError:
        return None


def is_lycoris(file: ModelFile) -> bool:
    """Is this a LoHa or LoKr, which only the file itself can be taken out of?"""
    header = header_of(file)
    return header is not None and any(part in name for name in header.tensors for part in LYCORIS)


def is_plain_lora(file: ModelFile) -> bool:
    """Does the file hold nothing but a LoRA's pairs of matrices, and no LoHa, LoKr, DoRA or core?"""
    header = header_of(file)
    return header is None or not any(part_of(name) in UNUSUAL for name in header.tensors)


def networks_in(file: ModelFile) -> list[str]:
    """Return the networks whose parameters a DreamBooth file holds."""
    header = header_of(file)
    found = {name.split(".")[0] for name in header.tensors} if header else set()
    return [each for each in NETWORKS if each in found]


def facts_in(file: ModelFile) -> FileFacts | None:
    """Return what a page shows of a file's inside."""
    header = header_of(file)
    if header is None:
        return None
    return FileFacts(
        tensors=len(header.tensors),
        parameters=f"{header.parameter_count():,}",
        dtypes=", ".join(sorted({each.dtype for each in header.tensors.values()})),
        groups=groups_of(header.metadata),
    )


def groups_of(metadata: Mapping[str, str]) -> list[HeaderGroup]:
    """Return a header's texts, kind by kind."""
    titles = {"modelspec.": "ModelSpec", "ss_": "kohya", "daicho.": "Daicho", "": _("Other")}
    left = dict(sorted(metadata.items()))
    groups = []
    for start in GROUPS:
        mine = {key: left.pop(key) for key in list(left) if key.startswith(start)}
        rows = [(key, text[:LONG], len(text) > LONG) for key, text in mine.items()]
        groups += [HeaderGroup(title=titles[start], rows=rows)] if rows else []
    return groups
