"""Five thousand pictures from one zip with one worker: how long it takes, and how much memory is held.

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
import sqlite3
import statistics
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
    form = {"login": "editor@daicho.example", "password": "daicho-demo", "csrfmiddlewaretoken": token}
    answer = session.post(page.url, data=form, headers={"Referer": page.url}, timeout=60)
    answer.raise_for_status()


def wait_for_web(session: requests.Session) -> None:
    """Wait until the server answers."""
    for _attempt in range(120):
        with contextlib.suppress(requests.ConnectionError, requests.Timeout):
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


def ask_database(folder: Path, question: str) -> int:
    """Return one number from the run's database."""
    with contextlib.closing(sqlite3.connect(f"file:{folder}/db.sqlite3?mode=ro", uri=True, timeout=60)) as database:
        return int(database.execute(question).fetchone()[0] or 0)


def wait_for(house: House, folder: Path, question: str, wanted: int) -> float:
    """Sample memory once a second until the database answers as wanted. Return the seconds that passed."""
    start = time.monotonic()
    while ask_database(folder, question) < wanted:
        if time.monotonic() - start > 3600:
            raise SystemExit(f"Nothing came of {question!r}.")
        house.sample()
        time.sleep(1)
    return time.monotonic() - start


PICTURES = "SELECT COUNT(*) FROM assets_picture"
IMPORTED = "SELECT COUNT(*) FROM assets_importbatch WHERE step = 'imported'"
READY = "SELECT COUNT(*) FROM assets_importbatch WHERE step = 'ready'"


def main() -> None:
    """Import, and say what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=5_000)
    parser.add_argument("--kill", action="store_true")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="daicho-import-"))
    write_zip(folder / "many.zip", options.pictures)
    house = House(folder)
    house.manage("migrate", "-v0")
    house.manage("collectstatic", "--no-input", "-v0")
    house.manage("seed_demo")
    house.start("web")
    house.start("light")
    try:
        raise SystemExit(run(house, folder, options))
    finally:
        for name in list(house.processes):
            house.kill(name)


def run(house: House, folder: Path, options: argparse.Namespace) -> int:
    """Upload, confirm, wait, and count. Return 1 when a picture is lost or doubled."""
    session, before = requests.Session(), ask_database(folder, PICTURES)
    wait_for_web(session)
    sign_in(session)
    room = "/p/spring-campaign/import/"
    start = time.monotonic()
    with (folder / "many.zip").open("rb") as archive:
        answer = post(session, f"{room}new/", {"license": "", "creator": "", "source_url": ""}, files=archive)
    batch = answer.url.rstrip("/").rsplit("/", 1)[-1]
    print(f"uploaded {(folder / 'many.zip').stat().st_size / 1e6:.0f} MB in {time.monotonic() - start:.1f} s")
    tried = wait_for(house, folder, READY, 1)
    post(session, f"{room}{batch}/confirm/", {})
    taken = 0.0
    if options.kill:
        taken = wait_for(house, folder, PICTURES, before + options.pictures // 2)
        house.kill("light")
        print(f"killed with {ask_database(folder, PICTURES) - before} pictures in")
        house.start("light")
    taken += wait_for(house, folder, IMPORTED, 1)
    return report(house, folder, before, options, tried, taken)


def report(house: House, folder: Path, before: int, options: argparse.Namespace, tried: float, taken: float) -> int:
    """Print counts, speed and memory."""
    count = ask_database(folder, PICTURES) - before
    pixels = ask_database(folder, "SELECT COUNT(DISTINCT pixels_sha256) FROM assets_picture") - before
    entries = "SELECT COUNT(*) FROM ledger_entry WHERE event = 'assets.picture.added'"
    written = ask_database(folder, entries) - before
    print(f"{count} pictures, {pixels} different, {written} ledger entries, of {options.pictures}")
    tries, takes = options.pictures / max(tried, 1), options.pictures / max(taken, 1)
    print(f"trial {tries:.0f} pictures/s, import {takes:.0f} pictures/s")
    for name, sizes in house.peaks.items():
        quarter = max(1, len(sizes) // 4)
        print(
            f"{name}: {statistics.median(sizes[:quarter]):.0f} MB in the first quarter, "
            f"{statistics.median(sizes[-quarter:]):.0f} MB in the last, {max(sizes):.0f} MB at most"
        )
    return int((count, pixels, written) != (options.pictures,) * 3)


if __name__ == "__main__":
    main()
