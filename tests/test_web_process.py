"""The web process stays small: it never loads torch."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOOK = """
import sys
import config.wsgi
from django.urls import get_resolver

def walk(patterns):
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            yield from walk(pattern.url_patterns)
        else:
            yield pattern.callback

views = list(walk(get_resolver().url_patterns))
assert len(views) > 40, len(views)
heavy = {"torch", "diffusers", "peft", "transformers", "accelerate"} & {name.split(".")[0] for name in sys.modules}
print(",".join(sorted(heavy)))
"""


def test_the_web_process_never_imports_torch():
    done = subprocess.run([sys.executable, "-c", LOOK], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""
