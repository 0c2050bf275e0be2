"""What pages give away: PNG and SVG of a sheet, GIF of a sweep, CSV of a code. No streamlit here."""

import contextlib
import csv
import functools
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from explorer.shared import pixels
from trainer.system import files

SVG_TILE = 56
"""Side of a tile in an SVG, in its units; about its size on the page."""
GAP = 4
LINE = 16
"""Height of the line below a tile."""
INK, QUIET = "#1f2430", "#5b6472"
_PIL_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


@dataclass(frozen=True, eq=False)
class Sheet:
    """A labelled grid of pictures.

    Attributes:
        pictures: uint8 (rows * columns, C, H, W), row-major.
        rows: one label per row; what follows a line break is smaller.
        heads: one label per column, or none.
        title: printed above; `note`: below.
        captions: one below each picture, or none.
    """

    pictures: np.ndarray
    columns: int
    rows: Sequence[str]
    heads: Sequence[str] = ()
    title: str = ""
    note: str = ""
    captions: Sequence[str] = ()


def sheet_png(sheet: Sheet) -> bytes:
    """Return the labelled sheet as PNG at double size, laid out like the SVG; pictures are enlarged crisply."""
    place = _Layout(sheet)
    drawn = Image.new("RGB", (2 * place.width, 2 * place.height), "white")
    draw = ImageDraw.Draw(drawn)
    for x, y, text, size, colour, anchor in place.texts():
        draw.text((2 * x, 2 * y), text, fill=colour, font=font(2 * size), anchor=_PIL_ANCHORS[anchor])
    for picture, (x, y) in zip(sheet.pictures, place.tiles(), strict=True):
        tile = Image.fromarray(pixels.join_tiles(picture[None], 1)).convert("RGB")
        drawn.paste(tile.resize((2 * SVG_TILE, 2 * SVG_TILE), Image.Resampling.NEAREST), (2 * x, 2 * y))
    return _png(drawn)


def sheet_svg(sheet: Sheet) -> str:
    """Return the labelled sheet as SVG; the pictures are embedded at their own resolution and drawn crisply."""
    place = _Layout(sheet)
    width, height = place.width, place.height
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{2 * width}" '
        f'height="{2 * height}">',
        '<rect width="100%" height="100%" fill="#ffffff"/>',
        f'<g font-family="{escape(FONT)}">',
    ]
    for x, y, text, size, colour, anchor in place.texts():
        style = f'font-size="{size}" fill="{colour}" text-anchor="{anchor}"'
        parts.append(f'<text x="{x}" y="{y}" {style}>{escape(text)}</text>')
    parts.append("</g>")
    parts += [_svg_image(picture, *at) for picture, at in zip(sheet.pictures, place.tiles(), strict=True)]
    return "\n".join([*parts, "</svg>"])


class _Layout:
    """Where the texts and tiles of a sheet stand, in the units of its SVG."""

    def __init__(self, sheet: Sheet):
        self.sheet = sheet
        self.left = _label_width(sheet.rows)
        self.top = (26 if sheet.title else 0) + (20 if sheet.heads else 0) + 6
        self.step = SVG_TILE + GAP
        self.line = self.step + (LINE if sheet.captions else 0)
        body = self.top + len(sheet.rows) * self.line + GAP
        self.width = max(self.left + sheet.columns * self.step, self._width(sheet.title), self._width(sheet.note)) + GAP
        self.height = body + (22 if sheet.note else 0)

    @staticmethod
    def _width(text: str) -> int:
        return round(16 + 6.6 * len(text))

    def tiles(self) -> Iterator[tuple[int, int]]:
        """Yield the upper left corner of each tile."""
        for place in range(len(self.sheet.pictures)):
            row, column = divmod(place, self.sheet.columns)
            yield self.left + column * self.step, self.top + row * self.line

    def texts(self) -> Iterator[tuple[float, float, str, int, str, str]]:
        """Yield x, y (of the base line), text, size, colour and anchor of each text."""
        sheet, left, top = self.sheet, self.left, self.top
        if sheet.title:
            yield 8, 20, sheet.title, 13, INK, "start"
        for column, head in enumerate(sheet.heads):
            yield left + column * self.step + SVG_TILE / 2, top - 8, head, 12, QUIET, "middle"
        for row, label in enumerate(sheet.rows):
            first, *others = label.split("\n")
            y = top + row * self.line + SVG_TILE / 2 + 4 - 7 * len(others)
            yield left - 8, y, first, 12, INK, "end"
            yield from ((left - 8, y + 14 * n, text, 10, QUIET, "end") for n, text in enumerate(others, start=1))
        for (x, y), caption in zip(self.tiles(), sheet.captions, strict=False):
            yield x + SVG_TILE / 2, y + SVG_TILE + 12, caption, 10, QUIET, "middle"
        if sheet.note:
            yield 8, self.height - 8, sheet.note, 10, QUIET, "start"


