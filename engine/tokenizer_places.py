"""Where CLIP's vocabulary lies for models that bring none. Imports no torch: web and workers look in the same places.

Single files of Stable Diffusion 1, 2 and XL hold weights only; all three read with the same vocabulary.
"""

from pathlib import Path

PLACE = "clip"
# A folder may also be the tokenizer itself, or hold the `tokenizer` folder of a model: both were read before `clip`.
PLACES = ("", "tokenizer", PLACE, f"{PLACE}/tokenizer")
FILES = (("tokenizer.json",), ("vocab.json", "merges.txt"))
NEEDY = ("sd1", "sd2", "sdxl")


def find_tokenizer(root: Path | None) -> Path | None:
    """Return the folder under `root` that holds a tokenizer's files, None when there is none."""
    places = [root / place for place in PLACES] if root else []
    return next((place for place in places if has_tokenizer(place)), None)


def has_tokenizer(folder: Path) -> bool:
    """Does a folder hold a tokenizer's files, the new one or the two older ones?"""
    return any(all((folder / name).is_file() for name in names) for names in FILES)


def lacks_tokenizer(architecture: str, layout: str, root: Path | None) -> bool:
    """Is this a model that cannot be drawn with until a tokenizer is installed?"""
    return layout == "single" and architecture in NEEDY and find_tokenizer(root) is None
