"""Cropping: the part lies inside the picture, keeps the target's shape, and loses no more than it must."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.curation.cropping import CropError, aspect_buckets, crop_plan

SIDES = st.sampled_from([512, 576, 640, 704, 768])


@pytest.mark.parametrize(
    ("size", "box", "factor", "lost"),
    [
        ((512, 512), (0, 0, 512, 512), 1.0, 0.0),
        ((1024, 512), (256, 0, 768, 512), 1.0, 0.5),
        ((1024, 2048), (0, 512, 1024, 1536), 0.5, 0.5),
        ((256, 256), (0, 0, 256, 256), 2.0, 0.0),
    ],
)
def test_a_square_comes_from_the_middle(size, box, factor, lost):
    plan = crop_plan(*size, side=512)
    assert (plan.left, plan.top, plan.right, plan.bottom) == box
    assert (plan.width, plan.height, plan.factor, plan.lost) == (512, 512, factor, lost)
    assert plan.enlarges is (factor > 1)


@pytest.mark.parametrize(
    ("size", "bucket"), [((3000, 2000), (640, 384)), ((900, 900), (512, 512)), ((100, 900), (256, 1024))]
)
def test_a_bucket_has_the_nearest_aspect(size, bucket):
    plan = crop_plan(*size, side=512, buckets=aspect_buckets(512))
    assert (plan.width, plan.height) == bucket


@given(SIDES)
def test_buckets_are_steps_of_64_at_the_area_of_the_square(side):
    buckets = aspect_buckets(side)
    assert (side, side) in buckets
    assert set(buckets) == {(height, width) for width, height in buckets}
    assert all(not width % 64 and not height % 64 and width * height <= side * side for width, height in buckets)


@given(st.integers(1, 6000), st.integers(1, 6000), SIDES, st.booleans())
def test_the_part_lies_inside_and_fills_the_target(width, height, side, bucketed):
    plan = crop_plan(width, height, side=side, buckets=aspect_buckets(side) if bucketed else None)
    assert 0 <= plan.left < plan.right <= width
    assert 0 <= plan.top < plan.bottom <= height
    assert (plan.right - plan.left) * plan.factor >= plan.width * (1 - 1e-9)
    assert (plan.bottom - plan.top) * plan.factor >= plan.height * (1 - 1e-9)
    assert (plan.right - plan.left == width) or (plan.bottom - plan.top == height)
    assert 0 <= plan.lost < 1


@given(st.integers(300, 6000), st.integers(300, 6000), SIDES)
def test_buckets_lose_no_more_than_the_square(width, height, side):
    square, bucket = (
        crop_plan(width, height, side=side),
        crop_plan(width, height, side=side, buckets=aspect_buckets(side)),
    )
    assert bucket.lost <= square.lost + 0.01


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: crop_plan(0, 10, side=512), "crop_size_unusable"),
        (lambda: crop_plan(10, 10, side=0), "crop_side_unusable"),
        (lambda: aspect_buckets(500), "crop_side_unusable"),
        (lambda: aspect_buckets(0), "crop_side_unusable"),
    ],
)
def test_impossible_crops_are_refused(call, code):
    with pytest.raises(CropError) as refused:
        call()
    assert refused.value.code == code
