"""Daicho's queue beside a bare diffusers loop, for the same pictures, in one run.

    .venv/bin/python benchmarks/generation.py [--pictures 32] [--rounds 2]

Both draw with the starter model, 20 steps of DPM++ 2M, one picture at a time, the same number of threads, and both
write PNG files. Each round measures one after the other, so that a busy machine disturbs both. Daicho's time runs
from the first submission to the last finished job, with its workers already up; models are loaded on both sides.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STEPS, GUIDANCE, NEGATIVE = 20, 2.0, "blurry, noisy, text artifacts"


def prompts(count: int) -> list[str]:
    """Return prompts that differ, so that no side wins by its cache alone."""
    subjects = ("a red mug", "a blue car", "a green tree", "a pink flower")
    styles = ("flat vector style", "watercolor style", "poster style", "pixel art style")
    return [f"{subjects[i % 4]}, on a beach, soft daylight, {styles[i // 4 % 4]}" for i in range(count)]


def draw_bare(folder: Path, count: int, threads: int) -> float:
    """Return the seconds of a plain diffusers loop in a process of its own."""
    result = subprocess.run(
        [sys.executable, __file__, "--bare", str(folder), "--pictures", str(count), "--threads", str(threads)],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    return float(result.stdout.strip().splitlines()[-1])


def bare_loop(folder: Path, count: int, threads: int) -> None:
    """Draw with diffusers as its documentation shows, and print the seconds after one warm-up picture."""
    sys.path.insert(0, str(ROOT))
    import torch
    from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

    import engine  # noqa: F401 - the same OpenMP settings on both sides

    torch.set_num_threads(threads)
    pipeline = StableDiffusionPipeline.from_pretrained(ROOT / "engine/starter/weights", torch_dtype=torch.float32)
    pipeline.scheduler = DPMSolverMultistepScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)

    def draw(prompt: str, seed: int) -> None:
        image = pipeline(
            prompt,
            negative_prompt=NEGATIVE,
            num_inference_steps=STEPS,
            guidance_scale=GUIDANCE,
            generator=torch.Generator("cpu").manual_seed(seed),
        ).images[0]
        image.save(folder / f"{seed}.png")

    draw("a cat", 0)
    start = time.perf_counter()
    for seed, prompt in enumerate(prompts(count)):
        draw(prompt, seed)
    print(time.perf_counter() - start)


def submit(user, project, model, prompt: str, seed: int):
    """Ask for one picture through the service that the portal and the API use."""
    from generation.composing import PictureRequest
    from generation.services.generations import submit_generation

    request = PictureRequest(
        base_model=model,
        slots={"subject": prompt},
        negative=NEGATIVE,
        seed=seed,
        num_inference_steps=STEPS,
        guidance_scale=GUIDANCE,
        scheduler="dpmpp_2m",
    )
    return submit_generation(user, project, request, key=str(uuid.uuid4()))


def wait_for(jobs: list) -> list:
    """Wait until every job has ended and return them as they are then."""
    from generation.models import Generation

    ids = [job.id for job in jobs]
    waiting = Generation.objects.filter(id__in=ids, finished_at=None)
    while waiting.exists():
        time.sleep(0.02)
    done = list(Generation.objects.filter(id__in=ids))
    failed = [job for job in done if job.status != "succeeded"]
    if failed:
        raise SystemExit(f"{len(failed)} jobs did not succeed: {failed[0].error} {failed[0].error_params}")
    return done


def open_house(data: Path, threads: int):
    """Make a database with the demo in it, and return an editor, the project and the starter model."""
    os.environ |= {
        "DATA_DIR": str(data),
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "LOG_LEVEL": "WARNING",
        "ENGINE_THREADS": str(threads),
        "DATABASE_URL": "",
        "REDIS_URL": "",
    }
    sys.path.insert(0, str(ROOT))
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    call_command("seed_demo")
    from assets.models import ModelFile
    from projects.models import Project, User

    user, project = User.objects.get(email="editor@daicho.example"), Project.objects.get(slug="spring-campaign")
    return user, project, ModelFile.objects.get(kind="base")


def clusters(data: Path):
    """Return the two clusters, to be entered as a context."""
    from generation.management.supervisor import Supervisor, manage

    os.chdir(ROOT)
    return Supervisor({name: manage("qcluster", "--name", name) for name in ("light", "gpu")}, data / "logs")


def measure(arguments: argparse.Namespace) -> None:
    """Run the rounds and print the table."""
    data = Path(tempfile.mkdtemp(prefix="daicho-bench-"))
    user, project, model = open_house(data, arguments.threads)
    with clusters(data):
        wait_for([submit(user, project, model, "a cat", 0)])
        rounds = []
        for number in range(arguments.rounds):
            bare = draw_bare(data, arguments.pictures, arguments.threads)
            start = time.perf_counter()
            jobs = [submit(user, project, model, p, seed) for seed, p in enumerate(prompts(arguments.pictures))]
            wait_for(jobs)
            daicho = time.perf_counter() - start
            rounds.append((bare, daicho))
            report(f"round {number + 1}", arguments.pictures, bare, daicho)
        report("median", arguments.pictures, *(statistics.median(column) for column in zip(*rounds, strict=True)))
        waits = [start_seconds(user, project, model, seed) for seed in range(20)]
    print(f"submit to start, idle queue: p50 {statistics.median(waits):.2f} s, worst of 20 {max(waits):.2f} s")


def start_seconds(user, project, model, seed: int) -> float:
    """Return the seconds from submission to the worker's claim on an idle queue."""
    [job] = wait_for([submit(user, project, model, "a cat", seed)])
    return (job.started_at - job.queued_at).total_seconds()


def report(name: str, count: int, bare: float, daicho: float) -> None:
    """Print one line of the comparison."""
    print(
        f"{name:>8}: bare {count / bare:.2f} pictures/s, Daicho {count / daicho:.2f} pictures/s, "
        f"ratio {bare / daicho:.2f}",
        flush=True,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--bare", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        bare_loop(options.bare, options.pictures, options.threads)
    else:
        measure(options)
