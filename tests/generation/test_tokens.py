"""Tokens are counted as the text encoder counts them, without transformers in the web process."""

import json
import os
import subprocess
import sys

import pytest

from engine.starter import COLORS, ENVIRONMENTS, LIGHTS, STYLES, SUBJECTS, WEIGHTS
from generation.tokens import TokenizerError, count_tokens

TEXTS = [
    "",
    "a red mushroom, in a forest, moonlight, watercolor style",
    "A  RED\tMushroom!!",
    "it's the artist's 35mm f/1.8 photo",
    "赤い猫 😀 café",
    "<|endoftext|> x",
    "1234 5.5",
    ", ".join(ENVIRONMENTS + LIGHTS + STYLES) * 4,
    *(f"a {color} {subject}" for color in COLORS for subject in SUBJECTS),
]


@pytest.fixture(scope="module")
def clip():
    transformers = pytest.importorskip("transformers")
    return transformers.CLIPTokenizer.from_pretrained(WEIGHTS / "tokenizer", local_files_only=True)


@pytest.fixture
def old_files(tmp_path):
    """Return a model folder whose tokenizer lies in vocab.json and merges.txt."""
    model = json.loads((WEIGHTS / "tokenizer" / "tokenizer.json").read_text("utf-8"))["model"]
    home = tmp_path / "model" / "tokenizer"
    home.mkdir(parents=True)
    (home / "vocab.json").write_text(json.dumps(model["vocab"]), "utf-8")
    lines = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    (home / "merges.txt").write_text("\n".join(["#version: 0.2", *lines]) + "\n", "utf-8")
    return tmp_path / "model"


class TestCounting:
    def test_it_equals_what_transformers_counts(self, clip):
        for text in TEXTS:
            assert count_tokens(WEIGHTS, text).used == len(clip(text, add_special_tokens=False).input_ids), text

    def test_the_two_older_files_count_the_same(self, clip, old_files):
        for text in TEXTS:
            assert count_tokens(old_files, text).used == len(clip(text, add_special_tokens=False).input_ids), text

    def test_weights_and_adapter_tags_do_not_count(self):
        plain = count_tokens(WEIGHTS, "a red cat").used
        assert count_tokens(WEIGHTS, "a (red:1.3) [cat]<lora:ink:0.8>").used == plain

    def test_chunks_hold_75_tokens(self):
        one = count_tokens(WEIGHTS, "cat").used
        for words, chunks in [(0, 1), (1, 1), (75 // one, 1), (75 // one + 1, 2), (150 // one + 1, 3)]:
            count = count_tokens(str(WEIGHTS), "cat " * words)
            assert (count.limit, count.chunks) == (75, chunks)


class TestFiles:
    def test_a_changed_file_is_read_again(self, old_files):
        before = count_tokens(old_files, "mushroom").used
        merges = old_files / "tokenizer" / "merges.txt"
        merges.write_text("#version: 0.2\n", "utf-8")
        os.utime(merges, ns=(1, 1))
        assert count_tokens(old_files, "mushroom").used > before

    def test_a_folder_without_tokenizer_is_refused(self, tmp_path):
        with pytest.raises(TokenizerError) as caught:
            count_tokens(tmp_path, "cat")
        assert caught.value.code == "tokenizer_missing"

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "{",
            "[]",
            "{}",
            "\x80",
            '{"model": 1}',
            '{"model": {"type": "WordLevel", "end_of_word_suffix": "</w>", "vocab": {}, "merges": []}}',
            '{"model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": {"a": "x"}, "merges": []}}',
            '{"model": {"type": "BPE", "end_of_word_suffix": "</w>", "vocab": {"<|endoftext|>": 0}, "merges": ["a"]}}',
        ],
    )
    def test_a_broken_file_is_refused(self, tmp_path, content):
        (tmp_path / "tokenizer.json").write_bytes(content.encode("latin-1"))
        with pytest.raises(TokenizerError) as caught:
            count_tokens(tmp_path, "cat")
        assert caught.value.code == "tokenizer_unreadable"

    def test_neither_torch_nor_transformers_is_loaded(self):
        code = (
            "import sys; from engine.starter import WEIGHTS; from generation.tokens import count_tokens;"
            "count_tokens(WEIGHTS, 'a cat'); print([name for name in ('torch', 'transformers') if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout.strip() == "[]"
