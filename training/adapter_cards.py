"""From a version's rows to what its model card and papers say."""

from collections.abc import Sequence
from typing import Any

from assets.licensing import Action, Decision
from assets.models import ModelFile, ModelSource
from assets.services import decide_use
from assets.services.exports import manifest_in
from engine.specs import AdapterKind

from .adapter_headers import networks_in
from .card_facts import BaseFacts, CardFacts, MeasuredFacts, SampleFacts
from .model_cards import hub_id
from .models import AdapterVersion, TrainingSample

MOST_SAMPLES = 4


def kind_of(version: AdapterVersion) -> AdapterKind:
    """Return what kind of file a version is."""
    kind: Any = version.file.method
    return kind


def facts_of(version: AdapterVersion, order: Any, **more: Any) -> CardFacts:
    """Return what papers and cards say of a version; `order` is `training.services.downloads.Order`.

    `more` are the samples and files that only a finished package knows.
    """
    adapter, spec = version.adapter, version.run.spec if version.run else {}
    base = base_of(version.file)
    return CardFacts(
        slug=adapter.slug,
        name=adapter.name,
        name_ja=adapter.name_ja,
        description=adapter.description,
        number=version.number,
        kind=kind_of(version),
        architecture=version.file.architecture,
        maker=adapter.project.name,
        is_public=order.is_public,
        decision=weights_decision(version, order),
        outbound=order.outbound,
        trigger_words=version.trigger_words,
        recommended_weight=version.recommended_weight,
        base=base_facts(base) if base else None,
        parents=[f"{each.parent} × {each.weight:g}" for each in parents_of(version)],
        is_merge=version.job is not None and version.job.kind == "merge",
        step=version.step,
        rank=spec.get("rank") if version.file.method == ModelFile.Method.LORA else None,
        resolution=spec.get("resolution"),
        picture_count=version.dataset_version.count if version.dataset_version else None,
        dataset_name=version.dataset_version.dataset.slug if version.dataset_version else "",
        dataset_root=version.dataset_version.merkle_root if version.dataset_version else "",
        languages=[version.run.material.get("language", "en")] if version.run else ["en"],
        measured=measured_of(version),
        changed_parts=networks_in(version.file) if version.file.method == ModelFile.Method.DREAMBOOTH else (),
        sha256=version.file.sha256,
        **more,
    )


def weights_decision(version: AdapterVersion, order: Any) -> Decision:
    """Ask the weights gate: what it says is owed goes into the papers, whatever it answers."""
    return decide_use(version.adapter.project, Action.WEIGHTS, [version.file], **order.circumstances)


def base_of(file: ModelFile) -> ModelFile | None:
    """Return the base model that an adapter was made for, also by way of the adapters that it was made from."""
    waiting, seen = {file.id}, set[Any]()
    while waiting:
        seen |= waiting
        rows = ModelSource.objects.filter(product__in=waiting).exclude(file=None)
        found = [row.file for row in rows.select_related("file__rights")]
        bases = sorted((each for each in found if each.kind == ModelFile.Kind.BASE), key=lambda each: each.name)
        if bases:
            return bases[0]
        waiting = {each.id for each in found} - seen
    return None


def base_facts(base: ModelFile) -> BaseFacts:
    """Return what a card says of a base model."""
    return BaseFacts(name=base.name, sha256=base.sha256, hub_id=hub_id(base.rights.source_url))


def parents_of(version: AdapterVersion) -> Sequence[Any]:
    """Return the versions that a version was made from, in their order."""
    return list(version.parents.select_related("parent__adapter"))


def measured_of(version: AdapterVersion) -> MeasuredFacts | None:
    """Return what was measured of a trained version; nothing for one that was not trained here."""
    scores = version.scores
    if "verdict" not in scores:
        return None
    change = scores.get("held_out") or {}
    return MeasuredFacts(
        mean=change.get("mean"),
        low=change.get("low"),
        high=change.get("high"),
        verdict=scores["verdict"],
        memorized=scores.get("memorized"),
    )


def samples_of(version: AdapterVersion, limit: int = MOST_SAMPLES) -> list[TrainingSample]:
    """Return the sample pictures that a version's run drew nearest to the step that was kept."""
    return strip_of(version, list(version.run.samples.all()))[:limit] if version.run else []


def strip_of(version: AdapterVersion, samples: Sequence[TrainingSample]) -> list[TrainingSample]:
    """Return the strip of the step nearest to the one that was kept; of two as near, the later one."""
    kept = version.step if version.step is not None else max((each.step for each in samples), default=0)
    nearest = min({each.step for each in samples}, key=lambda step: (abs(step - kept), -step), default=None)
    return sorted((each for each in samples if each.step == nearest), key=lambda each: each.index)


def sample_facts(version: AdapterVersion, samples: Sequence[TrainingSample], order: Any) -> list[SampleFacts]:
    """Return what a card says of sample pictures, under the names that they have in the package.

    Outside the house a prompt that is a caption of the dataset is said as the trigger words.
    """
    prompts = [each.prompt for each in samples]
    if order.is_public:
        prompts = without_captions(version, prompts)
    return [SampleFacts(file_name=f"sample-{number}.png", prompt=each) for number, each in enumerate(prompts, 1)]


def without_captions(version: AdapterVersion, prompts: Sequence[str]) -> list[str]:
    """Return prompts with the trigger words in place of each that is a frozen caption, with or without them in front.

    Spaces and case make no difference.
    """
    if version.dataset_version is None:
        return list(prompts)
    names = called_by(version)
    captions = {
        bare(caption, names)
        for item in manifest_in(version.dataset_version).items
        for caption in item.captions.values()
    }
    instead = ", ".join(version.trigger_words) or version.adapter.name
    return [instead if bare(each, names) in captions else each for each in prompts]


def called_by(version: AdapterVersion) -> list[str]:
    """Return what a caption may have got in front when it was learned, the longest first, as `bare` compares it."""
    spec = version.run.spec if version.run else {}
    trigger, class_word = spec.get("trigger_word", ""), spec.get("class_word", "")
    frozen = version.dataset_version.trigger if version.dataset_version else ""
    words = [*version.trigger_words, frozen, trigger, f"{trigger} {class_word}"]
    return sorted({alike(each) for each in words} - {""}, key=len, reverse=True)


def bare(text: str, names: Sequence[str]) -> str:
    """Return a caption or prompt as it is compared: without what stands in front to call the concept."""
    said = alike(text)
    name = next((each for each in names if said.startswith(each)), "")
    return said.removeprefix(name).lstrip(" ,、，")


def alike(text: str) -> str:
    """Return text in which spaces and case make no difference any more."""
    return " ".join(text.split()).casefold()
