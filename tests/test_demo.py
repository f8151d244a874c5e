"""The first five minutes: the command that `make demo` runs, in a folder of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from generation.management.supervisor import Supervisor
from tests.conftest import wait_until

ROOT = Path(__file__).resolve().parent.parent
PICTURE = re.compile(
    r"^  (/.*\.png)\n    seed \d+ · recipe [0-9a-f]{16} · licence CC0-1\.0 · ledger no\. \d+$", re.MULTILINE
)


@pytest.mark.slow
@pytest.mark.workers
def test_the_demo_draws_four_pictures_and_says_where_to_log_in(tmp_path):
    env = {**os.environ, "DATA_DIR": str(tmp_path), "DATABASE_URL": "", "MEDIA_ROOT": "", "MODELS_ROOT": ""}
    command = [sys.executable, "manage.py", "demo", "--exit", "--port", "8700"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    pictures = PICTURE.findall(done.stdout)
    assert len(pictures) == 4
    assert all(Path(path).read_bytes().startswith(b"\x89PNG") for path in pictures)
    for line in ("http://127.0.0.1:87", "owner@daicho.example", "viewer@daicho.example"):
        assert line in done.stdout


def test_a_process_that_ends_is_started_again(tmp_path):
    note = tmp_path / "starts"
    command = [sys.executable, "-c", f"open({str(note)!r}, 'a').write('x')"]
    with Supervisor({"short": command}, tmp_path / "logs") as supervisor:
        wait_until(lambda: note.exists() and len(note.read_text()) >= 2, seconds=20, what="a second start")
        assert supervisor.restarts >= 1
    assert supervisor.processes["short"].poll() is not None
