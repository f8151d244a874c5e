"""Say a decision in sentences, Japanese or English: what stands in the way, what is owed, what stays forbidden."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from .contexts import Context
from .decisions import Decision
from .profiles import OWN_PREFIX, profile, words
from .terms import Obligation, Reason

NAMED = 3
LABELED = {"stated": "", "allowed": "", "possible": "licenses", "purpose": "purposes", "cap": "caps"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """One line of credits: a creator's works under one licence."""

    creator: str
    license: str
    license_url: str
    modified: bool
    works: tuple[tuple[str, str], ...]


def explain(decision: Decision, language: str) -> list[str]:
    """Return a sentence for everything that is not a plain yes, naming items and clause; the worst first.

    Items with the same reason share a sentence. Raises LicensingError on a language other than "en" and "ja".
    """
    groups: dict[tuple[Any, ...], list[Reason]] = {}
    for reason in decision.reasons:
        key = (reason.value, reason.code, reason.dimension, reason.license, reason.clause, repr(reason.params))
        groups.setdefault(key, []).append(reason)
    return [_sentence(reasons, decision, language) for reasons in groups.values()]


def answer(decision: Decision, language: str) -> str:
    """Return the decision's answer in one short sentence."""
    sentence: str = words(language)["answers"][decision.verdict.value]
    return sentence.format(action=label("actions", decision.action.value, language))


def label(group: str, word: str, language: str) -> str:
    """Return what a word is called on screen: a dimension, purpose, territory, licence and so on, else itself."""
    if group == "licenses":
        return _license_name(word, language)
    named: str = words(language).get(group, {}).get(word, word)
    return named


def license_name(decision: Decision, language: str) -> str:
    """Return the effective licence in words."""
    parts = decision.effective_license.split(" AND ")
    joint: str = words(language)["joints"]["and"]
    return joint.join(_license_name(part, language, decision.context) for part in parts)


def credits_of(decision: Decision) -> list[Credit]:
    """Return the attributions that are owed, one per creator and licence, with their works."""
    works: dict[tuple[str, str, str, bool], set[tuple[str, str]]] = {}
    for each in decision.obligations:
        if each.kind == "attribution":
            key = (each.creator, each.license, each.license_url, each.modified)
            works.setdefault(key, set()).add((each.title, each.source_url))
    return [
        Credit(creator=key[0], license=key[1], license_url=key[2], modified=key[3], works=tuple(sorted(content)))
        for key, content in sorted(works.items())
    ]


def obligations_text(decision: Decision, language: str) -> str:
    """Return what is owed as text to go with the product: credits first, then other duties; "" when nothing is."""
    lines = [_credit_line(credit, language, decision.context) for credit in credits_of(decision)]
    others = (each for each in decision.obligations if each.kind != "attribution")
    return "\n".join([*lines, *_duties(others, language, decision.context)])


def restrictions_text(decision: Decision, language: str) -> list[str]:
    """Return a sentence for each rule on use that stays with the product."""
    template: str = words(language)["restriction"]
    sentences = (
        template.format(
            license=_license_name(each.profile, language, decision.context),
            clause=each.clause,
            quote=_quote(decision.context, each.profile, each.clause, language, each.code),
        )
        for each in decision.restrictions
    )
    return list(dict.fromkeys(sentences))


def _sentence(reasons: Sequence[Reason], decision: Decision, language: str) -> str:
    first, spoken, context = reasons[0], words(language), decision.context
    template = spoken["reasons"].get(first.code) or spoken["reasons"]["forbidden"]
    values = {name: _value(name, value, first, language, context) for name, value in first.params.items()}
    if "at" in first.params:
        values["at"] = _local(first.params["at"], first.params["time_zone"])
    sentence: str = template.format_map(
        {
            **values,
            "items": _items([reason.item for reason in reasons], language),
            "license": _license_name(first.license, language, context),
            "dimension": label("dimensions", first.dimension, language),
            "action": label("actions", decision.action.value, language),
        }
    )
    behind: str = spoken["clause"]
    quote = _quote(context, first.license, first.clause, language, first.dimension)
    source = _license_name(first.license, language, context)
    return sentence + behind.format(license=source, clause=first.clause, quote=quote)


def _value(name: str, value: Any, reason: Reason, language: str, context: Context) -> str:
    if isinstance(value, list | tuple):
        joint: str = words(language)["joints"]["or"]
        if reason.dimension in ("outbound", "basis"):
            return joint.join(_license_name(str(each), language, context) for each in value)
        return joint.join(label(reason.dimension, str(each), language) for each in value)
    if name == "other":
        return _license_name(str(value), language, context)
    if name in ("amount", "revenue", "most"):
        return f"{Decimal(str(value)):,.2f}".removesuffix(".00")
    return label(LABELED.get(name, ""), str(value), language)


def _items(names: Iterable[str], language: str) -> str:
    listed = list(dict.fromkeys(names))
    spoken: Mapping[str, str] = words(language)["joints"]
    shown = spoken["list"].join(spoken["item"].format(item=name) for name in listed[:NAMED])
    return shown if len(listed) <= NAMED else spoken["more"].format(shown=shown, count=len(listed) - NAMED)


def _credit_line(credit: Credit, language: str, context: Context) -> str:
    spoken: Mapping[str, str] = words(language)["credits"]
    works = [
        spoken["work"].format(title=title or spoken["untitled"], source=source) if source
        else spoken["work_bare"].format(title=title or spoken["untitled"])
        for title, source in credit.works
    ]  # fmt: skip
    return spoken["line"].format(
        works=words(language)["joints"]["list"].join(works),
        creator=credit.creator or spoken["nameless"],
        license=_license_name(credit.license, language, context),
        url=spoken["url"].format(url=credit.license_url) if credit.license_url else "",
        modified=spoken["modified"] if credit.modified else "",
    )


def _duties(obligations: Iterable[Obligation], language: str, context: Context) -> list[str]:
    template: str = words(language)["duty"]
    sentences = (
        template.format(
            license=_license_name(each.license, language, context),
            clause=each.clause,
            quote=_quote(context, each.license, each.clause, language, each.kind),
        )
        for each in obligations
    )
    return list(dict.fromkeys(sentences))


def _license_name(license_id: str, language: str, context: Context | None = None) -> str:
    named: str | None = words(language)["licenses"].get(license_id)
    if named is not None:
        return named
    known = context.profile(license_id) if context else profile(license_id)
    return known.name[language] if known.id == license_id else license_id.removeprefix(OWN_PREFIX)


def _quote(context: Context, license_id: str, clause: str, language: str, about: str) -> str:
    """Return what a clause says; where one number stands behind several answers, what it says `about` this one."""
    clauses = context.profile(license_id).clauses
    for name in (about, *sorted(clauses, key="whole".__eq__)):
        if name in clauses and clauses[name].clause == clause:
            return clauses[name].quote[language]
    return ""


def _local(moment: str, time_zone: str) -> str:
    local = datetime.fromisoformat(moment).astimezone(ZoneInfo(time_zone))
    return f"{local:%Y-%m-%d %H:%M} ({time_zone})"
