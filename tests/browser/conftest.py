"""A real browser on a real server: a page that complains, or that is wider than its window, fails its test."""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from assets.services import install_starter_terms

from .visitor import DESK_EN, Reader, Visitor

# Playwright's own event loop runs in the tests' thread, and Django would refuse to touch the database there.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Launch the system's own Chromium."""
    if CHROMIUM is None:
        pytest.skip("the browser tests drive the system's Chromium; install the package chromium")
    return {**browser_type_launch_args, "executable_path": CHROMIUM, "args": [*FLAGS]}


@pytest.fixture
def visit(transactional_db, live_server, browser: Browser) -> Iterator[Callable[..., Visitor]]:
    """Return a function from a reader to a browser window of theirs; all windows are checked at the end."""
    visitors: list[Visitor] = []

    def open_window(reader: Reader = DESK_EN) -> Visitor:
        visitors.append(Visitor(browser, reader, live_server.url))
        return visitors[-1]

    yield open_window
    for visitor in visitors:
        visitor.close()


@pytest.fixture
def vocabulary(transactional_db) -> None:
    """Install the words that Japanese prompts are translated with."""
    install_starter_terms()
