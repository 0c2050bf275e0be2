"""What pages give away: PNG and SVG of a sheet, GIF of a sweep, CSV of a code. No streamlit here."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from PIL import Image

from explorer.shared import pixels
from trainer.system import files

SVG_TILE = 56
"""Side of a tile in an SVG, in its units; about its size on the page."""
GAP = 4
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True, eq=False)
class Sheet:
    """A labelled grid of pictures.

    Attributes:
        pictures: uint8 (rows * columns, C, H, W), row-major.
        rows: one label per row; what follows a line break is smaller.
        heads: one label per column, or none.
        title: printed above.
    """

    pictures: np.ndarray
    columns: int
    rows: Sequence[str]
    heads: Sequence[str] = ()
    title: str = ""


def sheet_png(sheet: Sheet, scale: int = 2, gap: int = 1) -> bytes:
    """Return a PNG of the pictures alone, with white gaps of `gap` pixels, each pixel a scale x scale square."""
    return pixels.png(pixels.join_tiles(sheet.pictures, sheet.columns, gap), scale, level=9)


def sheet_svg(sheet: Sheet) -> str:
    """Return the labelled sheet as SVG; the pictures are embedded at their own resolution and drawn crisply."""
    left, top = _label_width(sheet.rows), (26 if sheet.title else 0) + (20 if sheet.heads else 0) + 6
    step = SVG_TILE + GAP
    width, height = left + sheet.columns * step + GAP, top + len(sheet.rows) * step + GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<g font-family="{escape(FONT)}" font-size="12" fill="#1f2430">',
    ]
    if sheet.title:
        parts.append(f'<text x="{left}" y="20" font-size="13" font-weight="600">{escape(sheet.title)}</text>')
    for column, head in enumerate(sheet.heads):
        x = left + column * step + SVG_TILE / 2
        parts.append(f'<text x="{x}" y="{top - 8}" text-anchor="middle" fill="#667085">{escape(head)}</text>')
    for row, label in enumerate(sheet.rows):
        parts += _row_label(label, left - 8, top + row * step + SVG_TILE / 2)
    parts.append("</g>")
    for place, picture in enumerate(sheet.pictures):
        row, column = divmod(place, sheet.columns)
        parts.append(_svg_image(picture, left + column * step, top + row * step))
    return "\n".join([*parts, "</svg>"])


def _label_width(labels: Sequence[str]) -> int:
    """Return the width of the longest label, by the usual width of a letter."""
    first = [10 + 6.4 * len(label.split("\n")[0]) for label in labels]
    others = [12 + 5.2 * len(line) for label in labels for line in label.split("\n")[1:]]
    return round(max(64, *first, *others))


def _row_label(label: str, x: float, middle: float) -> list[str]:
    first, *others = label.split("\n")
    y = middle + 4 - 7 * len(others)
    lines = [f'<text x="{x}" y="{y}" text-anchor="end" font-weight="600">{escape(first)}</text>']
    for number, line in enumerate(others, start=1):
        small = f'<text x="{x}" y="{y + 14 * number}" text-anchor="end" font-size="10" fill="#667085">'
        lines.append(f"{small}{escape(line)}</text>")
    return lines


def _svg_image(picture: np.ndarray, x: float, y: float) -> str:
    data = pixels.as_base64(pixels.png(pixels.join_tiles(picture[None], 1), level=9))
    return (
        f'<image x="{x}" y="{y}" width="{SVG_TILE}" height="{SVG_TILE}" preserveAspectRatio="none" '
        f'style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>'
    )


def animation_gif(pictures: np.ndarray, scale: int = 6, milliseconds: int = 70) -> bytes:
    """Return an endlessly looping GIF, one frame per picture (Pillow joins equal neighbours into one longer frame).

    Args:
        pictures: uint8 (frames, C, H, W); grey ones keep every grey level, colours are reduced to 256 per frame.
    """
    enlarged = pictures.repeat(scale, axis=-2).repeat(scale, axis=-1)
    frames = [Image.fromarray(pixels.join_tiles(picture[None], 1)) for picture in enlarged]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=milliseconds, loop=0)
    return buffer.getvalue()


def code_csv(columns: dict[str, Sequence[object]]) -> str:
    """Return a CSV table with a header line; float32 values have the fewest digits that read back as the same value."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(map(files.spreadsheet, columns))
    writer.writerows([_exact(value) for value in row] for row in zip(*columns.values(), strict=True))
    return buffer.getvalue()


def _exact(value: object) -> object:
    if isinstance(value, float | np.floating):
        return np.format_float_positional(np.float32(value), unique=True, trim="0")
    return files.spreadsheet(value)


def labelled_png(blocks: Sequence[tuple[str, np.ndarray]], scale: int = 2, margin: int = 8, line: int = 22) -> bytes:
    """Return pictures below one another, each under its label, on white.

    Args:
        blocks: label and pixels, uint8 (H, W) or (H, W, 3), which are enlarged `scale` times.
    """
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(14)
    shown = [(label, Image.fromarray(block.repeat(scale, axis=0).repeat(scale, axis=1))) for label, block in blocks]
    widths = [max(picture.width, round(font.getlength(label))) for label, picture in shown]
    height = sum(picture.height + line + margin for _, picture in shown)
    sheet = Image.new("RGB", (max(widths) + 2 * margin, height + margin), "white")
    draw, top = ImageDraw.Draw(sheet), margin
    for label, picture in shown:
        draw.text((margin, top), label, fill="#1f2430", font=font)
        sheet.paste(picture.convert("RGB"), (margin, top + line))
        top += picture.height + line + margin
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG", compress_level=9)
    return buffer.getvalue()
