"""From a purpose, a dataset's size and a machine to the values of a training, and what that will cost. Pure."""

from .comparing import Difference, differences
from .estimates import Estimate, Machine, ModelSizes, estimate, parts_of_memory
from .methods import METHODS, PURPOSES, Choice, Readiness, judge_readiness, methods_for
from .parts import epochs_of, steps_of
from .presets import PRESETS, RECOMMENDED_WEIGHTS, Preset, suggest

__all__ = [
    "METHODS",
    "PRESETS",
    "PURPOSES",
    "RECOMMENDED_WEIGHTS",
    "Choice",
    "Difference",
    "Estimate",
    "Machine",
    "ModelSizes",
    "Preset",
    "Readiness",
    "differences",
    "epochs_of",
    "estimate",
    "judge_readiness",
    "methods_for",
    "parts_of_memory",
    "steps_of",
    "suggest",
]
