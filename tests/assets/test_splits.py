"""Training and validation hold all pictures, and no near duplicate of one is on the other side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.splits import SplitError, split

keys_and_clusters = st.integers(2, 60).flatmap(
    lambda count: st.tuples(
        st.just([f"k{number}" for number in range(count)]),
        st.lists(st.sets(st.integers(0, count + 3).map("k{}".format), max_size=6), max_size=12),
    )
)
shares = st.floats(0.01, 0.99)


@given(keys_and_clusters, st.integers(), shares)
def test_both_sides_are_all_pictures_and_share_none(drawn, seed, share):
    keys, clusters = drawn
    found = split(keys, clusters, seed=seed, validation_share=share)
    assert sorted((*found.train, *found.validation)) == sorted(keys)
    assert not set(found.train) & set(found.validation)


@given(keys_and_clusters, st.integers(), shares)
def test_no_cluster_stands_on_both_sides(drawn, seed, share):
    keys, clusters = drawn
    found = split(keys, clusters, seed=seed, validation_share=share)
    for cluster in clusters:
        assert not (cluster & set(found.train) and cluster & set(found.validation))


@given(keys_and_clusters, st.integers(), shares, st.randoms())
def test_order_does_not_matter_and_the_seed_decides(drawn, seed, share, random):
    keys, clusters = drawn
    found = split(keys, clusters, seed=seed, validation_share=share)
    mixed_keys, mixed_clusters = keys[:], [sorted(cluster) for cluster in clusters]
    for each in (mixed_keys, mixed_clusters, *mixed_clusters):
        random.shuffle(each)
    assert split(mixed_keys, mixed_clusters, seed=seed, validation_share=share) == found


@pytest.mark.parametrize("share", [0.1, 0.15])
def test_single_pictures_split_at_every_size(share):
    for count in range(2, 501):
        keys = {f"k{number}" for number in range(count)}
        found = split(keys, [], seed=count, validation_share=share)
        train, validation = set(found.train), set(found.validation)
        assert train | validation == keys, count
        assert not train & validation, count
        assert len(validation) == len(found.validation) == max(1, round(count * share)), count
        assert len(train) == len(found.train) == count - len(validation) > 0, count


@given(keys_and_clusters, st.integers(), shares)
def test_both_sides_hold_a_picture_unless_all_are_one_cluster(drawn, seed, share):
    keys, clusters = drawn
    found = split(keys, clusters, seed=seed, validation_share=share)
    linked = {keys[0]}
    for _ in keys:
        linked |= {key for cluster in clusters if cluster & linked for key in cluster}
    assert found.train
    assert bool(found.validation) is not (set(keys) <= linked)


def test_seeds_differ():
    keys = [f"k{number}" for number in range(40)]
    assert len({split(keys, [], seed=seed, validation_share=0.2) for seed in range(20)}) == 20


def test_clusters_that_touch_are_one_even_through_an_absent_picture():
    found = split(["a", "b", "c"], [{"a", "x"}, {"x", "b"}], seed=1, validation_share=0.34)
    assert found.validation == ("c",)


def test_where_every_cluster_is_too_large_the_smallest_is_held_out():
    keys = [f"k{number}" for number in range(10)]
    found = split(keys, [keys[:4], keys[4:]], seed=3, validation_share=0.1)
    assert found.validation == tuple(keys[:4])


@pytest.mark.parametrize("keys", [[], ["a"]])
def test_fewer_than_two_pictures_are_all_for_training(keys):
    assert split(keys, [], seed=1, validation_share=0.5).train == tuple(keys)


@pytest.mark.parametrize(
    ("keys", "share", "code"),
    [
        (["a", "b"], 0, "split_share_unfit"),
        (["a", "b"], 1, "split_share_unfit"),
        (["a", "b"], float("nan"), "split_share_unfit"),
        (["a", "a"], 0.5, "split_key_twice"),
    ],
)
def test_a_split_that_cannot_be_is_refused(keys, share, code):
    with pytest.raises(SplitError) as caught:
        split(keys, [], seed=1, validation_share=share)
    assert caught.value.code == code
