"""The columns that a table of pictures may have, under the names that people give them."""

import re
import unicodedata
from collections.abc import Mapping

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "file": ("file", "filename", "ファイル名", "ファイル", "画像", "画像ファイル", "画像ファイル名"),
    "title": ("title", "題名", "タイトル", "作品名"),
    "creator": ("creator", "author", "artist", "photographer", "作者", "作者名", "クリエイター", "撮影者", "作家"),
    "creator_reading": ("creator_reading", "reading", "よみ", "読み", "ふりがな", "フリガナ", "作者よみ", "作者の読み"),
    "creator_uri": (
        "creator_uri",
        "creator_url",
        "creator_page",
        "作者のページ",
        "作者ページ",
        "作者url",
        "作者サイト",
    ),
    "license": ("license", "licence", "ライセンス", "許諾", "利用許諾"),
    "branch": ("branch", "chosen_license", "選んだライセンス", "選択ライセンス", "適用ライセンス"),
    "source_url": ("source_url", "source", "url", "出典", "出典url", "出所"),
    "retrieved_at": ("retrieved_at", "retrieved", "accessed", "取得日", "入手日", "ダウンロード日"),
    "evidence": ("evidence", "証拠", "証憑", "許諾書"),
    "caption_ja": ("caption_ja", "キャプション", "日本語キャプション", "キャプション(日本語)", "キャプション(日)"),
    "caption_en": ("caption_en", "caption", "英語キャプション", "キャプション(英語)", "キャプション(英)"),
    "tags": ("tags", "tag", "keywords", "タグ", "キーワード"),
    "basis": ("basis", "rights_basis", "根拠", "利用根拠", "権利の根拠"),
    "jurisdiction": ("jurisdiction", "準拠法", "法域", "適用法"),
    "territory": ("territory", "territories", "region", "地域", "利用地域"),
    "media": ("media", "媒体", "利用媒体"),
    "purposes": ("purposes", "purpose", "目的", "利用目的", "用途"),
    "copies": ("copies", "部数", "部数上限", "上限部数"),
    "seats": ("seats", "席数", "席数上限", "上限席数"),
    "valid_from": ("valid_from", "starts_at", "開始日", "利用開始日"),
    "expires_at": ("expires_at", "expires", "valid_until", "期限", "利用期限", "有効期限", "終了日"),
    "person": ("person", "people", "人物", "人物名", "被写体"),
    "release": ("release", "model_release", "person:release", "人物:許諾", "肖像権", "肖像権許諾", "モデルリリース"),
    "training_allowed": ("training_allowed", "学習の可否", "学習可", "学習許可"),
    "adaptation_allowed": ("adaptation_allowed", "改変の可否", "改変可", "改変許可"),
    "editorial_only": ("editorial_only", "報道・編集限定", "編集目的限定", "エディトリアル限定"),
    "training_purpose": ("training_purpose", "学習の目的", "学習目的"),
    "targets_creator_or_work": ("targets_creator_or_work", "特定の作者・作品が対象", "特定の作者や作品が対象"),
    "sold_as_analysis_database": ("sold_as_analysis_database", "解析用データベースとして販売", "解析用DB販売"),
    "public_domain_basis": ("public_domain_basis", "パブリックドメインの理由", "PDの理由"),
    "allow_commercial_use": ("allow_commercial_use", "Civitaiの商用利用", "Civitai商用利用"),
    "allow_derivatives": ("allow_derivatives", "Civitaiの派生", "Civitai派生"),
    "allow_no_credit": ("allow_no_credit", "Civitaiのクレジット不要", "Civitaiクレジット不要"),
    "allow_different_license": ("allow_different_license", "Civitaiの別の許諾", "Civitai別許諾"),
    "note": ("note", "notes", "remarks", "備考", "メモ"),
}
PERSON_WORDS = ("person", "release", "人物")
FILE_HINT = "file / ファイル名"


def column_of(header: str) -> str | None:
    """Return which column a header names, whatever its width, case and spacing; None when nobody knows it.

    A header such as "人物:花子" or "release: Hanako" is that person's release, and comes back as "release:花子".
    """
    plain = _plain(header)
    if found := SPELLINGS.get(plain):
        return found
    word, colon, name = unicodedata.normalize("NFKC", header).partition(":")
    if colon and name.strip() and _plain(word) in PERSON_WORDS:
        return f"release:{name.strip()}"
    return None


def _plain(header: str) -> str:
    return re.sub(r"[\s_・-]+", "", unicodedata.normalize("NFKC", header).casefold())


SPELLINGS = {_plain(word): name for name, words in COLUMNS.items() for word in words}
