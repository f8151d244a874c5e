"""Ask for pictures, keep what was rendered, cancel."""

import secrets
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from assets import storage
from assets.licensing import Decision, Verdict
from assets.pictures import make_thumbnail
from assets.services import explain_here
from assets.services.origins import remember_made
from assets.storage import StoredFile
from engine.schedulers import SCHEDULERS
from engine.specs import ImageSpec
from jobs.models import Canceled
from jobs.queue import ring
from ledger.services import actor_hash, append, lock_head
from projects.models import Project, User
from projects.problems import Problem
from projects.services import record

from ..adapters import adapter_names
from ..composing import Adapter, Composed, PictureRequest, compose, refuse
from ..models import Generation, GenerationAdapter, Output
from ..parameters import a1111_parameters, write_png
from .lineages import lineage_for

THUMBNAIL_SIDE = 384


def submit_generation(user: User, project: Project, request: PictureRequest, *, key: str) -> Generation:
    """Ask for pictures once per idempotency key: a second call with the same key returns the first job.

    Raises Problem when the request is wrong or the rights do not allow it; nothing is written then.
    """
    return submit_once(user, project, request, key=key)[0]


def submit_once(user: User, project: Project, request: PictureRequest, *, key: str) -> tuple[Generation, bool]:
    """Do as `submit_generation`, and say whether it was this call that made the job."""
    asked = find_asked(user, project, key)
    if asked is not None:
        return asked, False
    composed = compose(project, request)
    if composed.generate.verdict != Verdict.ALLOW:
        raise refuse(composed.generate)
    try:
        return create_generation(user, project, request, composed, key), True
    except IntegrityError:
        asked = find_asked(user, project, key)
        if asked is None:
            raise
        return asked, False


def find_asked(user: User, project: Project, key: str) -> Generation | None:
    """Return the job that this person asked for under this key. Raises Problem when it is another project's."""
    asked = Generation.objects.filter(requested_by=user, idempotency_key=key).first()
    if asked is not None and asked.project_id != project.id:
        raise Problem("key_reused", _("This idempotency key was used in another project."), status=409)
    return asked


@transaction.atomic
def create_generation(
    user: User, project: Project, request: PictureRequest, composed: Composed, key: str
) -> Generation:
    """Write the job and its ledger entry, and ring the worker's bell after the commit."""
    # Before the row: a grid that is drawn again holds the ledger while it waits for a row of the same key.
    lock_head(project.id)
    generation = Generation.objects.create(
        project=project,
        requested_by=user,
        idempotency_key=key,
        campaign=request.campaign,
        template_version=request.template_version,
        base_model=request.base_model,
        vae=request.vae,
        lineage=lineage_for(project, request.files),
        spec=composed.spec.as_dict(),
        count=request.count,
        quality=request.quality,
        slots=filled_slots(request),
        variables=dict(request.variables),
        choices=[choice.as_dict() for choice in composed.compiled.choices],
        translation=composed.translation_record(),
        decision=composed.generate.as_dict(),
    )
    save_adapters(generation, request)
    facts = {
        "spec": composed.spec.as_dict(),
        "count": request.count,
        "decision_sha256": composed.generate.sha256(),
    }
    record(project, "generation.requested", actor=user, subject=f"generation:{generation.id}", payload=facts)
    ring(generation)
    return generation


def save_adapters(generation: Generation, request: PictureRequest) -> None:
    """Write the adapters of a job in their order."""
    rows = [
        GenerationAdapter(generation=generation, file=each.file, weight=each.weight, position=position)
        for position, each in enumerate(request.adapters)
    ]
    GenerationAdapter.objects.bulk_create(rows)


def filled_slots(request: PictureRequest) -> dict[str, str]:
    """Return what the person typed, slot by slot; what was left to the template is left out."""
    negative = {} if request.negative is None else {"negative": request.negative}
    return {**request.slots, **negative}


def any_seed() -> int:
    """Return a fresh seed, small enough to be typed."""
    return secrets.randbelow(2**32)


def repeat_request(generation: Generation, *, seed: int | None = None) -> PictureRequest:
    """Return the request that a job came from ("reuse all"), with another seed when given."""
    spec = ImageSpec.from_dict(generation.spec)
    slots = dict(generation.slots)
    request = PictureRequest(
        base_model=generation.base_model,
        vae=generation.vae,
        template_version=generation.template_version,
        negative=slots.pop("negative", None),
        slots=slots,
        variables=generation.variables,
        width=spec.width,
        height=spec.height,
        num_inference_steps=spec.num_inference_steps,
        guidance_scale=spec.guidance_scale,
        scheduler=spec.scheduler,
        clip_skip=spec.clip_skip,
        seed=spec.seed,
        count=generation.count,
        quality=generation.quality,
        campaign=generation.campaign,
        adapters=tuple(Adapter(file=each.file, weight=each.weight) for each in generation.adapters.all()),
    )
    return request if seed is None else replace(request, seed=seed)


def cancel_generation(generation: Generation, *, actor: User) -> bool:
    """Ask the worker to stop; a job that still waits ends at once. Return False when it had ended before."""
    with transaction.atomic():
        if not generation.request_cancel():
            return False
        record(
            generation.project,
            "generation.cancel_requested",
            actor=actor,
            subject=f"generation:{generation.id}",
            payload={"done": generation.outputs.count(), "count": generation.count},
        )
    return True


def missing_indexes(generation: Generation) -> list[int]:
    """List the pictures that no attempt has saved yet."""
    saved = set(generation.outputs.values_list("index", flat=True))
    return [index for index in range(generation.count) if index not in saved]


