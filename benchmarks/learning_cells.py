"""The cells of the learning benchmark in the order of their weight, and how each is measured."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from benchmarks.learning_concepts import STYLE, SUBJECT
from benchmarks.learning_runs import GUIDANCE, STEPS, Bench, Recipe, Row
from engine.training.values import Trained

# What the starter preset takes over: the rates and steps at which each method learns well here.
LORA = {"method": "lora", "learning_rate": 2e-3, "max_train_steps": 120, "train_batch_size": 4}
INVERSION = {"method": "textual_inversion", "learning_rate": 1e-2, "max_train_steps": 120, "train_batch_size": 4}
DREAMBOOTH = {"method": "dreambooth", "learning_rate": 1e-4, "max_train_steps": 200, "train_batch_size": 4}
DREAMBOOTH_LORA = {**LORA, "method": "dreambooth_lora"}
HYPERNETWORK = {"method": "hypernetwork", "learning_rate": 1e-3, "max_train_steps": 300, "train_batch_size": 4}
LOOK = {"validation_steps": 40, "validation_timesteps": 16, "validation_noises": 1}
# Weights that do not move are the same after any number of steps.
STILL = {"learning_rate": 0.0, "max_train_steps": 20}

SUBJECTS: Mapping[str, Recipe] = {
    "lora": Recipe(concept=SUBJECT, pictures=16, validation=4, spec={**LORA, **LOOK}),
    "textual_inversion": Recipe(
        concept=SUBJECT, pictures=16, validation=4, spec={**INVERSION, **LOOK, "validation_steps": 20}
    ),
    "dreambooth": Recipe(concept=SUBJECT, pictures=16, validation=4, spec={**DREAMBOOTH, **LOOK}),
    "dreambooth_lora": Recipe(concept=SUBJECT, pictures=16, validation=4, spec={**DREAMBOOTH_LORA, **LOOK}),
}
LOOKS: Mapping[str, Recipe] = {
    "lora": Recipe(concept=STYLE, pictures=16, validation=4, spec={**LORA, **LOOK}),
    "hypernetwork": Recipe(concept=STYLE, pictures=80, validation=16, spec={**HYPERNETWORK, **LOOK}),
}
# Among so many pictures of known things the trigger's captions say something only where they stand on their own.
MIXED = replace(SUBJECTS["lora"], others=112).change(max_train_steps=240)
PRIOR = replace(SUBJECTS["dreambooth"], concept=SUBJECT.within_class())
KEPT = {
    "with_prior_preservation": True,
    "sample_num_inference_steps": STEPS,
    "sample_guidance_scale": GUIDANCE,
}
FEW = Recipe(
    concept=SUBJECT, pictures=4, validation=4, spec={**LORA, **LOOK, "max_train_steps": 400, "validation_steps": 25}
)
PATIENCE = 3
LEVER = Recipe(
    concept=SUBJECT, pictures=8, fresh=32, spec={**LORA, **LOOK, "max_train_steps": 200, "validation_steps": 200}
)
LEVERS: Mapping[str, Recipe] = {
    "as it is": LEVER,
    "half the steps": LEVER.change(max_train_steps=100, validation_steps=100),
    "24 more pictures": replace(LEVER, pictures=32),
    "a third of the rate": LEVER.change(learning_rate=LORA["learning_rate"] / 3),
    "flip": LEVER.change(random_flip=True, cached_variants=4),
    "rotation by up to 10°": LEVER.change(rotation_degrees=10.0, cached_variants=4),
    "crops of 80 %": LEVER.change(crop_scale=0.8, cached_variants=4),
    "color jitter 0.1": LEVER.change(color_jitter=0.1, cached_variants=4),
    "weight decay 0.1": LEVER.change(weight_decay=0.1),
    "dropout 0.2": LEVER.change(lora_dropout=0.2),
    "L1 0.1": LEVER.change(l1_weight=0.1),
    "rank 4": LEVER.change(rank=4, lora_alpha=4.0),
    "averaged weights 0.99": LEVER.change(ema_decay=0.99),
    "caption dropout 0.1": LEVER.change(caption_dropout=0.1),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One result: an arm of an experiment with one seed, and what measures it."""

    experiment: str
    arm: str
    seed: int
    measure: Callable[[Bench, int], Row]

    @property
    def key(self) -> str:
        """Return the name under which the result is kept."""
        return f"{self.experiment}/{self.arm}/{self.seed}"


