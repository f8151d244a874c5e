"""The house's rights cases as plain rows, to be asked of the algebra, the API and the pages alike.

`HOUSE` are the cases that the policy was agreed with, `MATRIX` one question per licence, action and purpose,
`DETAILS` what depends on the parameters and the record of a thing. `CASES` are all of them.
"""

from datetime import UTC, date, datetime
from decimal import Decimal

from tests.assets.rights_cast import RAIL
from tests.assets.rights_matrix import DETAILS, MATRIX
from tests.assets.rights_rows import (
    COMMUNITY,
    MANAGED,
    NEWS,
    STARTER,
    Case,
    ask,
    base,
    faced,
    lesson,
    lora,
    named,
    photo,
    studied,
    ticked,
)

SD15, SD35 = base("Stable Diffusion 1.5", RAIL), base("SD 3.5", COMMUNITY)
SCHNELL = base("FLUX.1 schnell", "Apache-2.0")
LORA = lora("LoRA")
YAMADA, ANA = lesson("夜明け", "CC-BY-4.0", creator="山田"), lesson("Alba", "CC-BY-4.0")
ZEROS = [lesson(f"zero {number}", "CC0-1.0") for number in range(39)]
NC, SA_LESSON = lesson("the odd one", "CC-BY-NC-4.0"), lesson("shared lesson", "CC-BY-SA-4.0")
SA, BY, ND = photo("shared", "CC-BY-SA-4.0"), photo("credited", "CC-BY-4.0"), photo("finished", "CC-BY-ND-4.0")
FACE, FACE_LESSON = photo("portrait", "CC0-1.0"), lesson("portrait", "CC0-1.0")
KYOTO = photo(
    "Kyoto", MANAGED, territory=["JP"], expires_at=date(2026, 12, 31), time_zone="Asia/Tokyo",
    parameters={"adaptation_allowed": True},
)  # fmt: skip
LAST_SECOND, TOO_LATE = datetime(2026, 12, 31, 14, 59, 59, tzinfo=UTC), datetime(2026, 12, 31, 15, tzinfo=UTC)


