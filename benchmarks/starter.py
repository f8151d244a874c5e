"""Judge pictures that Daicho itself rendered with the starter model.

`python -m benchmarks.starter --draw FOLDER` makes a database in the folder, draws the prompts through the queue and
judges them. `python -m benchmarks.starter FOLDER` judges the PNGs below a folder: each names its prompt in its A1111
`parameters` chunk. `python -m benchmarks.starter --prompts 200 --seed 7` prints the prompts, one a line.
"""

import argparse
import os
from pathlib import Path

from PIL import Image

from benchmarks.generation import clusters, open_house, submit, wait_for
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


def draw(folder: Path, count: int, seed: int) -> None:
    """Draw the prompts with the model's own settings through Daicho's queue, into a database in the folder."""
    user, project, model = open_house(folder.resolve(), os.cpu_count() or 1)
    with clusters(folder.resolve()):
        scenes = enumerate(prompts(count, seed))
        wait_for([submit(user, project, model, scene.prompt, 1000 + index) for index, scene in scenes])


def main() -> None:
    """Print prompts to submit, or the scores of what came of them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--draw", action="store_true", help="draw into the folder first")
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    if options.folder:
        if options.draw:
            draw(options.folder, options.prompts, options.seed)
        print(judge_folder(options.folder))
        return
    for scene in prompts(options.prompts, options.seed):
        print(scene.prompt)


if __name__ == "__main__":
    main()
