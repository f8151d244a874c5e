"""One vocabulary serves the web process and the workers, wherever they were told to keep it."""

import shutil

import pytest
from django.conf import settings as django_settings

from assets.models import ModelFile
from engine.errors import ModelError
from engine.headers import hash_model
from engine.render import Engine
from engine.starter import WEIGHTS
from engine.tokenizer_places import find_tokenizer, has_tokenizer, lacks_tokenizer
from generation.sentences import sentence
from generation.token_meter import tokens_of
from generation.tokens import count_tokens
from tests.engine.ldm import write_single_file
from tests.engine.test_architectures import build_large_enough, make_spec
from tests.engine.test_render import ignore

PLACES = ["clip", ".", "tokenizer", "clip/tokenizer"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    home = tmp_path_factory.mktemp("single")
    return write_single_file(build_large_enough("sd1", home / "m"), "sd1", home / "checkpoint.safetensors")


def draw(file, tokenizers):
    engine = Engine(lambda _hash: file, memory_budget_bytes=10**9, device="cpu", threads=1, tokenizers=tokenizers)
    return engine.render(make_spec("sd1", hash_model(file)), ignore).pixels_sha256


@pytest.mark.parametrize("place", PLACES)
def test_the_meter_and_the_worker_read_the_same_place(place, checkpoint, tmp_path, settings):
    settings.TOKENIZERS_ROOT = tmp_path / "tokenizers"
    model = ModelFile(layout="single", architecture="sd1", path=str(checkpoint))
    assert tokens_of(model, "a red cat") == ()
    assert lacks_tokenizer("sd1", "single", django_settings.TOKENIZERS_ROOT)
    with pytest.raises(ModelError):
        draw(checkpoint, settings.TOKENIZERS_ROOT)
    shutil.copytree(WEIGHTS / "tokenizer", settings.TOKENIZERS_ROOT / place)
    assert tokens_of(model, "a red cat") == (count_tokens(WEIGHTS, "a red cat"),)
    assert not lacks_tokenizer("sd1", "single", settings.TOKENIZERS_ROOT)
    assert draw(checkpoint, settings.TOKENIZERS_ROOT)


def test_where_two_places_are_filled_both_read_the_one_that_workers_always_read(tmp_path):
    for place in PLACES:
        shutil.copytree(WEIGHTS / "tokenizer", tmp_path / place, dirs_exist_ok=True)
    assert find_tokenizer(tmp_path) == tmp_path
    assert count_tokens(tmp_path, "cat") == count_tokens(WEIGHTS, "cat")


@pytest.mark.parametrize("names", [["vocab.json"], ["merges.txt"], ["tokenizer_config.json"], []])
def test_half_a_tokenizer_is_none(names, tmp_path):
    for name in names:
        (tmp_path / name).write_text("{}")
    assert not has_tokenizer(tmp_path)


@pytest.mark.parametrize(
    ("architecture", "layout", "lacks"),
    [("sd2", "single", True), ("sdxl", "single", True), ("sdxl", "diffusers", False), ("flux", "single", False)],
)
def test_only_single_files_that_can_be_drawn_with_need_one(architecture, layout, lacks, tmp_path):
    assert lacks_tokenizer(architecture, layout, tmp_path) is lacks
    assert lacks_tokenizer(architecture, layout, None) is lacks


def test_the_failure_says_what_to_do(checkpoint, tmp_path):
    with pytest.raises(ModelError) as caught:
        draw(checkpoint, tmp_path)
    assert "TOKENIZERS_ROOT/clip" in sentence(caught.value.code, caught.value.params)
