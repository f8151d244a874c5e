"""What a model folder says about how it likes to be used (`daicho.json`)."""

import json
from pathlib import Path
from typing import Any


def read_defaults(folder: Path) -> dict[str, Any]:
    """Return `native_width`, `native_height` and `defaults` for ModelFile, or nothing without the file."""
    path = folder / "daicho.json"
    if not path.is_file():
        return {}
    values = json.loads(path.read_text("utf-8"))
    return {
        "native_width": values.pop("native_width"),
        "native_height": values.pop("native_height"),
        "defaults": values,
    }
