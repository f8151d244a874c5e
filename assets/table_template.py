"""The table that people begin with: every column under a header in their language, and one example. Pure."""

from collections.abc import Mapping

from .table_columns import COLUMNS

# One header per column as a table in this language would write it.
JAPANESE_HEADERS: Mapping[str, str] = {
    "file": "ファイル名", "title": "題名", "creator": "作者", "creator_reading": "よみ", "creator_uri": "作者のページ",
    "license": "ライセンス", "branch": "選んだライセンス", "source_url": "出典", "retrieved_at": "取得日",
    "evidence": "証憑", "caption_ja": "キャプション（日本語）", "caption_en": "キャプション（英語）", "tags": "タグ",
    "basis": "根拠", "jurisdiction": "準拠法", "territory": "地域", "media": "媒体", "purposes": "利用目的",
    "copies": "部数上限", "seats": "席数上限", "valid_from": "開始日", "expires_at": "期限", "person": "人物",
    "release": "肖像権", "training_allowed": "学習の可否", "adaptation_allowed": "改変の可否",
    "editorial_only": "報道・編集限定", "training_purpose": "学習の目的",
    "targets_creator_or_work": "特定の作者・作品が対象", "sold_as_analysis_database": "解析用データベースとして販売",
    "public_domain_basis": "パブリックドメインの理由", "allow_commercial_use": "Civitaiの商用利用",
    "allow_derivatives": "Civitaiの派生", "allow_no_credit": "Civitaiのクレジット不要",
    "allow_different_license": "Civitaiの別の許諾", "note": "備考",
}  # fmt: skip
EXAMPLES: Mapping[str, Mapping[str, str]] = {
    "en": {
        "file": "umbrella-01.png", "title": "Red umbrella", "creator": "Ana Ruiz",
        "creator_uri": "https://example.com/ana", "license": "CC-BY-4.0 OR CC-BY-SA-4.0", "branch": "CC-BY-4.0",
        "source_url": "https://example.com/umbrella", "retrieved_at": "2026-03-20",
        "caption_ja": "雨の路地に立つ赤い傘", "caption_en": "a red umbrella in a rainy alley", "tags": "umbrella, rain",
        "basis": "licence", "jurisdiction": "Japan", "territory": "WW", "media": "web, print",
        "purposes": "commercial, advertising, editorial", "copies": "10000", "valid_from": "2026-04-01",
        "expires_at": "2028-03-31", "training_allowed": "yes", "note": "Example row: replace it with your own",
    },
    "ja": {
        "file": "umbrella-01.png", "title": "赤い傘", "creator": "山田 花子", "creator_reading": "やまだ はなこ",
        "creator_uri": "https://example.com/hanako", "license": "CC-BY-4.0 OR CC-BY-SA-4.0", "branch": "CC-BY-4.0",
        "source_url": "https://example.com/umbrella", "retrieved_at": "2026年3月20日",
        "caption_ja": "雨の路地に立つ赤い傘", "caption_en": "a red umbrella in a rainy alley", "tags": "傘、雨",
        "basis": "ライセンス", "jurisdiction": "日本法", "territory": "全世界", "media": "ウェブ、印刷物",
        "purposes": "商用、広告、報道・編集", "copies": "1万部", "valid_from": "2026年4月1日",
        "expires_at": "令和10年3月31日", "training_allowed": "可",
        "note": "記入例です。ご自分の内容に置き換えてください",
    },
}  # fmt: skip


def template_rows(language: str) -> list[tuple[str, ...]]:
    """Return a table to begin with: every column's header, and one example."""
    headers = [JAPANESE_HEADERS[name] if language == "ja" else name for name in COLUMNS]
    return [tuple(headers), tuple(EXAMPLES[language].get(name, "") for name in COLUMNS)]
