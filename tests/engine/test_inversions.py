"""A Textual Inversion is one word of any number of vectors, in every layout that people share it in."""

import pytest
import torch
from safetensors.torch import save_file

from engine.errors import ModelError
from engine.headers import read_header
from engine.inversions import read_word
from tests.engine.adapter_material import random
from tests.engine.bench import ref
from tests.engine.test_architectures import make_engine, make_spec
from tests.engine.test_render import ignore
from tests.engine.tiny import build_folder

KIND = "textual_inversion"


def write(path, tensors, word=None):
    save_file(tensors, path, {"modelspec.trigger_phrase": word} if word else None)
    return path


@pytest.mark.parametrize("key", ["<zk>", "emb_params", "*", "zk"])
def test_every_layout_teaches_the_same_word(key, bench, tmp_path):
    own = write(tmp_path / "own", {"emb_params": random(3, 128, scale=1.0)}, "<zk>")
    other = write(tmp_path / "other", {key: random(3, 128, scale=1.0)})
    taught = bench.draw(ref(KIND, bench.add(own)), prompt="a <zk> car")
    word = "" if key == "<zk>" else "<zk>"
    assert bench.draw(ref(KIND, bench.add(other), word=word), prompt="a <zk> car") == taught
    assert bench.draw(prompt="a <zk> car") != taught


def test_the_word_stands_for_all_its_vectors(bench, tmp_path):
    """Three words of one vector each, said one after the other, are the one word of three."""
    rows = random(3, 128, scale=1.0)
    whole = ref(KIND, bench.add(write(tmp_path / "whole", {"<zk>": rows})))
    singles = [
        ref(KIND, bench.add(write(tmp_path / f"part{index}", {name: rows[index : index + 1].clone()})))
        for index, name in enumerate(("zkone", "zktwo", "zkmoon"))
    ]
    assert bench.draw(whole, prompt="a <zk> car") == bench.draw(*singles, prompt="a zkone zktwo zkmoon car")
    assert bench.draw(whole, prompt="a <zk>, car") == bench.draw(*singles, prompt="a zkone zktwo zkmoon, car")
    assert bench.draw(whole, prompt="a (<zk>:1.3) car") == bench.draw(*singles, prompt="a (zkone zktwo zkmoon:1.3) car")
    assert bench.draw(whole, prompt="<zk> and <zk>") == bench.draw(
        *singles, prompt="zkone zktwo zkmoon and zkone zktwo zkmoon"
    )


def test_a_word_that_begins_like_another_is_another(bench, tmp_path):
    one = ref(KIND, bench.add(write(tmp_path / "one", {"zkink": random(2, 128, scale=1.0)})))
    two = ref(KIND, bench.add(write(tmp_path / "two", {"zkinks": random(2, 128, seed=1, scale=1.0)})))
    assert bench.draw(one, two, prompt="a zkinks car") == bench.draw(two, prompt="a zkinks car")
    assert bench.draw(one, two, prompt="a zkink car") == bench.draw(one, prompt="a zkink car")


def test_the_weight_is_how_strongly_the_word_is_read(bench, tmp_path):
    sha256 = bench.add(write(tmp_path / "word", {"zkink": random(2, 128, scale=1.0)}))
    half = bench.draw(ref(KIND, sha256, 0.5), prompt="a zkink car")
    assert half == bench.draw(ref(KIND, sha256), prompt="a (zkink:0.5) car")
    assert bench.draw(ref(KIND, sha256, 0.5), prompt="a red car") == bench.draw(prompt="a red car")


def test_the_recipes_word_is_stronger_than_the_files(bench, tmp_path):
    sha256 = bench.add(write(tmp_path / "word", {"emb_params": random(2, 128, scale=1.0)}, "zkink"))
    named = bench.draw(ref(KIND, sha256, word="zkmoon"), prompt="a zkmoon car")
    assert named == bench.draw(ref(KIND, sha256), prompt="a zkink car")
    assert bench.draw(ref(KIND, sha256, word="zkmoon"), prompt="a zkink car") == bench.draw(prompt="a zkink car")


def test_a_word_is_found_in_capitals_and_at_the_end_of_a_sentence(bench, tmp_path):
    adapter = ref(KIND, bench.add(write(tmp_path / "word", {"ZKink": random(2, 128, scale=1.0)})))
    assert bench.draw(adapter, prompt="a ZKINK car") == bench.draw(adapter, prompt="a zkink car")
    assert bench.draw(adapter, prompt="zkink.") != bench.draw(prompt="zkink.")


@pytest.mark.parametrize(
    ("tensors", "word", "expected"),
    [
        ({"<zk>": torch.zeros(1, 4)}, None, "<zk>"),
        ({"emb_params": torch.zeros(1, 4)}, "zkink", "zkink"),
        ({"<zk>": torch.zeros(1, 4)}, "zkink", "zkink"),
        ({"clip_l": torch.zeros(1, 4), "clip_g": torch.zeros(1, 4)}, None, "moody"),
        ({"*": torch.zeros(1, 4)}, " ", "moody"),
    ],
)
def test_what_a_file_calls_its_word(tensors, word, expected, tmp_path):
    path = write(tmp_path / "moody.safetensors", tensors, word)
    assert read_word(path, read_header(path)) == expected


@pytest.mark.parametrize(
    ("tensors", "code"),
    [
        ({"<one>": torch.zeros(1, 128), "<two>": torch.zeros(1, 128)}, "embedding_several"),
        ({"emb_params": torch.zeros(1, 128), "other": torch.zeros(1)}, "embedding_several"),
        ({"emb_params": torch.zeros(2, 2, 128)}, "adapter_mismatch"),
        ({"emb_params": torch.full((1, 128), float("nan"))}, "adapter_broken"),
        ({"emb_params": torch.zeros(0, 128)}, "adapter_broken"),
    ],
)
def test_what_is_no_word_is_refused(tensors, code, bench, tmp_path):
    bad = bench.add(write(tmp_path / "zkbad", tensors))
    with pytest.raises(ModelError) as caught:
        bench.draw(ref(KIND, bad))
    assert caught.value.code == code


@pytest.mark.parametrize(
    "tensors",
    [
        {"emb_params": torch.zeros(1, 32)},
        {"clip_l": torch.zeros(1, 32), "clip_g": torch.zeros(2, 32)},
        {"clip_l": torch.zeros(1, 768), "clip_g": torch.zeros(1, 1280)},
    ],
)
def test_sdxl_refuses_what_only_half_of_it_could_read(tensors, tmp_path):
    engine, (base, word) = make_engine(build_folder("sdxl", tmp_path / "m"), write(tmp_path / "zk", tensors))
    with pytest.raises(ModelError) as caught:
        engine.render(make_spec("sdxl", base, adapters=(ref(KIND, word),)), ignore)
    assert caught.value.code == "adapter_mismatch"


def test_two_words_of_one_name_are_refused(bench, tmp_path):
    files = [bench.add(write(tmp_path / f"w{seed}", {"zkink": random(1, 128, seed=seed)})) for seed in (0, 1)]
    with pytest.raises(ModelError) as caught:
        bench.draw(*(ref(KIND, sha256) for sha256 in files))
    assert (caught.value.code, caught.value.params["token"]) == ("adapter_token_taken", "zkink")
