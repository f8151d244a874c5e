"""What every room says about work under way."""

from django.utils.translation import ngettext


def remaining_words(seconds: float | None) -> str:
    """Say about how long a job still takes; nothing while nobody can know."""
    if seconds is None:
        return ""
    if seconds < 60:
        whole = max(1, round(seconds))
        return ngettext("about %(count)d second left", "about %(count)d seconds left", whole) % {"count": whole}
    minutes = round(seconds / 60)
    return ngettext("about %(count)d minute left", "about %(count)d minutes left", minutes) % {"count": minutes}
