"""What the tensors of a layer are called in files of LoRA, LoHa, LoKr and DoRA, and which belong together.

Imports no torch, so that a file is judged by its header with the same words as when it is used.
Source of the names: kohya's sd-scripts, LyCORIS, PEFT.
"""

from collections.abc import Collection, Mapping
from types import MappingProxyType

LOHA = ("hada_w1_a", "hada_w1_b", "hada_w2_a", "hada_w2_b")
LOHA_CORES = ("hada_t1", "hada_t2")
LOKR = ("lokr_w1", "lokr_w1_a", "lokr_w1_b", "lokr_w2", "lokr_w2_a", "lokr_w2_b", "lokr_t2")
DOWN, UP, CORE = "lora_down.weight", "lora_up.weight", "lora_mid.weight"
# Magnitudes of columns or rows: LyCORIS' own name goes by its shape, PEFT's is always one number for each output.
MAGNITUDES = ("dora_scale", "lora_magnitude_vector", "lora_magnitude_vector.weight")
DIFFERENCE, BIAS_DIFFERENCE = "diff", "diff_b"
SAME: Mapping[str, str] = MappingProxyType({"lora_A.weight": DOWN, "lora_B.weight": UP})
UNUSUAL = (*LOHA, *LOHA_CORES, *LOKR, CORE, *MAGNITUDES, DIFFERENCE, BIAS_DIFFERENCE)
KNOWN = (*UNUSUAL, DOWN, UP, *SAME, "alpha")
# Two factors that are multiplied, and the core that may stand between them.
PRODUCTS = (
    ("hada_w1_a", "hada_w1_b", "hada_t1"),
    ("hada_w2_a", "hada_w2_b", "hada_t2"),
    ("lokr_w1_a", "lokr_w1_b", ""),
    ("lokr_w2_a", "lokr_w2_b", "lokr_t2"),
)


def part_of(name: str) -> str:
    """Return which part of a layer a tensor is, empty for none that is known."""
    return next((part for part in KNOWN if name.endswith(f".{part}")), "")


def missing_parts(parts: Collection[str]) -> list[str]:
    """Return what a layer's change cannot be worked out without; magnitudes alone change nothing."""
    needed = (
        *(LOHA if _has(parts, *LOHA, *LOHA_CORES) else ()),
        *(LOHA_CORES if _has(parts, *LOHA_CORES) else ()),
        *(_lokr_needs(parts) if _has(parts, *LOKR) else ()),
        *((DOWN, UP) if _has(parts, DOWN, UP, CORE) else ()),
    )
    if not needed and not _has(parts, DIFFERENCE, BIAS_DIFFERENCE):
        return [DOWN, UP]
    return [name for name in needed if name not in parts]


def form_of(parts: Collection[str]) -> str:
    """Return what people call an adapter with such layers."""
    forms = (("LoHa", LOHA), ("LoKr", LOKR), ("DoRA", MAGNITUDES), ("LoCon", (CORE,)), ("full", (DIFFERENCE,)))
    return next((form for form, names in forms if _has(parts, *names)), "LoRA")


def _has(parts: Collection[str], *names: str) -> bool:
    return any(name in parts for name in names)


def _lokr_needs(parts: Collection[str]) -> tuple[str, ...]:
    one = ("lokr_w1",) if "lokr_w1" in parts else ("lokr_w1_a", "lokr_w1_b")
    return one + (("lokr_w2",) if "lokr_w2" in parts else ("lokr_w2_a", "lokr_w2_b"))
