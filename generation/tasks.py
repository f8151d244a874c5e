"""What the gpu workers run. Only workers import this module: it brings torch."""

from functools import cache
from pathlib import Path

from django.conf import settings

from assets.models import ModelFile
from assets.storage import sweep_incoming
from engine.errors import ModelError
from engine.render import Engine
from engine.specs import OnStep, Step
from engine.translate import MarianTranslator
from jobs.models import Job

from .fitting import withdrawn_in
from .models import Generation, GenerationAdapter, Replay, Suggestion
from .previews import Previews, drop_preview
from .services.generations import missing_indexes, save_output
from .services.replays import recorded_spec, save_replay
from .services.suggestions import save_suggestion
from .services.watches import RightsWatch
from .translation import translate_around_syntax


@cache
def engine() -> Engine:
    """Return this worker's engine, which keeps models between jobs; a dead worker's half-written files go first."""
    sweep_incoming(settings.MEDIA_ROOT, older_than_seconds=settings.JOB_STALE_SECONDS)
    return Engine(
        resolve_file,
        memory_budget_bytes=settings.ENGINE_MEMORY_BYTES,
        device=settings.ENGINE_DEVICE or None,
        threads=settings.ENGINE_THREADS or None,
        tokenizers=settings.TOKENIZERS_ROOT,
    )


def resolve_file(sha256: str) -> Path:
    """Return where a file lies that a recipe names by hash. Raises ModelError when it was taken out of the library."""
    found = ModelFile.objects.filter(sha256=sha256, removed_at=None).order_by("registered_at").last()
    if found is None:
        raise ModelError("model_missing", f"The model {sha256[:12]} is gone.", file=sha256[:12])
    return found.file


def render(job_id: str) -> None:
    """Render the pictures of a Generation that no earlier attempt has saved."""
    job = Generation.objects.get(pk=job_id)
    if job.claim():
        with job.work():
            draw_pictures(job)


def replay(job_id: str) -> None:
    """Render a ledger entry again and compare."""
    job = Replay.objects.get(pk=job_id)
    if job.claim():
        with job.work():
            draw_again(job)


def suggest(job_id: str) -> None:
    """Translate a word with the model on disk; a person decides whether it joins the vocabulary."""
    job = Suggestion.objects.get(pk=job_id)
    if job.claim():
        with job.work():
            model = translator(settings.TRANSLATION_MODEL)
            [result] = translate_around_syntax([job.text], model)
            save_suggestion(job, result=result, translator=f"{model.name} {model.version[:12]}")


@cache
def translator(folder: str) -> MarianTranslator:
    """Return this worker's translation model."""
    return MarianTranslator(Path(folder), device=settings.ENGINE_DEVICE or "cpu")


def draw_pictures(generation: Generation) -> None:
    """Draw picture after picture, saving each before the next."""
    previews = Previews(generation.id)
    try:
        for index in missing_indexes(generation):
            rights = RightsWatch(generation)
            rights.check()
            refuse_withdrawn(generation)
            on_step = report(generation, done=index, of=generation.count, rights=rights, previews=previews)
            rendered = engine().render(generation.spec_for(index), on_step)
            rights.look(every_seconds=0)
            save_output(generation, index, rendered)
    finally:
        # Another attempt may have taken over, and its preview is not ours to drop.
        if generation.rows(attempt=generation.attempt).exists():
            drop_preview(generation.id)


def draw_again(job: Replay) -> None:
    """Draw the recorded recipe, while the rights allow it, and write the verdict."""
    rights = RightsWatch(job)
    rights.check()
    refuse_withdrawn(job.output.generation)
    rendered = engine().render(recorded_spec(job.output), report(job, done=0, of=1, rights=rights))
    rights.look(every_seconds=0)
    save_replay(job, rendered)


def refuse_withdrawn(generation: Generation) -> None:
    """Raise ModelError when the project has taken the version of an adapter back since pictures were asked for."""
    adapters = GenerationAdapter.objects.filter(generation=generation).select_related("file__adapter_version")
    file = withdrawn_in(generation.project, [each.file for each in adapters])
    if file is not None:
        message = f"The version {file.name} was taken back in its project."
        raise ModelError("adapter_taken_back", message, adapter=file.name)


def report(job: Job, *, done: int, of: int, rights: RightsWatch, previews: Previews | None = None) -> OnStep:
    """Return a callback that moves progress, and stops the engine when the job or the rights are no longer ours."""

    def on_step(step: Step) -> None:
        within = step.index / max(step.total, 1) if step.stage == "denoising" else float(step.stage == "decoding")
        job.beat_due(progress=(done + within) / of, stage=step.stage)
        rights.look()
        if previews is not None:
            previews.offer(step.preview)

    return on_step
