"""How fast the portal's pages answer at 100,000 outputs, beside an empty Django view in the same run.

    .venv/bin/python benchmarks/web.py [--outputs 100000] [--requests 60]

The rows are generated: every output has its job, recipe, hashes and ledger number; the pictures' files are not there,
because no page reads them. Each page is asked for by the test client, so what is measured is Daicho and the
database, not a network. DATABASE_URL chooses the database; without it a SQLite file is made for the run.
"""

import argparse
import hashlib
import os
import random
import statistics
import sys
import tempfile
import time
import uuid
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PER_JOB = 4
BATCH = 2000
WORDS = ("mug", "cat", "tree", "boat", "star", "lamp", "shoe", "fish")
COLORS = ("red", "blue", "green", "pink", "white", "black")


def set_up(outputs: int):
    """Make a database with one project and its rows, and return the pieces that pages need."""
    sys.path.insert(0, str(ROOT))
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    os.environ.setdefault("DATA_DIR", tempfile.mkdtemp(prefix="daicho-bench-"))
    os.environ["LOG_LEVEL"] = "ERROR"
    import django
    from django.conf import settings

    settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
    settings.ALLOWED_HOSTS.append("testserver")
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("seed_demo")
    from assets.models import ModelFile
    from generation.models import PromptTemplate
    from projects.models import Project, User

    user, project = User.objects.get(email="editor@daicho.example"), Project.objects.get(slug="spring-campaign")
    version = PromptTemplate.objects.filter(project=project).first().versions.first()
    fill(user, project, ModelFile.objects.get(kind="base"), version, outputs)
    return user, project


def fill(user, project, model, version, count: int) -> None:
    """Write jobs and outputs in batches."""
    from django.db import connection
    from django.utils import timezone

    from assets.licensing import Action
    from assets.services import decide_use
    from generation.models import Generation, Output

    random.seed(7)
    DECISION.update(decide_use(project, Action.GENERATE, [model]).as_dict())
    now = timezone.now()
    for start in range(0, count, BATCH):
        jobs, pictures = [], []
        for number in range(start, min(start + BATCH, count), PER_JOB):
            job = make_job(user, project, model, version, number, now - timedelta(seconds=count - number))
            jobs.append(job)
            pictures += [make_output(job, index) for index in range(PER_JOB)]
        Generation.objects.bulk_create(jobs)
        Output.objects.bulk_create(pictures)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def make_job(user, project, model, version, number: int, at):
    """Return a finished job."""
    from engine.specs import ImageSpec
    from generation.models import Generation

    spec = ImageSpec(
        architecture="sd1",
        base_model=model.sha256,
        seed=number,
        num_inference_steps=20,
        guidance_scale=2.0,
        prompt=f"a {random.choice(COLORS)} {random.choice(WORDS)}, on a beach, soft daylight, poster style",
        negative_prompt="blurry",
        width=128,
        height=128,
    )
    return Generation(
        id=uuid.UUID(int=random.getrandbits(128), version=4),
        project=project,
        requested_by=user,
        base_model=model,
        template_version=version,
        spec=spec.as_dict(),
        count=PER_JOB,
        idempotency_key=str(number),
        status="succeeded",
        queued_at=at,
        started_at=at,
        finished_at=at,
        heartbeat_at=at,
        progress=1.0,
        attempt=1,
        slots={"subject": "a mug"},
        decision=DECISION,
    )


