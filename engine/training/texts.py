"""Encode captions: each distinct one once where the text encoder is frozen, or at every step where it learns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.specs import TrainingSpec
from engine.training.randomness import rng_for
from engine.training.values import TrainingItem
from engine.words import put_instead, says

TOGETHER = 16
EMPTY = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """What the UNet reads of captions: [b, tokens, width], and [b, width] where the model wants it pooled."""

    hidden: Tensor
    pooled: Tensor | None = None

    def rows(self, index: Tensor) -> "Text":
        """Return some rows."""
        pooled = None if self.pooled is None else self.pooled.index_select(0, index)
        return Text(hidden=self.hidden.index_select(0, index), pooled=pooled)


class TextReader:
    """Read captions with a base model's one or two CLIP encoders.

    Captions longer than the encoder's window lose their end; a dataset's checks warn of them.
    """

    def __init__(self, parts: Mapping[str, Any], architecture: str) -> None:
        self.is_xl = architecture == "sdxl"
        names = ("text_encoder", "text_encoder_2") if self.is_xl else ("text_encoder",)
        self.encoders = {name: parts[name] for name in names}
        self.tokenizers = {name: parts[name.replace("text_encoder", "tokenizer")] for name in names}
        self.expansions: dict[str, str] = {}

    @property
    def device(self) -> torch.device:
        """Return where the encoders are."""
        return next(iter(self.encoders.values())).device

    def tokenizers_by_part(self) -> dict[str, Any]:
        """Return the tokenizers by the names of a pipeline's parts."""
        return {name.replace("text_encoder", "tokenizer"): each for name, each in self.tokenizers.items()}

    def tokenize(self, texts: Sequence[str]) -> dict[str, Tensor]:
        """Return token numbers [b, tokens] for each encoder."""
        for word, expanded in self.expansions.items():
            texts = [put_instead(text, word, expanded) for text in texts]
        options = {"padding": "max_length", "truncation": True, "return_tensors": "pt"}
        return {
            name: tokenizer(list(texts), max_length=tokenizer.model_max_length, **options).input_ids
            for name, tokenizer in self.tokenizers.items()
        }

    def encode(self, tokens: Mapping[str, Tensor]) -> Text:
        """Return what the UNet reads: the last layer's output, or for SDXL the last but one of both, side by side."""
        outputs = {
            name: encoder(tokens[name].to(encoder.device), output_hidden_states=self.is_xl)
            for name, encoder in self.encoders.items()
        }
        if not self.is_xl:
            return Text(hidden=outputs["text_encoder"].last_hidden_state)
        hidden = torch.cat([output.hidden_states[-2] for output in outputs.values()], dim=-1)
        return Text(hidden=hidden, pooled=outputs["text_encoder_2"].text_embeds)

    @torch.no_grad()
    def encode_all(self, texts: Sequence[str]) -> Text:
        """Return many captions' encodings, a few at a time."""
        parts = [self.encode(self.tokenize(texts[at : at + TOGETHER])) for at in range(0, len(texts), TOGETHER)]
        pooled = None if parts[0].pooled is None else torch.cat([part.pooled for part in parts])  # type: ignore[misc]
        return Text(hidden=torch.cat([part.hidden for part in parts]), pooled=pooled)


def vary_caption(item: TrainingItem, spec: TrainingSpec, variant: int) -> str:
    """Return a caption with its phrases in another order; the first `keep_tokens` stay, and so does variant 0."""
    phrases = [phrase.strip() for phrase in item.caption.split(",")]
    if not spec.shuffle_caption or variant == 0 or len(phrases) <= spec.keep_tokens + 1:
        return item.caption
    kept, others = phrases[: spec.keep_tokens], phrases[spec.keep_tokens :]
    order = rng_for(spec.seed, "caption", item.sha256, variant).permutation(len(others))
    return ", ".join([*kept, *(others[place] for place in order)])


@dataclass(frozen=True, slots=True, kw_only=True)
class Captions:
    """The distinct captions of a training, each picture's variants among them, and the empty one, which is first."""

    texts: tuple[str, ...]
    variants: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, items: Sequence[TrainingItem], spec: TrainingSpec) -> "Captions":
        """Collect the captions of pictures."""
        count = spec.caption_variants if spec.shuffle_caption else 1
        told = [[vary_caption(item, spec, variant) for variant in range(count)] for item in items]
        texts = tuple(dict.fromkeys([EMPTY, *(text for each in told for text in each)]))
        places = {text: place for place, text in enumerate(texts)}
        return cls(texts=texts, variants=tuple(tuple(places[text] for text in each) for each in told))

    @classmethod
    def told(cls, captions: Sequence[str]) -> "Captions":
        """Take captions as they are, one for each picture."""
        texts = tuple(dict.fromkeys([EMPTY, *captions]))
        return cls(texts=texts, variants=tuple((texts.index(text),) for text in captions))

    def spread(self, most: int) -> list[str]:
        """Return so many captions at most, from pictures that are apart from each other, none twice and none empty."""
        found = list(dict.fromkeys(filter(None, (self.texts[places[0]] for places in self.variants))))
        count = min(most, len(found))
        return [found[place * len(found) // count] for place in range(count)]

    def choose(self, rows: Sequence[int], spec: TrainingSpec, step: int) -> list[int]:
        """Return the places of one step's captions: any variant of each picture's, or now and then the empty one."""
        rng = rng_for(spec.seed, "captions of step", step)
        chosen = []
        for row in rows:
            variant, drawn = int(rng.integers(len(self.variants[row]))), rng.random()
            chosen.append(0 if drawn < spec.caption_dropout else self.variants[row][variant])
        return chosen


class TextTable:
    """All captions of a training: encoded beforehand where the encoders are frozen, else whenever they are asked."""

    def __init__(self, reader: TextReader, texts: Sequence[str], *, is_learning: bool) -> None:
        self.reader, self.is_learning = reader, is_learning
        self.places = {text: place for place, text in enumerate(texts)}
        self.tokens = reader.tokenize(texts)
        self.kept = None if is_learning else reader.encode_all(texts)

    def fetch(self, places: Sequence[int]) -> Text:
        """Return the encodings of captions by their places; the same caption is encoded once."""
        if self.kept is not None:
            return self.kept.rows(torch.tensor(places, device=self.kept.hidden.device))
        distinct = sorted(set(places))
        text = self.reader.encode({name: tokens[distinct] for name, tokens in self.tokens.items()})
        return text.rows(torch.tensor([distinct.index(place) for place in places], device=text.hidden.device))

    def of(self, text: str) -> Text:
        """Return one caption's encoding."""
        return self.fetch([self.places[text]])


def class_caption(caption: str, spec: TrainingSpec) -> str:
    """Return a caption as it would be without the trigger: the wider word stands in its place, unless it is there."""
    instead = "" if says(caption, spec.class_word) else spec.class_word
    plain = put_instead(caption, spec.trigger_word, instead)
    return ", ".join(" ".join(phrase.split()) for phrase in plain.split(",") if phrase.strip())
