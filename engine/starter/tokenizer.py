"""Train the byte-level BPE tokenizer on captions; words it never saw fall apart into characters, as CLIP's do."""

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

START, END, WORD_END = "<|startoftext|>", "<|endoftext|>", "</w>"
MAX_LENGTH = 77
VOCABULARY_SIZE = 1400
WORDS = Regex(r"[a-z]+|[0-9]|[^\sa-z0-9]+")


def train_tokenizer(captions: Iterable[str], folder: Path) -> CLIPTokenizer:
    """Train on the captions, write the tokenizer to the folder, and return it."""
    tokenizer = Tokenizer(models.BPE(unk_token=END, end_of_word_suffix=WORD_END))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFC(), normalizers.Lowercase()])
    split = pre_tokenizers.Split(WORDS, "isolated")
    bytewise = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, bytewise])
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY_SIZE,
        special_tokens=[START, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        end_of_word_suffix=WORD_END,
        min_frequency=2,
        show_progress=False,
    )
    tokenizer.train_from_iterator(captions, trainer)
    return save_as_clip(tokenizer, folder)


def save_as_clip(tokenizer: Tokenizer, folder: Path) -> CLIPTokenizer:
    """Write a trained BPE in the form that pipelines load.

    Every byte may end a word, also those that no caption ended with, or Japanese would turn into end tokens.
    """
    model = json.loads(tokenizer.to_str())["model"]
    vocabulary = model["vocab"]
    for letter in sorted(pre_tokenizers.ByteLevel.alphabet()):
        vocabulary.setdefault(letter + WORD_END, len(vocabulary))
    merges = [tuple(merge) for merge in model["merges"]]
    clip = CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=MAX_LENGTH)
    clip.save_pretrained(folder)
    return clip
