"""Look, while a download is written, whether the rights still allow it, and stop it when they do not."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from assets.licensing import Action, Decision
from assets.models import Waiver
from assets.services import decide_use
from assets.services.watches import Watch, reasons_of
from ledger.services import actor_hash, append

from ..models import AdapterExport


class ExportWatch(Watch):
    """Watch over a download: the weights gate where it leaves the house, the generate gate where it stays."""

    def __init__(self, export: AdapterExport) -> None:
        super().__init__(export.project)
        self.export = export
        self.action = Action.WEIGHTS if export.is_public else Action.GENERATE

    def decide(self, at: datetime, waivers: Sequence[Waiver]) -> Decision:
        """Return the gate's answer about the version."""
        file, asked = self.export.version.file, self.export.circumstances
        return decide_use(self.project, self.action, [file], at=at, waivers=waivers, **asked)

    def keep(self, decision: Decision) -> None:
        """Let the download carry the answer of the moment at which it was written."""
        self.export.decision = decision.as_dict()

    def stop(self, decision: Decision) -> None:
        """Block the download."""
        block_export(self.export, decision)


@transaction.atomic
def block_export(export: AdapterExport, decision: Decision) -> None:
    """End a download that the rights do not allow any more, keep why, and write it into the ledger."""
    if not export.block("rights_blocked", {"reasons": reasons_of(decision)}):
        return
    export.rows().update(decision=decision.as_dict())
    actor, subject = actor_hash(export.requested_by_id), f"adapter_export:{export.id}"
    payload = {"layout": export.layout, "decision": decision.as_dict()}
    append(export.project_id, "training.export.blocked", actor=actor, subject=subject, payload=payload)
