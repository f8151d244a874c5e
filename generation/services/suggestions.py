"""Ask the translation model for words that the vocabulary does not know."""

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from jobs.models import Canceled
from jobs.queue import ring
from projects.models import Project, User
from projects.problems import Problem

from ..models import Suggestion


@transaction.atomic
def request_suggestion(user: User, project: Project, text: str) -> Suggestion:
    """Ask a worker for the English of a word. Raises Problem when the house has no translation model."""
    if not settings.TRANSLATION_MODEL:
        raise Problem("no_translator", _("No translation model is set up. Type the English yourself."), status=409)
    text = text.strip()
    if not 0 < len(text) <= Suggestion._meta.get_field("text").max_length:
        message = _("Give a word of at most 80 characters.")
        raise Problem("word_length", message, fields={"text": message})
    suggestion = Suggestion.objects.create(project=project, requested_by=user, text=text)
    ring(suggestion)
    return suggestion


def save_suggestion(suggestion: Suggestion, *, result: str, translator: str) -> None:
    """Keep what the model said. Raises Canceled when the job is no longer ours."""
    with transaction.atomic():
        if not suggestion.holds(progress=1.0):
            raise Canceled
        suggestion.result, suggestion.translator = result[:400], translator
        suggestion.save(update_fields=["result", "translator"])
