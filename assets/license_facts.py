"""Everything that a licence profile says, as lines that people read and compare."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from . import licensing
from .licensing import Permission, Profile
from .licensing.terms import PERMISSIONS
from .services import reading_language

KINDS: Mapping[str, Any] = {
    "contract": gettext_lazy("Contract with us"),
    "public_license": gettext_lazy("Licence for everybody"),
    "public_domain": gettext_lazy("Public domain"),
    "exception": gettext_lazy("Exception in law"),
}
DUTIES: Mapping[str, Any] = {
    "attribution": gettext_lazy("Credit"),
    "remove_credit": gettext_lazy("Taking the credit off on request"),
    "notice": gettext_lazy("Keeping notices"),
    "license_copy": gettext_lazy("A copy of the licence"),
    "changes": gettext_lazy("Saying what was changed"),
    "pass_on": gettext_lazy("Passing its rules on"),
    "badge": gettext_lazy("A badge or logo"),
    "ai_disclosure": gettext_lazy("Saying that a machine made it"),
    "review": gettext_lazy("A filter or a person’s look at what is made"),
    "register": gettext_lazy("Registration with the licensor"),
}
PRODUCTS: Mapping[str, Any] = {
    "output": gettext_lazy("pictures"),
    "weights": gettext_lazy("weights"),
    "host": gettext_lazy("services"),
}
# The clause behind an answer that a licence does not give.
SILENCE = "–"
Line = tuple[str, str]


def lines_of(profile: Profile) -> list[Line]:
    """Return everything that a profile says: about what, and what it says, in the reader's language."""
    return [line for line in (*about(profile), *answers(profile), *duties(profile), *reach(profile)) if line[1]]


def about(profile: Profile) -> Iterator[Line]:
    """Return what the licence is called, and where it is written."""
    yield _("Name"), profile.name[reading_language()]
    yield _("Kind"), str(KINDS.get(profile.kind, profile.kind))
    yield _("Page of the licence"), " ".join(filter(None, dict.fromkeys((profile.license_url, profile.source_url))))
    yield _("The licence’s text"), " ".join(filter(None, (profile.text, profile.text_sha256, profile.retrieved_at)))
    yield _("The licence in one sentence"), clause_in(profile, "whole")


def answers(profile: Profile) -> Iterator[Line]:
    """Return the answer for each use, with the clause behind it; silence has none."""
    language = reading_language()
    for name in PERMISSIONS:
        permission = profile.permission(name)
        word = licensing.label("permissions", permission.word, language)
        said = word if permission is Permission.UNKNOWN else f"{word} · {clause_in(profile, name)}"
        yield licensing.label("dimensions", name, language), said


def duties(profile: Profile) -> Iterator[Line]:
    """Return what is owed, on what, and the rules on use that stay with it."""
    for each in profile.obligations:
        on = ", ".join(str(PRODUCTS.get(name, name)) for name in each["on"])
        label = _("%(duty)s, on %(products)s") % {"duty": DUTIES.get(each["kind"], each["kind"]), "products": on}
        condition = "when" in each and f" ({each['when'].parameter} {each['when'].test} {each['when'].value})"
        yield label, clause_in(profile, each["clause"]) + (condition or "")
    for each in profile.restrictions:
        on = ", ".join(str(PRODUCTS.get(name, name)) for name in (*each["on"], *each.get("pass_on", ())))
        label = _("Rule on use, on %(products)s") % {"products": on}
        yield label, f"{clause_in(profile, each['clause'])} ({each['code']})"


def reach(profile: Profile) -> Iterator[Line]:
    """Return how far the licence reaches: purposes, revenue, what goes out under what, and what depends on what."""
    language = reading_language()
    listed = ", ".join
    yield _("Purposes"), listed(licensing.label("purposes", each, language) for each in sorted(profile.purposes or ()))
    for each in profile.ceilings:
        most = _("up to US$%(amount)s, this included") if each.inclusive else _("less than US$%(amount)s")
        yield _("Revenue"), f"{most % {'amount': f'{each.amount:,}'}} · {clause_in(profile, 'ceilings')}"
    if profile.outbound is not None:
        names = listed(licensing.label("licenses", each, language) for each in sorted(profile.outbound)) or "–"
        yield _("Goes out under"), f"{names} · {clause_in(profile, 'outbound')}"
    for rule in profile.rules:
        asked = f"{rule.when.parameter} {rule.when.test} {rule.when.value}"
        uses = ((licensing.label("dimensions", name, language), value.word) for name, value in rule.then.items())
        said = listed(": ".join(each) for each in uses)
        limits = listed(sorted(rule.purposes or ()) + sorted(rule.outbound or ()))
        yield _("Where %(condition)s") % {"condition": asked}, f"{said} {limits} · {clause_in(profile, rule.clause)}"
    for name, known in profile.parameters.items():
        yield _("Asks of each thing: %(name)s") % {"name": name}, str(known)


def other_words(profile: Profile) -> Iterator[Line]:
    """Return the name and the quotes in the language that the reader does not read, where they are others."""
    own = reading_language()
    language = "en" if own == "ja" else "ja"
    spoken = _("In English") if language == "en" else _("In Japanese")
    said = [(_("Name"), profile.name), *((each.clause, each.quote) for each in profile.clauses.values())]
    for label, words in said:
        if label != SILENCE and words[language] != words[own]:
            yield f"{spoken}: {label}", words[language]


def clause_in(profile: Profile, name: str) -> str:
    """Return a clause with what it says."""
    return f"{profile.clause_of(name)} {profile.quote(name, reading_language())}"


def differences(before: Profile, after: Profile) -> list[tuple[str, str, str]]:
    """Return what two versions say differently: about what, before, and after, in the reader's language."""
    then, now = [*lines_of(before), *other_words(before)], [*lines_of(after), *other_words(after)]
    gone = [line for line in then if line not in now]
    new = [line for line in now if line not in then]
    found = [(name, *pair_of(name, gone, new)) for name in dict.fromkeys(name for name, _text in (*gone, *new))]
    return found or raw_differences(before.content, after.content)


def pair_of(name: str, gone: list[Line], new: list[Line]) -> tuple[str, str]:
    """Return what was said about something before and after."""
    before, after = ("\n".join(text for label, text in lines if label == name) for lines in (gone, new))
    return before or "–", after or "–"


def raw_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Return the parts of the content that differ where the lines in words do not, so that nothing passes unseen."""
    names = sorted({*before, *after} - {"version"})
    changed = [name for name in names if before.get(name) != after.get(name)]
    return [(name, str(before.get(name, "–"))[:300], str(after.get(name, "–"))[:300]) for name in changed]
