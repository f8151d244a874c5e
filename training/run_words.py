"""What was measured in a training, in words: changes with their intervals, times, sizes, and what to change next."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from .curves import MINUS
from .models import TrainingRun

# What the verdicts mean at a glance, and what to do about them.
VERDICTS: Mapping[str, tuple[str, Any]] = {
    "best_at": ("ok", gettext_lazy("Learned")),
    "still_learning": ("accent", gettext_lazy("Still learning")),
    "overfitting_since": ("warn", gettext_lazy("Overfitting")),
    "learned_nothing": ("stop", gettext_lazy("Learned nothing")),
    "folded": ("accent", gettext_lazy("Measured on parts")),
    "not_measured": ("", gettext_lazy("Not measured")),
}
ADVICE: Mapping[str, Any] = {
    "best_at": gettext_lazy(
        "Try the version in the Studio. To get further, change one thing: more varied pictures, or another rank."
    ),
    "still_learning": gettext_lazy("Train the same again with more steps, or with a somewhat higher learning rate."),
    "overfitting_since": gettext_lazy(
        "Take fewer steps or more varied pictures. Beside the other fields stands what they were measured to do."
    ),
    "learned_nothing": gettext_lazy(
        "Raise the learning rate, or train more steps. Look whether the captions say what the pictures show."
    ),
    "folded": gettext_lazy(
        "Look at its samples: nothing was held out from the last training. Where the parts got no better, take more "
        "varied pictures, or captions that say what the pictures show."
    ),
    "not_measured": gettext_lazy(
        "Hold out a share of the pictures, or take folds where there are few: then the next run says how well it went."
    ),
}
PERCENT = "\N{NO-BREAK SPACE}%"
STATE_MARKS = {"succeeded": "ok", "failed": "stop", "blocked": "stop", "canceled": "plain"}


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictWords:
    """A run's verdict: its mark, the word for a badge, and what to change."""

    mark: str
    word: str
    advice: str


def verdict_words(run: TrainingRun) -> VerdictWords | None:
    """Return a run's verdict in words, None while there is none."""
    if run.verdict not in VERDICTS:
        return None
    mark, word = VERDICTS[run.verdict]
    return VerdictWords(mark=mark, word=str(word), advice=str(ADVICE[run.verdict]))


def signed_percent(share: float) -> str:
    """Return a change as per cent with its sign."""
    text = f"{abs(share) * 100:.1f}"
    sign = "" if float(text) == 0 else MINUS if share < 0 else "+"
    return f"{sign}{text}{PERCENT}"


def change_words(mean: float | None, low: float | None, high: float | None) -> str:
    """Say how far a loss has moved from the beginning, and between which bounds; nothing where nobody measured."""
    if mean is None:
        return ""
    size = {"percent": percent(abs(mean))}
    if low is None or high is None:
        return _("%(percent)s better") % size if mean < 0 else _("%(percent)s worse") % size
    if low <= 0.0 <= high:
        return _("no clear change (%(low)s to %(high)s)") % {"low": signed_percent(low), "high": signed_percent(high)}
    least, most = sorted((abs(low), abs(high)))
    size |= {"low": f"{least * 100:.1f}", "high": percent(most)}
    return (
        _("%(percent)s better (%(low)s to %(high)s)") % size
        if mean < 0
        else (_("%(percent)s worse (%(low)s to %(high)s)") % size)
    )


def percent(share: float) -> str:
    """Return a share as per cent."""
    return f"{share * 100:.1f}{PERCENT}"


def memory_words(count: int | None) -> str:
    """Return bytes as people read them; nothing for nothing."""
    return str(filesizeformat(count)) if count else ""


def duration_words(seconds: float | None) -> str:
    """Say how long something takes or took; nothing where nobody knows."""
    if seconds is None:
        return ""
    if seconds < 90:
        whole = max(1, round(seconds))
        return ngettext("%(count)d second", "%(count)d seconds", whole) % {"count": whole}
    minutes = round(seconds / 60)
    if minutes < 90:
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    return _("%(hours)d h %(minutes)d min") % {"hours": minutes // 60, "minutes": minutes % 60}


def memorized_words(share: float | None) -> str:
    """Say how much of what is drawn is a training picture over again; nothing where nobody could tell."""
    if share is None:
        return ""
    if share <= 0:
        return _("None of the drawn samples is a training picture over again.")
    said = _("%(percent)d %% of the drawn samples are closer to a training picture than its neighbours are.")
    return said % {"percent": max(1, round(share * 100))}


def safe_words(run: TrainingRun) -> str:
    """Say what is left of a run that did not come to its end."""
    if run.checkpoint_step:
        said = _("The checkpoint of step %(step)d is kept: Resume goes on from there.")
        return said % {"step": run.checkpoint_step}
    return _("It had no checkpoint yet. Resume begins anew; the dataset, the recipe and encoded pictures are kept.")
