"""Rights in a grown house: what one withdrawn picture touches, what one output may do, and what may be published now.

    .venv/bin/python benchmarks/rights.py [--outputs 100000] [--adapters 2000] [--pictures 50000] [--requests 40]

Every picture has rights, every adapter learned from a frozen version of 25 pictures, every output was made with one
adapter. DATABASE_URL chooses the database; without it a SQLite file is made for the run. Prints p50 and p95 beside an
empty view's in the same run, and the plans of the queries. It ends with status 1 when one picture's descendants are
found by reading all outputs.
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
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LICENSES = ("CC0-1.0", "CC-BY-4.0", "CC-BY-4.0", "LicenseRef-Daicho-OwnWork")
PER_VERSION = 25
PER_JOB = 4
BATCH = 1000


def set_up() -> tuple[Any, Any, Any]:
    """Make a database with the demo's project, and return person, project and base model."""
    sys.path.insert(0, str(ROOT))
    # The benchmarks' own folder holds files called like our apps.
    sys.path[:] = [each for each in sys.path if Path(each or ".").resolve() != ROOT / "benchmarks"]
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
    from projects.models import Project, User

    user, project = User.objects.get(email="editor@daicho.example"), Project.objects.get(slug="spring-campaign")
    return user, project, ModelFile.objects.get(kind="base")


def digest(*parts: object) -> str:
    """Return a hash that no other parts give."""
    return hashlib.sha256(":".join(map(str, parts)).encode()).hexdigest()


def fill(user: Any, project: Any, base: Any, counts: argparse.Namespace) -> None:
    """Write pictures, versions, adapters, lineages and outputs."""
    from django.db import connection

    random.seed(11)
    pictures = fill_pictures(user, project, counts.pictures)
    adapters = fill_adapters(user, project, base, pictures, counts.adapters)
    fill_outputs(user, project, base, adapters, counts.outputs)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def rights_row(user: Any, expression: str) -> Any:
    """Return cleared rights."""
    from assets.models import Rights

    return Rights(
        expression=expression, creator=f"Creator {random.randrange(500)}", source_url="https://example.com/a",
        state="cleared", submitted_by=user,
    )  # fmt: skip


def fill_pictures(user: Any, project: Any, count: int) -> list[Any]:
    """Write pictures; one in two hundred forbids commercial use."""
    from assets.models import Picture, Rights

    made = []
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        rights = [rights_row(user, "CC-BY-NC-4.0" if n % 200 == 7 else LICENSES[n % 4]) for n in numbers]
        Rights.objects.bulk_create(rights)
        rows = [picture_row(user, project, number, each) for number, each in zip(numbers, rights, strict=True)]
        made += Picture.objects.bulk_create(rows)
    return made


def picture_row(user: Any, project: Any, number: int, rights: Any) -> Any:
    """Return one picture; its files are not there, because no page reads them."""
    from assets.models import Picture

    key = digest("picture", number)
    return Picture(
        project=project, name=f"{number:05d}.png", path=f"pictures/{key}.png", thumbnail=f"thumbnails/{key}.webp",
        original=f"sealed/{key}.png", original_sha256=key, file_sha256=key, pixels_sha256=key, format="PNG",
        width=768, height=768, size_bytes=500_000, rights=rights, added_by=user,
    )  # fmt: skip


def fill_adapters(user: Any, project: Any, base: Any, pictures: list[Any], count: int) -> list[Any]:
    """Write a version of 25 pictures and an adapter for each."""
    from assets.models import Dataset, DatasetVersion, DatasetVersionItem, ModelFile, ModelSource, Rights

    dataset = Dataset.objects.create(project=project, slug="everything", name="Everything", created_by=user)
    versions = DatasetVersion.objects.bulk_create(
        [
            DatasetVersion(
                dataset=dataset, number=number, manifest="", manifest_sha256=digest("m", number),
                merkle_root=digest("root", number), count=PER_VERSION, created_by=user, ledger_seq=1,
            )
            for number in range(1, count + 1)
        ]
    )  # fmt: skip
    items = (
        DatasetVersionItem(
            version=version, picture=pictures[(place * PER_VERSION + number) % len(pictures)], number=number
        )
        for place, version in enumerate(versions)
        for number in range(1, PER_VERSION + 1)
    )
    DatasetVersionItem.objects.bulk_create(items, batch_size=BATCH)
    rights = Rights.objects.bulk_create([rights_row(user, "LicenseRef-Daicho-OwnWork") for _ in versions])
    adapters = ModelFile.objects.bulk_create(
        [
            ModelFile(
                project=project, kind="adapter", method="lora", name=f"Adapter {number}", architecture="sd1",
                layout="single", path=f"adapters/{number}", sha256=digest("adapter", number), size_bytes=1, rights=each,
            )
            for number, each in enumerate(rights)
        ]
    )  # fmt: skip
    rows = [
        ModelSource(product=a, role="trained_on", dataset_version=v) for a, v in zip(adapters, versions, strict=True)
    ]
    rows += [ModelSource(product=adapter, role="derived_from", file=base) for adapter in adapters]
    ModelSource.objects.bulk_create(rows, batch_size=BATCH)
    return adapters


