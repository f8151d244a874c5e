"""How much of a prompt each architecture's text encoders read. Imports no torch, so that a meter says what is drawn.

CLIP of Stable Diffusion 1, 2 and XL reads long prompts in parts and weighs words; the others read plain words and cut.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

WEIGHING = ("sd1", "sd2", "sdxl")
# With its end mark. diffusers' own values; what a model was trained with can be less.
T5_TOKENS: Mapping[str, int] = MappingProxyType({"sd3": 256, "flux": 512})


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Name an encoder, the folder of its tokenizer, and how many tokens of words it reads."""

    encoder: str
    tokenizer: str
    tokens: int


_CLIP = Window(encoder="CLIP", tokenizer="tokenizer", tokens=75)
WINDOWS: Mapping[str, tuple[Window, ...]] = MappingProxyType(
    {
        "sd3": (_CLIP, Window(encoder="T5", tokenizer="tokenizer_3", tokens=T5_TOKENS["sd3"] - 1)),
        "flux": (_CLIP, Window(encoder="T5", tokenizer="tokenizer_2", tokens=T5_TOKENS["flux"] - 1)),
    }
)
