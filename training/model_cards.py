"""Model cards: README.md with the front matter that Hugging Face reads, in English and Japanese. Pure."""

import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

from assets.exports.credits import one_line
from assets.licensing import restrictions_text

from .card_facts import CardFacts, MeasuredFacts
from .card_words import ARCHITECTURES, FOLDERS, KINDS, Language, say
from .exports import weights_name
from .papers import (
    USE_RULES_FILE,
    binding_licenses,
    copies_owed,
    credit_lines,
    given_out,
    name_license,
    papers_of,
    use_rules_file,
)

CARDS: dict[Language, str] = {"en": "README.md", "ja": "README.ja.md"}
INTERNAL_FILE = "INTERNAL.txt"
# Names that the Hub knows; whatever is not here is "other" with its name and the file LICENSE.
HUB_LICENSES = {
    **{each: each.lower() for each in ("Apache-2.0", "CC0-1.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0")},
    **{each: each.lower() for each in ("CC-BY-SA-4.0", "CC-BY-NC-3.0", "CC-BY-NC-4.0", "CC-BY-ND-4.0")},
    **{each: each.lower() for each in ("CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0", "CC-BY-NC-ND-3.0", "CC-BY-NC-ND-4.0")},
    "LicenseRef-scancode-stable-diffusion-2022-08-22": "creativeml-openrail-m",
    "LicenseRef-CreativeML-OpenRAIL-PP-M": "openrail++",
}
RESERVED = "all-rights-reserved"
HUB_ADDRESS = re.compile(r"https?://huggingface\.co/([\w.-]+/[\w.-]+)(?:[/?#].*)?")
HUB_ROOMS = ("datasets/", "spaces/", "docs/", "models/", "collections/", "papers/", "blog/")
TAGS = {
    "lora": ("lora", "template:sd-lora"),
    "dreambooth": ("dreambooth",),
    "textual_inversion": ("textual_inversion",),
    "hypernetwork": ("hypernetwork",),
}
HUB_ARCHITECTURES = {
    "sd1": "stable-diffusion",
    "sd2": "stable-diffusion",
    "sdxl": "stable-diffusion-xl",
    "sd3": "stable-diffusion-3",
    "flux": "flux",
}
VERDICTS = ("best_at", "still_learning", "overfitting_since", "learned_nothing")
# Trained on all pictures, for as many steps as parts of them could bear.
FOLDED = "folded"
PIPELINES = {"sdxl": "StableDiffusionXLPipeline", "sd3": "StableDiffusion3Pipeline", "flux": "FluxPipeline"}


def texts_of(facts: CardFacts) -> dict[str, str]:
    """Return every text of a package by file name: the cards, the papers, and what keeps it in the house."""
    cards = {name: card_text(facts, language) for language, name in CARDS.items()}
    internal = "\n".join(say(language, "internal", maker=facts.maker) for language in CARDS) + "\n"
    return {**cards, **papers_of(facts), **({} if facts.is_public else {INTERNAL_FILE: internal})}


def card_text(facts: CardFacts, language: Language) -> str:
    """Return a model card in one language; only the English one has the front matter, as the Hub reads one file."""
    name = facts.name_ja if language == "ja" and facts.name_ja else facts.name
    head = [f"# {plain(say(language, 'title', name=name, number=facts.number))}", "", *_summary(facts, language)]
    sections = (_use, _samples, _training, _rights, _files)
    body = [line for section in sections for line in section(facts, language)]
    front = front_matter(facts) if language == "en" else ""
    return front + "\n".join([*head, *body, "", say(language, "made_with")]) + "\n"


def front_matter(facts: CardFacts) -> str:
    """Return the card's YAML as the Hub reads it. Texts are written as JSON, which YAML takes as it is."""
    values: dict[str, Any] = {
        **hub_license(facts),
        "library_name": "diffusers",
        "pipeline_tag": "text-to-image",
        **_hub_base(facts),
        "tags": ["text-to-image", HUB_ARCHITECTURES.get(facts.architecture, facts.architecture), *TAGS[facts.kind]],
        "instance_prompt": one_line(", ".join(facts.trigger_words)),
        "language": list(facts.languages),
        "datasets": [] if facts.is_public or not facts.dataset_name else [facts.dataset_name],
        "widget": [
            {"text": one_line(each.prompt), "output": {"url": f"samples/{each.file_name}"}} for each in facts.samples
        ],
    }
    lines = [line for name, value in values.items() if value for line in _yaml(name, value)]
    return "\n".join(["---", *lines, "---", ""]) + "\n"


