"""What a vision-language model is asked, so that its answer can be read as regions."""

from typing import NamedTuple

from ..mask_ops.dialects import AS_LABELLED

UNITS = {
    "pixels": "whole pixels of the picture, which is {width} pixels wide and {height} pixels high",
    "0..1000": "whole thousandths of the picture's width and height, from 0 to 1000",
    "0..1": "fractions of the picture's width and height, from 0.0 to 1.0 with three decimals",
}
ORDERS = {
    "xyxy": ("[x1, y1, x2, y2]", "left, top, right and bottom edge"),
    "yxyx": ("[y1, x1, y2, x2]", "top, left, bottom and right edge"),
}
LIST = '[{{"{key}": {numbers}, "label": "..", "instruction": ".."}}, ..]'
REGIONS = (
    '{{"version": 1, "instances": [{{"instruction": "..", "label": "..", '
    '"shapes": [{{"kind": "box", "op": "add", "box": {numbers}}}]}}, ..]}}'
)


class Answer(NamedTuple):
    """A form of answer: its key and pattern, the numbers' order and units, how it is read."""

    form: str
    key: str
    order: str
    units: str
    dialect: str


ANSWERS = {
    "bbox_2d, x y 0..1000 (Qwen3-VL, Qwen3.5)": Answer(
        LIST, "bbox_2d", "xyxy", "0..1000", "xyxy 0..1000"
    ),
    "box_2d, y x 0..1000 (Gemma, Gemini)": Answer(
        LIST, "box_2d", "yxyx", "0..1000", "yxyx 0..1000"
    ),
    "bbox_2d, x y pixels (Qwen2.5-VL)": Answer(LIST, "bbox_2d", "xyxy", "pixels", "xyxy pixels"),
    "regions JSON, x y 0..1": Answer(REGIONS, "box", "xyxy", "0..1", AS_LABELLED),
}
"""By the name that a user chooses: what each kind of model was trained to write comes first."""


def plan_prompt(sentence: str, answer: str, size: tuple[int, int] | None = None) -> str:
    """The text that asks a model to divide one wish into instructions with a box each.

    Args:
        sentence: the wish, in any language.
        answer: one of ``ANSWERS``.
        size: (H, W) pixels of the picture, needed where the numbers count in them.

    Raises:
        ValueError: no wish, no such answer, or pixels without a size.
    """
    if not sentence.strip():
        raise ValueError(
            "the sentence is empty: write what shall change in the picture, e.g. 'make the cup "
            "red and remove the spoon'."
        )
    if answer not in ANSWERS:
        raise ValueError(f"answer must be one of {', '.join(ANSWERS)}, got {answer!r}.")
    form = ANSWERS[answer]
    numbers, edges = ORDERS[form.order]
    return (
        "Look at the picture. Somebody wants this done to it:\n"
        f"{sentence.strip()}\n\n"
        "Divide the wish into single edits, one for each object or place of the picture that "
        "changes. Things of one kind get an edit each. What stays as it is gets none.\n"
        '"instruction": in English, what to do with this one thing, as a whole sentence that can '
        'be understood alone, such as "replace the red cup with a glass of water".\n'
        '"label": what is there now, in a few words.\n'
        f'"{form.key}": {edges} of the place, in {_units(form, size)}. Around the whole thing; for '
        "something new, around the place where it shall appear.\n\n"
        "Answer with this JSON alone, without any other words:\n"
        f"{form.form.format(key=form.key, numbers=numbers)}"
    )


def _units(form: Answer, size: tuple[int, int] | None) -> str:
    """What the numbers count in, in words."""
    if form.units == "pixels" and size is None:
        raise ValueError(
            "this answer counts in pixels: connect the picture that the model is shown, so that "
            "its size can be told."
        )
    height, width = size or (0, 0)
    return UNITS[form.units].format(width=width, height=height)
