"""Pictures come to their bucket upright and whole, and vary by their own seed alone."""

import hashlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.errors import EngineError
from engine.training.buckets import Bucket, Plan, choose_bucket, list_buckets, plan_epoch
from engine.training.pictures import Augmentation, fit_picture, open_picture, turn, vary_picture
from engine.training.values import TrainingItem

SIZE = Bucket(width=64, height=64)


def item_of(path):
    return TrainingItem(path=path, sha256=hashlib.sha256(path.read_bytes()).hexdigest(), caption="")


@pytest.fixture
def picture():
    values = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    return Image.fromarray(values)


@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from([64, 128, 512, 768, 1024]))
def test_a_bucket_is_no_larger_than_the_resolution_and_has_even_sides(width, height, resolution):
    bucket = choose_bucket(width, height, resolution=resolution)
    assert bucket in list_buckets(resolution)
    assert bucket.width * bucket.height <= resolution**2
    assert bucket.width % 8 == bucket.height % 8 == 0
    assert 0.5 <= bucket.width / bucket.height <= 2


def test_shapes_find_their_buckets():
    assert choose_bucket(100, 100, resolution=512) == Bucket(width=512, height=512)
    assert choose_bucket(400, 200, resolution=512) == Bucket(width=640, height=384)
    assert choose_bucket(200, 400, resolution=512, is_square=True) == Bucket(width=512, height=512)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=3), st.integers(1, 5), st.integers(0, 3))
def test_every_picture_comes_in_every_epoch_and_no_batch_mixes_sizes(sizes, batch_size, epoch):
    rows, start = {}, 0
    for place, size in enumerate(sizes):
        rows[Bucket(width=64 + 8 * place, height=64)] = tuple(range(start, start + size))
        start += size
    batches = plan_epoch(rows, batch_size=batch_size, seed=1, epoch=epoch)
    assert {row for batch in batches for row in batch} == set(range(start))
    assert all(len(batch) == batch_size for batch in batches)
    assert all(any(set(batch) <= set(each) for each in rows.values()) for batch in batches)
    plan = Plan(rows, batch_size=batch_size, seed=1)
    assert [plan.batch(epoch * plan.per_epoch + place) for place in range(plan.per_epoch)] == batches


def test_a_turned_camera_is_turned_back(tmp_path, picture):
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(path, exif=exif)
    assert open_picture(item_of(path)).size == (90, 120)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA"])
def test_every_mode_becomes_rgb(tmp_path, picture, mode):
    path = tmp_path / "other.png"
    picture.convert(mode).save(path)
    assert open_picture(item_of(path)).mode == "RGB"


def test_a_picture_that_is_gone_is_named(tmp_path):
    with pytest.raises(EngineError) as refused:
        open_picture(TrainingItem(path=tmp_path / "gone.png", sha256="0" * 64, caption=""))
    assert (refused.value.code, refused.value.params["file"]) == ("picture_missing", "gone.png")


def test_a_variant_is_the_same_every_time_and_others_differ(picture):
    augmentation = Augmentation(random_flip=True, rotation_degrees=10, crop_scale=0.7, color_jitter=0.2)

    def vary(seed, sha256, variant):
        made = vary_picture(picture, SIZE, augmentation, seed=seed, sha256=sha256, variant=variant)
        assert made.size == (64, 64)
        return made.tobytes()

    assert vary(0, "a", 0) == vary(0, "a", 0)
    assert len({vary(*key) for key in [(0, "a", 0), (0, "a", 1), (1, "a", 0), (0, "b", 0)]}) == 4


@pytest.mark.parametrize(
    "changes", [{"random_flip": True}, {"rotation_degrees": 10}, {"crop_scale": 0.7}, {"color_jitter": 0.2}]
)
def test_each_way_to_vary_does_so_by_itself(changes, picture):
    made = [
        vary_picture(picture, SIZE, Augmentation(**changes), seed=0, sha256="a", variant=variant).tobytes()
        for variant in range(8)
    ]
    assert len(set(made)) > 1


def test_without_augmentation_every_variant_is_the_middle(picture):
    made = vary_picture(picture, SIZE, Augmentation(), seed=3, sha256="a", variant=5)
    assert made.tobytes() == fit_picture(picture, SIZE).tobytes()


@pytest.mark.parametrize("degrees", [-30, -5, 5, 44])
def test_a_turn_leaves_no_empty_corners(degrees):
    white = Image.new("RGB", (200, 120), "white")
    assert np.asarray(turn(white, degrees)).min() > 250


def test_tensors_run_from_minus_one_to_one():
    from engine.training.pictures import as_tensor

    black_and_white = Image.new("RGB", (2, 1))
    black_and_white.putpixel((1, 0), (255, 255, 255))
    tensor = as_tensor(black_and_white)
    assert tensor.shape == (3, 1, 2)
    assert torch.equal(tensor[0, 0], torch.tensor([-1.0, 1.0]))
