"""The columns that a table of pictures may have, under the names that people give them."""

import re
import unicodedata
from collections.abc import Mapping

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "file": ("file", "filename", "ファイル名", "ファイル", "画像", "画像ファイル", "画像ファイル名"),
    "title": ("title", "題名", "タイトル", "作品名"),
    "creator": ("creator", "author", "artist", "photographer", "作者", "作者名", "クリエイター", "撮影者", "作家"),
    "creator_reading": ("creator_reading", "reading", "よみ", "読み", "ふりがな", "フリガナ", "作者よみ", "作者の読み"),
    "license": ("license", "licence", "ライセンス", "許諾", "利用許諾"),
    "source_url": ("source_url", "source", "url", "出典", "出典url", "出所"),
    "evidence": ("evidence", "証拠", "証憑", "許諾書"),
    "caption_ja": ("caption_ja", "キャプション", "日本語キャプション", "キャプション(日本語)", "キャプション(日)"),
    "caption_en": ("caption_en", "caption", "英語キャプション", "キャプション(英語)", "キャプション(英)"),
    "tags": ("tags", "tag", "keywords", "タグ", "キーワード"),
    "basis": ("basis", "rights_basis", "根拠", "利用根拠", "権利の根拠"),
    "territory": ("territory", "territories", "region", "地域", "利用地域"),
    "media": ("media", "媒体", "利用媒体"),
    "valid_from": ("valid_from", "starts_at", "開始日", "利用開始日"),
    "expires_at": ("expires_at", "expires", "valid_until", "期限", "利用期限", "有効期限", "終了日"),
    "person": ("person", "people", "人物", "人物名", "被写体"),
    "release": ("release", "model_release", "person:release", "人物:許諾", "肖像権", "肖像権許諾", "モデルリリース"),
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
