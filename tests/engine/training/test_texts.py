"""Captions vary only as they are asked to."""

from pathlib import Path

from engine.training.texts import Captions
from engine.training.values import TrainingItem

from .stage import spec_of

CAPTION = "sks, a red ball, on a beach, at dawn, poster style"


def item(caption: str, number: int = 0) -> TrainingItem:
    return TrainingItem(path=Path(f"{number}.png"), sha256=f"{number:064d}", caption=caption)


def test_kept_phrases_stay_in_front_and_the_others_move():
    spec = spec_of("lora", shuffle_caption=True, caption_variants=8, keep_tokens=2)
    captions = Captions.of([item(CAPTION)], spec)
    told = [captions.texts[place].split(", ") for place in captions.variants[0]]
    assert told[0] == CAPTION.split(", ")
    assert all(each[:2] == ["sks", "a red ball"] for each in told)
    assert all(sorted(each) == sorted(CAPTION.split(", ")) for each in told)
    assert len({tuple(each) for each in told}) > 2


def test_without_shuffling_there_is_one_variant():
    captions = Captions.of([item(CAPTION)], spec_of("lora", caption_variants=8))
    assert captions.texts == ("", CAPTION)


def test_so_many_captions_are_left_out():
    captions = Captions.of([item(CAPTION)], spec_of("lora"))
    spec = spec_of("lora", caption_dropout=0.25)
    dropped = sum(captions.choose([0], spec, step) == [0] for step in range(800))
    assert 150 < dropped < 250
    assert all(captions.choose([0], spec_of("lora"), step) == [1] for step in range(50))


def test_captions_of_pictures_that_are_apart():
    spec = spec_of("lora", shuffle_caption=True, caption_variants=4)
    captions = Captions.of([item(f"{CAPTION} {number}", number) for number in range(10)] + [item("", 10)], spec)
    assert captions.spread(5) == [f"{CAPTION} {number}" for number in (0, 2, 4, 6, 8)]
    assert len(captions.spread(99)) == 10
    assert Captions.of([item("")], spec).spread(4) == []
