"""The papers that go along with weights: LICENSE, NOTICE, CREDITS and a RAIL licence's Attachment A. Pure.

They say what counts at the moment at which the gate was asked, not what counted when something was trained.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from assets.licensing import NOTHING_OWED, OWN_PREFIX, Decision, label, obligations_text, restrictions_text
from assets.licensing.texts import license_text, use_rules_text

from .card_facts import CardFacts
from .card_words import ARCHITECTURES, KINDS, LANGUAGES, Language, say

USE_RULES_FILE = "ATTACHMENT-A.txt"
RULE = "=" * 78
# What a licence wants to read in the NOTICE, word for word.
NOTICES: Mapping[str, str] = {
    "LicenseRef-scancode-stability-ai-community-2024": "This Stability AI Model is licensed under the Stability AI "
    "Community License, Copyright © Stability AI Ltd. All Rights Reserved\n\nPowered by Stability AI",
    "LicenseRef-scancode-stability-ai-nc-2023-12-06": "This Stability AI Model is licensed under the Stability AI "
    "Non-Commercial Research Community License, Copyright (c) Stability AI Ltd. All Rights Reserved.",
    "LicenseRef-scancode-flux-1-nc": "The FLUX.1 [dev] Model is licensed by Black Forest Labs. Inc. under the FLUX.1 "
    "[dev] Non-Commercial License. Copyright Black Forest Labs. Inc.\nIN NO EVENT SHALL BLACK FOREST LABS, INC. BE "
    "LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING "
    "FROM, OUT OF OR IN CONNECTION WITH USE OF THIS MODEL.",
}


def papers_of(facts: CardFacts) -> dict[str, str]:
    """Return the papers by file name; Attachment A is among them only where a RAIL licence binds the weights."""
    rules = use_rules_file(facts.decision)
    return {
        "LICENSE": license_file(facts),
        "NOTICE": notice_file(facts),
        **{f"CREDITS.{language}.txt": credits_file(facts, language) for language in LANGUAGES},
        **({USE_RULES_FILE: rules} if rules else {}),
    }


def papers_sha256(papers: Mapping[str, str]) -> str:
    """Return the sha256 over all papers, to see whether they still say what counts."""
    texts = (f"{name}\0{papers[name]}\0" for name in sorted(papers))
    return hashlib.sha256("".join(texts).encode()).hexdigest()


def binding_licenses(decision: Decision) -> list[str]:
    """Return the licences of what went in that bind the weights."""
    return [each for each in decision.effective_license.split(" AND ") if each != NOTHING_OWED]


def copies_owed(decision: Decision) -> list[str]:
    """Return the licences of which whoever receives the weights gets a copy."""
    return list(dict.fromkeys(each.license for each in decision.obligations if each.kind == "license_copy"))


def missing_texts(decision: Decision) -> list[str]:
    """Return the licences of which a copy is owed and none is kept here: without it nothing may be passed on."""
    return [each for each in copies_owed(decision) if not license_text(each)]


def name_license(decision: Decision, license_id: str, language: Language) -> str:
    """Return what a licence is called, a team's own among them."""
    if license_id.startswith(OWN_PREFIX):
        return decision.context.profile(license_id).name[language]
    return label("licenses", license_id, language)


def license_file(facts: CardFacts) -> str:
    """Return LICENSE: under what the weights are given out, what binds them, and the texts that the house keeps."""
    decision, named = facts.decision, binding_licenses(facts.decision)
    texts = [each for each in dict.fromkeys((facts.outbound, *named, *copies_owed(decision))) if each]
    lines = [*_heading(facts, "en"), "", given_out(facts, "en"), ""]
    lines += [say("en", "binding"), *(f"- {_line_of(decision, each)}" for each in named)] if named else []
    lines += [] if named else [say("en", "nothing_binds")]
    lines += _rules(facts, "en")
    return "\n".join([*lines, "", *(part for each in texts for part in _text_of(decision, each))]).rstrip("\n") + "\n"


def given_out(facts: CardFacts, language: Language) -> str:
    """Say under which licence the makers give the weights out."""
    if not facts.outbound:
        return say(language, "out_none", maker=facts.maker)
    license_name = name_license(facts.decision, facts.outbound, language)
    return say(language, "out_own", maker=facts.maker, license=license_name)