def _label_width(labels: Sequence[str]) -> int:
    """Return the width of the longest label, by the usual width of a letter."""
    first = [10 + 6.8 * len(label.split("\n")[0]) for label in labels]
    others = [12 + 5.4 * len(line) for label in labels for line in label.split("\n")[1:]]
    return round(max(64, *first, *others))


def _svg_image(picture: np.ndarray, x: float, y: float) -> str:
    data = pixels.as_base64(pixels.png(pixels.join_tiles(picture[None], 1), level=9))
    return (
        f'<image x="{x}" y="{y}" width="{SVG_TILE}" height="{SVG_TILE}" preserveAspectRatio="none" '
        f'style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>'
    )


@functools.cache
def font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return the pages' own font, which Streamlit brings along; else Pillow's, which has fewer letters."""
    import streamlit

    media = Path(streamlit.__file__).parent / "static" / "static" / "media"
    for path in sorted(media.glob("SourceSansVF-Upright*.woff2")):
        with contextlib.suppress(OSError):
            letters = ImageFont.truetype(path, size)
            letters.set_variation_by_axes([500])  # its weight; the file begins at the lightest
            return letters
    return ImageFont.load_default(size)


def animation_gif(
    pictures: np.ndarray, captions: Sequence[str], note: str, side: int = 384, milliseconds: int = 70
) -> bytes:
    """Return an endlessly looping GIF, one labelled frame per picture (Pillow joins equal ones into one longer frame).

    Args:
        pictures: uint8 (frames, C, H, W), enlarged crisply to about `side` pixels.
        captions: a line above each picture; `note` is the one below all.
    """
    scale = max(1, side // pictures.shape[-1])
    enlarged = pictures.repeat(scale, axis=-2).repeat(scale, axis=-1)
    shown = [Image.fromarray(pixels.join_tiles(picture[None], 1)) for picture in enlarged]
    width = max(
        shown[0].width, *(round(font(20).getlength(text)) for text in captions), round(font(16).getlength(note))
    )
    frames = [_frame(*pair, note, width + 16) for pair in zip(shown, captions, strict=True)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=milliseconds, loop=0)
    return buffer.getvalue()


def _frame(picture: Image.Image, caption: str, note: str, width: int) -> Image.Image:
    frame = Image.new(picture.mode, (width, picture.height + 66), "white")
    draw = ImageDraw.Draw(frame)
    draw.text((8, 8), caption, fill="black", font=font(20))
    frame.paste(picture, (8, 36))
    draw.text((8, picture.height + 42), note, fill="black", font=font(16))
    return frame


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
    letters = font(18)
    shown = [(label, Image.fromarray(block.repeat(scale, axis=0).repeat(scale, axis=1))) for label, block in blocks]
    widths = [max(picture.width, round(letters.getlength(label))) for label, picture in shown]
    height = sum(picture.height + line + margin for _, picture in shown)
    sheet = Image.new("RGB", (max(widths) + 2 * margin, height + margin), "white")
    draw, top = ImageDraw.Draw(sheet), margin
    for label, picture in shown:
        draw.text((margin, top), label, fill="#1f2430", font=letters)
        sheet.paste(picture.convert("RGB"), (margin, top + line))
        top += picture.height + line + margin
    return _png(sheet)


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=9)
    return buffer.getvalue()
