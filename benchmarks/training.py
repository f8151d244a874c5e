"""Daicho's trainings beside the logic of diffusers' example scripts: pictures per second and peak memory, in one run.

    .venv/bin/python -m benchmarks.training [--models starter wide] [--methods lora …] [--rounds 3] [--threads 2]

Both sides train the same layers of the same model on the same pictures with the same rank, batch, precision and number
of steps, each in a process of its own, one after the other, so that a busy machine disturbs both. A side's time runs
from opening the model to the last step, so that our cache is counted in; peak memory is what the process held beyond
its imports. `--script-layers` lets the scripts adapt their own choice, which is attention alone: two thirds of ours.
On a GPU `--models sd15 sdxl` measures models of the published sizes with random weights.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BARS = {"lora": 1.5, "dreambooth_lora": 1.3, "textual_inversion": 1.5}
SIDES = ("diffusers", "daicho")
RATES = {"lora": 1e-4, "dreambooth_lora": 1e-4, "textual_inversion": 5e-3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One comparison: which model learns what, from how many pictures and class pictures, in how many steps."""

    model: str
    method: str
    resolution: int
    steps: int
    batch: int
    pictures: int
    class_pictures: int = 0
    rank: int = 16
    precision: str = "no"
    threads: int = 2
    has_script_layers: bool = False


