"""What the ledger's events mean, in words.

The ledger keeps dotted names and payloads; here they become one sentence in the reader's language. An event
that has no sentence is shown by its name.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.formats import localize
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .models import Project, Role

SENTENCES: dict[str, Any] = {
    "projects.project.created": gettext_lazy("Project opened as “{name}”"),
    "projects.project.changed": gettext_lazy("Project settings changed: {changed}"),
    "projects.member.role_set": gettext_lazy("Role changed: {person}, {from_role} → {to_role}"),
    "projects.member.removed": gettext_lazy("Member removed: {person}, who was {from_role}"),
    "projects.campaign.created": gettext_lazy("Campaign opened: {name}"),
    "projects.campaign.changed": gettext_lazy("Campaign renamed: {campaign}"),
    "assets.model.registered": gettext_lazy("Model registered: {name}"),
    "assets.model.put_back": gettext_lazy("Model file put back: {name}"),
    "assets.rights.cleared": gettext_lazy("Rights cleared: {name}"),
    "assets.batch.imported": gettext_lazy("Import finished: {name}, {imported} pictures"),
    "assets.dataset.captions_renamed": gettext_lazy("Captions changed in {dataset}: {from} → {to} ({count})"),
    "assets.dataset.changed": gettext_lazy("Dataset changed: {name}"),
    "assets.dataset.created": gettext_lazy("Dataset opened: {name}"),
    "assets.dataset.edit_undone": gettext_lazy("Edit undone in {dataset}: {what}"),
    "assets.dataset.exported": gettext_lazy("Version {version} of {dataset} exported as {format}"),
    "assets.dataset.grouped": gettext_lazy("Group of {count} pictures in {dataset}: {group}"),
    "assets.dataset.picture_removed": gettext_lazy("Picture taken out of the dataset {dataset}"),
    "assets.dataset.pictures_added": gettext_lazy("Pictures added to the dataset {dataset}"),
    "assets.dataset.version_frozen": gettext_lazy("Version {number} of {name} frozen: {count} pictures"),
    "assets.picture.added": gettext_lazy("Picture brought in: {name}"),
    "assets.picture.removed": gettext_lazy("Picture taken out of the library: {name}"),
    "assets.picture.recognized": gettext_lazy("Picture recognised as made by a model: {name}"),
    "assets.picture.restored": gettext_lazy("Picture taken back into the library: {name}"),
    "assets.rights.edited": gettext_lazy("Rights changed, to be reviewed again: {name}"),
    "assets.rights.refused": gettext_lazy("Rights refused: {name}"),
    "assets.rights.withdrawn": gettext_lazy("Withdrawn: {name}"),
    "assets.license.approved": gettext_lazy("Own licence approved: {license}, version {version}"),
    "assets.license.ended": gettext_lazy("Own licence ended or declined: {license}, version {version}"),
    "assets.license.written": gettext_lazy("Own licence written: {license}, version {version}"),
    "assets.waiver.approved": gettext_lazy("Waiver approved ({action}): {reason}"),
    "assets.waiver.requested": gettext_lazy("Waiver asked for ({action}): {reason}"),
    "assets.waiver.revoked": gettext_lazy("Waiver ended ({action}): {reason}"),
    "generation.requested": gettext_lazy("Pictures asked for: {count}"),
    "generation.cancel_requested": gettext_lazy("Job canceled with {done} of {count} pictures made"),
    "generation.blocked": gettext_lazy("Job stopped: the rights do not allow it any more"),
    "generation.grid.requested": gettext_lazy("Grid asked for: {cells} cells, {pictures} pictures"),
    "generation.grid.redrawn": gettext_lazy("Missing pictures of a grid asked for again: {pictures}"),
    "generation.output.created": gettext_lazy("Picture made under {license}, seed {seed}"),
    "generation.output.downloaded": gettext_lazy("Picture downloaded; publishing it: {verdict}"),
    "generation.output.rated": gettext_lazy("Picture rated: {from} → {to} stars"),
    "generation.output.rejected": gettext_lazy("Picture put aside"),
    "generation.output.restored": gettext_lazy("Picture taken back"),
    "generation.replay.requested": gettext_lazy("Replay asked for"),
    "generation.replay.blocked": gettext_lazy("Replay stopped: the rights do not allow it any more"),
    "generation.replay.finished": gettext_lazy("Replay finished: {verdict}"),
    "generation.template.created": gettext_lazy("Template made: {name}"),
    "generation.template.version_saved": gettext_lazy("Template saved as version {version}"),
    "generation.template.alias_moved": gettext_lazy("Template’s {alias} moved: version {from} → {to}"),
    "generation.template.renamed": gettext_lazy("Template’s names changed"),
    "generation.replay.cancel_requested": gettext_lazy("Replay canceled"),
    "generation.template.archived": gettext_lazy("Template archived"),
    "generation.template.restored": gettext_lazy("Template taken back from the archive"),
    "training.adapter.created": gettext_lazy("Adapter opened: {name}"),
    "training.adapter.changed": gettext_lazy("Adapter’s names changed: {adapter}"),
    "training.adapter.archived": gettext_lazy("Adapter archived: {name}"),
    "training.adapter.restored": gettext_lazy("Adapter taken back from the archive: {name}"),
    "training.run.requested": gettext_lazy("Training asked for: {name}"),
    "training.run.cancel_requested": gettext_lazy("Training stopped at step {step} of {steps}"),
    "training.run.resumed": gettext_lazy("Training goes on from step {step}"),
    "training.run.blocked": gettext_lazy("Training stopped at step {step}: the rights do not allow it any more"),
    "training.run.noted": gettext_lazy("Notes on a training changed: {name}"),
    "training.version.created": gettext_lazy("Version {number} of {name} made under {license}"),
    "training.version.withdrawn": gettext_lazy("Version {number} of {name} taken back: {reason}"),
    "training.version.rolled_back": gettext_lazy("{name} rolled back: version {from} → {to}"),
    "training.version.downloaded": gettext_lazy("Version {number} of {name} downloaded for use in the house"),
    "training.export.requested": gettext_lazy("Download prepared: version {number} of {name} as {layout} ({scope})"),
    "training.export.downloaded": gettext_lazy("Version {number} of {name} downloaded as {layout} ({scope})"),
    "training.export.cancel_requested": gettext_lazy("Download of version {number} of {name} canceled"),
    "training.export.blocked": gettext_lazy("Download stopped: the rights do not allow it any more"),
    "training.promotion.requested": gettext_lazy("Promotion asked for: version {number} of {name}"),
    "training.promotion.approved": gettext_lazy("Promotion approved: version {number} of {name} is in production"),
    "training.promotion.refused": gettext_lazy("Promotion refused: version {number} of {name}, {reason}"),
    "training.rework.requested": gettext_lazy("Version to be made from others: {name}"),
    "training.rework.cancel_requested": gettext_lazy("Work on a version canceled"),
    "training.rework.blocked": gettext_lazy("Work on a version stopped: the rights do not allow it any more"),
    "assets.term.added": gettext_lazy("Word added: {ja} → {en}"),
    "assets.term.changed": gettext_lazy("Word changed: {ja}"),
    "assets.term.removed": gettext_lazy("Word removed: {ja} → {en}"),
}

ADDED = gettext_lazy("Member added: {person}, as {to_role}")

# The rooms of the portal by the first part of an event's name, for the filter.
AREAS = {
    "generation.output.": gettext_lazy("Pictures"),
    "generation.replay.": gettext_lazy("Replays"),
    "generation.template.": gettext_lazy("Templates"),
    "generation.": gettext_lazy("Everything made"),
    "training.version.": gettext_lazy("Adapters’ versions"),
    "training.export.": gettext_lazy("Adapters’ downloads"),
    "training.promotion.": gettext_lazy("Promotions"),
    "training.": gettext_lazy("Everything trained"),
    "assets.rights.": gettext_lazy("Rights"),
    "assets.dataset.": gettext_lazy("Datasets"),
    "assets.picture.": gettext_lazy("Pictures brought in"),
    "assets.license.": gettext_lazy("Own licences"),
    "assets.waiver.": gettext_lazy("Waivers"),
    "assets.": gettext_lazy("Models, rights and words"),
    "projects.member.": gettext_lazy("Members"),
    "projects.campaign.": gettext_lazy("Campaigns"),
    "projects.project.": gettext_lazy("Settings"),
}

ALIASES = {"production": gettext_lazy("production"), "candidate": gettext_lazy("candidate")}
SCOPES = {"public": gettext_lazy("to pass on"), "internal": gettext_lazy("in the house")}
VERDICTS = {
    "exact": gettext_lazy("exact"),
    "drift": gettext_lazy("drift"),
    "allow": gettext_lazy("allowed"),
    "review": gettext_lazy("needs review"),
    "block": gettext_lazy("not allowed"),
}


class Missing(dict):
    """Fill the gap of a payload that says less than its sentence."""

    def __missing__(self, key: str) -> str:
        return "–"


def sentence(event: str, subject: str, payload: Mapping[str, Any], people: Mapping[str, Any]) -> str:
    """Say what an entry records. `people` maps actor hashes to the members that they stand for."""
    is_new = event == "projects.member.role_set" and payload.get("from") is None
    text = ADDED if is_new else SENTENCES.get(event)
    if text is None:
        return event
    return str(text).format_map(Missing(words_of(event, subject, payload, people)))


def words_of(event: str, subject: str, payload: Mapping[str, Any], people: Mapping[str, Any]) -> dict[str, str]:
    """Return the words that sentences may use: the payload's plain values, and what is derived from them."""
    words = {name: localize(value) or "–" for name, value in payload.items() if isinstance(value, str | int | float)}
    kind, _colon, key = subject.partition(":")
    if kind == "member":
        words["person"] = str(people.get(key) or _("a former member"))
    if "to" in payload or "from" in payload:
        words |= {"from_role": role_name(payload.get("from")), "to_role": role_name(payload.get("to"))}
    if event == "projects.project.changed":
        words["changed"] = ", ".join(map(field_name, payload))
    for name, part, key in (("seed", "spec", "seed"), ("license", "decision", "effective_license")):
        if isinstance(payload.get(part), Mapping):
            words[name] = str(payload[part].get(key, "–"))
    for name, known in (("verdict", VERDICTS), ("alias", ALIASES), ("scope", SCOPES)):
        if str(payload.get(name)) in known:
            words[name] = str(known[str(payload[name])])
    return words


def role_name(value: object) -> str:
    """Return a role in the reader's language."""
    return str(dict(Role.choices).get(str(value), value))


def field_name(name: str) -> str:
    """Return what a project's field is called on screen; what is none stays as it is."""
    known = {field.name: field for field in Project._meta.fields}
    return str(known[name].verbose_name) if name in known else name