def save_output(generation: Generation, index: int, rendered: Any) -> Output:
    """Store the files, then write output and ledger entry in one transaction guarded by the attempt.

    `rendered` is `engine.render.Rendered`. The picture's id follows from job and index and its bytes from
    the recipe, so a second attempt writes the same file. Raises Canceled when the job is no longer ours; files
    of a job that has ended are taken away again.
    """
    generation.beat()
    spec = generation.spec_for(index)
    data = encode_picture(generation, spec, output_id_of(generation, index), rendered)
    stored = storage.store_bytes(settings.MEDIA_ROOT, "outputs", data, ".png")
    thumbnail = storage.store_bytes(
        settings.MEDIA_ROOT, "thumbnails", make_thumbnail(rendered.image, THUMBNAIL_SIDE), ".webp"
    )
    try:
        return write_output(generation, index, spec, rendered, stored, thumbnail)
    except Canceled:
        drop_unnamed(generation, stored.path, thumbnail.path)
        raise


@transaction.atomic
def write_output(
    generation: Generation, index: int, spec: ImageSpec, rendered: Any, stored: StoredFile, thumbnail: StoredFile
) -> Output:
    """Write the output and its ledger entry. Raises Canceled when the job is no longer ours."""
    if not generation.holds(progress=(index + 1) / generation.count):
        raise Canceled
    output_id, pixels = output_id_of(generation, index), rendered.pixels_sha256
    # Before the ledger: whoever changes rights takes a turn first, and then the ledger's lock.
    remember_made(generation.project, output_id, pixels, generation.files(), actor=generation.requested_by)
    entry = append(
        generation.project_id,
        "generation.output.created",
        actor=actor_hash(generation.requested_by_id),
        subject=f"output:{output_id}",
        payload=output_payload(generation, spec, stored.sha256, rendered),
    )
    return Output.objects.create(
        id=output_id,
        project_id=generation.project_id,
        generation=generation,
        lineage_id=generation.lineage_id,
        index=index,
        seed=spec.seed,
        spec=spec.as_dict(),
        recipe_sha256=spec.recipe_sha256(),
        search_text=search_text(generation, spec),
        path=stored.path,
        thumbnail=thumbnail.path,
        file_sha256=stored.sha256,
        size_bytes=stored.size,
        pixels_sha256=pixels,
        width=rendered.image.width,
        height=rendered.image.height,
        environment=rendered.environment.as_dict(),
        decision=generation.decision,
        license=generation.decision["effective_license"],
        ledger_seq=entry.seq,
    )


def output_id_of(generation: Generation, index: int) -> uuid.UUID:
    """Return the id of a job's picture, the same in every attempt."""
    return uuid.uuid5(generation.id, str(index))


def drop_unnamed(generation: Generation, path: str, thumbnail: str) -> None:
    """Take away files that no picture names, when the job has ended and so no other attempt needs them."""
    generation.refresh_from_db(fields=["status", "cancel_requested_at"])
    if not generation.is_terminal and generation.cancel_requested_at is None:
        return
    for column, name in (("path", path), ("thumbnail", thumbnail)):
        if not Output.objects.filter(**{column: name}).exists():
            Path(settings.MEDIA_ROOT, name).unlink(missing_ok=True)


def search_text(generation: Generation, spec: ImageSpec) -> str:
    """Return what a literal search finds a picture by: the prompt as sent, and the slots as typed, up to 2 kB."""
    typed = [text for name, text in generation.slots.items() if name != "negative" and text]
    return "\n".join([spec.prompt, *typed]).encode()[:2000].decode(errors="ignore")


def output_payload(generation: Generation, spec: ImageSpec, file_sha256: str, rendered: Any) -> dict[str, Any]:
    """Return what the ledger keeps of a picture: all that is needed to make, judge and recognise it again."""
    version = generation.template_version
    return {
        "spec": spec.as_dict(),
        "recipe_sha256": spec.recipe_sha256(),
        "file_sha256": file_sha256,
        "pixels_sha256": rendered.pixels_sha256,
        "environment": rendered.environment.as_dict(),
        "decision": generation.decision,
        "template": {"id": str(version.template_id), "version": version.number} if version else None,
        "slots": generation.slots,
        "variables": generation.variables,
        "choices": generation.choices,
        "translation": generation.translation,
        "generation": str(generation.id),
    }


def encode_picture(generation: Generation, spec: ImageSpec, output_id: uuid.UUID, rendered: Any) -> bytes:
    """Return the PNG with A1111 parameters and our own chunk."""
    parameters = a1111_parameters(
        spec,
        model_name=generation.base_model.name,
        model_sha256=generation.base_model.sha256,
        vae_name=generation.vae.name if generation.vae else None,
        scheduler=SCHEDULERS[spec.scheduler],
        version=settings.DAICHO_VERSION,
        adapters=adapter_names(generation, keep=True),
    )
    return write_png(
        rendered.image,
        parameters=parameters,
        daicho={
            "output": str(output_id),
            "project": str(generation.project_id),
            "recipe_sha256": spec.recipe_sha256(),
            "pixels_sha256": rendered.pixels_sha256,
            "spec": spec.as_dict(),
            "adapter_names": {each.file.sha256: each.file.name for each in generation.chosen_adapters},
            "license": generation.decision["effective_license"],
            "obligations": generation.decision["obligations"],
        },
    )


def describe_block(generation: Generation) -> list[str]:
    """Say in the reader's language why a blocked job stopped."""
    return explain_here(Decision.from_dict(generation.decision))
