"""The example in docs/api.md, as it stands there, against a real server and real workers."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from assets.services import install_starter_terms
from generation.models import Output
from projects.models import ApiToken

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "api.md"


def example() -> str:
    """Return the document's one block of Python."""
    blocks = re.findall(r"^```python\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)
    assert len(blocks) == 1
    return blocks[0]


@pytest.mark.workers
@pytest.mark.slow
def test_the_example_submits_waits_and_downloads(workers, live_server, people, project, starter, tmp_path):
    install_starter_terms()
    _token, secret = ApiToken.issue(people.editor, name="example", scopes=["read", "generate"])
    environment = {"PATH": os.environ["PATH"], "DAICHO_URL": live_server.url, "DAICHO_TOKEN": secret}
    environment["DAICHO_PROJECT"] = "spring"
    done = subprocess.run(
        [sys.executable, "-c", example()], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=180
    )
    assert done.returncode == 0, done.stderr
    output = Output.objects.get()
    printed = done.stdout.split()
    assert printed == [str(output.id), "7", output.recipe_sha256, "CC0-1.0", str(output.ledger_seq)]
    with Image.open(tmp_path / f"{output.id}.png") as picture:
        assert picture.size == (output.width, output.height)
        assert "red mug" in picture.info["parameters"]
