"""Boxes in any form that nodes, detectors and vision models write, as fractions of a picture."""

from typing import NamedTuple

from .box_faults import read_all
from .box_forms import gather_boxes
from .box_text import read_text
from .boxes import Box
from .dialects import AS_LABELLED, Change, Dialect, RawBox, find_dialect, read_box
from .longer_texts import TEMPLATE, told


class LabelledBox(NamedTuple):
    """A box, the text that came with it ("" if none), and (H, W) of the picture it was made for.

    That size is None where its numbers are no pixels. Where the box says what a text in it shall
    become, ``change``, its words are IDAttn's for that.
    """

    box: Box
    text: str
    size: tuple[int, int] | None = None
    change: Change | None = None


def parse_boxes(
    data: object, width: int, height: int, dialect: str = AS_LABELLED
) -> list[LabelledBox]:
    """Read boxes; the help page of Instance Regions from Boxes lists the forms.

    Args:
        data: text (JSON or Python's own notation, with or without words around it), lists,
            objects, tensors, SEGS.
        width, height: pixels of the picture the boxes were drawn on.
        dialect: one of ``DIALECTS``; ``as labelled`` reads only what its form makes plain.

    Raises:
        ValueError: no boxes, a form that is not known, numbers that could mean several boxes or
            that lie out of their range.
    """
    if width < 1 or height < 1:
        raise ValueError(f"width and height must be >= 1 pixel, got {width} x {height}.")
    chosen = find_dialect(dialect)
    found = gather_boxes(read_text(data) if isinstance(data, str) else data)
    if not found:
        raise ValueError(
            "no boxes came in: draw at least one box, or connect a list of boxes. A model that "
            "answers with none found nothing to change: say more about what is in the picture."
        )
    size = (height, width)

    def read(raw: RawBox, name: str) -> LabelledBox:
        box = read_box(raw, chosen, size, name)
        text = told(TEMPLATE, raw.change) if raw.change else raw.text
        return LabelledBox(box, text, raw.size or _pixels(raw, chosen, size), raw.change)

    return read_all(found, read)


def _pixels(raw: RawBox, chosen: Dialect | None, size: tuple[int, int]) -> tuple[int, int] | None:
    """The size, if the box counts in its pixels."""
    dialect = chosen or raw.dialect
    return size if dialect is not None and dialect.units == "pixels" else None