BY_OUT, SA_OUT = {"outbound_license": "CC-BY-4.0"}, {"outbound_license": "CC-BY-SA-4.0"}
NOBODY = {"": "blank", "CC": "CC", "royalty free": "royalty free", "LicenseRef-Nobody": "unknown id"}
HOUSE: tuple[Case, ...] = (
    *named(
        "SD1.5 txt2img, publish",
        ask("as it is", "publish", [SD15], "allow", owed=""),
        ask("under any licence", "publish", [SD15], "allow", **BY_OUT),
    ),
    *named(
        "SD1.5 + LoRA trained on CC-BY by two creators, publish",
        ask("credits", "publish", [SD15, LORA, YAMADA, ANA], "allow", owed="attribution remove_credit"),
    ),
    *named(
        "LoRA on 39 × CC0 + 1 × CC-BY-NC",
        ask("train", "train", [STARTER, *ZEROS, NC], "block forbidden"),
        ask("train, non-commercial", "train", [STARTER, *ZEROS, NC], "allow", purpose="noncommercial"),
        ask("generate", "generate", [STARTER, LORA, *ZEROS, NC], "block forbidden"),
    ),
    *named(
        "CC-BY-SA + CC-BY inputs",
        ask("outbound CC-BY-4.0", "publish", [STARTER, SA, BY], "block outbound_not_allowed", **BY_OUT),
        ask("outbound CC-BY-SA-4.0", "publish", [STARTER, SA, BY], "allow", **SA_OUT),
    ),
    *named(
        "CC-BY-ND input",
        ask("generate internally", "generate", [STARTER, ND], "allow"),
        ask("publish", "publish", [STARTER, ND], "block forbidden"),
    ),
    *named(
        "SD1.5 + LoRA, distribute weights",
        ask("on BY-SA, strict", "weights", [SD15, SA_LESSON], "block terms_conflict", **SA_OUT),
        ask("on BY-SA, standard", "weights", [SD15, SA_LESSON], "allow", policy="standard"),
        ask("on CC0", "weights", [SD15, *ZEROS], "allow", owed="license_copy notice pass_on"),
    ),
    *named("FLUX-schnell + LoRA on CC0, publish", ask("bare", "publish", [SCHNELL, LORA, *ZEROS], "allow", owed="")),
    *named(
        "SD3.5 by revenue",
        ask("2,000,000", "publish", [SD35], "block revenue_above", revenue=Decimal(2_000_000)),
        ask("unknown", "publish", [SD35], "block revenue_not_stated", revenue=None),
        ask("exactly 1,000,000", "publish", [SD35], "allow", revenue=Decimal(1_000_000), owed="register"),
        ask("a cent more", "publish", [SD35], "block revenue_above", revenue=Decimal("1000000.01")),
    ),
    *named(
        "Civitai LoRA by flags",
        ask("[]: publish", "publish", [SD15, ticked()], "block forbidden"),
        ask("[Image]: publish", "publish", [SD15, ticked("Image")], "allow", owed="attribution"),
        ask("[Image]: host", "host", [SD15, ticked("Image")], "block forbidden"),
        ask("derivatives=false: fine-tune", "train", [ticked("Image", allow_derivatives=False)], "block forbidden"),
    ),
    *named(
        "editorial-only photo as input",
        ask("ad", "publish", [STARTER, photo("news", NEWS)], "block purposes_outside", purpose="advertising"),
        ask("news", "publish", [STARTER, photo("news", NEWS)], "allow", purpose="editorial", owed="attribution"),
    ),
    *named(
        "rights-managed, Japan only, until 2026-12-31 JST",
        ask("in JP at 23:59:59 JST", "publish", [STARTER, KYOTO], "allow", at=LAST_SECOND, owed="attribution"),
        ask("in US", "publish", [STARTER, KYOTO], "block territory_outside", at=LAST_SECOND, territory="US"),
        ask("in JP at 15:00Z", "publish", [STARTER, KYOTO], "block expired", at=TOO_LATE),
    ),
    *named(
        "CC0 photo of a person without release",
        ask("publish ad", "publish", [STARTER, faced(FACE)], "block release_none", purpose="advertising"),
        ask("publish editorial", "publish", [STARTER, faced(FACE)], "allow", purpose="editorial"),
        ask("train commercially", "train", [STARTER, faced(FACE_LESSON)], "block release_none"),
        ask("train internally", "train", [STARTER, faced(FACE_LESSON)], "review release_none", purpose="internal"),
    ),
    *named(
        "no known licence",
        *(
            ask(f"{called}, {action}", action, [STARTER, lesson("found", expression)], "block no_basis")
            for expression, called in NOBODY.items()
            for action in ("train", "generate", "publish")
        ),
    ),
    *named(
        "picture withdrawn after LoRA v1 was trained",
        ask("generate", "generate", [SD15, LORA, lesson("gone", "CC0-1.0", state="withdrawn")], "block withdrawn"),
        ask("publish", "publish", [SD15, LORA, lesson("gone", "CC0-1.0", state="withdrawn")], "block withdrawn"),
    ),
    *named(
        "rights_basis JP-30-4",
        ask(
            "reproduce artist X", "train", [STARTER, studied(training_purpose="reproduce_expression")],
            "block forbidden",
        ),
        ask("train a classifier", "train", [STARTER, studied()], "allow"),
        ask("publish", "publish", [STARTER, studied()], "block not_granted"),
        ask("sold for analysis", "train", [STARTER, studied(sold_as_analysis_database=True)], "block forbidden"),
    ),
)  # fmt: skip

CASES: tuple[Case, ...] = (*HOUSE, *MATRIX, *DETAILS)
