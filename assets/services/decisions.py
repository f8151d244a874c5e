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
    MadePicture,
    ModelFile,
    ModelSource,
    OwnLicense,
    Picture,
    PictureSource,
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
# The gates at which a picture that a model made is learned from; at the others it is used as it is.
LEARNING = (Action.TRAIN, Action.MERGE, Action.WEIGHTS, Action.HOST)
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
    kind = "training_picture" if action in LEARNING else "input_picture"
    edge = Edge.ITSELF if action in (Action.PUBLISH, Action.INGEST) else None
    return inputs_about(action, pictures, kind, edge=edge)


def inputs_about(
    action: Action, pictures: Iterable[Picture], kind: str, *, edge: Edge | None = None
) -> list[licensing.Input]:
    """Return pictures as a question puts them, and the models behind those that a model has made.

    To learn from such a picture, the models' rules about outputs count; to use it, their terms as for any output.
    """
    asked = list(pictures)
    if action is Action.INGEST:
        return [input_of_arrival(each) for each in asked]
    shown = [input_of_picture(each, kind, edge=edge) for each in asked]
    is_lesson = kind == "training_picture" and edge is not Edge.ITSELF
    return [*shown, *inputs_behind(asked, is_lesson=is_lesson)]


def inputs_behind(pictures: Iterable[Picture], *, is_lesson: bool) -> list[licensing.Input]:
    """Return the models that have made pictures, and what these were made from; no query where none has."""
    found = makers_of(pictures, is_lesson=is_lesson).values()
    return list({(each.item, each.ref, each.edge): each for inputs in found for each in inputs}.values())


def makers_of(pictures: Iterable[Picture], *, is_lesson: bool) -> Mapping[UUID, list[licensing.Input]]:
    """Return what is behind each picture that a model has made, by the picture's id."""
    made = [each.id for each in pictures if each.output_id is not None]
    if not made:
        return {}
    edge, rows = Edge.OUTPUT_TO_DATASET if is_lesson else None, defaultdict[UUID, list[PictureSource]](list)
    found = PictureSource.objects.filter(picture__in=made).select_related("file__rights__evidence", "picture")
    for row in found:
        rows[row.picture_id].append(row)
    sources = Sources({row.file_id: row.file for row in found if row.file is not None}.values())
    return {
        picture_id: [
            *sources.inputs_of([row.file for row in each if row.file is not None], edge=edge),
            *unknown_makers(each, edge),
        ]
        for picture_id, each in rows.items()
    }


def unknown_makers(rows: Iterable[PictureSource], edge: Edge | None) -> list[licensing.Input]:
    """Return the models that nobody here knows: what they allow is unknown, for the picture that names them."""
    facts = licensing.RightsFacts(kind="base_model", state="cleared")
    return [
        licensing.Input(item=f"model {row.sha256[:12]}", facts=facts, ref=str(row.picture.rights_id), edge=edge)
        for row in rows
        if row.file_id is None
    ]


def lessons_of(version: DatasetVersion) -> list[licensing.Input]:
    """Return the pictures of a version as what is learned from; what a small set teaches may show single works."""
    pictures = [each.picture for each in version.items.select_related("picture__rights__evidence")]
    return lessons_from(pictures, heightened_by(version.count, version.aims_at_work))


def lessons_from(pictures: Sequence[Picture], heightened: tuple[str, ...]) -> list[licensing.Input]:
    """Return pictures as what is learned from in one set, and the models behind those that a model has made."""
    taught = [replace(input_of_picture(each, "training_picture"), heightened=heightened) for each in pictures]
    return [*taught, *inputs_behind(pictures, is_lesson=True)]


