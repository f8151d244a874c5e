"""The demo's pictures: procedural scenes of our own, most of them cleared, one that waits for the reader."""

import io

from assets.models import Dataset, Picture
from assets.services import Declaration, clear_rights
from assets.services.datasets import add_items, create_dataset, freeze_version, set_caption
from assets.services.pictures import add_picture, read_picture
from assets.services.tags import add_tags
from engine.starter.scenes import Scene, render
from projects.models import Project, User

SIDE = 512
SUBJECT = {"subject": "umbrella", "light": "soft daylight", "style": "flat vector style"}
COLORS = (
    ("red", "赤い"), ("blue", "青い"), ("yellow", "黄色い"), ("green", "緑の"), ("pink", "ピンクの"), ("white", "白い"),
)  # fmt: skip
PLACES = (("on a beach", "浜辺の"), ("in a forest", "森の中の"))
SOURCE = "https://daicho.example/umbrellas"


def make_material(editor: User, reviewer: User, project: Project) -> Dataset:
    """Make a dataset of twelve umbrellas, freeze its first version, and add one picture that waits for review."""
    dataset = create_dataset(
        editor,
        project,
        name="Spring umbrellas",
        name_ja="春の傘",
        description="同梱のモデルに教えていない物。An object that the bundled model was never taught.",
        trigger="sksumbrella",
    )
    pictures = [make_picture(editor, project, index) for index in range(len(COLORS) * len(PLACES))]
    for picture in pictures:
        clear_rights(picture, reviewer=reviewer)
    add_items(editor, dataset, pictures)
    for item in dataset.items.select_related("picture__rights"):
        color, place = parts_of(item.number - 1)
        set_caption(item, language="en", text=f"sksumbrella, a {color[0]} umbrella, {place[0]}, front view")
        set_caption(item, language="ja", text=f"{place[1]}{color[1]}傘、正面")
    freeze_version(editor, dataset, note="First choice")
    make_picture(editor, project, len(pictures), expression="CC-BY-NC-4.0", creator="Ana Ruiz")
    return dataset


def parts_of(index: int) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return colour and place of one picture, each in English and Japanese."""
    return COLORS[index % len(COLORS)], PLACES[index // len(COLORS) % len(PLACES)]


def make_picture(
    editor: User, project: Project, index: int, *, expression: str = "CC0-1.0", creator: str = "佐藤 花"
) -> Picture:
    """Draw one umbrella and add it with its rights, tags and name."""
    color, place = parts_of(index)
    scene = Scene(color=color[0], environment=place[0], seed=index, **SUBJECT)
    file = io.BytesIO()
    render(scene, SIDE).save(file, "PNG")
    declaration = Declaration(expression=expression, creator=creator, source_url=SOURCE, title=f"Umbrella {index + 1}")
    picture, _is_new = add_picture(
        editor,
        project,
        read_picture(file.getvalue()),
        name=f"umbrella-{index + 1:02d}.png",
        declaration=declaration,
    )
    add_tags(editor, picture, f"umbrella, {color[0]}, front view")
    return picture
