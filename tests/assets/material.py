"""Pictures and archives as people bring them, drawn from a seed."""

import io
import random
import zipfile
from collections.abc import Mapping
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image, ImageDraw

from assets.models import ImportBatch, Picture
from assets.services import Declaration, clear_rights
from assets.services.imports import create_batch, walk_batch
from assets.services.pictures import add_picture, read_picture


def drawn(seed: int, size: tuple[int, int] = (96, 80)) -> Image.Image:
    """Return a picture that no other seed gives."""
    rng = random.Random(seed)
    image = Image.new("RGB", size, tuple(rng.randbytes(3)))
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = rng.randrange(size[0]), rng.randrange(size[1])
        draw.ellipse((x, y, x + rng.randrange(8, 40), y + rng.randrange(8, 40)), fill=tuple(rng.randbytes(3)))
    return image


def encoded(seed: int, format: str = "PNG", **options: Any) -> bytes:
    """Return a drawn picture as a file."""
    file = io.BytesIO()
    drawn(seed, **options).save(file, format)
    return file.getvalue()


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return files as a zip."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return file.getvalue()


def upload(name: str, data: bytes) -> SimpleUploadedFile:
    """Return a file as a browser sends it."""
    return SimpleUploadedFile(name, data)


def picture(user, project, seed: int = 1, expression: str = "CC0-1.0", **facts: Any) -> Picture:
    """Add one picture whose rights wait for review."""
    declaration = Declaration(
        expression=expression, creator="Ana", source_url="https://example.com/a", title=f"Picture {seed}", facts=facts
    )
    read = read_picture(encoded(seed))
    return add_picture(user, project, read, name=f"{seed}.png", declaration=declaration)[0]


def cleared(people, project, seed: int = 1, expression: str = "CC0-1.0", **facts: Any) -> Picture:
    """Add one picture and clear its rights by a second person."""
    added = picture(people.editor, project, seed, expression, **facts)
    clear_rights(added, reviewer=people.reviewer)
    return added


def walk(batch: ImportBatch) -> ImportBatch:
    """Do the batch's waiting job as a worker does, in this process."""
    job = batch.jobs.latest("queued_at")
    assert job.claim()
    with job.work():
        walk_batch(job)
    job.refresh_from_db()
    assert job.status == "succeeded", (job.error, job.error_params, job.detail)
    batch.refresh_from_db()
    return batch


def tried(user, project, *uploads, dataset=None, **defaults: str) -> ImportBatch:
    """Upload files and read them as a trial."""
    return walk(create_batch(user, project, uploads, dataset=dataset, defaults=defaults))