def fill_outputs(user: Any, project: Any, base: Any, adapters: list[Any], count: int) -> None:
    """Write a lineage for each adapter, and jobs of four pictures that take turns."""
    from django.utils import timezone

    from generation.models import Generation, Lineage, LineageFile, Output
    from generation.services.lineages import key_of

    lineages = Lineage.objects.bulk_create(
        [Lineage(project=project, key=key_of([base.id, adapter.id])) for adapter in adapters]
    )
    LineageFile.objects.bulk_create(
        [LineageFile(lineage=each, file=base) for each in lineages]
        + [LineageFile(lineage=each, file=adapter) for each, adapter in zip(lineages, adapters, strict=True)],
        batch_size=BATCH,
    )
    now = timezone.now()
    for start in range(0, count, BATCH):
        jobs, rows = [], []
        for number in range(start, min(start + BATCH, count), PER_JOB):
            lineage = random.choice(lineages)
            job = job_row(user, project, base, lineage, number, now - timedelta(seconds=count - number))
            jobs.append(job)
            rows += [output_row(job, lineage, index) for index in range(PER_JOB)]
        Generation.objects.bulk_create(jobs)
        Output.objects.bulk_create(rows)


def job_row(user: Any, project: Any, base: Any, lineage: Any, number: int, at: Any) -> Any:
    """Return a finished job."""
    from engine.specs import ImageSpec
    from generation.models import Generation

    spec = ImageSpec(
        architecture="sd1", base_model=base.sha256, seed=number, num_inference_steps=20, guidance_scale=2.0,
        prompt=f"a red mug {number % 97}, on a beach, soft daylight", width=128, height=128,
    )  # fmt: skip
    return Generation(
        id=uuid.UUID(int=random.getrandbits(128), version=4), project=project, requested_by=user, base_model=base,
        lineage=lineage, spec=spec.as_dict(), count=PER_JOB, idempotency_key=str(number), status="succeeded",
        queued_at=at, started_at=at, finished_at=at, heartbeat_at=at, progress=1.0, attempt=1, decision={},
    )  # fmt: skip


def output_row(job: Any, lineage: Any, index: int) -> Any:
    """Return one picture of a job."""
    from generation.models import Output

    spec, key = job.spec_for(index), digest(job.id, index)
    return Output(
        project_id=job.project_id, generation=job, lineage=lineage, index=index, spec=spec.as_dict(), seed=spec.seed,
        recipe_sha256=spec.recipe_sha256(), search_text=spec.prompt, path=f"outputs/{key}.png",
        thumbnail=f"thumbnails/{key[:2]}/{key[2:4]}/{key}.webp", file_sha256=key, pixels_sha256=key, size_bytes=30_000,
        width=128, height=128, environment={}, decision={}, license="CC-BY-4.0", ledger_seq=1,
        created_at=job.queued_at + timedelta(milliseconds=index),
    )  # fmt: skip


def measure(name: str, ask: Callable[[int], object], requests: int, empty: float | None = None) -> float:
    """Ask many times, print p50 and p95, and return the p95 in milliseconds."""
    ask(0)
    times = []
    for number in range(requests):
        start = time.perf_counter()
        ask(number)
        times.append((time.perf_counter() - start) * 1000)
    times.sort()
    p95 = times[max(0, int(len(times) * 0.95) - 1)]
    ratio = f"   × empty {p95 / empty:6.1f}" if empty else ""
    print(f"{name:<46} p50 {statistics.median(times):8.1f} ms   p95 {p95:8.1f} ms{ratio}", flush=True)
    return p95


def explain(name: str, rows: Any) -> str:
    """Print a query's plan and return it."""
    return show_plan(name, rows.explain())


def explain_asked(name: str, ask: Callable[[], object]) -> list[str]:
    """Print the plan of every query that an answer needs, and return them."""
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    with CaptureQueriesContext(connection) as asked:
        ask()
    how = "EXPLAIN QUERY PLAN" if connection.vendor == "sqlite" else "EXPLAIN"
    plans = []
    for number, query in enumerate(asked.captured_queries, 1):
        with connection.cursor() as cursor:
            cursor.execute(f"{how} {query['sql']}".replace("%", "%%"), [])
            plan = "\n".join(" ".join(map(str, row)) for row in cursor.fetchall())
        plans.append(show_plan(f"{name}, query {number} of {len(asked)}", plan))
    return plans