def list_cells(seeds: int) -> Iterator[Cell]:
    """Yield all cells, those that weigh most first."""
    for experiment, arms in EXPERIMENTS.items():
        for arm, measure in arms.items():
            for seed in range(seeds):
                yield Cell(experiment=experiment, arm=arm, seed=seed, measure=measure)


def draw_base(recipe: Recipe) -> Callable[[Bench, int], Row]:
    """Measure the base model with the same prompts and noise."""
    return lambda bench, seed: bench.judge_concept(recipe.concept, seed)


def learn(recipe: Recipe) -> Callable[[Bench, int], Row]:
    """Measure what is learnt of the concept, and that strength 0 draws the base model's very pictures."""

    def measure(bench: Bench, seed: int) -> Row:
        trained = bench.train(recipe, seed)
        adapter = bench.keep(trained, recipe)
        return {
            **bench.judge_concept(recipe.concept, seed, adapter),
            "strength_0_is_base": bench.draws_as_base(recipe.concept, seed, replace(adapter, weight=0.0)),
            **tell(trained),
        }

    return measure


def stand_still(recipe: Recipe) -> Callable[[Bench, int], Row]:
    """Measure a training of rate 0; where it draws the base model's very pictures, they are not drawn twice."""

    def measure(bench: Bench, seed: int) -> Row:
        trained = bench.train(recipe.change(**STILL), seed)
        adapter = bench.keep(trained, recipe)
        is_base = bench.draws_as_base(recipe.concept, seed, adapter)
        seen = bench.judge_concept(recipe.concept, seed, None if is_base else adapter)
        return {**seen, "draws_as_base": is_base, **tell(trained)}

    return measure


def learn_beside_class(recipe: Recipe) -> Callable[[Bench, int], Row]:
    """Measure what is learnt of the concept, and how far everything else moved."""

    def measure(bench: Bench, seed: int) -> Row:
        trained = bench.train(recipe, seed)
        adapter = bench.keep(trained, recipe)
        concept = bench.judge_concept(recipe.concept, seed, adapter)
        return {**concept, **bench.judge_drift(recipe.concept, seed, adapter), **tell(trained)}

    return measure


def follow(recipe: Recipe) -> Callable[[Bench, int], Row]:
    """Measure the held-out curve alone."""
    return lambda bench, seed: tell(bench.train(recipe, seed))


def tell(trained: Trained) -> Row:
    """Return what is kept of a training."""
    curve = [
        [each.step, *(round(x, 5) for x in (each.held_out.mean, each.held_out.low, each.held_out.high))]
        for each in trained.curve
    ]
    return {
        "step": trained.step,
        "last_step": trained.last_step,
        "reason": trained.reason,
        "verdict": trained.verdict,
        "curve": curve,
        "train_curve": [[each.step, round(each.train.mean, 5)] for each in trained.curve],
        "train_seconds": round(trained.train_seconds, 1),
    }


EXPERIMENTS: Mapping[str, Mapping[str, Callable[[Bench, int], Row]]] = {
    "subject": {"base": draw_base(SUBJECTS["lora"]), **{name: learn(recipe) for name, recipe in SUBJECTS.items()}},
    "style": {"base": draw_base(LOOKS["lora"]), **{name: learn(recipe) for name, recipe in LOOKS.items()}},
    "subject, rate 0": {name: stand_still(recipe) for name, recipe in SUBJECTS.items()},
    "style, rate 0": {name: stand_still(recipe) for name, recipe in LOOKS.items()},
    "captions": {"own": learn(MIXED), "shuffled": learn(replace(MIXED, shuffled=True))},
    "prior": {
        "base": lambda bench, seed: bench.judge_concept(PRIOR.concept, seed) | bench.judge_drift(PRIOR.concept, seed),
        "off": learn_beside_class(PRIOR),
        "class pictures": learn_beside_class(PRIOR.change(**KEPT, num_class_images=96)),
        "adapter off": learn_beside_class(PRIOR.change(**KEPT, prior_mode="adapter_off")),
    },
    "overfit": {
        "stopper": follow(FEW.change(early_stopping_patience=PATIENCE)),
        "oracle": follow(replace(FEW, fresh=64)),
    },
    "levers": {name: follow(recipe) for name, recipe in LEVERS.items()},
}
