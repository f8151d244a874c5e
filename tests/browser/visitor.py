"""A person at a browser: what they read in, how wide their window is, and what may not happen on their pages."""

import re
from dataclasses import dataclass

from playwright.sync_api import Browser, ConsoleMessage, Locator, Request, Response, expect

PATIENCE_MS = 60_000
# htmx says this about a request that a newer one has replaced, as hx-sync asks for.
REPLACED = re.compile(r"^htmx:(afterRequest|sendAbort)\b")
expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What a person brings: a language, a window, and whether they like it dark."""

    language: str
    width: int
    height: int
    theme: str = "light"

    def __str__(self) -> str:
        return f"{self.language} {self.width}"


DESK_JA = Reader(language="ja", width=1280, height=800)
DESK_EN = Reader(language="en", width=1280, height=800)
PHONE_JA = Reader(language="ja", width=390, height=844)
PHONE_EN = Reader(language="en", width=390, height=844)


class Visitor:
    """A window of a reader's own, with everything that went wrong in it."""

    def __init__(self, browser: Browser, reader: Reader, home: str) -> None:
        self.reader, self.home = reader, home
        self.context = browser.new_context(
            base_url=home,
            viewport={"width": reader.width, "height": reader.height},
            locale={"ja": "ja-JP", "en": "en-GB"}[reader.language],
            color_scheme=reader.theme,
            reduced_motion="reduce",
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", self.hear)
        self.page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))
        self.page.on("requestfailed", self.miss)
        self.page.on("response", self.receive)

    def hear(self, message: ConsoleMessage) -> None:
        """Keep what the console complains about; a refused script or style is among it."""
        if message.type == "error" and not REPLACED.match(message.text):
            self.complaints.append(f"console: {message.text}")

    def miss(self, request: Request) -> None:
        """Keep requests that got no answer, but for those that the page itself gave up."""
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"no answer: {request.method} {request.url}: {request.failure}")

    def receive(self, response: Response) -> None:
        """Keep answers that say no."""
        if response.status >= 400:
            self.complaints.append(f"{response.status}: {response.request.method} {response.url}")

    def log_in(self, email: str, password: str = "correct horse") -> None:
        """Come in through the first page."""
        self.open("/")
        self.page.locator("[name=login]").fill(email)
        self.page.locator("[name=password]").fill(password)
        self.page.locator("main form.card button.primary").click()
        expect(self.page.locator("main h1")).to_have_text({"ja": "ホーム", "en": "Home"}[self.reader.language])
        self.look()

    def open(self, address: str) -> None:
        """Go to an address of the site and look at the page."""
        self.page.goto(address)
        self.look()

    def follow(self, link: Locator) -> None:
        """Click something that leads to another page, and look at it."""
        before = self.page.url
        link.click()
        self.page.wait_for_function("before => location.href !== before", arg=before)
        self.page.wait_for_load_state()
        self.look()

    def go_to_room(self, name: str) -> None:
        """Open a room of the project through the rail, or through the phone's bar and its menu."""
        rooms = self.page.locator(".rail" if self.reader.width > 860 else ".bottom")
        door = rooms.locator(f"a[href$='/{name}/']")
        if not door.is_visible():
            rooms.locator("summary").click()
        self.follow(door)

    def look(self) -> None:
        """See that the page speaks the reader's language and does not scroll sideways."""
        expect(self.page.locator("html")).to_have_attribute("lang", self.reader.language)
        needed = self.page.evaluate("document.documentElement.scrollWidth")
        assert needed <= self.reader.width, f"{self.page.url} needs {needed} px of {self.reader.width}"

    def close(self) -> None:
        """Close the window. Raises AssertionError when anything went wrong in it."""
        self.context.close()
        assert not self.complaints, "\n".join(self.complaints)
