"""The text inside pictures: what Daicho writes about a recipe, and what other tools' files claim."""

from generation.parameters.claims import Claims, LoraClaim, SchedulerName, Schedulers
from generation.parameters.write import AdapterName, a1111_parameters, write_png

__all__ = [
    "AdapterName",
    "Claims",
    "LoraClaim",
    "SchedulerName",
    "Schedulers",
    "a1111_parameters",
    "write_png",
]
