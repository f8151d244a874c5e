"""What people say that a picture shows: words of their own, beside those that a machine proposes."""

from django.db import transaction
from django.utils import timezone

from projects.models import User

from ..captions import split_phrases
from ..declarations import SEPARATORS
from ..models import Picture, PictureTag
from .curation import decide_tag
from .pictures import refresh_search_text

MAX_CHARS = 80


@transaction.atomic
def add_tags(user: User, picture: Picture, text: str) -> int:
    """Add the words of a text, with commas between them; one that was proposed or rejected is accepted.

    Return how many words there were.
    """
    words = dict.fromkeys(
        tag[:MAX_CHARS] for part in SEPARATORS.split(text.replace("\0", "")) for tag in split_phrases(part)
    )
    for word in words:
        decided = {"state": PictureTag.State.ACCEPTED, "decided_by": user, "decided_at": timezone.now()}
        PictureTag.objects.update_or_create(picture=picture, text=word, defaults=decided)
    if words:
        refresh_search_text(picture)
    return len(words)


@transaction.atomic
def remove_tag(user: User, tag: PictureTag) -> None:
    """Take a word away; a machine's is rejected instead, so that it is not proposed again."""
    if tag.source:
        decide_tag(user, tag, accepted=False)
        return
    tag.delete()
    refresh_search_text(tag.picture)
