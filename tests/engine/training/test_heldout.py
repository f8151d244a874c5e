"""The held-out loss is the same number whenever it is asked, and the verdict follows from the curve."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.training.heldout import spread_evenly
from engine.training.memorization import share_memorized
from engine.training.verdicts import Stopper, change_of, judge_curve

from .stage import learn, material_of, spec_of


def test_it_is_bit_identical_on_repeat_and_for_any_batch_size(items, tmp_path):
    still = {"learning_rate": 0.0, "max_train_steps": 2, "validation_steps": 1}
    curves = [
        learn(spec_of("lora", train_batch_size=size, **still), material_of(items), tmp_path / str(size))[0].curve
        for size in (1, 3)
    ]
    points = [(each.held_out_loss, each.train_loss) for curve in curves for each in curve]
    assert len(points) == 6
    assert len(set(points)) == 1


def test_a_pictures_loss_does_not_depend_on_the_others(items, tmp_path):
    alone, _ = learn(spec_of("lora", max_train_steps=1), material_of(items[:5], held_out=1), tmp_path / "one")
    twice, _ = learn(spec_of("lora", max_train_steps=1), material_of(items[:5], held_out=2), tmp_path / "two")
    other, _ = learn(
        spec_of("lora", max_train_steps=1), material_of([items[1], items[0], *items[2:5]], held_out=1), tmp_path / "b"
    )
    both = (alone.curve[0].held_out_loss + other.curve[0].held_out_loss) / 2
    assert twice.curve[0].held_out_loss == pytest.approx(both, rel=1e-12)


def test_timesteps_lie_in_the_middles_of_equal_parts():
    assert spread_evenly(4, 1000) == [125, 375, 625, 875]


def losses(*means, pictures=8, noise=0.02, seed=0):
    """Return made-up losses of several looks: the same pictures, each look at another mean."""
    rng = np.random.default_rng(seed)
    own = rng.uniform(0.8, 1.2, (pictures, 16, 2))
    return [own * mean + rng.normal(0, noise, own.shape) for mean in means]


@given(st.floats(0.5, 2.0))
@settings(max_examples=20)
def test_a_change_is_a_share_of_the_loss_before(factor):
    [before] = losses(1.0)
    change = change_of(before * factor, before)
    assert change.low <= change.mean <= change.high
    assert change.mean == pytest.approx(factor - 1, abs=1e-9)


def test_every_timestep_counts_alike():
    before = np.ones((6, 2, 1))
    before[:, 1] = 1000.0
    now = before.copy()
    now[:, 0] = 0.5
    assert change_of(now, before).mean == pytest.approx(-0.25)


def test_a_few_pictures_still_have_an_interval():
    before, now = losses(1.0, 0.9, pictures=2)
    change = change_of(now, before)
    assert change.low < change.mean < change.high < 0


@pytest.mark.parametrize(
    ("held_out", "train", "verdict"),
    [
        ((1.0, 0.9, 0.8, 0.7), (1.0, 0.9, 0.8, 0.7), ("still_learning", 30)),
        ((1.0, 0.8, 0.7, 0.7, 0.7, 0.7), (1.0, 0.8, 0.7, 0.69, 0.68, 0.67), ("best_at", None)),
        ((1.0, 0.8, 0.5, 0.51, 0.51), (1.0, 0.8, 0.5, 0.4, 0.3), ("best_at", 20)),
        ((1.0, 0.8, 0.7, 0.9, 1.1), (1.0, 0.8, 0.6, 0.4, 0.3), ("overfitting_since", 30)),
        ((1.0, 1.3, 1.6), (1.0, 0.7, 0.4), ("overfitting_since", 10)),
        ((1.0, 1.0, 1.0), (1.0, 1.0, 1.0), ("learned_nothing", 20)),
        ((1.0, 1.2, 1.4), (1.0, 1.2, 1.4), ("learned_nothing", 20)),
    ],
)
def test_the_verdict_says_what_the_curve_shows(held_out, train, verdict):
    steps = [10 * place for place in range(len(held_out))]
    code, step = judge_curve(steps, losses(*held_out, noise=0.005), losses(*train, noise=0.005))
    assert code == verdict[0]
    assert verdict[1] is None or step == verdict[1]


def test_nothing_measured_is_said_so():
    assert judge_curve([], [], []) == ("not_measured", 0)


def test_it_waits_out_a_lucky_dip():
    stopper = Stopper(2)
    looks = losses(1.0, 0.7, 0.6999, 0.7001, noise=0.01)
    assert [stopper.look(each, 10 * place) for place, each in enumerate(looks)][:2] == [False, True]
    assert stopper.is_over
    assert stopper.best_step in (10, 20, 30)


def test_where_all_is_worse_the_least_bad_step_is_the_best():
    stopper = Stopper(0)
    for place, each in enumerate(losses(1.0, 1.1, 1.3, 1.2)):
        stopper.look(each, 10 * place)
    assert stopper.best_step == 10


def test_it_never_stops_without_patience():
    stopper = Stopper(0)
    for place, each in enumerate(losses(1.0, 1.0, 1.0, 1.0)):
        stopper.look(each, place)
    assert not stopper.is_over


def test_copies_are_memorized_and_new_pictures_are_not():
    generator = torch.Generator().manual_seed(0)
    real = [torch.randn(4, 16, 16, generator=generator) for _ in range(10)]
    new = [torch.randn(4, 16, 16, generator=generator) for _ in range(4)]
    copies = [real[0] + 0.01, real[1].flip(2)]
    assert share_memorized(real, copies) == 1.0
    assert share_memorized(real, [*copies, *new]) == pytest.approx(2 / 6)
    assert share_memorized(real[:5], copies) is None
