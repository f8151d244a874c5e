"""Let weights leave the library: ask the gate, write what belongs to them, and put it in the ledger."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BufferedReader
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from assets import storage
from assets.licensing import Action, Decision
from assets.services import decide_use, may_review
from engine.headers import hash_model
from jobs.models import Canceled
from jobs.queue import ring
from projects.models import Project, User
from projects.problems import Problem
from projects.services import record

from ..adapter_cards import facts_of, kind_of
from ..adapter_headers import is_lycoris
from ..export_files import KeptFile
from ..exports import download_stem, forms_of
from ..gates import check_usable, decide_version, require
from ..models import AdapterExport, AdapterVersion
from ..papers import missing_texts, name_license, papers_of, papers_sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What somebody wants to take out: the layout, and for whom.

    Without `is_public` it stays in the house. `territory` is where it goes; `outbound` is the licence under which the
    team gives it out, empty for none of its own.
    """

    layout: str
    is_public: bool = False
    territory: str = "WW"
    outbound: str = ""

    @property
    def circumstances(self) -> dict[str, Any]:
        """Return what the weights gate is asked for; nothing for what stays in the house."""
        if not self.is_public:
            return {}
        return {"territory": self.territory, "outbound_license": self.outbound or None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A file that is about to be sent: where it is read from, its name and its length in bytes."""

    file: BufferedReader = field(repr=False)
    name: str
    size: int


def decide_export(version: AdapterVersion, order: Order) -> Decision:
    """Ask the gate that a download passes: weights for what leaves the house, generate for what stays in it."""
    if not order.is_public:
        return decide_version(version, Action.GENERATE)
    return decide_use(version.adapter.project, Action.WEIGHTS, [version.file], **order.circumstances)


def request_export(user: User, project: Project, version: AdapterVersion, order: Order, *, key: str) -> AdapterExport:
    """Ask for a file to take out, once per idempotency key.

    Raises Problem for a layout that the version cannot have, for who may not pass weights on, and when the gate or a
    missing licence text forbids it; nothing is written then.
    """
    asked = find_asked(user, project, key)
    if asked is not None:
        return asked
    check_layout(version, order)
    if order.is_public and not may_review(user, project):
        raise Problem("not_reviewer", _("Only a reviewer or owner lets weights leave the house."), status=403)
    decision = require(decide_export(version, order))
    if order.is_public:
        check_texts(decision)
    try:
        return create_export(user, project, version, order, decision, key=key)
    except IntegrityError:
        asked = find_asked(user, project, key)
        if asked is None:
            raise
        return asked


def find_asked(user: User, project: Project, key: str) -> AdapterExport | None:
    """Return the download that this person asked for under this key. Raises Problem when it is another project's."""
    asked = AdapterExport.objects.filter(requested_by=user, idempotency_key=key).first()
    if asked is not None and asked.project_id != project.id:
        raise Problem("key_reused", _("This idempotency key was used in another project."), status=409)
    return asked


def check_layout(version: AdapterVersion, order: Order) -> None:
    """Raise Problem for a version that was taken back, and for a layout that it cannot be written in."""
    check_usable(version)
    forms = forms_of(kind_of(version), version.file.architecture, is_lycoris=is_lycoris(version.file))
    if order.layout not in {each.layout for each in forms}:
        message = _("This adapter cannot be written in this layout.")
        raise Problem("layout_unfit", message, fields={"layout": message})


def check_texts(decision: Decision) -> None:
    """Raise Problem where a copy of a licence is owed that the house does not keep."""
    language = "ja" if (get_language() or "").startswith("ja") else "en"
    missing = [name_license(decision, each, language) for each in missing_texts(decision)]
    if missing:
        message = _("Whoever gets these weights must get a copy of a licence whose text is not kept here: %(names)s.")
        raise Problem("license_text_missing", message % {"names": ", ".join(missing)}, status=409)


@transaction.atomic
def create_export(
    user: User, project: Project, version: AdapterVersion, order: Order, decision: Decision, *, key: str
) -> AdapterExport:
    """Write the job and its ledger entry, and ring the worker's bell after the commit."""
    adapter = version.adapter
    export = AdapterExport.objects.create(
        project=project,
        requested_by=user,
        idempotency_key=key,
        version=version,
        layout=order.layout,
        is_public=order.is_public,
        circumstances=order.circumstances,
        decision=decision.as_dict(),
        name=download_stem(adapter.slug, version.number, order.layout, is_public=order.is_public),
    )
    write(export, "training.export.requested", user, {"decision_sha256": decision.sha256()})
    ring(export)
    return export


def order_of(export: AdapterExport) -> Order:
    """Return the order that a download came from."""
    said: Mapping[str, Any] = export.circumstances
    return Order(
        layout=export.layout,
        is_public=export.is_public,
        territory=said.get("territory", "WW"),
        outbound=said.get("outbound_license") or "",
    )


def todays_papers(version: AdapterVersion, order: Order) -> dict[str, str]:
    """Return the papers as they count now."""
    return papers_of(facts_of(version, order))


@transaction.atomic
def finish_export(export: AdapterExport, kept: KeptFile, papers: str) -> None:
    """Write where the file lies, and end the job. Raises Canceled when it is no longer this attempt's."""
    if not export.holds(progress=1.0, stage="packing"):
        raise Canceled
    found = {"path": kept.path, "sha256": kept.sha256, "size_bytes": kept.size, "papers_sha256": papers}
    export.rows(attempt=export.attempt).update(**found, decision=export.decision)
    export.succeed()


@transaction.atomic
def open_export(user: User, export: AdapterExport) -> Opened:
    """Open a prepared file for a person who takes it out; the ledger keeps who, what, and the gate's answer of now.

    Raises Problem when the version was taken back or the gate says no by now, when the papers inside would say other
    than what counts now, and where the file is gone; nothing is written then.
    """
    check_usable(export.version)
    if export.is_public and not may_review(user, export.project):
        raise Problem("not_reviewer", _("Only a reviewer or owner lets weights leave the house."), status=403)
    if not export.is_here:
        raise Problem("export_gone", _("This file is not kept any more. Prepare the download again."), status=409)
    decision = require(decide_export(export.version, order_of(export)))
    if papers_sha256(todays_papers(export.version, order_of(export))) != export.papers_sha256:
        message = _("Licence or credits have changed since this file was made. Prepare the download again.")
        raise Problem("export_outdated", message, status=409)
    try:
        file = storage.open_stored(settings.MEDIA_ROOT, export.path)
    except storage.StorageError as error:
        message = _("This file is not kept any more. Prepare the download again.")
        raise Problem("export_gone", message, status=409) from error
    facts = {"export_sha256": export.sha256, "size_bytes": export.size_bytes, "decision_sha256": decision.sha256()}
    write(export, "training.export.downloaded", user, {**facts, "verdict": decision.verdict.value})
    return Opened(file=file, name=f"{export.name}{suffix_of(export.path)}", size=export.size_bytes or 0)


def cancel_export(export: AdapterExport, *, actor: User) -> bool:
    """Ask the worker to stop. Return False when the job was over."""
    with transaction.atomic():
        if not export.request_cancel():
            return False
        write(export, "training.export.cancel_requested", actor, {})
    return True


@transaction.atomic
def open_version(user: User, version: AdapterVersion) -> Opened:
    """Open a version's own file for use inside the house, as it is kept, and say so in the ledger.

    Raises Problem when the generate gate says no, or the file on disk is not what was registered.
    """
    check_layout(version, Order(layout="package"))
    decision = require(decide_version(version, Action.GENERATE))
    if not version.file.file.is_file() or hash_model(version.file.file) != version.file.sha256:
        message = _("The file is gone or was changed on disk since it was registered. Bring it back from a backup.")
        raise Problem("file_changed", message, status=409)
    adapter = version.adapter
    payload = {"adapter": adapter.slug, "name": adapter.name, "number": version.number}
    payload |= {"file_sha256": version.file.sha256, "scope": "internal", "decision_sha256": decision.sha256()}
    subject = f"adapter_version:{version.id}"
    record(adapter.project, "training.version.downloaded", actor=user, subject=subject, payload=payload)
    name = download_stem(adapter.slug, version.number, "file", is_public=False)
    path = version.file.file
    return Opened(file=path.open("rb"), name=f"{name}{path.suffix}", size=version.file.size_bytes)


def suffix_of(path: str) -> str:
    """Return how a kept file's name ends."""
    return f".{path.rpartition('.')[2]}"


def write(export: AdapterExport, event: str, actor: User, more: Mapping[str, Any]) -> None:
    """Write what happened to a download into the project's ledger."""
    version = export.version
    payload = {"adapter": version.adapter.slug, "name": version.adapter.name, "number": version.number}
    payload |= {"file_sha256": version.file.sha256, "layout": export.layout, "circumstances": export.circumstances}
    payload |= {"scope": "public" if export.is_public else "internal", **more}
    subject = f"adapter_export:{export.id}"
    record(export.project, event, actor=actor, subject=subject, payload=payload)
