"""Ask what the rights allow: from rows to facts, along the stored edges, in a project's circumstances."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.utils import timezone
from django.utils.translation import get_language

from projects.models import Project

from .. import licensing
from ..licensing import Action, Decision, Edge, Profile
from ..models import (
    DatasetVersion,
    DatasetVersionItem,
    ModelFile,
    ModelSource,
    OwnLicense,
    Picture,
    Rights,
    RightsChange,
    Waiver,
)

# Below so many pictures a set is small: what it taught may show single works (the standard policy is strict then).
SMALL_SET = 20
KINDS = {
    ModelFile.Kind.BASE: "base_model",
    ModelFile.Kind.VAE: "vae",
    ModelFile.Kind.ADAPTER: "adapter",
    ModelFile.Kind.UPSCALER: "upscaler",
}
# The fields that `facts_of` reads.
READ = (
    "basis", "expression", "branch", "state", "creator", "title", "source_url", "valid_from", "expires_at", "time_zone",
    "territories", "media", "purposes", "caps", "releases", "data_mining", "evidence__sha256", "parameters",
)  # fmt: skip
BASIS_LICENSES = {
    Rights.Basis.OWN_WORK: "LicenseRef-Daicho-OwnWork",
    Rights.Basis.JP_30_4: "LicenseRef-Daicho-JP-30-4",
}


def decide_use(
    project: Project, action: Action, files: Iterable[ModelFile], *, at: datetime | None = None, **changes: Any
) -> Decision:
    """Ask the algebra what may be done with these files in this project, now unless said otherwise.

    Everything that a file was made from is asked too. `changes` replaces fields of the project's context: purpose,
    territory, media, revenue, outbound_license.
    """
    files = list(files)
    return decide_about(project, action, Sources(files).inputs_of(files), at=at, **changes)


def decide_pictures(
    project: Project,
    action: Action,
    pictures: Iterable[Picture],
    *,
    at: datetime | None = None,
    waivers: Sequence[Waiver] | None = None,
    own: Mapping[str, Profile] | None = None,
    **changes: Any,
) -> Decision:
    """Ask what may be done with pictures themselves: train on them, draw upon them, or publish them as they are."""
    inputs = inputs_of_pictures(action, pictures)
    return decide_about(project, action, inputs, at=at, waivers=waivers, own=own, **changes)


def inputs_of_pictures(action: Action, pictures: Iterable[Picture]) -> list[licensing.Input]:
    """Return pictures as a gate takes them: learned from, drawn upon, or published as they are."""
    kind = "training_picture" if action in (Action.TRAIN, Action.MERGE, Action.WEIGHTS, Action.HOST) else ""
    edge = Edge.ITSELF if action in (Action.PUBLISH, Action.INGEST) else None
    return [input_of_picture(each, kind or "input_picture", edge=edge) for each in pictures]


def lessons_of(version: DatasetVersion) -> list[licensing.Input]:
    """Return the pictures of a version as what is learned from; what a small set teaches may show single works."""
    rows = version.items.select_related("picture__rights__evidence")
    return [lesson_of(each.picture, version) for each in rows]


def lesson_of(picture: Picture, version: DatasetVersion) -> licensing.Input:
    """Return a picture as what was learned from in a version."""
    facts = facts_of(picture.rights, kind="training_picture", title=picture.name)
    return lesson(facts, picture.name, str(picture.rights_id), version.count)


def lesson(facts: licensing.RightsFacts, name: str, ref: str, count: int) -> licensing.Input:
    """Return facts as what was learned from, in a set of so many pictures."""
    return licensing.Input(item=name, facts=facts, ref=ref, heightened=("small_set",) if count < SMALL_SET else ())


def decide_about(
    project: Project,
    action: Action,
    inputs: Sequence[licensing.Input],
    *,
    at: datetime | None = None,
    waivers: Sequence[Waiver] | None = None,
    own: Mapping[str, Profile] | None = None,
    **changes: Any,
) -> Decision:
    """Decide about inputs in the project's circumstances, and set aside what two persons have waived.

    Whoever decides often reads the `waivers` and the team's `own` licences once; otherwise they are read here.
    """
    moment = at or timezone.now()
    found = waivers_of(project, action) if waivers is None else waivers
    held = [waiver for waiver in found if waiver.action == action and waiver.holds_at(moment)]
    exception = next((str(waiver.id) for waiver in held if waiver.rights_id is None), "")
    known = own_profiles_in(project, inputs) if own is None else own
    context = replace(context_of(project, moment), exception=exception, own_profiles=known, **changes)
    decision = licensing.decide(action, inputs, context)
    return licensing.waive(decision, {str(waiver.rights_id): str(waiver.id) for waiver in held if waiver.rights_id})


def own_profiles_in(project: Project, inputs: Iterable[licensing.Input]) -> Mapping[str, Profile]:
    """Return the team's own licences that count now; they are not read where no input names one."""
    return OwnLicense.objects.profiles_in(project) if any(map(names_own, inputs)) else {}