def hub_license(facts: CardFacts) -> dict[str, str]:
    """Return the licence as the Hub names it: one that it knows, else "other" with a name and the file beside."""
    own = [facts.outbound] if facts.outbound else binding_licenses(facts.decision)
    bound = [each.profile for each in facts.decision.restrictions if each.pass_on]
    together = list(dict.fromkeys((*own, *copies_owed(facts.decision), *bound)))
    if len(together) == 1 and together[0] in HUB_LICENSES:
        return {"license": HUB_LICENSES[together[0]]}
    named = "-and-".join(together).lower().replace("licenseref-", "") or RESERVED
    return {"license": "other", "license_name": re.sub(r"[^a-z0-9.+-]+", "-", named), "license_link": "LICENSE"}


def hub_id(source_url: str) -> str:
    """Return a model's name on Hugging Face from the address that it came from; nothing for any other address."""
    found = HUB_ADDRESS.fullmatch(source_url.strip())
    return found[1] if found and not found[1].startswith(HUB_ROOMS) else ""


def plain(text: str) -> str:
    """Return text on one line in which Markdown and HTML see nothing but text."""
    return re.sub(r"([\\`*_{}\[\]<>#|!~])", r"\\\1", one_line(text))


def percent(share: float) -> str:
    """Return a share as a signed percentage."""
    return f"{share * 100:+.1f} %"


def _yaml(name: str, value: Any) -> Iterable[str]:
    def quoted(text: Any) -> str:
        return json.dumps(text, ensure_ascii=False)

    if isinstance(value, str):
        yield f"{name}: {quoted(value)}"
        return
    yield f"{name}:"
    for each in value:
        if isinstance(each, str):
            yield f"- {quoted(each)}"
        else:
            yield from (f"- text: {quoted(each['text'])}", "  output:", f"    url: {quoted(each['output']['url'])}")


def _hub_base(facts: CardFacts) -> dict[str, str]:
    if facts.base is None or not facts.base.hub_id:
        return {}
    relation = "merge" if facts.is_merge else "finetune" if facts.kind == "dreambooth" else "adapter"
    return {"base_model": facts.base.hub_id, "base_model_relation": relation}


def _summary(facts: CardFacts, language: Language) -> list[str]:
    kind, architecture = KINDS[facts.kind], ARCHITECTURES.get(facts.architecture, facts.architecture)
    lines = [say(language, "summary", kind=kind, architecture=architecture, maker=plain(facts.maker))]
    if not facts.is_public:
        lines = [f"**{say(language, 'internal', maker=plain(facts.maker))}**", "", *lines]
    said = [plain(line) for line in facts.description.splitlines() if line.strip()]
    return [*lines, *(["", *said] if said else [])]


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"## {title}", "", *lines] if lines else []


def _use(facts: CardFacts, language: Language) -> list[str]:
    words = ", ".join(f"`{one_line(word).replace('`', '')}`" for word in facts.trigger_words)
    lines = [f"- {say(language, 'triggers', words=words)}"] if words else []
    lines.append(f"- {say(language, 'weight', weight=format(facts.recommended_weight, 'g'))}")
    layouts = [each.layout for each in facts.files]
    if facts.kind in FOLDERS and facts.kind != "hypernetwork" and layouts:
        usual = next((each.name for each in facts.files if each.layout in ("kohya", "a1111", "file")), "")
        lines += [f"- {say(language, 'a1111', file=f'`{usual}`', folder=FOLDERS[facts.kind])}"] if usual else []
    if facts.kind == "textual_inversion" and facts.trigger_words:
        lines.append(f"- {say(language, 'token', word=words)}")
    if facts.kind == "hypernetwork":
        lines.append(f"- {say(language, 'daicho_only')}")
    code = _code(facts)
    return _section(say(language, "use"), [*lines, *(["", "```python", *code, "```"] if code else [])])


