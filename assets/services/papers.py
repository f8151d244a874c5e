"""What papers say of a picture: its licence, creator and credit, as its rights are now, and as a version froze them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from django.utils.translation import gettext as _

from projects.models import Project

from .. import licensing
from ..licensing import Action, Edge, Input, Profile
from ..manifests import Manifest, ManifestItem
from ..models import Picture
from .decisions import decide_about, facts_of, input_of_picture, makers_of, own_profiles_in

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


def shared_as(pictures: Sequence[Picture]) -> list[list[Input]]:
    """Return each picture as the publish gate takes it alone, with the models behind it; a few queries for all."""
    makers = makers_of(pictures, is_lesson=False)
    return [[input_of_picture(each, "input_picture", edge=Edge.ITSELF), *makers.get(each.id, ())] for each in pictures]


def credit_of(project: Project, given: Sequence[Input], own: Mapping[str, Profile]) -> str:
    """Return the credit that whoever shares one picture owes, in English; nothing where none is owed.

    `given` is the picture as `shared_as` returns it, `own` are the team's own licences that count now.
    """
    decision = decide_about(project, Action.PUBLISH, given, waivers=(), own=own)
    credits = replace(decision.terms, obligations=frozenset(o for o in decision.obligations if o.kind == "attribution"))
    return licensing.obligations_text(replace(decision, terms=credits), "en")


def own_licenses_of(project: Project, pictures: Sequence[Picture]) -> Mapping[str, Profile]:
    """Return the team's own licences that count now; they are not read where no picture names one."""
    return own_profiles_in(project, [each for given in shared_as(pictures) for each in given])


def outdated_in(
    project: Project, manifest: Manifest, pictures: Sequence[Picture], own: Mapping[str, Profile]
) -> list[Outdated]:
    """Return the pictures whose licence, creator, title, source or credit is not what the manifest froze.

    `pictures` stand in the manifest's order. The credit is worked out only where everything else is the same.
    """
    found = []
    for item, picture, given in zip(manifest.items, pictures, shared_as(pictures), strict=True):
        fields = tuple(name for name, value in papers_of(picture).items() if getattr(item, name) != value)
        if not fields and credit_of(project, given, own) != item.attribution:
            fields = ("attribution",)
        if fields:
            found.append(Outdated(item=item, picture=picture, fields=fields))
    return found


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