def names_own(given: licensing.Input) -> bool:
    """Does a thing name a licence that a team wrote itself?"""
    return licensing.OWN_PREFIX in given.facts.expression or licensing.OWN_PREFIX in given.facts.branch


def waivers_of(project: Project, *actions: Action) -> list[Waiver]:
    """Return the project's approved waivers for gates; those that have ended are among them."""
    return list(Waiver.objects.filter(project=project, action__in=actions, revoked_at=None).exclude(approved_at=None))


def context_of(project: Project, at: datetime) -> licensing.Context:
    """Return what the project means to do: purpose, territory, revenue, policy."""
    return licensing.Context(
        purpose=project.purpose, territory=project.territory, at=at, revenue=project.revenue_usd, policy=project.policy
    )


class Sources:
    """What model files were made from, down to every training picture: read in a few queries for all of them."""

    def __init__(self, files: Iterable[ModelFile]) -> None:
        self.files = {file.id: file for file in files}
        self.below: dict[UUID, list[ModelSource]] = defaultdict(list)
        waiting = list(self.files.values())
        while waiting:
            rows = list(ModelSource.objects.filter(product__in=waiting))
            for row in rows:
                self.below[row.product_id].append(row)
            ids = {row.file_id for row in rows if row.file_id is not None} - self.files.keys()
            waiting = list(ModelFile.objects.filter(id__in=ids).select_related("rights__evidence")) if ids else []
            self.files |= {file.id: file for file in waiting}
        self.pictures = self.read_pictures()

    def read_pictures(self) -> Mapping[UUID, list[licensing.Input]]:
        """Read the pictures of every version that something was trained on, as what was learned from."""
        ids = {row.dataset_version_id for rows in self.below.values() for row in rows if row.dataset_version_id}
        found: dict[UUID, list[licensing.Input]] = defaultdict(list)
        if not ids:
            return found
        items = DatasetVersionItem.objects.filter(version__in=ids)
        # Thousands of pictures: only what the algebra reads, and one object for each.
        rights = Rights.objects.filter(id__in=items.values("picture__rights")).select_related("evidence").only(*READ)
        by_id = {each.id: each for each in rights}
        for version_id, count, name, rights_id in items.values_list(
            "version_id", "version__count", "picture__name", "picture__rights"
        ):
            facts = facts_of(by_id[rights_id], kind="training_picture", title=name)
            found[version_id].append(lesson(facts, name, str(rights_id), count))
        return found

    def inputs_of(self, files: Iterable[ModelFile]) -> list[licensing.Input]:
        """Return these files and everything below them, each thing once."""
        found: dict[str, licensing.Input] = {}
        waiting, seen = [file.id for file in files], set[UUID]()
        while waiting:
            file_id = waiting.pop()
            if file_id in seen:
                continue
            seen.add(file_id)
            found[str(self.files[file_id].rights_id)] = input_of_file(self.files[file_id])
            for row in self.below[file_id]:
                if row.file_id is not None:
                    waiting.append(row.file_id)
                found |= {each.ref: each for each in self.pictures.get(row.dataset_version_id, ())}
        return list(found.values())


def input_of_file(file: ModelFile) -> licensing.Input:
    """Return what the algebra needs to know of a model file."""
    facts = facts_of(file.rights, kind=KINDS[ModelFile.Kind(file.kind)], title=file.name)
    return licensing.Input(item=file.name, facts=facts, ref=str(file.rights_id))


def input_of_picture(picture: Picture, kind: str, *, edge: Edge | None = None) -> licensing.Input:
    """Return what the algebra needs to know of a picture."""
    facts = facts_of(picture.rights, kind=kind, title=picture.name)
    return licensing.Input(item=picture.name, facts=facts, ref=str(picture.rights_id), edge=edge)


def facts_of(rights: Rights, *, kind: str, title: str = "") -> licensing.RightsFacts:
    """Return the facts of one thing as the algebra reads them. A basis other than a licence names its own."""
    return licensing.RightsFacts(
        kind=kind,
        expression=rights.expression or BASIS_LICENSES.get(Rights.Basis(rights.basis), ""),
        branch=rights.branch,
        state=rights.state,
        creator=rights.creator,
        title=rights.title or title,
        source_url=rights.source_url,
        valid_from=rights.valid_from,
        expires_at=rights.expires_at,
        time_zone=rights.time_zone,
        territory=rights.territories,
        media=rights.media,
        purposes=rights.purposes,
        caps=rights.caps,
        releases=rights.releases,
        data_mining=rights.data_mining,
        evidence=(rights.evidence.sha256,) if rights.evidence else (),
        parameters=rights.parameters,
    )


def latest_change() -> int:
    """Return the number of the newest change of rights anywhere; a decision made at an equal number is current."""
    return RightsChange.objects.aggregate(newest=Max("id"))["newest"] or 0


def explain_here(decision: Decision) -> list[str]:
    """Say a decision's reasons in the reader's language."""
    return licensing.explain(decision, reading_language())


def reading_language() -> str:
    """Return ja or en, whichever the reader's page is in."""
    return "ja" if (get_language() or "").startswith("ja") else "en"
