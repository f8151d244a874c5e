"""The page says of each lever what the learning bench has measured."""

import json
from pathlib import Path

import pytest

from benchmarks.learning_figures import mean
from training.field_words import help_of
from training.measured import EFFECTS, WORDS, effect_words

RESULTS = json.loads((Path(__file__).parents[2] / "benchmarks/results/learning.json").read_text("utf-8"))
ARMS = {
    "random_flip": "flip",
    "rotation_degrees": "rotation by up to 10°",
    "crop_scale": "crops of 80 %",
    "color_jitter": "color jitter 0.1",
    "weight_decay": "weight decay 0.1",
    "lora_dropout": "dropout 0.2",
    "l1_weight": "L1 0.1",
    "ema_decay": "averaged weights 0.99",
    "caption_dropout": "caption dropout 0.1",
}


def ends_of(arm: str) -> dict[int, float]:
    """Return the held-out change at the end of an arm's trainings, by seed."""
    rows = [row for key, row in RESULTS.items() if key.startswith(f"levers/{arm}/")]
    return {row["seed"]: row["curve"][-1][1] for row in rows}


def measured(arm: str) -> str:
    """Return what a lever did: an effect is one whose 95 % interval over seeds leaves 0 out."""
    plain = ends_of("as it is")
    differences = [end - plain[seed] for seed, end in ends_of(arm).items()]
    effect = mean(differences) if len(differences) > 1 else None
    if effect is None or effect.low <= 0 <= effect.high:
        return "none"
    return "better" if effect.high < 0 else "worse"


@pytest.mark.parametrize("field", EFFECTS)
def test_a_lever_is_said_to_do_what_it_was_measured_to_do(field):
    assert measured(ARMS[field]) == EFFECTS[field]
    assert effect_words(field) in help_of(field)
    assert str(WORDS[EFFECTS[field]]) == effect_words(field)


def test_other_fields_claim_nothing():
    assert effect_words("seed") == ""
    assert not any(str(words) in help_of("seed") for words in WORDS.values())
