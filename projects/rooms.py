"""The rooms of a project, in the order in which the portal shows them, and the links that lead there."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.urls import NoReverseMatch, get_script_prefix, reverse
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from .icons import DECORATIONS
from .markup import escaped

IN_BAR = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """One entry of the rail. `key` is pressed after "g" to go there."""

    view: str
    label: Any
    icon: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """The links to a project's rooms as one page shows them: on the rail, in the bar of a phone, and among the keys."""

    rail: SafeString
    bar: SafeString
    more: SafeString
    keys: SafeString


ROOMS = (
    Room(view="studio", label=_("Studio"), icon="studio", key="s"),
    Room(view="gallery", label=_("Pictures"), icon="pictures", key="p"),
    Room(view="templates", label=_("Templates"), icon="templates", key="t"),
    Room(view="vocabulary", label=_("Vocabulary"), icon="vocabulary", key="v"),
    Room(view="datasets", label=_("Datasets"), icon="datasets", key="a"),
    Room(view="training", label=_("Training"), icon="training", key="n"),
    Room(view="library", label=_("Library"), icon="library", key="l"),
    Room(view="review", label=_("Review"), icon="review", key="r"),
    Room(view="ledger", label=_("Ledger"), icon="ledger", key="d"),
    Room(view="members", label=_("Members"), icon="members", key="m"),
    Room(view="project_settings", label=_("Settings"), icon="settings", key="e"),
)


def doors(slug: str, path: str) -> Doors:
    """Return the links to a project's rooms, the one that `path` lies in marked."""
    prefix = get_script_prefix()
    current = next((room.view for room, url in addresses_of(slug, prefix) if path.startswith(url)), "")
    return draw_doors(slug, prefix, current, get_language() or "")


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


@lru_cache(maxsize=1024)
def draw_doors(slug: str, prefix: str, current: str, _language: str) -> Doors:
    """Draw the links once for a project, a room and a language: nothing else is in them."""
    rooms = addresses_of(slug, prefix)
    bar = [draw_link(room, url, is_current=room.view == current) for room, url in rooms]
    rail = [draw_link(room, url, is_current=room.view == current, key=room.key) for room, url in rooms]
    keys = [f"<dt><kbd>g</kbd> <kbd>{room.key}</kbd></dt><dd>{escaped(room.label)}</dd>" for room, _url in rooms]
    return Doors(
        rail=SafeString("\n".join(rail)),
        bar=SafeString("\n".join(bar[:IN_BAR])),
        more=SafeString("\n".join(bar[IN_BAR:])),
        keys=SafeString("\n".join(keys)),
    )


def draw_link(room: Room, url: str, *, is_current: bool, key: str = "") -> str:
    """Return the link to one room."""
    marks = (f' data-key="{key}"' if key else "") + (' aria-current="page"' if is_current else "")
    return f'<a href="{escaped(url)}"{marks}>{DECORATIONS[room.icon]}<span>{escaped(room.label)}</span></a>'
