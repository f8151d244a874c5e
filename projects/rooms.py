"""The rooms of a project, in the order in which the portal shows them, and the links that lead there."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.urls import NoReverseMatch, get_script_prefix, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from .icons import DECORATIONS
from .markup import escaped


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """One entry of the rail. `key` is pressed after "g" to go there."""

    view: str
    label: Any
    icon: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A room as one reader sees it on one page."""

    room: Room
    label: str
    url: str
    is_current: bool


ROOMS = (
    Room(view="studio", label=_("Studio"), icon="studio", key="s"),
    Room(view="gallery", label=_("Pictures"), icon="pictures", key="p"),
    Room(view="templates", label=_("Templates"), icon="templates", key="t"),
    Room(view="vocabulary", label=_("Vocabulary"), icon="vocabulary", key="v"),
    Room(view="datasets", label=_("Datasets"), icon="datasets", key="a"),
    Room(view="library", label=_("Library"), icon="library", key="l"),
    Room(view="review", label=_("Review"), icon="review", key="r"),
    Room(view="ledger", label=_("Ledger"), icon="ledger", key="d"),
    Room(view="members", label=_("Members"), icon="members", key="m"),
    Room(view="project_settings", label=_("Settings"), icon="settings", key="e"),
)


def doors(slug: str, path: str) -> list[Door]:
    """List the rooms of a project, marking the one that `path` lies in."""
    return [
        Door(room=room, label=str(room.label), url=url, is_current=path.startswith(url))
        for room, url in addresses_of(slug, get_script_prefix())
    ]


@lru_cache(maxsize=1024)
def addresses_of(slug: str, _prefix: str) -> tuple[tuple[Room, str], ...]:
    """Find the address of each room of a project; they stay as long as the process serves under this prefix."""
    found = []
    for room in ROOMS:
        try:
            found.append((room, reverse(room.view, args=[slug])))
        except NoReverseMatch:
            continue
    return tuple(found)


def draw_links(found: Iterable[Door], *, has_keys: bool) -> SafeString:
    """Return the links to rooms, with the keys that lead there on the rail: every page shows each room three times."""
    rows = []
    for door in found:
        key = f' data-key="{escaped(door.room.key)}"' if has_keys else ""
        current = ' aria-current="page"' if door.is_current else ""
        face = f"{DECORATIONS[door.room.icon]}<span>{escaped(door.label)}</span>"
        rows.append(f'<a href="{escaped(door.url)}"{key}{current}>{face}</a>')
    return SafeString("\n".join(rows))


def draw_keys(found: Iterable[Door]) -> SafeString:
    """Return the rows of the list of keys, one for each room."""
    key = "<dt><kbd>g</kbd> <kbd>{}</kbd></dt><dd>{}</dd>"
    return SafeString("\n".join(key.format(escaped(door.room.key), escaped(door.label)) for door in found))
