"""What papers say of a picture: its licence, creator and credit, as its rights are now, and as a version froze them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from projects.models import Project

from .. import licensing
from ..licensing import Action, Profile
from ..manifests import Manifest, ManifestItem
from ..models import Picture
from .decisions import decide_pictures, facts_of, inputs_of_pictures, own_profiles_in

NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Outdated:
    """A picture of a version whose papers would not say what counts now, and the fields that differ."""

    item: ManifestItem
    picture: Picture
    fields: tuple[str, ...]


def papers_of(picture: Picture) -> dict[str, str]:
    """Return what a manifest says of a picture's rights; a basis other than a licence names its own."""
    rights = picture.rights
    return {
        "license": facts_of(rights, kind="training_picture").expression,
        "branch": rights.branch,
        "creator": rights.creator,
        "title": rights.title,
        "source_url": rights.source_url,
    }


def credit_of(picture: Picture, own: Mapping[str, Profile]) -> str:
    """Return the credit that whoever shares the picture itself owes, in English; nothing where none is owed.

    `own` are the team's own licences that count now.
    """
    decision = decide_pictures(picture.project, Action.PUBLISH, [picture], waivers=(), own=own)
    credits = replace(decision.terms, obligations=frozenset(o for o in decision.obligations if o.kind == "attribution"))
    return licensing.obligations_text(replace(decision, terms=credits), "en")


def own_licenses_of(project: Project, pictures: Sequence[Picture]) -> Mapping[str, Profile]:
    """Return the team's own licences that count now; they are not read where no picture names one."""
    return own_profiles_in(project, inputs_of_pictures(Action.PUBLISH, pictures))


def outdated_in(manifest: Manifest, pictures: Sequence[Picture], own: Mapping[str, Profile]) -> list[Outdated]:
    """Return the pictures whose licence, creator, title, source or credit is not what the manifest froze.

    `pictures` stand in the manifest's order.
    """
    found = (
        Outdated(item=item, picture=picture, fields=differing_fields(item, picture, own))
        for item, picture in zip(manifest.items, pictures, strict=True)
    )
    return [each for each in found if each.fields]


def differing_fields(item: ManifestItem, picture: Picture, own: Mapping[str, Profile]) -> tuple[str, ...]:
    """Return the fields that differ; the credit is worked out only where everything else is the same."""
    now = papers_of(picture)
    if changed := tuple(name for name, value in now.items() if getattr(item, name) != value):
        return changed
    return () if credit_of(picture, own) == item.attribution else ("attribution",)


def outdated_sentence(outdated: Sequence[Outdated]) -> str:
    """Say that a version's papers would be wrong, and what to do; up to three pictures are named."""
    words = {"names": ", ".join(each.picture.name for each in outdated[:NAMED]), "more": len(outdated) - NAMED}
    if len(outdated) <= NAMED:
        message = _(
            "Licence or credit has changed since this version was frozen: %(names)s. Its papers would be wrong, so "
            "freeze a new version."
        )
    else:
        message = _(
            "Licence or credit has changed since this version was frozen: %(names)s and %(more)d more. Its papers "
            "would be wrong, so freeze a new version."
        )
    return message % words
