"""Who made each picture and under what licence, for readers: CREDITS.txt and LICENSES.csv."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assets.licensing import OWN_PREFIX, UNKNOWN, Profile, profile
from assets.licensing.choices import choose_branch
from assets.manifests import ManifestItem

from .descriptions import ExportDescription

# What a spreadsheet takes for the start of a formula; the wide forms are typed by Japanese keyboards.
FORMULA_STARTS = frozenset("=+-@＝＋－＠")
COLUMNS = (
    "file_name", "license", "license_name", "license_url", "expression", "creator", "title", "source_url",
    "attribution",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureLicense:
    """The licences that all hold for a picture: the identifier, title and page of each ("" where there is none)."""

    names: tuple[str, ...]
    titles: tuple[str, ...]
    pages: tuple[str, ...]

    @property
    def id(self) -> str:
        """Return the licences as an expression."""
        return " AND ".join(self.names)

    @property
    def title(self) -> str:
        """Return what the licences are called in English."""
        return " AND ".join(title or name for name, title in zip(self.names, self.titles, strict=True))

    @property
    def urls(self) -> str:
        """Return the pages that there are, with spaces between."""
        return " ".join(page for page in self.pages if page)


def license_of(item: ManifestItem, own: Mapping[str, Profile] | None = None) -> PictureLicense:
    """Return the licence that holds, with our branch chosen; an expression that nobody can read stays as it is.

    `own` are the team's own licences by id.
    """
    choice = choose_branch(item.license, item.branch, frozenset(own or ()))
    if choice.problem:
        return PictureLicense(names=(one_line(item.branch or item.license) or UNKNOWN,), titles=("",), pages=("",))
    held = [profile(name, own) for name in choice.licenses]
    titles, pages = tuple(one_line(each.name["en"]) for each in held), tuple(each.license_url for each in held)
    return PictureLicense(names=choice.licenses, titles=titles, pages=pages)


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
        held = license_line(license_of(item, description.own))
        lines += [item.file_name, f"  {credit_line(item)}", f"  License: {held}"]
        lines += [f"  Source: {one_line(item.source_url)}"] if item.source_url else []
    return "\n".join(lines) + "\n"


def license_line(held: PictureLicense) -> str:
    """Return licences on one line: identifiers, what the team calls its own, and the pages."""
    called = (title for name, title in zip(held.names, held.titles, strict=True) if name.startswith(OWN_PREFIX))
    return one_line(" ".join((held.id, *(f"({title})" for title in called), held.urls)))


def credit_line(item: ManifestItem) -> str:
    """Return a picture's attribution on one line, or its title and creator where no attribution is asked for."""
    said = one_line(item.attribution)
    return said or one_line(", ".join(part for part in (item.title, item.creator) if part)) or "No creator is named."


def licenses_csv(description: ExportDescription, items: Sequence[ManifestItem]) -> bytes:
    """Return LICENSES.csv as UTF-8 with a byte-order mark, which spreadsheets need to show Japanese."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for item in items:
        held = license_of(item, description.own)
        said = (item.license, item.creator, item.title, item.source_url, credit_line(item))
        writer.writerow([item.file_name, *(safe_cell(cell) for cell in (held.id, held.title, held.urls, *said))])
    return text.getvalue().encode("utf-8-sig")


def safe_cell(text: str) -> str:
    """Return text on one line that no spreadsheet takes for a formula: an apostrophe goes before one."""
    flat = one_line(text)
    return f"'{flat}" if flat[:1] in FORMULA_STARTS and flat else flat


def one_line(text: str) -> str:
    """Return text with every run of white space as one space, so that it cannot forge a line."""
    return " ".join("".join(mark if mark.isprintable() else " " for mark in text).split())
