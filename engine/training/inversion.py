"""Textual Inversion: a word's vectors learn, and nothing else; the vocabulary is neither copied nor touched."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from tokenizers import AddedToken
from torch import Tensor, nn

from engine.errors import ModelError
from engine.specs import TrainingSpec
from engine.training.networks import Networks
from engine.training.texts import TextReader


class NewWords(nn.Module):
    """A frozen table of words with new rows behind it; gradients reach the new rows alone."""

    def __init__(self, table: nn.Embedding, rows: Tensor, first: int) -> None:
        super().__init__()
        self.table, self.first = table, first
        self.rows = nn.Parameter(rows)

    @property
    def weight(self) -> Tensor:
        """Return the frozen table, for whoever asks for its type."""
        return self.table.weight

    def forward(self, ids: Tensor) -> Tensor:
        is_new = ids >= self.first
        known = self.table(ids.masked_fill(is_new, 0))
        fresh = self.rows[(ids - self.first).clamp(min=0)]
        return torch.where(is_new[..., None], fresh.to(known.dtype), known)


class InversionLearner:
    """New vectors for the trigger word in every text encoder."""

    kind = "textual_inversion"
    reads_text = True

    def __init__(self, spec: TrainingSpec, networks: Networks) -> None:
        self.networks = networks
        self.words = teach_word(networks.reader, spec)
        self.parameters = {name: words.rows for name, words in self.words.items()}
        self.text_parameters = frozenset(self.parameters)

    def turn(self, *, learning: bool) -> None:
        """Begin or end to learn; gradient checkpointing wants the UNet to learn too."""
        self.networks.unet.train(learning)

    @contextmanager
    def without(self) -> Iterator[None]:
        """Let the base model answer alone: prompts that do not say the word are read as before."""
        yield

    def weights(self) -> dict[str, Tensor]:
        """Return the vectors [n, width] of each text encoder."""
        return {name: words.rows.detach().float().cpu().clone() for name, words in self.words.items()}


def teach_word(reader: TextReader, spec: TrainingSpec) -> dict[str, NewWords]:
    """Give each text encoder the word's vectors, begun from those of the wider word. Raises ModelError."""
    word = spec.trigger_word
    names = [word, *(f"{word}_{index}" for index in range(1, spec.num_vectors))]
    taught = {}
    for network, encoder in reader.encoders.items():
        tokenizer = copy.deepcopy(reader.tokenizers[network])
        if not set(names).isdisjoint(tokenizer.get_vocab()):
            raise ModelError("adapter_token_taken", f"The base model already knows the word {word!r}.", token=word)
        table, first = encoder.get_input_embeddings(), len(tokenizer)
        rows = begin_rows(table.weight, tokenizer(spec.class_word, add_special_tokens=False).input_ids, len(names))
        tokenizer.add_tokens([AddedToken(name, single_word=True) for name in names])
        taught[network] = NewWords(table, rows, first)
        encoder.set_input_embeddings(taught[network])
        reader.tokenizers[network] = tokenizer
    if len(names) > 1:
        reader.expansions[word] = " ".join(names)
    return taught


def begin_rows(table: Tensor, begun_from: list[int], count: int) -> Tensor:
    """Return the first values of new rows [count, width]: a known word's own in turn, or the table's usual spread."""
    exact = table.float()
    if begun_from:
        return exact[[begun_from[place % len(begun_from)] for place in range(count)]].clone()
    return exact.mean(0) + exact.std(0) * torch.randn(count, exact.shape[1]).to(exact)
