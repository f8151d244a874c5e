"""The cast of the rights tests: models and pictures with the facts that a project would record."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from assets.licensing import Context, Input, RightsFacts

RAIL = "LicenseRef-scancode-stable-diffusion-2022-08-22"
RAIL_PP = "LicenseRef-CreativeML-OpenRAIL-PP-M"
NOON = datetime(2026, 11, 20, 3, tzinfo=UTC)


def context(**changes: Any) -> Context:
    """Return the cases' default: commercial, Japan, US$500,000 a year, policy strict."""
    defaults: dict[str, Any] = {"at": NOON, "purpose": "commercial", "territory": "JP", "revenue": Decimal(500_000)}
    return Context(**{**defaults, **changes})


def thing(item: str, expression: str, kind: str, **facts: Any) -> Input:
    """Return a cleared thing with a title and a source."""
    edge, heightened = facts.pop("edge", None), facts.pop("heightened", ())
    defaults = {"state": "cleared", "title": item, "source_url": f"https://example.org/{item}"}
    recorded = RightsFacts(**{**defaults, "expression": expression, "kind": kind, **facts})
    return Input(item=item, facts=recorded, edge=edge, heightened=heightened)


def base(item: str, expression: str, **facts: Any) -> Input:
    """Return a base model."""
    return thing(item, expression, "base_model", **facts)


def lesson(item: str, expression: str, **facts: Any) -> Input:
    """Return a training picture."""
    return thing(item, expression, "training_picture", **facts)


def photo(item: str, expression: str, **facts: Any) -> Input:
    """Return an input picture."""
    return thing(item, expression, "input_picture", **facts)


SD15 = base("Stable Diffusion 1.5", RAIL)
SDXL = base("SDXL", RAIL_PP)
SCHNELL = base("FLUX.1 schnell", "Apache-2.0")
STARTER = base("Daicho starter", "CC0-1.0", creator="Daicho")
YAMADA = lesson("夜明け", "CC-BY-4.0", creator="山田")
ANA = lesson("Alba", "CC-BY-4.0", creator="Ana")
ZEROS = [lesson(f"zero {number}", "CC0-1.0") for number in range(39)]