def make_output(job, index: int):
    """Return one picture of a job."""
    from generation.models import Output

    spec = job.spec_for(index)
    digest = hashlib.sha256(f"{job.id}{index}".encode()).hexdigest()
    return Output(
        project_id=job.project_id,
        generation=job,
        index=index,
        spec=spec.as_dict(),
        seed=spec.seed,
        recipe_sha256=spec.recipe_sha256(),
        search_text=spec.prompt,
        path=f"outputs/{digest[:2]}/{digest[2:4]}/{digest}.png",
        thumbnail=f"thumbnails/{digest[:2]}/{digest[2:4]}/{digest}.webp",
        file_sha256=digest,
        pixels_sha256=digest,
        size_bytes=30_000,
        width=128,
        height=128,
        environment=ENVIRONMENT,
        decision=DECISION,
        license="CC0-1.0",
        ledger_seq=1,
        created_at=job.queued_at + timedelta(milliseconds=index),
        rating=random.randrange(6),
    )


ENVIRONMENT = {
    "device": "cpu",
    "dtype": "float32",
    "threads": 2,
    "attention": "sdpa",
    "device_name": "CPU",
    "batch_size": 1,
    "batch_position": 0,
    "versions": {"torch": "2.13.0"},
}
DECISION: dict = {}


def measure(name: str, ask, requests: int) -> list[float]:
    """Ask `requests` times and print p50, p95 and the query count."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    ask(0)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        response = ask(1)
    if response.status_code != 200:
        raise SystemExit(f"{name} answered {response.status_code}")
    count = len(queries)
    times = []
    for number in range(requests):
        start = time.perf_counter()
        ask(number)
        times.append((time.perf_counter() - start) * 1000)
    times.sort()
    p95 = times[int(len(times) * 0.95) - 1]
    print(
        f"{name:<28} p50 {statistics.median(times):7.1f} ms   p95 {p95:7.1f} ms   "
        f"× empty {p95 / EMPTY['p95'] if EMPTY else 1:5.1f}   {count:3d} queries   "
        f"{len(response.content) / 1024:6.1f} kB",
        flush=True,
    )
    return times


EMPTY: dict[str, float] = {}


def main() -> None:
    """Fill the database, and measure page after page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outputs", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=60)
    arguments = parser.parse_args()
    start = time.perf_counter()
    user, project = set_up(arguments.outputs)
    from django.db import connection
    from django.test import Client
    from rest_framework.throttling import SimpleRateThrottle

    SimpleRateThrottle.allow_request = lambda self, request, view: True
    print(f"{arguments.outputs} outputs on {connection.vendor}, filled in {time.perf_counter() - start:.0f} s")
    client = Client()
    client.force_login(user)
    base = f"/p/{project.slug}"
    empty = measure_empty(client, arguments.requests)
    EMPTY["p95"] = empty[int(len(empty) * 0.95) - 1]
    ids = picture_ids(project)
    pages = {
        "gallery": lambda i: client.get(f"{base}/pictures/"),
        "gallery, search": lambda i: client.get(f"{base}/pictures/", {"q": WORDS[i % len(WORDS)]}),
        "gallery, search, no match": lambda i: client.get(f"{base}/pictures/", {"q": f"zebra{i}"}),
        "gallery, rating 4": lambda i: client.get(f"{base}/pictures/", {"rating": 4}),
        "studio": lambda i: client.get(f"{base}/studio/"),
        "picture": lambda i: client.get(f"{base}/pictures/{ids[i % len(ids)]}/"),
        "API: outputs": lambda i: client.get("/api/v1/outputs/", {"project": project.slug}),
    }
    for name, ask in pages.items():
        measure(name, ask, arguments.requests)


def measure_empty(client, requests: int) -> list[float]:
    """Measure a view that only answers, behind the same middleware."""
    from django.http import HttpResponse
    from django.urls import path

    from config import urls

    urls.urlpatterns.append(path("benchmark-empty/", lambda request: HttpResponse("ok")))
    return measure("empty view", lambda i: client.get("/benchmark-empty/"), requests)


def picture_ids(project) -> list[uuid.UUID]:
    """Return some pictures, old and new."""
    from generation.models import Output

    ids = list(Output.objects.filter(project=project).values_list("id", flat=True)[:2000:40])
    return random.sample(ids, len(ids))


if __name__ == "__main__":
    main()
