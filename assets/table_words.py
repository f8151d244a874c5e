"""Reads the words that people write into a table's cells, in Japanese or English: places, answers, quantities. Pure."""

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

from .licensing import Purpose, house_profiles, label
from .licensing.facts import WORLD
from .licensing.profiles import regions

SEPARATORS = re.compile(r"[,;、，；/|｜\n]+")
BASES: Mapping[str, tuple[str, ...]] = {
    "license": ("license", "licence", "ライセンス", "許諾"),
    "own_work": ("own_work", "own work", "own", "自作", "自社制作", "自社撮影"),
    "contract": ("contract", "契約", "契約書"),
    "public_domain": ("public_domain", "public domain", "pd", "パブリックドメイン", "著作権切れ"),
    "jp_30_4": ("jp_30_4", "30-4", "30条の4", "第30条の4", "著作権法30条の4"),
    "exception": ("exception", "other exception", "例外", "その他の権利制限"),
}
RELEASES: Mapping[str, tuple[str, ...]] = {
    "unlimited": ("unlimited", "yes", "ok", "あり", "有", "有り", "済", "取得済", "無制限", "mr-umr"),
    "limited": ("limited", "限定", "条件付き", "制限あり", "mr-lmr"),
    "none": ("none", "no", "なし", "無", "無し", "未取得", "mr-non"),
}
YES_NO: Mapping[str, tuple[str, ...]] = {
    "yes": ("yes", "true", "y", "1", "ok", "はい", "可", "許可", "あり", "有", "○", "〇", "◯"),
    "no": ("no", "false", "n", "0", "いいえ", "不可", "不許可", "なし", "無", "×", "✕"),
}
ANSWERS: Mapping[str, tuple[str, ...]] = {
    "analysis": ("analysis", "data analysis", "解析", "情報解析", "データ解析"),
    "reproduce_expression": ("reproduce_expression", "reproduce expression", "表現の再現", "再現"),
    "term_expired": ("term_expired", "term expired", "保護期間満了", "期間満了", "著作権切れ"),
    "never_protected": ("never_protected", "never protected", "保護対象外", "保護の対象外"),
    "dedicated": ("dedicated", "権利放棄", "放棄"),
    "Image": ("image", "images", "sell images", "画像の販売", "画像販売"),
    "RentCivit": ("rentcivit", "run on civitai", "civitaiでの実行"),
    "Rent": ("rent", "run in any paid service", "有料サービスでの実行"),
    "Sell": ("sell", "sell the model or merges", "モデルの販売", "モデル販売", "モデルやマージの販売"),
}
NONE_OF_THEM = ("none", "none of these", "no", "なし", "無", "どれも不可", "不可")
MEDIA = ("web", "print", "social", "video", "outdoor", "packaging", "tv")
COUNTRIES = ("JP", "US", "GB", "KR", "CN", "TW", "HK", "FR", "DE", "IT", "ES", "CA", "AU", "SG", "TH")
QUANTITY = re.compile(r"([0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(万)?(?:部|枚|冊|席|人|copies|copy|seats|seat)?")
MOST = 10**12


def fold(text: str) -> str:
    """Return what words have in common whatever their width and case."""
    return unicodedata.normalize("NFKC", text).casefold().strip()


def word_of(table: Mapping[str, tuple[str, ...]], text: str) -> str | None:
    """Return the entry of a table that a word belongs to; None when none has it."""
    plain = fold(text)
    return next((name for name, words in table.items() if plain in map(fold, words)), None)


def list_of(text: str, read: Callable[[str], str | None]) -> list[str] | None:
    """Return what each part of a text means; None when there is none, or one that cannot be read."""
    found = [read(part.strip()) for part in SEPARATORS.split(text) if part.strip()]
    return None if None in found or not found else sorted({each for each in found if each})


def country_of(text: str) -> str | None:
    """Return the code of a country or region that is written in Japanese or English, or as a code; None if unknown."""
    return _by_label("territory", text, (WORLD, *regions(), *COUNTRIES)) or _code_of(text)


def medium_of(text: str) -> str | None:
    """Return the code of a medium that is written in Japanese or English."""
    return _by_label("media", text, MEDIA)


def purpose_of(text: str) -> str | None:
    """Return a purpose that is written in Japanese or English."""
    return _by_label("purposes", text, tuple(Purpose))


def quantity_of(text: str) -> int | None:
    """Return a quantity from 1, such as １万部; None for anything else."""
    found = QUANTITY.fullmatch("".join(fold(text).split()))
    if found is None:
        return None
    number = int(found[1].replace(",", "")) * (10_000 if found[2] else 1)
    return number if 1 <= number <= MOST else None


@cache
def parameters() -> Mapping[str, Any]:
    """Return what the licences that ship with Daicho ask of each thing: a question's name, and its answers."""
    return {name: answers for each in house_profiles().values() for name, answers in each.parameters.items()}


def answer_of(name: str, text: str) -> Any:
    """Return the answer to a licence's question: true or false, a word, or a list of words; None for none of them."""
    answers = parameters()[name]
    if isinstance(answers, Mapping):
        if fold(text) in NONE_OF_THEM:
            return []
        return list_of(text, lambda part: _among(answers["several"], part))
    if set(answers) == {True, False}:
        return {"yes": True, "no": False}.get(word_of(YES_NO, text) or "")
    return _among(answers, text)


def answers_to(name: str) -> list[str]:
    """Return the answers that a licence's question takes, as they may be written in any language."""
    answers = parameters()[name]
    if isinstance(answers, Mapping):
        return [*answers["several"], "none"]
    return ["yes", "no"] if set(answers) == {True, False} else list(answers)


def _among(answers: Any, text: str) -> str | None:
    return word_of({name: ANSWERS[name] for name in answers}, text)


def _by_label(group: str, text: str, codes: tuple[str, ...]) -> str | None:
    plain = fold(text)
    return next((str(code) for code in codes if plain in _names_of(group, code)), None)


def _names_of(group: str, code: str) -> Iterator[str]:
    yield from (fold(each) for each in (code, label(group, code, "ja"), label(group, code, "en")))


def _code_of(text: str) -> str | None:
    plain = unicodedata.normalize("NFKC", text).strip().upper()
    return plain if re.fullmatch("[A-Z]{2}", plain) else None
