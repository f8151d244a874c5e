"""Names inside archives: decoded as their writer meant them, judged, and used as labels only, never as paths."""

import re
import unicodedata
from collections.abc import Sequence

MAX_NAME_BYTES = 255
MAX_SHOWN = 200
NESTED = frozenset(("zip", "7z", "rar", "tar", "gz", "tgz", "bz2", "tbz", "xz", "txz", "zst", "lzh", "cab", "jar"))
SYSTEM_FILES = frozenset((".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini"))
MACOS_FOLDER = "__MACOSX"
DRIVE = re.compile(r"[A-Za-z]:")
HIDDEN = re.compile("[\0-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]")

UNASSIGNED = re.compile("[\x80\uf8f0-\uf8f3]")  # what Python makes of the bytes that cp932 does not use


def decode_name(raw: bytes) -> str:
    """Return a name as text. Without the UTF-8 flag, macOS still writes UTF-8 and Japanese Windows cp932.

    The flag itself decides nothing: a name that is valid UTF-8 is read as such, because real cp932 rarely is.
    """
    for encoding in ("utf-8", "cp932"):
        try:
            name = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "utf-8" or not UNASSIGNED.search(name):
            return name
    return raw.decode("cp437")


def show_name(name: str) -> str:
    """Return a name that is safe to show: NFC, without hidden characters, not longer than a line or two."""
    shown = HIDDEN.sub("\ufffd", unicodedata.normalize("NFC", name))
    return shown if len(shown) <= MAX_SHOWN else shown[: MAX_SHOWN - 1] + "…"


def fold_name(name: str) -> str:
    """Return what equal names have in common, whatever their case and Unicode form: か゛ as two marks is が."""
    decomposed = unicodedata.normalize("NFD", name).casefold()
    return unicodedata.normalize("NFC", decomposed)


def base_name(name: str) -> str:
    """Return the last part of a name."""
    return name.rpartition("/")[2]


def find_name_fault(name: str) -> str | None:
    """Return the code of what makes a name dangerous, or None."""
    if not name.strip(" /"):
        return "name_empty"
    if HIDDEN.search(name):
        return "name_hidden_characters"
    if DRIVE.match(name):
        return "name_drive"
    if any(len(part) > 1 and not part.strip(". ") for part in re.split(r"[/\\]", name)):
        return "name_climbs"
    if name.startswith("/"):
        return "name_absolute"
    if "\\" in name:
        return "name_backslash"
    if any(len(part.encode()) > MAX_NAME_BYTES for part in name.split("/")):
        return "name_too_long"
    return None


def is_system_file(name: str) -> bool:
    """Say whether macOS or Windows put this file there, not a person."""
    last = base_name(name)
    return MACOS_FOLDER in name.split("/") or last.startswith("._") or last.casefold() in SYSTEM_FILES


def is_nested_archive(name: str) -> bool:
    """Say whether a name is that of another archive."""
    return base_name(name).casefold().rpartition(".")[2] in NESTED


def find_clashes(names: Sequence[str | None]) -> dict[int, tuple[str, str]]:
    """Return by index the names that another one repeats (`name_twice`) or resembles (`name_collides`), and which.

    None takes no part. All members of a clash are in it: nobody can say which of them a table means.
    """
    groups: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        if name is not None:
            groups.setdefault(fold_name(name), []).append(index)
    clashes: dict[int, tuple[str, str]] = {}
    for members in groups.values():
        for index in members if len(members) > 1 else ():
            clashes[index] = _clash(names, index, members)
    return clashes


def _clash(names: Sequence[str | None], index: int, members: list[int]) -> tuple[str, str]:
    own = names[index]
    others = [names[other] or "" for other in members if other != index]
    return ("name_twice", own or "") if own in others else ("name_collides", others[0])
