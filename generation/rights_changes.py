"""What a gate said of a picture when it was made, beside what it says now: every difference in a sentence."""

from collections.abc import Sequence

from django.utils.translation import gettext as _

from assets.licensing import Decision, label, license_name, obligations_text, restrictions_text
from assets.services import reading_language

MOST_LINES = 5


def changes_since(then: Decision, now: Decision) -> list[str]:
    """Say how today's decision differs from a stored one: answer, licence, duties, rules, versions of the profiles."""
    language = reading_language()
    return [
        *answer_changes(then, now, language),
        *line_changes(
            obligations_text(then, language).splitlines(),
            obligations_text(now, language).splitlines(),
            new=_("Owed now, but not then: %(line)s"),
            gone=_("Owed then, but no more: %(line)s"),
        ),
        *line_changes(
            restrictions_text(then, language),
            restrictions_text(now, language),
            new=_("A rule on use now, but not then: %(line)s"),
            gone=_("A rule on use then, but no more: %(line)s"),
        ),
        *profile_changes(then, now, language),
    ]


def answer_changes(then: Decision, now: Decision, language: str) -> list[str]:
    """Say how the answer and the effective licence differ."""
    found = []
    if then.verdict is not now.verdict:
        words = [label("verdicts", each.verdict.value, language) for each in (then, now)]
        found.append(_("The answer was “%(then)s” and is “%(now)s” now.") % {"then": words[0], "now": words[1]})
    if then.effective_license != now.effective_license:
        words = [license_name(each, language) for each in (then, now)]
        found.append(_("The licence was %(then)s and is %(now)s now.") % {"then": words[0], "now": words[1]})
    return found


def line_changes(then: Sequence[str], now: Sequence[str], *, new: str, gone: str) -> list[str]:
    """Say which lines came and which went, a few of each."""
    came = [new % {"line": line} for line in now if line not in set(then)]
    went = [gone % {"line": line} for line in then if line not in set(now)]
    return [*cut(came), *cut(went)]


def cut(lines: Sequence[str]) -> list[str]:
    """Return the first lines, and how many more there are."""
    more = len(lines) - MOST_LINES
    return [*lines[:MOST_LINES], _("… and %(count)d more") % {"count": more}] if more > 0 else list(lines)


def profile_changes(then: Decision, now: Decision, language: str) -> list[str]:
    """Say which licences' profiles were revised, came in, or went away."""
    found = []
    for name in sorted({*then.profiles, *now.profiles}):
        was, is_now = then.profiles.get(name), now.profiles.get(name)
        if was != is_now:
            words = {"license": name_of(name, then if is_now is None else now, language), "then": was, "now": is_now}
            found.append(sentence_for(was, is_now) % words)
    return found


def sentence_for(was: str | None, is_now: str | None) -> str:
    """Return the sentence for a profile that changed its version, that is new, or that is gone."""
    if was is None:
        return _("%(license)s counts now and did not then.")
    if is_now is None:
        return _("%(license)s counted then and does no more.")
    return _("Our reading of %(license)s has changed: version %(then)s then, version %(now)s now.")


def name_of(license_id: str, decision: Decision, language: str) -> str:
    """Return what a licence behind a decision is called, own ones too."""
    known = decision.context.profile(license_id)
    return known.name[language] if known.id == license_id else label("licenses", license_id, language)
