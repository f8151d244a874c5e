"""Finished pictures without a worker: the services' own way from asking to saving, with plain colours as pixels."""

import uuid
from types import SimpleNamespace
from typing import Any

from PIL import Image

from engine.specs import Environment, pixels_sha256
from generation.composing import PictureRequest
from generation.models import Generation, Output
from generation.services.generations import save_output, submit_generation

ENVIRONMENT = Environment(
    device="cpu",
    device_name="test",
    dtype="float32",
    attention="sdpa",
    threads=1,
    batch_size=1,
    batch_position=0,
    versions={"torch": "2.13.0", "diffusers": "0.42.1"},
)


def drawn(color: tuple[int, int, int]) -> SimpleNamespace:
    """Return what the engine returns for a picture, in one colour."""
    image = Image.new("RGB", (128, 128), color)
    return SimpleNamespace(
        image=image, pixels_sha256=pixels_sha256(128, 128, image.tobytes()), environment=ENVIRONMENT, seconds={}
    )


def asked(user, project, model, **request: Any) -> Generation:
    """Ask for pictures."""
    slots = {"subject": "赤いマグカップ", "environment": "on a beach", "light": "moonlight", "style": ""}
    values = {"slots": slots, "num_inference_steps": 4, "seed": 1} | request
    return submit_generation(user, project, PictureRequest(base_model=model, **values), key=str(uuid.uuid4()))


def made(user, project, model, **request: Any) -> list[Output]:
    """Ask for pictures and save them as a worker does."""
    job = asked(user, project, model, **request)
    assert job.claim()
    outputs = [save_output(job, index, drawn((index * 40 % 256, 90, 120))) for index in range(job.count)]
    job.succeed()
    return outputs
