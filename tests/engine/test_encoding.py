"""Prompts become embeddings: diffusers' own for plain ones, and with weights, length and clip skip beyond."""

import pytest
import torch

from engine.encoding import EmbeddingCache, Encoded, encode_prompts
from engine.folders import load_folder
from engine.headers import detect_architecture
from engine.models import Resident
from engine.starter import WEIGHTS
from tests.engine.test_limits import GOOD
from tests.engine.tiny import build_folder

CPU = torch.device("cpu")
LONG = ", ".join(["a red car on a beach under the golden sunset light"] * 20)


def load(folder):
    detected = detect_architecture(folder)
    loaded = load_folder(folder, detected, device=CPU, dtype=torch.float32)
    return Resident(sha256="", architecture=detected.architecture, loaded=loaded, bytes=0).build_pipeline(None, None)


@pytest.fixture(scope="module")
def starter():
    return load(WEIGHTS)


@pytest.fixture(scope="module")
def tiny_xl(tmp_path_factory):
    return load(build_folder("sdxl", tmp_path_factory.mktemp("xl") / "m"))


@torch.no_grad()
def encode(pipeline, **changes):
    return encode_prompts(pipeline, GOOD.replace(**changes), EmbeddingCache())


@torch.no_grad()
def test_a_plain_prompt_is_encoded_as_diffusers_does(starter):
    ours = encode(starter, prompt="a red car, on a beach", negative_prompt="blurry")
    theirs = starter.encode_prompt("a red car, on a beach", CPU, 1, True, "blurry")
    assert torch.equal(ours["prompt_embeds"], theirs[0])
    assert torch.equal(ours["negative_prompt_embeds"], theirs[1])


@torch.no_grad()
@pytest.mark.parametrize("clip_skip", [0, 1])
def test_sdxl_is_encoded_as_diffusers_does(clip_skip, tiny_xl):
    ours = encode(tiny_xl, architecture="sdxl", prompt="a red car", negative_prompt="noisy", clip_skip=clip_skip)
    theirs = tiny_xl.encode_prompt("a red car", device=CPU, clip_skip=clip_skip or None)
    assert torch.equal(ours["prompt_embeds"], theirs[0])
    assert torch.equal(ours["pooled_prompt_embeds"], theirs[2])
    plain = tiny_xl.encode_prompt("noisy", device=CPU, clip_skip=clip_skip or None)
    assert torch.equal(ours["negative_prompt_embeds"], plain[0])
    assert torch.equal(ours["negative_pooled_prompt_embeds"], plain[2])


@torch.no_grad()
def test_clip_skip_leaves_out_the_last_layers(starter):
    tokens = starter.tokenizer("a red car", padding="max_length", return_tensors="pt").input_ids
    states = starter.text_encoder(tokens, output_hidden_states=True).hidden_states
    ours = encode(starter, prompt="a red car", clip_skip=2)["prompt_embeds"]
    assert torch.equal(ours, starter.text_encoder.final_layer_norm(states[-3]))


@torch.no_grad()
@pytest.mark.parametrize("architecture", ["sd3", "sd3_t5", "flux"])
def test_the_large_models_are_encoded_as_diffusers_does_without_weight_marks(architecture, tmp_path):
    pipeline = load(build_folder(architecture, tmp_path / "m"))
    ours = encode(pipeline, architecture=architecture[:4].rstrip("_"), prompt="a (red:1.4) car")
    theirs = pipeline.encode_prompt(
        prompt="a red car", prompt_2=None, **({} if "flux" in architecture else {"prompt_3": None})
    )
    assert torch.equal(ours["prompt_embeds"], theirs[0])
    assert torch.equal(ours["pooled_prompt_embeds"], theirs[1 if architecture == "flux" else 2])


def test_a_weight_of_one_changes_nothing(starter):
    plain, weighted = (encode(starter, prompt=text) for text in ("a red car", "a (red:1.0) car"))
    assert torch.equal(plain["prompt_embeds"], weighted["prompt_embeds"])


def test_a_weight_moves_its_own_tokens_only(starter):
    plain, weighted = (encode(starter, prompt=text)["prompt_embeds"] for text in ("a red car", "a (red:1.5) car"))
    changed = (plain != weighted).any(dim=-1)[0].nonzero().flatten().tolist()
    before = len(starter.tokenizer("a", add_special_tokens=False).input_ids)
    count = len(starter.tokenizer("red", add_special_tokens=False).input_ids)
    assert changed == list(range(1 + before, 1 + before + count))


def test_a_weight_of_zero_leaves_the_empty_prompt_in_the_words_place(starter):
    nothing, empty = (encode(starter, prompt=text)["prompt_embeds"] for text in ("(a red car:0)", ""))
    count = len(starter.tokenizer("a red car", add_special_tokens=False).input_ids)
    assert torch.allclose(nothing[:, : count + 1], empty[:, : count + 1], atol=1e-6)


def test_a_long_prompt_is_read_to_its_end(starter):
    ours = encode(starter, prompt=LONG, negative_prompt="blurry")
    chunks = ours["prompt_embeds"].shape[1] // 77
    assert chunks > 2
    assert ours["negative_prompt_embeds"].shape == ours["prompt_embeds"].shape
    other = encode(starter, prompt=LONG + ", blue")
    assert not torch.equal(other["prompt_embeds"], ours["prompt_embeds"])


def test_a_long_negative_prompt_is_met_by_padding(starter):
    ours = encode(starter, prompt="a red car", negative_prompt=LONG)
    assert ours["negative_prompt_embeds"].shape == ours["prompt_embeds"].shape
    empty = encode(starter, prompt="")["prompt_embeds"]
    assert torch.equal(ours["prompt_embeds"][:, 77:154], empty)


def test_chunks_are_cut_at_commas(starter):
    words = starter.tokenizer("red", add_special_tokens=False).input_ids
    text = ", ".join(["red"] * 60)
    cut = encode(starter, prompt=text)["prompt_embeds"]
    per_chunk = 75 // (len(words) + 1)
    first = ", ".join(["red"] * per_chunk) + ","
    assert torch.allclose(cut[:, :77], encode(starter, prompt=first)["prompt_embeds"], atol=1e-5)


def test_break_starts_a_new_chunk(starter):
    ours = encode(starter, prompt="a red car BREAK a blue fish")["prompt_embeds"]
    parts = [encode(starter, prompt=text)["prompt_embeds"] for text in ("a red car ", " a blue fish")]
    assert torch.equal(ours, torch.cat(parts, dim=1))


def test_the_cache_remembers_by_content_and_forgets_the_oldest():
    made = []

    def make(name, size=4):
        made.append(name)
        return Encoded(hidden=torch.zeros(1, size, 1))

    cache = EmbeddingCache(budget_bytes=40)
    for name in ("a", "b", "a", "c", "a", "b"):
        cache.get(name, lambda name=name: make(name))
    assert made == ["a", "b", "c", "b"]
    assert cache.bytes <= 40
    cache.clear()
    assert cache.bytes == 0


def test_the_cache_tells_recipes_apart(starter):
    cache = EmbeddingCache()
    with torch.no_grad():
        first = encode_prompts(starter, GOOD.replace(base_model="1" * 64), cache)
        again = encode_prompts(starter, GOOD.replace(base_model="1" * 64, seed=9, width=64), cache)
        skipped = encode_prompts(starter, GOOD.replace(base_model="1" * 64, clip_skip=1), cache)
    assert first["prompt_embeds"] is again["prompt_embeds"]
    assert not torch.equal(first["prompt_embeds"], skipped["prompt_embeds"])
