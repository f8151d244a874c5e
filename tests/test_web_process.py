"""The web process stays small: it never loads torch, nor what looks at pixels."""

import html
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import requests

from generation.management.commands.demo import free_port, wait_for_site
from tests.conftest import wait_until, worker_environment

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
loaded = {name.split(".")[0] for name in sys.modules}
heavy = loaded & {"torch", "diffusers", "peft", "transformers", "accelerate", "cv2", "scipy", "c2pa", "pandas"}
print(",".join(sorted(heavy)))
"""


def test_the_web_process_never_imports_torch():
    done = subprocess.run([sys.executable, "-c", LOOK], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


@pytest.mark.slow
@pytest.mark.workers
def test_the_web_process_stays_small_while_every_page_is_read(
    workers, people, project, starter, template, settings, tmp_path
):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    job = ask_for_a_picture(people, project, starter, template)
    wait_until(lambda: type(job).objects.get(pk=job.pk).is_terminal, what="a picture")
    people.editor.set_password("crawl-this-house")
    people.editor.save()
    with serving(tmp_path) as (address, process):
        seen = crawl(address, "editor@example.com", "crawl-this-house")
        [child] = process.children()
        megabytes = child.memory_info().rss / 1024**2
    assert len(seen) > 15
    assert not {url: code for url, code in seen.items() if code != 200}
    assert megabytes < 150, f"{megabytes:.0f} MB"


def ask_for_a_picture(people, project, starter, template):
    from generation.composing import PictureRequest
    from generation.services.generations import submit_generation

    version = template.versions.get()
    request = PictureRequest(base_model=starter, template_version=version, num_inference_steps=2)
    return submit_generation(people.editor, project, request, key="crawl")


@contextmanager
def serving(folder: Path) -> Iterator[tuple[str, psutil.Process]]:
    """Run the portal as in production, on the test's database."""
    env = worker_environment(STATIC_ROOT=str(folder / "static"), LOG_LEVEL="ERROR")
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "-v", "0"], cwd=ROOT, env=env, check=True
    )
    address = f"127.0.0.1:{free_port(8600)}"
    command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", address, "--threads", "8"]
    with subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.DEVNULL) as gunicorn:
        try:
            wait_for_site(address)
            yield f"http://{address}", psutil.Process(gunicorn.pid)
        finally:
            gunicorn.terminate()


def crawl(address: str, email: str, password: str) -> dict[str, int]:
    """Log in and follow every link of the portal, and return the status of each address."""
    session = requests.Session()
    login = f"{address}/account/login/"
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', session.get(login).text)[1]
    session.post(
        login, {"login": email, "password": password, "csrfmiddlewaretoken": token}, headers={"Referer": login}
    )
    seen: dict[str, int] = {}
    waiting = [f"{address}/"]
    while waiting and len(seen) < 200:
        url = waiting.pop()
        response = session.get(url)
        seen[url] = response.status_code
        for path in re.findall(r'(?:href|src)="(/[^"#]*)"', response.text if is_page(response) else ""):
            if path.startswith(("/static/", "/account/logout")) or f"{address}{html.unescape(path)}" in {
                *seen,
                *waiting,
            }:
                continue
            waiting.append(f"{address}{html.unescape(path)}")
    return seen


def is_page(response: requests.Response) -> bool:
    return response.headers.get("Content-Type", "").startswith("text/html")
