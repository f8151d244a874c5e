"""Turn prompts into text embeddings: weighted words, any length, clip skip, remembered by content.

Long prompts are read in chunks of 75 tokens whose embeddings follow each other. A weight moves a token's
embedding away from (or towards) that of the empty prompt in its place: 1 changes nothing, 0 leaves the empty one.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch

from engine.models import Word
from engine.specs import ImageSpec
from engine.text_windows import T5_TOKENS, WEIGHING
from engine.weights import Fragment, parse_weights, plain_text

# A sentence is rather cut at a comma than inside a phrase, if one lies within this many tokens of the chunk's end.
COMMA_REACH = 20
# By the tokenizer's name among the pipeline's parts, and there by the token that the word itself has.
Words = Mapping[str, Mapping[int, Word]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Hold one text's embeddings: `hidden` is [1, tokens, width], `pooled` [1, width] where the model wants it."""

    hidden: torch.Tensor
    pooled: torch.Tensor | None = None

    @property
    def bytes(self) -> int:
        """Return the memory that the tensors take."""
        return sum(tensor.nbytes for tensor in (self.hidden, self.pooled) if tensor is not None)


class EmbeddingCache:
    """Remember embeddings by model, adapters, text and clip skip, within a budget of bytes."""

    def __init__(self, budget_bytes: int = 256 * 2**20) -> None:
        self.budget_bytes = budget_bytes
        self.bytes = 0
        self._entries: OrderedDict[str, Encoded] = OrderedDict()

    def get(self, key: str, make: Callable[[], Encoded]) -> Encoded:
        """Return the entry for `key`, making it when it is not there."""
        if key not in self._entries:
            encoded = make()
            self._entries[key] = encoded
            self.bytes += encoded.bytes
            self._trim()
            return encoded
        self._entries.move_to_end(key)
        return self._entries[key]

    def clear(self) -> None:
        """Forget everything."""
        self._entries.clear()
        self.bytes = 0

    def _trim(self) -> None:
        while self.bytes > self.budget_bytes and len(self._entries) > 1:
            _, encoded = self._entries.popitem(last=False)
            self.bytes -= encoded.bytes


def encode_prompts(
    pipeline: Any, spec: ImageSpec, cache: EmbeddingCache, words: Words | None = None
) -> dict[str, torch.Tensor]:
    """Return the keyword arguments that carry a recipe's two prompts into diffusers' pipeline call.

    `words` are those that adapters have taught, with the strength at which each is read.
    """
    is_guided = spec.guidance_scale > 1 and spec.architecture != "flux"
    texts = [spec.prompt, spec.negative_prompt] if is_guided else [spec.prompt]
    encode = partial(_encode_clip, words=words or {}) if spec.architecture in WEIGHING else _encode_plain
    encoded = [cache.get(_key(spec, text), lambda text=text: encode(pipeline, spec, text)) for text in texts]
    if len({item.hidden.shape[1] for item in encoded}) > 1:
        empty = cache.get(_key(spec, ""), lambda: encode(pipeline, spec, ""))
        encoded = _pad_alike(encoded, empty.hidden)
    values = {}
    for prefix, item in zip(("", "negative_"), encoded, strict=False):
        values[f"{prefix}prompt_embeds"] = item.hidden
        if item.pooled is not None:
            values[f"{prefix}pooled_prompt_embeds"] = item.pooled
    return values


def _key(spec: ImageSpec, text: str) -> str:
    adapters = [(adapter.kind, adapter.sha256, adapter.weight, adapter.word) for adapter in spec.adapters]
    parts = (spec.base_model, adapters, spec.clip_skip, text)
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _pad_alike(encoded: list[Encoded], empty: torch.Tensor) -> list[Encoded]:
    length = max(item.hidden.shape[1] for item in encoded)
    padded = []
    for item in encoded:
        missing = (length - item.hidden.shape[1]) // empty.shape[1]
        padded.append(Encoded(hidden=torch.cat([item.hidden, *[empty] * missing], dim=1), pooled=item.pooled))
    return padded


def _encode_plain(pipeline: Any, spec: ImageSpec, text: str) -> Encoded:
    options: dict[str, Any] = {"prompt": plain_text(text), "prompt_2": None, "device": pipeline._execution_device}
    options["max_sequence_length"] = T5_TOKENS[spec.architecture]
    if spec.architecture == "flux":
        hidden, pooled, _ = pipeline.encode_prompt(**options)
        return Encoded(hidden=hidden, pooled=pooled)
    skip = spec.clip_skip or None
    hidden, _, pooled, _ = pipeline.encode_prompt(
        **options, prompt_3=None, do_classifier_free_guidance=False, clip_skip=skip
    )
    return Encoded(hidden=hidden, pooled=pooled)


