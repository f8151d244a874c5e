"""Know a LoRA by the hash that A1111 gives it: 12 digits over its tensors, computed once and kept with the model."""

from pathlib import Path
from typing import Any

from django.db import transaction

from engine.headers import hash_tensors

from ..models import ModelFile

KEY = "short_hash"
DIGITS = 12


def short_hash_of(path: Path, method: str) -> dict[str, Any]:
    """Return what is kept with a model about its hash; nothing for what is no LoRA, or is not there."""
    if method != ModelFile.Method.LORA:
        return {}
    try:
        return {KEY: hash_tensors(path)[:DIGITS]}
    except OSError:
        return {}


def kept_short_hash(file: ModelFile) -> str:
    """Return the digits that are kept with a model, or nothing."""
    return str(file.defaults.get(KEY, ""))


def keep_short_hash(file: ModelFile) -> str:
    """Return a LoRA's digits, computed and kept where they were not; nothing when there are none."""
    if KEY not in file.defaults:
        found = short_hash_of(file.file, file.method)
        if found:
            write_defaults(file, found)
    return kept_short_hash(file)


@transaction.atomic
def write_defaults(file: ModelFile, more: dict[str, Any]) -> None:
    """Add to what is kept with a model, whoever else writes there."""
    row = ModelFile.objects.select_for_update().get(pk=file.pk)
    file.defaults = {**row.defaults, **more}
    ModelFile.objects.filter(pk=file.pk).update(defaults=file.defaults)