def show_plan(name: str, plan: str) -> str:
    """Print a plan's first lines, and return it."""
    print(f"\nplan: {name}\n" + "\n".join(f"    {line[:160]}" for line in plan.splitlines()[:14]))
    return plan


def scans_outputs(plan: str) -> bool:
    """Say whether a plan reads all outputs."""
    lines = [line for line in plan.splitlines() if "generation_output" in line]
    return any(
        "Seq Scan on generation_output" in line or line.strip().startswith("SCAN generation_output") for line in lines
    )


def main() -> None:
    """Fill the database, ask, and show the plans."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--outputs", type=int, default=100_000)
    parser.add_argument("--adapters", type=int, default=2_000)
    parser.add_argument("--pictures", type=int, default=50_000)
    parser.add_argument("--requests", type=int, default=40)
    counts = parser.parse_args()
    start = time.perf_counter()
    user, project, base = set_up()
    fill(user, project, base, counts)
    from django.db import connection

    size = f"{counts.outputs} outputs, {counts.adapters} adapters, {counts.pictures} pictures"
    print(f"{size} on {connection.vendor}, filled in {time.perf_counter() - start:.0f} s")
    raise SystemExit(ask_everything(user, project, counts.requests))


def ask_everything(user: Any, project: Any, requests: int) -> int:
    """Measure blast radius, terms and gallery; return 1 when a plan reads all outputs."""
    from django.test import Client

    from assets.licensing import Action
    from assets.models import Picture
    from assets.services import decide_use
    from generation.models import Output
    from generation.services.lineages import descendants_of

    client = Client()
    client.force_login(user)
    empty = measure_empty(client, requests)
    chosen = list(Picture.objects.filter(project=project).order_by("name")[: 50 * requests : 50])
    outputs = list(Output.objects.filter(project=project).order_by("-created_at")[: 50 * requests : 50])

    def blast(number: int) -> int:
        found = descendants_of(chosen[number % len(chosen)], project)
        return len(found.versions) + len(found.files) + found.outputs.count() + found.live.count()

    def terms(number: int) -> object:
        return decide_use(project, Action.PUBLISH, outputs[number % len(outputs)].generation.files()).terms

    measure("blast radius of one picture", blast, requests, empty)
    measure("effective terms of one output", terms, requests, empty)
    ask_gallery(client, project, chosen[0], requests, empty)
    below = descendants_of(chosen[1], project).outputs.order_by("-created_at")[:36]
    plans = [explain("outputs below one picture", below), *explain_asked("blast radius", lambda: blast(2))]
    plans += explain_asked("effective terms", lambda: terms(2))
    return int(any(map(scans_outputs, plans)))


def ask_gallery(client: Any, project: Any, picture: Any, requests: int, empty: float) -> None:
    """Measure the gallery of what may be published: cold, warm, and once after a withdrawal."""
    from assets.licensing import Action
    from assets.services import withdraw_rights
    from generation.models import Output
    from generation.services.lineages import publishable, verdicts_now
    from projects.models import User

    gallery = lambda _number: client.get(f"/p/{project.slug}/pictures/", {"publishable": "yes"})  # noqa: E731
    begin = time.perf_counter()
    verdicts_now(project, Action.PUBLISH)
    print(f"{'every lineage asked for the first time':<46} once {(time.perf_counter() - begin) * 1000:7.0f} ms")
    measure("gallery, publishable in JP today", gallery, requests, empty)
    withdraw_rights(picture, actor=User.objects.get(email="reviewer@daicho.example"), reason="benchmark")
    begin = time.perf_counter()
    gallery(0)
    print(f"{'the first such page after a withdrawal':<46} once {(time.perf_counter() - begin) * 1000:7.0f} ms")
    rows = publishable(Output.objects.filter(project=project), project)
    explain("gallery, publishable", rows.order_by("-created_at", "-id")[:37])


def measure_empty(client: Any, requests: int) -> float:
    """Measure a view that only answers, behind the same middleware."""
    from django.http import HttpResponse
    from django.urls import path

    from config import urls

    urls.urlpatterns.append(path("benchmark-empty/", lambda request: HttpResponse("ok")))
    return measure("empty view", lambda _number: client.get("/benchmark-empty/"), requests)


if __name__ == "__main__":
    main()
