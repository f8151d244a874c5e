"""Lay pictures out on one sheet with their prompts below."""

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

PICTURE = 128
CAPTION = 50
GAP = 8
LINE = 11
PAPER, INK = (250, 250, 248), (40, 40, 45)


def make_sheet(images: Sequence[Image.Image], captions: Sequence[Sequence[str]], columns: int = 8) -> Image.Image:
    """Return the sheet; a caption's parts stand one below the other."""
    rows = -(-len(images) // columns)
    cell_width, cell_height = PICTURE + GAP, PICTURE + CAPTION + GAP
    sheet = Image.new("RGB", (columns * cell_width + GAP, rows * cell_height + GAP), PAPER)
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(9)
    for index, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x = GAP + index % columns * cell_width
        y = GAP + index // columns * cell_height
        sheet.paste(image.resize((PICTURE, PICTURE), Image.Resampling.LANCZOS), (x, y))
        for line, part in enumerate(caption):
            draw.text((x, y + PICTURE + 1 + line * LINE), part, fill=INK, font=font)
    return sheet
