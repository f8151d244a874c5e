"""An adapter with a version, a wish, a file on its way and a merge, for tests that walk through every address."""

from typing import Any

from django.conf import settings

from assets.licensing import Action
from assets.services import Declaration, decide_use
from assets.services.models import enter_model
from ledger.services import actor_hash, append
from training.models import Adapter, AdapterExport, AdapterJob, AdapterVersion, Promotion

LORA = b'{"lora_unet_a.lora_down.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}}'


def adapter_stage(people: Any, project: Any) -> dict[str, Any]:
    """Return the arguments of addresses about adapters; nothing is trained or computed."""
    adapter = Adapter.objects.create(project=project, slug="ink", name="Ink", method="lora", created_by=people.editor)
    version = numbered(people, project, adapter)
    promotion = Promotion.objects.create(adapter=adapter, version=version, asked_by=people.editor)
    given = {"project": project, "requested_by": people.editor, "idempotency_key": "stage"}
    export = AdapterExport.objects.create(version=version, layout="kohya", is_public=False, name="ink", **given)
    job = AdapterJob.objects.create(adapter=adapter, kind="merge", **given)
    return {
        "aslug": adapter.slug,
        "adapter_id": adapter.id,
        "adapter_version_id": version.id,
        "kind": "merge",
        "promotion_id": promotion.id,
        "export_id": export.id,
        "job_id": job.id,
    }


def numbered(people: Any, project: Any, adapter: Adapter) -> AdapterVersion:
    """Write version 1 with a tiny file."""
    from assets.model_kinds import Examined

    path = settings.MODELS_ROOT / "stage.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(LORA).to_bytes(8, "little") + LORA + bytes(4))
    examined = Examined(
        path=path, kind="adapter", sha256="c" * 64, size_bytes=path.stat().st_size, layout="single",
        architecture="sd1", latent_channels=None, native_size=None,
    )  # fmt: skip
    declared = Declaration(expression="CC0-1.0", facts={"state": "cleared"})
    file = enter_model(
        examined, name="Ink v1", declaration=declared, actor=people.editor, project=project, method="lora"
    )
    entry = append(project.id, "training.version.created", actor=actor_hash(people.editor.id), subject="x", payload={})
    return AdapterVersion.objects.create(
        adapter=adapter,
        number=1,
        file=file,
        decision=decide_use(project, Action.GENERATE, [file]).as_dict(),
        license="CC0-1.0",
        created_by=people.editor,
        ledger_seq=entry.seq,
    )
