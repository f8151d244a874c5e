"""What of a prompt a model's text encoders read: tokens against their real limits, and what is lost, in notices."""

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from assets.models import ModelFile
from engine.errors import SpecError
from engine.specs import ImageSpec
from engine.text_windows import WEIGHING, WINDOWS, Window
from engine.tokenizer_places import find_tokenizer, lacks_tokenizer
from engine.weights import plain_text

from .prompts import Notice, parse_weights
from .tokens import TokenCount, TokenizerError, count_plain, count_tokens


def tokens_of(model: ModelFile, prompt: str) -> tuple[TokenCount, ...]:
    """Count the prompt's tokens for each encoder that reads it in its own way, the one that reads most last.

    Those that cannot be counted are left out.
    """
    if model.architecture in WINDOWS:
        found = (count_window(model.file, window, prompt) for window in WINDOWS[model.architecture])
        return tuple(count for count in found if count)
    folder = model.file if model.layout == "diffusers" else find_tokenizer(settings.TOKENIZERS_ROOT)
    try:
        return (count_tokens(folder, prompt),) if folder else ()
    except TokenizerError:
        return ()


def count_window(folder: Path, window: Window, prompt: str) -> TokenCount | None:
    """Count for an encoder that cuts; None for one that the model does without, or what cannot be read."""
    try:
        return count_plain(folder / window.tokenizer, plain_text(prompt), encoder=window.encoder, limit=window.tokens)
    except (TokenizerError, SpecError):
        return None


def runs_of(architecture: str, prompt: str) -> list[tuple[str, float]]:
    """Return the prompt in runs of equal weight, as the model reads it: some models read no weights."""
    if architecture in WEIGHING or not prompt:
        return parse_weights(prompt)
    return [(plain_text(prompt), 1.0)]


def notices_of(model: ModelFile, spec: ImageSpec, counts: tuple[TokenCount, ...]) -> Iterator[Notice]:
    """Yield what a person should know before they ask for pictures with this prompt."""
    if lacks_tokenizer(model.architecture, model.layout, settings.TOKENIZERS_ROOT):
        yield Notice(code="tokenizer_missing")
    texts = (spec.prompt, spec.negative_prompt)
    if spec.architecture not in WEIGHING and any(weight != 1 for text in texts for _run, weight in parse_weights(text)):
        yield Notice(code="weights_not_read", params={"model": model.get_architecture_display()})
    for count in counts:
        if count.lost:
            params = {"encoder": count.encoder, "limit": str(count.limit), "used": str(count.used)}
            yield Notice(code="prompt_over_window", params=params)
