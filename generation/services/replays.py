"""Render a ledger entry again and say whether the pixels are the same."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from assets.licensing import Action, Verdict
from assets.models import ModelFile
from assets.services import decide_use
from engine.specs import ImageSpec
from jobs.models import Canceled
from jobs.queue import ring
from ledger.models import Entry
from ledger.services import actor_hash, append
from projects.models import User
from projects.services import record

from ..composing import refuse
from ..fitting import check_withdrawn
from ..models import Output, Replay


def request_replay(user: User, output: Output) -> Replay:
    """Ask for a replay; while one is under way, return that one. Raises Problem when the rights do not allow it."""
    decision = decide_use(output.project, Action.GENERATE, model_files(output))
    if decision.verdict != Verdict.ALLOW:
        raise refuse(decision)
    check_withdrawn(output.project, [each.file for each in output.generation.chosen_adapters])
    try:
        with transaction.atomic():
            replay = Replay.objects.create(project=output.project, output=output, requested_by=user)
            record(
                output.project,
                "generation.replay.requested",
                actor=user,
                subject=f"output:{output.id}",
                payload={"replay": str(replay.id), "entry": output.ledger_seq},
            )
            ring(replay)
    except IntegrityError:
        # The one in the way may have ended meanwhile; it is the newest all the same.
        return output.replays.latest("queued_at")
    return replay


@transaction.atomic
def cancel_replay(replay: Replay, *, actor: User) -> bool:
    """Ask the worker to stop; a replay that still waits ends at once. Return False when it had ended before."""
    if not replay.request_cancel():
        return False
    subject, payload = f"output:{replay.output_id}", {"replay": str(replay.id)}
    record(replay.project, "generation.replay.cancel_requested", actor=actor, subject=subject, payload=payload)
    return True


def model_files(output: Output) -> list[ModelFile]:
    """Return the files that the picture was made with."""
    return output.generation.files()


def entry_payload(output: Output) -> dict[str, Any]:
    """Return what the ledger says about a picture: the replay trusts the ledger, not the row."""
    entry = Entry.objects.get(chain=output.project_id, seq=output.ledger_seq)
    return entry.data


def recorded_spec(output: Output) -> ImageSpec:
    """Return the recipe as the ledger has it."""
    return ImageSpec.from_dict(entry_payload(output)["spec"])


def save_replay(replay: Replay, rendered: Any) -> Replay:
    """Compare pixels with the ledger's, write the verdict and end the job, in one transaction.

    `rendered` is `engine.render.Rendered`. Raises Canceled when the job is no longer ours.
    """
    recorded = entry_payload(replay.output)
    exact = rendered.pixels_sha256 == recorded["pixels_sha256"]
    environment = rendered.environment.as_dict()
    differences = compare_environments(recorded["environment"], environment)
    with transaction.atomic():
        if not replay.holds(progress=1.0):
            raise Canceled
        entry = append(
            replay.project_id,
            "generation.replay.finished",
            actor=actor_hash(replay.requested_by_id),
            subject=f"output:{replay.output_id}",
            payload={
                "entry": replay.output.ledger_seq,
                "verdict": verdict_of(exact),
                "differences": differences,
                "pixels_sha256": rendered.pixels_sha256,
                "environment": environment,
            },
        )
        replay.verdict, replay.pixels_sha256 = verdict_of(exact), rendered.pixels_sha256
        replay.environment, replay.differences, replay.ledger_seq = environment, differences, entry.seq
        replay.save(update_fields=["verdict", "pixels_sha256", "environment", "differences", "ledger_seq"])
        replay.succeed()
    return replay


def verdict_of(exact: bool) -> str:
    """Name the verdict."""
    return Replay.Verdict.EXACT if exact else Replay.Verdict.DRIFT


def compare_environments(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[dict[str, Any]]:
    """List what differs between two environments, with dotted names: [{"name", "then", "now"}]."""
    before, after = flatten(then), flatten(now)
    return [
        {"name": name, "then": before.get(name), "now": after.get(name)}
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested mappings to dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