def notice_file(facts: CardFacts) -> str:
    """Return NOTICE: what was changed, the words that licences want to read, and every duty but the credits."""
    wanted = [NOTICES[each] for each in binding_licenses(facts.decision) if each in NOTICES]
    blocks = ["\n".join(_heading(facts, language)) for language in LANGUAGES]
    for language in LANGUAGES:
        blocks.append("\n".join([say(language, "changed"), *_made_from(facts, language)]))
    blocks += wanted
    for language in LANGUAGES:
        duties = duty_lines(facts.decision, language)
        blocks += ["\n".join([say(language, "owed"), *(f"- {line}" for line in duties)])] if duties else []
    return "\n\n".join(blocks) + "\n"


def credits_file(facts: CardFacts, language: Language) -> str:
    """Return CREDITS: what must be said where the weights, or what they make, are shown."""
    lines = credit_lines(facts.decision, language) or [say(language, "no_credit")]
    return "\n".join([_title(facts, language, "credits"), "", *lines]) + "\n"


def credit_lines(decision: Decision, language: Language) -> list[str]:
    """Return the attributions that are owed, one a line."""
    return obligations_text(_only(decision, is_credit=True), language).splitlines()


def duty_lines(decision: Decision, language: Language) -> list[str]:
    """Return everything that is owed besides the credits, one duty a line."""
    return obligations_text(_only(decision, is_credit=False), language).splitlines()


def use_rules_file(decision: Decision) -> str:
    """Return the Attachment A of every RAIL licence that binds the weights; nothing where there is none."""
    bound = list(dict.fromkeys(each.profile for each in decision.restrictions))
    texts = [(each, use_rules_text(each)) for each in bound]
    blocks = [f"{name_license(decision, each, 'en')}\n\n{text}" for each, text in texts if text]
    return f"\n{RULE}\n\n".join(blocks)


def _only(decision: Decision, *, is_credit: bool) -> Decision:
    kept = frozenset(each for each in decision.obligations if (each.kind == "attribution") is is_credit)
    return replace(decision, terms=replace(decision.terms, obligations=kept))


def _title(facts: CardFacts, language: Language, sentence: str = "title") -> str:
    name = facts.name_ja if language == "ja" and facts.name_ja else facts.name
    return say(language, sentence, name=name, number=facts.number)


def _heading(facts: CardFacts, language: Language) -> list[str]:
    kind, architecture = KINDS[facts.kind], ARCHITECTURES.get(facts.architecture, facts.architecture)
    summary = say(language, "summary", kind=kind, architecture=architecture, maker=facts.maker)
    internal = [] if facts.is_public else [say(language, "internal", maker=facts.maker)]
    return [_title(facts, language), summary, *internal]


def _made_from(facts: CardFacts, language: Language) -> list[str]:
    base = facts.base
    lines = [f"- {say(language, 'base', name=base.name, sha256=base.sha256)}"] if base else []
    lines += [f"- {each}" for each in facts.parents]
    changed = ", ".join(facts.changed_parts)
    return lines + ([f"- {say(language, 'changed_parts', parts=changed)}"] if changed else [])


def _rules(facts: CardFacts, language: Language) -> list[str]:
    rules = restrictions_text(facts.decision, language)
    if not rules:
        return []
    beside = [say(language, "rules_beside", file=USE_RULES_FILE)] if use_rules_file(facts.decision) else []
    return ["", say(language, "rules"), *(f"- {line}" for line in rules), *beside]


def _line_of(decision: Decision, license_id: str) -> str:
    url = decision.context.profile(license_id).license_url
    named = name_license(decision, license_id, "en")
    return " ".join(filter(None, (named if named == license_id else f"{named} ({license_id})", url)))


def _text_of(decision: Decision, license_id: str) -> Sequence[str]:
    text, url = license_text(license_id), decision.context.profile(license_id).license_url
    if not text and not url:
        return ()
    heading = say("en", "text_of", license=_line_of(decision, license_id))
    return RULE, heading, RULE, "", text or say("en", "text_elsewhere", url=url), ""
