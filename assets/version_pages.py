"""What a version's page shows: its pictures as they were frozen and as they are now, and what it changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from . import licensing
from .dataset_pages import Badge, sheets_of
from .exports.credits import license_of
from .library import Answer, answer_of
from .licensing import Action, Decision, Profile
from .manifests import FieldChange, Manifest, ManifestItem, diff
from .models import DatasetVersion, Picture
from .services import decide_pictures, reading_language
from .services.exports import manifest_in
from .version_terms import TermChange, changes_between, is_changed

PAGE_SIZE = 100
CHANGES_SHOWN = 50
FIELD_WORDS = {
    "file_name": _("File"),
    "sha256": _("File hash"),
    "pixels_sha256": _("Pixel hash"),
    "width": _("Width"),
    "height": _("Height"),
    "tags": _("Tags"),
    "group": _("Group"),
    "license": _("Licence"),
    "branch": _("Chosen licence"),
    "creator": _("Creator"),
    "title": _("Title"),
    "source_url": _("Source"),
    "attribution": _("Credit"),
    "rights_sha256": _("Facts of the rights"),
}
HASHES = frozenset({"sha256", "pixels_sha256", "rights_sha256"})
HASH_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One picture of a version: what was frozen, and its rights as they are now."""

    item: ManifestItem
    picture: Picture
    license: str
    now: Badge
    state: Badge


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """The train gate's answer when the version was frozen, and now; `is_changed` when the terms are not the same."""

    then: Answer
    now: Answer
    is_changed: bool
    changes: list[TermChange]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One line about what a version changed: the picture, what happened to it, and values before and after."""

    kind: str
    number: int
    name: str
    field: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """What a version changed against the one before it."""

    against: DatasetVersion
    added: int
    removed: int
    changed: int
    moved: int
    lines: list[Difference]
    more: int

    @property
    def is_empty(self) -> bool:
        """Is every picture as it was?"""
        return not (self.added or self.removed or self.changed or self.moved)


def judgement_of(version: DatasetVersion, pictures: Sequence[Picture], own: Mapping[str, Profile]) -> Judgement:
    """Ask the train gate again about a version's pictures, and compare with what was stored."""
    then = Decision.from_dict(version.decision)
    now = decide_pictures(version.dataset.project, Action.TRAIN, pictures, own=own)
    question = _("Train on these pictures")
    return Judgement(
        then=answer_of(question, then),
        now=answer_of(question, now),
        is_changed=is_changed(then, now),
        changes=changes_between(then, now),
    )


def lines_of(
    version: DatasetVersion, items: Sequence[ManifestItem], pictures: Sequence[Picture], own: Mapping[str, Profile]
) -> list[Line]:
    """Return the pictures of a version, each beside its rights as they are now."""
    sheets = sheets_of(version.dataset.project, pictures)
    return [
        Line(
            item=item,
            picture=sheet.picture,
            license=license_words(item, own),
            now=sheet.license,
            state=sheet.state,
        )
        for item, sheet in zip(items, sheets, strict=True)
    ]


def license_words(item: ManifestItem, own: Mapping[str, Profile]) -> str:
    """Return what the licences of a frozen picture are called."""
    language = reading_language()
    return " · ".join(
        own[name].name[language] if name in own else licensing.label("licenses", name, language)
        for name in license_of(item, own).names
    )


def differences_of(version: DatasetVersion, manifest: Manifest) -> Differences | None:
    """Return what changed since the version before; None for the first."""
    before = version.dataset.versions.filter(number__lt=version.number).first()
    if before is None:
        return None
    before.dataset = version.dataset
    found = diff(manifest_in(before), manifest)
    lines = [
        *(Difference(kind="added", number=each.number, name=name_of(each)) for each in found.added),
        *(Difference(kind="removed", number=each.number, name=name_of(each)) for each in found.removed),
        *(line for change in found.changed for line in changed_lines(change.new, change.fields)),
        *(
            Difference(
                kind="moved", number=each.new.number, name=name_of(each.new), before=str(each.old.number),
                after=str(each.new.number),
            )
            for each in found.reordered
        ),
    ]  # fmt: skip
    return Differences(
        against=before,
        added=len(found.added),
        removed=len(found.removed),
        changed=len(found.changed),
        moved=len(found.reordered),
        lines=lines[:CHANGES_SHOWN],
        more=max(0, len(lines) - CHANGES_SHOWN),
    )


def changed_lines(item: ManifestItem, changes: Sequence[FieldChange]) -> Iterator[Difference]:
    """Yield a line for each value of a picture that changed."""
    for each in changes:
        yield Difference(
            kind="changed",
            number=item.number,
            name=name_of(item),
            field=field_word(each.field),
            before=value_text(each.field, each.old),
            after=value_text(each.field, each.new),
        )


def field_word(name: str) -> str:
    """Return what a field of the manifest is called on screen."""
    kind, _dot, language = name.partition(".")
    if kind == "captions":
        named = dict(settings.LANGUAGES).get(language, language)
        return str(_("Caption (%(language)s)") % {"language": named})
    return str(FIELD_WORDS.get(name, name))


def value_text(field: str, value: Any) -> str:
    """Return a value of the manifest as text; hashes are cut, for only their being different says something."""
    text = ", ".join(value) if isinstance(value, tuple) else "" if value is None else str(value)
    return f"{text[:HASH_SHOWN]}…" if field in HASHES else text


def name_of(item: ManifestItem) -> str:
    """Return what a picture of a manifest is called."""
    return item.title or item.file_name


def proof_of(version: DatasetVersion, manifest: Manifest, number: int) -> dict[str, Any]:
    """Return what proves that a picture is in the version, for anybody with the root. Raises ManifestError."""
    path = manifest.proof(number)
    return {
        "dataset": version.dataset.slug,
        "version": version.number,
        "number": number,
        "count": len(manifest.items),
        "line": manifest.items[number - 1].line(),
        "proof": path,
        "root": version.merkle_root,
        "method": "RFC 6962, sha256, leaves are the UTF-8 bytes of the lines",
        "ledger_seq": version.ledger_seq,
    }
