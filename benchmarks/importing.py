"""Five thousand pictures from one zip with one worker: how long, and how much memory the web server and the worker hold.

    .venv/bin/python benchmarks/importing.py [--pictures 5000] [--kill]

Starts gunicorn and one light cluster on a database of its own, uploads the zip through the portal as a browser does,
confirms the import, and samples the memory of both every second. With --kill the worker is killed with SIGKILL in the
middle and started again. Ends with status 1 when a picture is lost or there twice.
"""

import argparse
import contextlib
import io
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import psutil
import requests
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parent.parent
PORT = 8377
SITE = f"http://127.0.0.1:{PORT}"


def draw(number: int) -> bytes:
    """Return a PNG of 256 × 256 pixels that no other number gives."""
    rng = random.Random(number)
    image = Image.new("RGB", (256, 256), tuple(rng.randbytes(3)))
    pen = ImageDraw.Draw(image)
    for _ in range(30):
        x, y = rng.randrange(256), rng.randrange(256)
        pen.ellipse((x, y, x + rng.randrange(8, 90), y + rng.randrange(8, 90)), fill=tuple(rng.randbytes(3)))
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    return file.getvalue()


def write_zip(path: Path, count: int) -> None:
    """Write the archive, with a table of licences."""
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(count):
            archive.writestr(f"photos/{number:05d}.png", draw(number))
        rows = "".join(f"{number:05d}.png,Ana,CC0-1.0,https://example.com/{number}\n" for number in range(count))
        archive.writestr("rights.csv", "file,creator,license,source_url\n" + rows)


class House:
    """The servers of this run."""

    def __init__(self, folder: Path) -> None:
        self.env = {**os.environ, "DATA_DIR": str(folder), "LOG_LEVEL": "ERROR", "ALLOWED_HOSTS": "127.0.0.1"}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.peaks: dict[str, list[float]] = {"web": [], "light": []}

    def manage(self, *arguments: str) -> None:
        """Run a management command to its end."""
        subprocess.run([sys.executable, "manage.py", *arguments], cwd=ROOT, env=self.env, check=True)

    def start(self, name: str) -> None:
        """Start the web server or the light cluster."""
        command = [sys.executable, "manage.py", "qcluster", "--name", "light"]
        if name == "web":
            command = [sys.executable, "-m", "gunicorn", "config.wsgi", "--bind", f"127.0.0.1:{PORT}", "--threads", "4"]
        self.processes[name] = subprocess.Popen(command, cwd=ROOT, env=self.env, start_new_session=True)

    def kill(self, name: str) -> None:
        """Kill a server with everything that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.processes[name].pid, signal.SIGKILL)
        self.processes.pop(name).wait()

    def sample(self) -> None:
        """Note the memory of the largest process of each server, in MB."""
        for name, process in self.processes.items():
            with contextlib.suppress(psutil.NoSuchProcess):
                root = psutil.Process(process.pid)
                sizes = [each.memory_info().rss for each in (root, *root.children(recursive=True))]
                self.peaks[name].append(max(sizes) / 1e6)


def sign_in(session: requests.Session) -> None:
    """Log in as the demo's editor."""
    page = session.get(f"{SITE}/account/login/", timeout=60)
    token = session.cookies["csrftoken"]
    form = {"login": "editor@daicho.example", "password": "spring-demo", "csrfmiddlewaretoken": token}
    answer = session.post(page.url, data=form, headers={"Referer": page.url}, timeout=60)
    answer.raise_for_status()


def wait_for_web(session: requests.Session) -> None:
    """Wait until the server answers."""
    for _attempt in range(120):
        with contextlib.suppress(requests.ConnectionError):
            session.get(f"{SITE}/account/login/", timeout=5)
            return
        time.sleep(0.5)
    raise SystemExit("The web server does not answer.")


def post(session: requests.Session, path: str, data: dict[str, str], **files: Any) -> requests.Response:
    """Post a form as a browser does."""
    data = {**data, "csrfmiddlewaretoken": session.cookies["csrftoken"]}
    headers = {"Referer": f"{SITE}{path}"}
    answer = session.post(f"{SITE}{path}", data=data, files=files or None, headers=headers, timeout=600)
    answer.raise_for_status()
    return answer
