"""Judge pictures that Daicho itself rendered with the starter model.

Run `python -m benchmarks.starter FOLDER`: every PNG below the folder names its prompt in its A1111 `parameters`
chunk. `python -m benchmarks.starter --prompts 200 --seed 7` prints the prompts to submit, one a line.
"""

import argparse
from pathlib import Path

from PIL import Image

from engine.starter.evaluate import format_scores, prompts, score_by_split
from engine.starter.scenes import parse_prompt


def read_prompt(path: Path) -> str:
    """Return the positive prompt of a PNG."""
    with Image.open(path) as image:
        parameters = image.info.get("parameters", "")
    return parameters.split("\nNegative prompt:")[0].split("\nSteps:")[0].strip()


def judge_folder(folder: Path) -> str:
    """Return the scores of a folder's PNGs as a Markdown table."""
    paths = sorted(folder.rglob("*.png"))
    scenes = [parse_prompt(read_prompt(path)) for path in paths]
    return format_scores(score_by_split([Image.open(path) for path in paths], scenes))


def main() -> None:
    """Print prompts to submit, or the scores of what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    if options.folder:
        print(judge_folder(options.folder))
        return
    for scene in prompts(options.prompts, options.seed):
        print(scene.prompt)


if __name__ == "__main__":
    main()
