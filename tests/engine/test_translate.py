"""A real, tiny Marian model learns three sentences and says them from disk."""

import json
import shutil

import pytest
import sentencepiece
import torch
from safetensors.torch import load_file, save_file
from transformers import MarianConfig, MarianMTModel, MarianTokenizer

from assets.vocabulary import load_terms
from engine.errors import EngineError, ModelError
from engine.headers import hash_model
from engine.translate import MarianTranslator
from generation.translation import Translator, Vocabulary, VocabularyTranslator, translate_around_syntax

PAIRS = {"赤い車": "a red car", "青い猫": "a blue cat", "森の中の家": "a house in a forest"}


def train_pieces(lines, prefix):
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(lines * 20),
        model_prefix=str(prefix),
        vocab_size=40,
        hard_vocab_limit=False,
        character_coverage=1.0,
        minloglevel=2,
    )
    pieces = sentencepiece.SentencePieceProcessor(model_file=f"{prefix}.model")
    return [pieces.id_to_piece(number) for number in range(pieces.get_piece_size())]


def build_tokenizer(folder):
    words = ["</s>", "<unk>"]
    for lines, name in ((list(PAIRS), "source"), (list(PAIRS.values()), "target")):
        words += train_pieces(lines, folder / name)
        (folder / f"{name}.model").rename(folder / f"{name}.spm")
        (folder / f"{name}.vocab").unlink()
    words = [*dict.fromkeys(words), "<pad>"]
    (folder / "vocab.json").write_text(json.dumps({word: number for number, word in enumerate(words)}), "utf-8")
    (folder / "tokenizer_config.json").write_text('{"source_lang": "ja", "target_lang": "en"}', "utf-8")
    return MarianTokenizer.from_pretrained(folder, local_files_only=True)


def build_model(tokenizer):
    size, pad = len(tokenizer.get_vocab()), tokenizer.pad_token_id
    torch.manual_seed(0)
    return MarianMTModel(
        MarianConfig(
            vocab_size=size,
            d_model=32,
            encoder_layers=1,
            decoder_layers=1,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=64,
            decoder_ffn_dim=64,
            max_position_embeddings=64,
            dropout=0.0,
            pad_token_id=pad,
            eos_token_id=tokenizer.eos_token_id,
            decoder_start_token_id=pad,
            forced_eos_token_id=None,
        )
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("marian")
    tokenizer = build_tokenizer(home)
    model = build_model(tokenizer)
    batch = tokenizer(list(PAIRS), text_target=list(PAIRS.values()), return_tensors="pt", padding=True)
    batch["labels"][batch["labels"] == tokenizer.pad_token_id] = -100
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(150):
        loss = model(**batch).loss
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.save_pretrained(home)
    return home


@pytest.fixture
def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


class TestTranslating:
    def test_it_says_what_it_learned_in_the_order_asked(self, folder):
        translator = MarianTranslator(folder, num_beams=2)
        texts = ["青い猫", "", "赤い車", "森の中の家"] * 6
        assert translator.translate(texts) == [PAIRS.get(text, "") for text in texts]

    def test_its_version_is_the_content_of_the_folder(self, folder):
        translator = MarianTranslator(folder)
        assert (translator.name, translator.version) == ("marian", hash_model(folder))

    def test_prompt_syntax_goes_around_it(self, folder):
        text = "(赤い車:1.2), blue <lora:ink:0.8>"
        assert translate_around_syntax([text], MarianTranslator(folder)) == ["(a red car:1.2), blue <lora:ink:0.8>"]

    def test_both_translators_fill_the_same_seam(self, folder):
        translators: list[Translator] = [MarianTranslator(folder), VocabularyTranslator(Vocabulary(load_terms()))]
        assert [translator.translate(["赤い車"]) for translator in translators] == [["a red car"], ["a red car"]]

    def test_a_text_over_its_length_is_refused_and_not_cut(self, folder):
        with pytest.raises(EngineError) as caught:
            MarianTranslator(folder).translate(["赤い車" * 100])
        assert caught.value.code == "translation_too_long"


class TestRefusals:
    def refused(self, folder):
        with pytest.raises(ModelError) as caught:
            MarianTranslator(folder)
        return caught.value.code

    @pytest.mark.parametrize("name", ["config.json", "source.spm", "vocab.json", "model.safetensors"])
    def test_a_missing_file_is_named(self, copy, name):
        (copy / name).unlink()
        assert self.refused(copy) == "component_missing"

    def test_pickled_weights_are_refused(self, copy):
        (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
        assert self.refused(copy) == "unsafe_format"

    def test_another_kind_of_model_is_refused(self, copy):
        config = json.loads((copy / "config.json").read_text("utf-8"))
        (copy / "config.json").write_text(json.dumps({**config, "model_type": "t5"}), "utf-8")
        assert self.refused(copy) == "translator_unsupported"

    def test_weights_of_another_size_are_refused(self, copy):
        weights = load_file(copy / "model.safetensors")
        changed = {name: torch.zeros(3, 3) if tensor.ndim == 2 else tensor for name, tensor in weights.items()}
        save_file(changed, copy / "model.safetensors", metadata={"format": "pt"})
        assert self.refused(copy) == "weights_mismatched"

    def test_a_missing_weight_is_refused_by_name(self, copy):
        weights = load_file(copy / "model.safetensors")
        del weights["model.decoder.layers.0.fc1.weight"]
        save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(ModelError) as caught:
            MarianTranslator(copy)
        assert (caught.value.code, caught.value.params["component"]) == ("weights_missing", "translator")
        assert caught.value.params["tensors"] == ["model.decoder.layers.0.fc1.weight"]

    @pytest.mark.parametrize("name", ["source.spm", "vocab.json"])
    def test_a_damaged_tokenizer_is_refused(self, copy, name):
        (copy / name).write_bytes(b"\x00garbage")
        assert self.refused(copy) == "component_broken"