def heightened_by(count: int, aims_at_work: bool | None) -> tuple[str, ...]:
    """Return what makes the standard policy strict for a set; whether it aims at a work counts as yes until answered.

    It is small, or its trigger stands for a person, a character or a single work.
    """
    small = ("small_set",) if count < SMALL_SET else ()
    return small if aims_at_work is False else (*small, "names_person_or_work")


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
    """What model files were made from, down to every training picture and the models behind it, in a few queries."""

    def __init__(self, files: Iterable[ModelFile]) -> None:
        self.files = {file.id: file for file in files}
        self.below: dict[UUID, list[ModelSource]] = defaultdict(list)
        self.pictures: dict[UUID, list[licensing.Input]] = {}
        self.makers: dict[UUID, list[UUID]] = defaultdict(list)
        waiting = list(self.files.values())
        while waiting:
            waiting = self.read_pictures(self.read_files(waiting))

    def read_files(self, waiting: Sequence[ModelFile]) -> set[UUID]:
        """Read what files were made from. Return the versions that are new."""
        versions = set[UUID]()
        while waiting:
            rows = list(ModelSource.objects.filter(product__in=waiting))
            for row in rows:
                self.below[row.product_id].append(row)
            versions |= {row.dataset_version_id for row in rows if row.dataset_version_id is not None}
            waiting = self.add_files({row.file_id for row in rows if row.file_id is not None})
        return versions - self.pictures.keys()

    def add_files(self, ids: set[UUID]) -> list[ModelFile]:
        """Read files that are not here yet, and return them."""
        new = ids - self.files.keys()
        found = list(ModelFile.objects.filter(id__in=new).select_related("rights__evidence")) if new else []
        self.files |= {file.id: file for file in found}
        return found

    def read_pictures(self, versions: set[UUID]) -> list[ModelFile]:
        """Read the pictures of versions, as what was learned from. Return the models behind them that are new."""
        if not versions:
            return []
        self.pictures |= {each: [] for each in versions}
        made: dict[UUID, list[UUID]] = defaultdict(list)
        items = DatasetVersionItem.objects.filter(version__in=versions)
        # Thousands of pictures: only what the algebra reads, and one object for each.
        rights = Rights.objects.filter(id__in=items.values("picture__rights")).select_related("evidence").only(*READ)
        by_id = {each.id: each for each in rights}
        for version_id, count, aims, picture_id, name, rights_id, output_id in items.values_list(
            "version_id", "version__count", "version__aims_at_work",
            "picture_id", "picture__name", "picture__rights", "picture__output_id",
        ):  # fmt: skip
            facts = facts_of(by_id[rights_id], kind="training_picture", title=name)
            lesson = licensing.Input(item=name, facts=facts, ref=str(rights_id), heightened=heightened_by(count, aims))
            self.pictures[version_id].append(lesson)
            if output_id is not None:
                made[picture_id].append(version_id)
        return self.read_makers(made) if made else []

    def read_makers(self, made: Mapping[UUID, Sequence[UUID]]) -> list[ModelFile]:
        """Read the models behind pictures, given with the versions that hold them. Return those that are new."""
        rows = list(PictureSource.objects.filter(picture__in=list(made)).select_related("picture"))
        for row in rows:
            for version_id in made[row.picture_id]:
                if row.file_id is None:
                    self.pictures[version_id] += unknown_makers([row], Edge.OUTPUT_TO_DATASET)
                else:
                    self.makers[version_id].append(row.file_id)
        return self.add_files({row.file_id for row in rows if row.file_id is not None})

    def inputs_of(self, files: Iterable[ModelFile], *, edge: Edge | None = None) -> list[licensing.Input]:
        """Return these files and everything below them, each thing once for each way in which it is in there.

        `edge` is how the files themselves are in what is made; models behind a picture that was learned from are there
        by their rules about outputs.
        """
        found: dict[tuple[str, Edge | None], licensing.Input] = {}
        waiting, seen = [(file.id, edge) for file in files], set[tuple[UUID, Edge | None]]()
        while waiting:
            place = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            file_id, way = place
            found[str(self.files[file_id].rights_id), way] = input_of_file(self.files[file_id], edge=way)
            for row in self.below[file_id]:
                if row.file_id is not None:
                    waiting.append((row.file_id, way))
                if row.dataset_version_id is not None:
                    found |= {(each.ref, each.edge): each for each in self.pictures[row.dataset_version_id]}
                    makers = self.makers.get(row.dataset_version_id, ())
                    waiting += [(each, Edge.OUTPUT_TO_DATASET) for each in makers]
        return list(found.values())


def input_of_file(file: ModelFile, *, edge: Edge | None = None) -> licensing.Input:
    """Return what the algebra needs to know of a model file."""
    facts = facts_of(file.rights, kind=KINDS[ModelFile.Kind(file.kind)], title=file.name)
    return licensing.Input(item=file.name, facts=facts, ref=str(file.rights_id), edge=edge)


def input_of_picture(picture: Picture, kind: str, *, edge: Edge | None = None) -> licensing.Input:
    """Return what the algebra needs to know of a picture."""
    facts = facts_of(picture.rights, kind=kind, title=picture.name)
    return licensing.Input(item=picture.name, facts=facts, ref=str(picture.rights_id), edge=edge)


def input_of_arrival(thing: Picture | ModelFile) -> licensing.Input:
    """Return what the first gate needs to know of a thing that comes in, and what stands for its source, if any."""
    kind = "input_picture" if isinstance(thing, Picture) else KINDS[ModelFile.Kind(thing.kind)]
    facts = replace(facts_of(thing.rights, kind=kind, title=thing.name), vouched=vouched_for(thing))
    return licensing.Input(item=thing.name, facts=facts, ref=str(thing.rights_id), edge=Edge.ITSELF)


def vouched_for(thing: Picture | ModelFile) -> str:
    """Return own_work where a person has brought work of their own and named its creator, or made_here for outputs."""
    rights = thing.rights
    is_own = rights.basis == Rights.Basis.OWN_WORK or rights.license == BASIS_LICENSES[Rights.Basis.OWN_WORK]
    if is_own and rights.creator and rights.submitted_by_id is not None:
        return "own_work"
    if isinstance(thing, ModelFile) or thing.output_id is None:
        return ""
    made = MadePicture.objects.filter(output_id=thing.output_id, pixels_sha256=thing.pixels_sha256)
    return "made_here" if made.exists() else ""


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
