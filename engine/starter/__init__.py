"""The bundled CC0 starter model: where its weights lie and which words it was taught.

Nothing here imports torch, so that the web process may ask for the vocabulary.
"""

from pathlib import Path
from types import MappingProxyType

WEIGHTS = Path(__file__).parent / "weights"

SUBJECTS = (
    "ball",
    "star",
    "heart",
    "house",
    "car",
    "mug",
    "fish",
    "flower",
    "cat",
    "tree",
    "boat",
    "mushroom",
    "bottle",
    "shoe",
    "lamp",
)
COLORS = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white", "black", "brown")
ENVIRONMENTS = (
    "on a beach",
    "in a forest",
    "in a city at the street",
    "on a snowy mountain",
    "in a desert",
    "in a plain studio",
    "on a wooden table",
    "under the sea",
)
LIGHTS = ("soft daylight", "golden sunset light", "moonlight", "neon light", "studio light")
STYLES = ("flat vector style", "line art style", "watercolor style", "pixel art style", "poster style")
DEFECTS = ("blurry", "noisy", "text artifacts")

# Drawn by the renderer but never shown to the model: what adapters are proved with.
HELD_OUT_SUBJECTS = ("umbrella", "rocket", "teapot")
HELD_OUT_ENVIRONMENTS = ("on the moon",)
HELD_OUT_STYLES = ("charcoal style", "mosaic style")

VOCABULARY = MappingProxyType(
    {
        "subjects": SUBJECTS,
        "colors": COLORS,
        "environments": ENVIRONMENTS,
        "lights": LIGHTS,
        "styles": STYLES,
        "defects": DEFECTS,
    }
)