def _code(facts: CardFacts) -> list[str]:
    """Return how diffusers loads the weights; nothing for what it does not read."""
    if facts.kind == "hypernetwork" or facts.base is None:
        return []
    pipeline = PIPELINES.get(facts.architecture, "StableDiffusionPipeline")
    whole = "./diffusers" if facts.kind == "dreambooth" else facts.base.hub_id or "path/to/the/base-model"
    prompt = ", ".join([*map(one_line, facts.trigger_words), "..."])
    lines = ["import torch", f"from diffusers import {pipeline}", ""]
    lines.append(f"pipe = {pipeline}.from_pretrained({whole!r}, torch_dtype=torch.float32)")
    by_layout = {each.layout: each.name for each in facts.files}
    if facts.kind == "lora":
        name = by_layout.get("peft") or next(
            iter(by_layout.values()), weights_name(facts.slug, facts.number, "peft", "lora")
        )
        lines += [
            f"pipe.load_lora_weights('.', weight_name={name!r}, adapter_name={facts.slug!r})",
            f"pipe.set_adapters([{facts.slug!r}], [{facts.recommended_weight:g}])",
        ]
    if facts.kind == "textual_inversion":
        name, word = by_layout.get("diffusers") or next(iter(by_layout.values()), ""), facts.trigger_words[:1]
        lines.append(f"pipe.load_textual_inversion('.', weight_name={name!r}, token={one_line(''.join(word))!r})")
    return [*lines, f"image = pipe({prompt!r}).images[0]"]


def _samples(facts: CardFacts, language: Language) -> list[str]:
    if facts.has_samples_withheld:
        return _section(say(language, "samples"), [say(language, "no_samples")])
    lines = [f"![{plain(each.prompt)}](samples/{each.file_name})" for each in facts.samples]
    return _section(say(language, "samples"), lines)


def _training(facts: CardFacts, language: Language) -> list[str]:
    base, lines = facts.base, []
    if base is not None:
        lines.append(say(language, "base", name=plain(base.name), sha256=f"`{base.sha256}`"))
    if facts.parents:
        lines.append(say(language, "parents", names=", ".join(map(plain, facts.parents))))
    if facts.picture_count is not None:
        lines.append(say(language, "pictures", count=facts.picture_count))
    if facts.dataset_name and not facts.is_public:
        lines.append(say(language, "dataset", name=plain(facts.dataset_name), root=f"`{facts.dataset_root}`"))
    for name, value in (("steps", facts.step), ("rank", facts.rank), ("resolution", facts.resolution)):
        if value is not None:
            lines.append(say(language, name, **{name.removesuffix("s"): value}))
    return _section(say(language, "training"), [f"- {line}" for line in (*lines, *_measured(facts, language))])


def _measured(facts: CardFacts, language: Language) -> list[str]:
    found = facts.measured
    if found is None:
        return []
    if found.verdict == FOLDED:
        lines = [say(language, "folded"), *_folds_mean(found, language)]
    elif found.mean is None or found.low is None or found.high is None:
        lines = [say(language, "not_held_out")]
    else:
        said = {name: percent(getattr(found, name)) for name in ("mean", "low", "high")}
        lines = [say(language, "held_out", **said)]
        lines += [say(language, f"verdict_{found.verdict}")] if found.verdict in VERDICTS else []
    if found.memorized is not None:
        lines.append(say(language, "memorized", share=f"{found.memorized * 100:.0f} %"))
    return lines


def _folds_mean(found: MeasuredFacts, language: Language) -> list[str]:
    return [] if found.mean is None else [say(language, "folds_held_out", mean=percent(found.mean))]


def _rights(facts: CardFacts, language: Language) -> list[str]:
    decision = facts.decision
    named = [f"- {plain(name_license(decision, each, language))}" for each in binding_licenses(decision)]
    lines = [
        given_out(facts, language),
        "",
        *([say(language, "binding"), "", *named] if named else [say(language, "nothing_binds")]),
    ]
    owed = [f"- {plain(line)}" for line in credit_lines(decision, language)]
    lines += ["", say(language, "owed"), "", *owed] if owed else []
    lines += ["", say(language, "credits_beside")] if decision.obligations else ["", say(language, "nothing_owed")]
    rules = [f"- {plain(line)}" for line in restrictions_text(decision, language)]
    if rules:
        beside = [say(language, "rules_beside", file=USE_RULES_FILE)] if use_rules_file(decision) else []
        lines += ["", say(language, "rules"), "", *rules, "", *beside]
    return _section(say(language, "rights"), lines)


def _files(facts: CardFacts, language: Language) -> list[str]:
    lines = [f"- `{each.name}`{f' (sha256 `{each.sha256}`)' if each.sha256 else ''}" for each in facts.files]
    return _section(say(language, "files"), lines)
