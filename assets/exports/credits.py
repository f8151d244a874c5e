"""Who made each picture and under what licence, for readers: CREDITS.txt and LICENSES.csv."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from assets.licensing import UNKNOWN, profile
from assets.licensing.choices import choose_branch
from assets.manifests import ManifestItem

from .descriptions import ExportDescription

# What a spreadsheet takes for the start of a formula; the wide forms are typed by Japanese keyboards.
FORMULA_STARTS = frozenset("=+-@＝＋－＠")
COLUMNS = ("file_name", "license", "license_url", "expression", "creator", "title", "source_url", "attribution")


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureLicense:
    """The licences that all hold for a picture, by name, and the page of each ("" where there is none)."""

    names: tuple[str, ...]
    pages: tuple[str, ...]

    @property
    def id(self) -> str:
        """Return the licences as an expression."""
        return " AND ".join(self.names)

    @property
    def urls(self) -> str:
        """Return the pages that there are, with spaces between."""
        return " ".join(page for page in self.pages if page)


def license_of(item: ManifestItem) -> PictureLicense:
    """Return the licence that holds, with our branch chosen; an expression that nobody can read stays as it is."""
    choice = choose_branch(item.license, item.branch)
    if choice.problem:
        return PictureLicense(names=(one_line(item.branch or item.license) or UNKNOWN,), pages=("",))
    return PictureLicense(names=choice.licenses, pages=tuple(profile(name).license_url for name in choice.licenses))


def credits_text(description: ExportDescription, items: Sequence[ManifestItem], root: str) -> str:
    """Return CREDITS.txt: the dataset, its Merkle root, and each picture's credit and licence."""
    lines = [
        one_line(f"{description.name}, version {description.version}"),
        one_line(description.url),
        f"Manifest root (RFC 6962, sha256): {root}",
        "",
        "Each picture is under its own licence. Metadata inside the files was removed; the pixels are the dataset's.",
        "",
    ]
    for item in items:
        held = license_of(item)
        lines += [item.file_name, f"  {credit_line(item)}", f"  License: {one_line(f'{held.id} {held.urls}')}"]
        lines += [f"  Source: {one_line(item.source_url)}"] if item.source_url else []
    return "\n".join(lines) + "\n"


def credit_line(item: ManifestItem) -> str:
    """Return a picture's attribution on one line, or its title and creator where no attribution is asked for."""
    said = one_line(item.attribution)
    return said or one_line(", ".join(part for part in (item.title, item.creator) if part)) or "No creator is named."


def licenses_csv(items: Sequence[ManifestItem]) -> bytes:
    """Return LICENSES.csv as UTF-8 with a byte-order mark, which spreadsheets need to show Japanese."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for item in items:
        held = license_of(item)
        row = (held.id, held.urls, item.license, item.creator, item.title, item.source_url, credit_line(item))
        writer.writerow([item.file_name, *(safe_cell(cell) for cell in row)])
    return text.getvalue().encode("utf-8-sig")


def safe_cell(text: str) -> str:
    """Return text on one line that no spreadsheet takes for a formula: an apostrophe goes before one."""
    flat = one_line(text)
    return f"'{flat}" if flat[:1] in FORMULA_STARTS and flat else flat


def one_line(text: str) -> str:
    """Return text with every run of white space as one space, so that it cannot forge a line."""
    return " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
