"""The text inside pictures: what Daicho writes about a recipe, and what any tool's file claims."""

from generation.parameters.claims import Claims, FindScheduler, LoraClaim
from generation.parameters.read import claims_of, claims_to_form, read_claims
from generation.parameters.write import AdapterName, SchedulerName, a1111_parameters, write_png

__all__ = [
    "AdapterName",
    "Claims",
    "FindScheduler",
    "LoraClaim",
    "SchedulerName",
    "a1111_parameters",
    "claims_of",
    "claims_to_form",
    "read_claims",
    "write_png",
]
