"""Fonts for words in any language, and what to do with letters that none of them has."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from PIL import ImageFont

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

OWN_FONT = Path(__file__).with_name("fonts") / "letters.woff"
"""Travels with the pack: European languages, Chinese, Japanese; see its LICENSE.txt."""
# For what that lacks, as Linux, Windows and macOS name them.
SYSTEM_FONTS = (
    *("NotoSansCJK-Regular.ttc", "msyh.ttc", "malgun.ttf", "PingFang.ttc", "AppleGothic.ttf"),
    *("Arial Unicode.ttf", "NotoSans-Regular.ttf", "segoeui.ttf", "DejaVuSans.ttf", "FreeSans.ttf"),
)
NOWHERE = "\ue123"
"""A letter for private use, which every font draws as missing."""
PROBE = 20
INSTEAD = "?"


def font(size: int, text: str = "") -> Font:
    """The first font with all letters of the text, or else the one with most.

    They are asked in turn: Pillow's own, the pack's, the system's.
    """
    return _font(size, frozenset(text))


def drawable(text: str, face: Font) -> str:
    """The text with a question mark for each letter that a font lacks."""
    return "".join(INSTEAD if _lacks(face, letter) else letter for letter in text)


def undrawable(text: str) -> str:
    """The letters of a text that the font chosen for it lacks, each once."""
    face = font(PROBE, text)
    return "".join(letter for letter in dict.fromkeys(text) if _lacks(face, letter))


@lru_cache(maxsize=256)
def _font(size: int, letters: frozenset[str]) -> Font:
    best, fewest = _pillows(size), len(letters) + 1
    for face in _faces(size):
        missing = sum(_lacks(face, letter) for letter in letters)
        if missing < fewest:
            best, fewest = face, missing
        if not fewest:
            break
    return best


def _faces(size: int) -> Iterator[Font]:
    yield _pillows(size)
    for name in (str(OWN_FONT), *SYSTEM_FONTS):
        face = _named(name, size)
        if face is not None:
            yield face


@lru_cache(maxsize=64)
def _pillows(size: int) -> Font:
    return ImageFont.load_default(size)


@lru_cache(maxsize=256)
def _named(name: str, size: int) -> Font | None:
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return None


def _lacks(face: Font, letter: str) -> bool:
    return not letter.isspace() and _picture(face, letter) == _picture(face, NOWHERE)


@lru_cache(maxsize=8192)
def _picture(face: Font, letter: str) -> bytes:
    return bytes(cast(Any, face.getmask(letter)))
