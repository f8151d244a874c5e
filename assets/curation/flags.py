"""The names of what may be wrong with a picture."""

from typing import Literal

Flag = Literal[
    "small",
    "odd_aspect",
    "blurry",
    "upscaled",
    "noisy",
    "blocky",
    "dark",
    "bright",
    "low_contrast",
    "gray",
    "letterbox",
    "text",
]
