"""The demo project's templates: the four slots, with variables, choices and locked parts to look at."""

from typing import Any

NEGATIVES = "blurry, noisy, text artifacts"

TEMPLATES: tuple[dict[str, Any], ...] = (
    {
        "slug": "product-key-visual",
        "name": "Product key visual",
        "name_ja": "商品キービジュアル",
        "note": "First version",
        "body": {
            "slots": [
                {"name": "subject", "default": "a {color} {product}", "hint": "赤いマグカップ / a red mug"},
                {"name": "environment", "default": "on a wooden table", "hint": "木のテーブルの上 / on a wooden table"},
                {"name": "light", "default": "soft daylight", "hint": "柔らかい日差し / soft daylight"},
                {"name": "style", "default": "flat vector style", "hint": "フラットなベクター / flat vector style"},
            ],
            "negative": NEGATIVES,
            "variables": {
                "color": {
                    "default": "red",
                    "choices": [
                        "red",
                        "orange",
                        "yellow",
                        "green",
                        "blue",
                        "purple",
                        "pink",
                        "white",
                        "black",
                        "brown",
                    ],
                },
                "product": {"default": "mug"},
            },
        },
    },
    {
        "slug": "seasonal-poster",
        "name": "Seasonal poster",
        "name_ja": "季節のポスター",
        "note": "First version",
        "body": {
            "slots": [
                {"name": "subject", "default": "a pink flower", "hint": "ピンクの花 / a pink flower"},
                {"name": "environment", "default": "on a beach", "hint": "砂浜で / on a beach"},
                {"name": "light", "default": "golden sunset light", "hint": "夕日 / golden sunset light"},
                {"name": "style", "default": "poster style", "locked": True, "hint": "ポスター風 / poster style"},
            ],
            "negative": NEGATIVES,
        },
    },
    {
        "slug": "picture-book",
        "name": "Picture book",
        "name_ja": "絵本",
        "note": "First version",
        "body": {
            "slots": [
                {"name": "subject", "default": "a {yellow|white|pink} star", "hint": "黄色い星 / a yellow star"},
                {"name": "environment", "default": "on a beach", "hint": "砂浜で / on a beach"},
                {"name": "light", "default": "soft daylight", "hint": "柔らかい日差し / soft daylight"},
                {"name": "style", "default": "watercolor style", "hint": "水彩 / watercolor style"},
            ],
            "negative": NEGATIVES,
        },
    },
)