def _encode_clip(pipeline: Any, spec: ImageSpec, text: str, words: Words) -> Encoded:
    fragments = parse_weights(text)
    is_two = spec.architecture == "sdxl"
    first = _Reader(pipeline, "", spec.clip_skip, is_xl=is_two, words=words)
    if not is_two:
        return Encoded(hidden=first.read(fragments)[0])
    second = _Reader(pipeline, "_2", spec.clip_skip, is_xl=is_two, words=words)
    (one, _), (two, pooled) = first.read(fragments), second.read(fragments)
    return Encoded(hidden=torch.cat([one, two], dim=-1), pooled=pooled)


class _Reader:
    """Read fragments with one CLIP encoder and its tokenizer."""

    def __init__(self, pipeline: Any, suffix: str, clip_skip: int, *, is_xl: bool, words: Words) -> None:
        self.pipeline = pipeline
        self.tokenizer = getattr(pipeline, f"tokenizer{suffix}")
        self.encoder = getattr(pipeline, f"text_encoder{suffix}")
        self.words = words.get(f"tokenizer{suffix}", {})
        self.clip_skip = clip_skip
        self.is_xl = is_xl
        self.length = self.tokenizer.model_max_length

    def read(self, fragments: list[Fragment]) -> tuple[torch.Tensor, torch.Tensor | None]:
        chunks = list(self._split(fragments))
        outputs = [self._run([token for token, _ in chunk]) for chunk in chunks]
        pooled = getattr(outputs[0], "text_embeds", None)
        hidden = [self._hidden(output) for output in outputs]
        if any(weight != 1 for chunk in chunks for _, weight in chunk):
            empty = self._hidden(self._run([]))
            hidden = [self._weigh(part, empty, chunk) for part, chunk in zip(hidden, chunks, strict=True)]
        return torch.cat(hidden, dim=1), pooled

    def _split(self, fragments: list[Fragment]) -> Iterator[list[tuple[int, float]]]:
        room, chunk, is_first = self.length - 2, list[tuple[int, float]](), True
        commas = self.tokenizer(",", add_special_tokens=False).input_ids
        for fragment in fragments:
            if fragment.is_break:
                yield chunk
                chunk, is_first = [], False
            for token, strength in self._tokenize(fragment.text):
                if len(chunk) == room:
                    cut = _find_comma(chunk, commas)
                    yield chunk[:cut]
                    chunk, is_first = chunk[cut:], False
                chunk.append((token, fragment.weight * strength))
        if chunk or is_first:
            yield chunk

    def _tokenize(self, text: str) -> Iterator[tuple[int, float]]:
        """Yield tokens and how strongly each is read; a taught word becomes the tokens of all its vectors."""
        for token in self.tokenizer(text, add_special_tokens=False, truncation=False, verbose=False).input_ids:
            word = self.words.get(token)
            yield from ((each, word.weight) for each in word.tokens) if word else [(token, 1.0)]

    def _run(self, tokens: list[int]) -> Any:
        tokenizer = self.tokenizer
        ids = [tokenizer.bos_token_id, *tokens, tokenizer.eos_token_id]
        ids += [tokenizer.pad_token_id] * (self.length - len(ids))
        batch = torch.tensor([ids], device=self.encoder.device)
        return self.encoder(batch, output_hidden_states=self.is_xl or self.clip_skip > 0)

    def _hidden(self, output: Any) -> torch.Tensor:
        if self.is_xl:
            return output.hidden_states[-(self.clip_skip + 2)]
        if not self.clip_skip:
            return output.last_hidden_state
        inner = getattr(self.encoder, "text_model", self.encoder)
        return inner.final_layer_norm(output.hidden_states[-(self.clip_skip + 1)])

    def _weigh(self, hidden: torch.Tensor, empty: torch.Tensor, chunk: list[tuple[int, float]]) -> torch.Tensor:
        weights = torch.ones(hidden.shape[1], dtype=hidden.dtype, device=hidden.device)
        weights[1 : len(chunk) + 1] = torch.tensor([weight for _, weight in chunk], dtype=hidden.dtype)
        moved = empty + (hidden - empty) * weights[None, :, None]
        return torch.where(weights[None, :, None] == 1, hidden, moved)


def _find_comma(chunk: list[tuple[int, float]], commas: list[int]) -> int:
    for back in range(1, min(COMMA_REACH, len(chunk) - 1) + 1):
        if chunk[-back][0] in commas:
            return len(chunk) - back + 1
    return len(chunk)
