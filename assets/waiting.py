"""What waits for a person in rooms that are built upon this one; each of those says so as the process starts."""

from collections.abc import Callable
from dataclasses import dataclass

from projects.models import Project, User


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Something that waits for a reviewer: a sentence with its number, and where to look."""

    sentence: str
    url: str


Ask = Callable[[User, Project], Waiting | None]
SOURCES: dict[str, Ask] = {}


def add_source(ask: Ask) -> None:
    """Have the review's room ask a function what waits; it answers None when nothing does."""
    SOURCES[f"{ask.__module__}.{ask.__qualname__}"] = ask


def waiting_for(user: User, project: Project) -> list[Waiting]:
    """Return what waits for a person besides pictures, models, waivers and licences."""
    return [each for each in (ask(user, project) for ask in SOURCES.values()) if each is not None]
