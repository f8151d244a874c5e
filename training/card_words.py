"""The words of model cards and of the papers that go along with weights, in English and Japanese. Pure."""

from collections.abc import Mapping
from typing import Literal

Language = Literal["en", "ja"]
LANGUAGES: tuple[Language, ...] = ("en", "ja")

KINDS: Mapping[str, str] = {
    "lora": "LoRA",
    "dreambooth": "DreamBooth",
    "textual_inversion": "Textual Inversion",
    "hypernetwork": "Hypernetwork",
}
ARCHITECTURES: Mapping[str, str] = {
    "sd1": "Stable Diffusion 1",
    "sd2": "Stable Diffusion 2",
    "sdxl": "Stable Diffusion XL",
    "sd3": "Stable Diffusion 3",
    "flux": "FLUX.1",
}
WORDS: Mapping[Language, Mapping[str, str]] = {
    "en": {
        "title": "{name}, version {number}",
        "summary": "A {kind} for {architecture}, made by {maker}.",
        "internal": "For use inside the house of {maker} only. Do not pass it on: ask Daicho for a public download.",
        "use": "Use",
        "triggers": "Trigger words: {words}",
        "weight": "Recommended weight: {weight}",
        "a1111": "In AUTOMATIC1111, ComfyUI or InvokeAI, put {file} into the folder for {folder}.",
        "token": "The word that listens is the file’s name there, and {word} in diffusers.",
        "daicho_only": "No other program reads this file; Daicho’s Studio does.",
        "samples": "Samples",
        "no_samples": "No sample pictures go along: their rights do not allow it.",
        "training": "How it was made",
        "base": "Base model: {name} (sha256 {sha256})",
        "pictures": "Pictures learned from: {count}",
        "dataset": "Dataset: {name} (Merkle root {root})",
        "steps": "Steps: {step}",
        "rank": "Rank: {rank}",
        "resolution": "Resolution: {resolution}",
        "parents": "Made from: {names}",
        "held_out": "Loss on pictures that it did not learn from, against the base model: {mean} "
        "(95 % interval {low} to {high})",
        "not_held_out": "No picture was held out, so nothing says how well it carries over.",
        "folded": "It learned from all pictures, for the median of the steps that were best on parts of them.",
        "folds_held_out": "Loss on the pictures that each part held out, at its best, against the base model: {mean} "
        "on average",
        "verdict_best_at": "It was best at the step that was kept.",
        "verdict_still_learning": "It was still getting better when it stopped.",
        "verdict_overfitting_since": "It had begun to learn pictures by heart; the best step before was kept.",
        "verdict_learned_nothing": "Nothing was measurably learned.",
        "memorized": "Samples closer to a picture learned from than real pictures are to each other: {share}",
        "rights": "Licence and duties",
        "out_own": "{maker} gives these weights out under {license}.",
        "out_none": "{maker} adds no licence of its own. What is not allowed below stays reserved.",
        "binding": "Licences of what they were made from, which bind them:",
        "nothing_binds": "Nothing that they were made from binds them.",
        "owed": "What whoever passes them on or uses them owes:",
        "credits_beside": "The credits are in CREDITS.en.txt and CREDITS.ja.txt, the rest is in NOTICE.",
        "nothing_owed": "Nothing is owed.",
        "rules": "Rules on use, which also bind whoever receives them:",
        "rules_beside": "The rules on use are in {file} and are part of this licence: whoever passes these weights on "
        "lets them go along as a provision that can be enforced.",
        "files": "Files",
        "text_of": "Text of {license}",
        "text_elsewhere": "The text is at {url}",
        "changed": "These weights were made from the models named here and change what they do. The models themselves "
        "were not changed, unless the package holds a whole model: then the parts named below were.",
        "changed_parts": "Changed parts of the model: {parts}",
        "credits": "Credits for {name}, version {number}",
        "no_credit": "No credit is owed.",
        "made_with": "Made and documented with Daicho.",
    },
    "ja": {
        "title": "{name} バージョン {number}",
        "summary": "{architecture} 用の {kind}。作成: {maker}",
        "internal": "{maker} の社内専用です。外部に渡さないでください。公開用は Daicho から取得してください。",
        "use": "使い方",
        "triggers": "トリガーワード: {words}",
        "weight": "推奨の強さ: {weight}",
        "a1111": "AUTOMATIC1111、ComfyUI、InvokeAI では {file} を {folder} のフォルダーに置きます。",
        "token": "そこではファイル名が、diffusers では {word} が呼び出す言葉になります。",
        "daicho_only": "このファイルを読めるのは Daicho のスタジオだけです。",
        "samples": "見本",
        "no_samples": "権利上の理由で見本の画像は付いていません。",
        "training": "作り方",
        "base": "ベースモデル: {name} (sha256 {sha256})",
        "pictures": "学習に使った画像: {count} 枚",
        "dataset": "データセット: {name} (Merkle ルート {root})",
        "steps": "ステップ数: {step}",
        "rank": "ランク: {rank}",
        "resolution": "解像度: {resolution}",
        "parents": "元になったもの: {names}",
        "held_out": "学習に使わなかった画像での損失の変化 (ベースモデル比): {mean} (95 % 区間 {low} ～ {high})",
        "not_held_out": "検証用に残した画像がないため、どれだけ応用が利くかは測れていません。",
        "folded": "画像を分割して調べた最良ステップ数の中央値だけ、すべての画像で学習しました。",
        "folds_held_out": "各分割で検証用に残した画像での、最良時の損失の変化 (ベースモデル比): 平均 {mean}",
        "verdict_best_at": "保存したステップが最良でした。",
        "verdict_still_learning": "終了時点でまだ良くなり続けていました。",
        "verdict_overfitting_since": "画像の丸暗記が始まったため、その前の最良のステップを保存しました。",
        "verdict_learned_nothing": "測定できるほどの学習はありませんでした。",
        "memorized": "実際の画像どうしよりも学習画像に近い見本の割合: {share}",
        "rights": "ライセンスと義務",
        "out_own": "{maker} はこの重みを {license} で提供します。",
        "out_none": "{maker} は独自のライセンスを付与しません。以下で許されていない利用の権利は留保されます。",
        "binding": "元になったもののライセンス (この重みにも及びます):",
        "nothing_binds": "元になったものから及ぶ条件はありません。",
        "owed": "再配布する人・使う人の義務:",
        "credits_beside": "クレジットは CREDITS.ja.txt と CREDITS.en.txt に、その他は NOTICE にあります。",
        "nothing_owed": "義務はありません。",
        "rules": "利用の制限 (受け取った人にも及びます):",
        "rules_beside": "利用の制限は {file} にあり、このライセンスの一部です。この重みを渡す人は、"
        "制限を強制できる条項として引き継がなければなりません。",
        "files": "ファイル",
        "text_of": "{license} の本文",
        "text_elsewhere": "本文: {url}",
        "changed": "この重みは、ここに挙げたモデルから作られ、その働きを変えるものです。モデル自体は変更していません"
        "(モデル全体を含むパッケージでは、以下の部分が変更されています)。",
        "changed_parts": "変更した部分: {parts}",
        "credits": "{name} バージョン {number} のクレジット",
        "no_credit": "クレジット表記の義務はありません。",
        "made_with": "Daicho で作成し、記録しています。",
    },
}
# Where other programs keep each kind of file.
FOLDERS: Mapping[str, str] = {"lora": "LoRAs", "textual_inversion": "embeddings", "hypernetwork": "hypernetworks"}


def say(language: Language, sentence: str, /, **values: object) -> str:
    """Return one sentence with its values filled in."""
    return WORDS[language][sentence].format(**values)