def choose_cases(model: str, threads: int) -> Iterator[Case]:
    """Return the three methods for one model; DreamBooth's batch is doubled by as many class pictures."""
    resolution, steps, batch = {
        "starter": (128, 300, 4),
        "wide": (256, 48, 4),
        "sd15": (512, 300, 4),
        "sdxl": (1024, 150, 1),
    }[model]
    precision = "bf16" if model.startswith("sd") else "no"
    common: dict[str, Any] = {"model": model, "resolution": resolution, "steps": steps, "precision": precision}
    common["threads"] = threads
    # A picture is seen 25 times or more, as in any real training: 300 steps of 4 with 16 pictures see each 75 times.
    shares = {"starter": (16, 8, 5), "wide": (6, 4, 4), "sd15": (16, 8, 5), "sdxl": (6, 4, 4)}[model]
    yield Case(method="lora", batch=batch, pictures=shares[0], **common)
    half = max(1, batch // 2)
    yield Case(method="dreambooth_lora", batch=half, pictures=shares[1], class_pictures=4 * shares[1], **common)
    yield Case(method="textual_inversion", batch=batch, pictures=shares[2], **common)


def build_model(name: str, folder: Path) -> Path:
    """Return where a model lies, after building it where it has a published shape and random weights."""
    from benchmarks import training_models
    from engine.starter import WEIGHTS

    if name == "starter":
        return WEIGHTS
    if not (folder / name).exists():
        if name == "sdxl":
            training_models.build_sdxl(folder / name)
        else:
            training_models.build_sd15(folder / name, share=4 if name == "wide" else 1)
    return folder / name


def train_diffusers(case: Case, folder: Path, work: Path) -> list[float]:
    """Train as the scripts do, and return the losses."""
    import torch

    from benchmarks import training_baselines
    from engine.training.learners import unet_targets

    torch.manual_seed(0)
    pictures, classes = draw(case, work)
    recipe = training_baselines.Recipe(
        folder=folder,
        pictures=pictures,
        class_pictures=classes,
        instance_prompt=pictures[0].caption,
        class_prompt=classes[0].caption if classes else "",
        resolution=case.resolution,
        train_batch_size=case.batch,
        max_train_steps=case.steps,
        rank=case.rank,
        learning_rate=RATES[case.method],
        device="cuda" if torch.cuda.is_available() else "cpu",
        dtype=torch.bfloat16 if case.precision == "bf16" else torch.float32,
    )
    start()
    models = training_baselines.load_models(recipe)
    if not case.has_script_layers:
        recipe = replace(recipe, targets=tuple(unet_targets(models.unet, False)))
    return training_baselines.TRAIN[case.method](recipe, models)


def train_daicho(case: Case, folder: Path, work: Path) -> list[float]:
    """Train with Daicho's engine and an empty cache, and return the losses."""
    from engine.headers import hash_model
    from engine.training.train import train
    from engine.training.values import Material

    pictures, classes = draw(case, work)
    material = Material(train=items_of(pictures), class_pictures=items_of(classes))
    spec = write_spec(case, hash_model(folder), "sdxl" if case.model == "sdxl" else "sd1")
    with tempfile.TemporaryDirectory(dir=work) as place:
        kept, cache = Path(place, "run"), Path(place, "cache")
        start()
        trained = train(
            spec,
            material,
            models=lambda _sha256: folder,
            folder=kept,
            cache=cache,
            on_event=lambda _event: None,
            threads=case.threads,
        )
    sys.stderr.write(f"cache {trained.cache_seconds:.1f} s, steps {trained.train_seconds:.1f} s\n")
    return [loss for _, loss in trained.losses]


def write_spec(case: Case, base_model: str, architecture: str) -> Any:
    """Return our recipe for what the scripts do by default: no weights on timesteps, no looks in between."""
    from engine.specs import TrainingSpec

    is_word = case.method == "textual_inversion"
    return TrainingSpec(
        method=case.method,
        architecture=architecture,
        base_model=base_model,
        trigger_word="<concept>" if is_word else "sks",
        class_word="mug",
        rank=case.rank,
        lora_alpha=case.rank,
        learning_rate=RATES[case.method],
        max_train_steps=case.steps,
        train_batch_size=case.batch,
        mixed_precision=case.precision,
        resolution=case.resolution,
        enable_bucket=False,
        with_prior_preservation=case.class_pictures > 0,
        max_grad_norm=0.0 if is_word else 1.0,
        random_flip=is_word,
        cached_variants=4 if is_word else 1,
        snr_gamma=None,
        validation_steps=0,
        checkpointing_steps=case.steps,
    )


def draw(case: Case, work: Path) -> tuple[Any, Any]:
    """Return the pictures and class pictures of a case, with the captions that its method reads."""
    from benchmarks.training_models import draw_pictures

    pictures = draw_pictures(work / case.model, case.pictures, case.resolution, seed=1)
    classes = draw_pictures(work / case.model, case.class_pictures, case.resolution, seed=2)
    if case.method == "dreambooth_lora":
        pictures = tuple(replace(each, caption="a sks mug") for each in pictures)
        classes = tuple(replace(each, caption="a mug") for each in classes)
    if case.method == "textual_inversion":
        told = ("a photo of a", "a rendering of a", "a cropped photo of the", "the photo of a", "a dark photo of the")
        pictures = tuple(
            replace(each, caption=f"{told[place % len(told)]} <concept>") for place, each in enumerate(pictures)
        )
    return pictures, classes


def items_of(pictures: Any) -> Any:
    """Return pictures as our engine takes them."""
    import hashlib

    from engine.training.values import TrainingItem

    return tuple(
        TrainingItem(path=each.path, sha256=hashlib.sha256(each.path.read_bytes()).hexdigest(), caption=each.caption)
        for each in pictures
    )


class Clock:
    """Wall time, processor time and memory since `start`."""

    began: Mapping[str, float] = {}


def start() -> None:
    """Begin to measure: everything is imported and drawn, and no model is open."""
    import time

    import torch

    from engine.training.devices import reset_peak

    reset_peak(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    Clock.began = {"seconds": time.perf_counter(), "processor": time.process_time(), "bytes": resident_bytes()}


def stop(losses: list[float]) -> dict[str, Any]:
    """Return what was measured."""
    import time

    import torch

    from engine.training.devices import read_peak

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cuda":
        torch.cuda.synchronize()
    quarter = max(1, len(losses) // 4)
    return {
        "seconds": time.perf_counter() - Clock.began["seconds"],
        "processor": time.process_time() - Clock.began["processor"],
        "bytes": read_peak(device) - (0 if device.type == "cuda" else Clock.began["bytes"]),
        "first": statistics.fmean(losses[:quarter]),
        "last": statistics.fmean(losses[-quarter:]),
    }


def resident_bytes() -> int:
    """Return the memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def run_side(side: str, case: Case, folder: Path, work: Path) -> None:
    """Train one side in this process and print what was measured as JSON."""
    import torch

    import engine  # noqa: F401 - the same OpenMP settings on both sides

    torch.set_num_threads(case.threads)
    run = train_diffusers if side == "diffusers" else train_daicho
    print(json.dumps(stop(run(case, folder, work))))


def measure(side: str, case: Case, folder: Path, work: Path) -> dict[str, Any]:
    """Train one side in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.training", "--side", side, "--folder", folder, "--work", work]
    result = subprocess.run(
        [*map(str, command), "--case", json.dumps(asdict(case))], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise SystemExit(f"{side} failed on {case}:\n{result.stderr[-2000:]}")
    return json.loads(result.stdout.strip().splitlines()[-1])


def compare(case: Case, folder: Path, work: Path, rounds: int) -> str:
    """Measure both sides in turn, and return a row of the table."""
    found: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
    for number in range(rounds):
        for side in SIDES:
            found[side].append(measure(side, case, folder, work))
        sys.stderr.write(
            json.dumps({"case": asdict(case), "round": number + 1} | {s: found[s][-1] for s in SIDES}) + "\n"
        )
    return write_row(case, *found.values())


def write_row(case: Case, theirs: list[dict[str, Any]], ours: list[dict[str, Any]]) -> str:
    """Return one row: speed, the ratio's least, middle and largest, memory and losses."""
    pictures = case.steps * case.batch
    wall, processor = (
        sorted(before[key] / now[key] for before, now in zip(theirs, ours, strict=True))
        for key in ("seconds", "processor")
    )

    def middle(found: list[dict[str, Any]], key: str) -> float:
        return statistics.median(each[key] for each in found)

    cells = [
        f"{case.model}, {case.method}, batch {case.batch}, {case.steps} steps{' *' * case.has_script_layers}",
        *(f"{pictures / middle(found, 'seconds'):.2f}" for found in (theirs, ours)),
        f"{wall[0]:.2f} / **{statistics.median(wall):.2f}** / {wall[-1]:.2f} (≥ {BARS[case.method]})",
        f"{statistics.median(processor):.2f}",
        *(f"{middle(found, 'bytes') / 2**20:.0f} MB" for found in (theirs, ours)),
        *(f"{middle(found, 'first'):.4f} → {middle(found, 'last'):.4f}" for found in (theirs, ours)),
    ]
    return "| " + " | ".join(cells) + " |"


HEAD = """| case | diffusers, pictures/s | Daicho, pictures/s | ratio: least / middle / most | processor time | \
peak, diffusers | peak, Daicho | loss, diffusers | loss, Daicho |
|---|---|---|---|---|---|---|---|---|"""


def main() -> None:
    """Compare every case that was asked for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["starter", "wide"])
    parser.add_argument("--methods", nargs="+", default=list(BARS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--script-layers", action="store_true")
    for name in ("--side", "--case", "--folder", "--work"):
        parser.add_argument(name, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        run_side(asked.side, Case(**json.loads(asked.case)), Path(asked.folder), Path(asked.work))
        return
    with tempfile.TemporaryDirectory(prefix="daicho-bench-") as place:
        print(HEAD, flush=True)
        for model in asked.models:
            folder = build_model(model, Path(place))
            for case in choose_cases(model, asked.threads):
                if case.method in asked.methods:
                    case = replace(case, steps=asked.steps or case.steps, has_script_layers=asked.script_layers)
                    print(compare(case, folder, Path(place), asked.rounds), flush=True)


if __name__ == "__main__":
    main()
