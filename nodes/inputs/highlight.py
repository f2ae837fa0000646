"""What adaptive attention can be told, and which words of the instructions it looks at."""

from functools import lru_cache
from typing import Any

from comfy_api.latest import io

from ...host.keywords import keyword_numbers
from ...host.lqr_highlight import Words


def highlight_inputs() -> list[io.Input]:
    """What adaptive attention can be told."""
    return [
        io.Float.Input(
            "inside",
            default=2.0,
            min=0.05,
            max=10.0,
            step=0.05,
            tooltip="Factor on the attention to the edit's words inside the region. 1 is neutral.",
        ),
        io.Float.Input(
            "outside",
            default=0.8,
            min=0.05,
            max=10.0,
            step=0.05,
            tooltip="The same outside the region. 1 is neutral.",
        ),
        io.Float.Input(
            "threshold",
            default=0.3,
            min=0.01,
            max=0.99,
            step=0.01,
            tooltip="Of the map from which the region is cut; a lower one makes it larger. Paper: "
            "0.3. Neutral are factors of 1: then the threshold does not matter.",
        ),
        io.Int.Input(
            "first_step",
            default=5,
            min=2,
            max=10000,
            tooltip="The first step that is changed, by the maps of the step before. Paper: 5. "
            "Above the number of steps (neutral) it does nothing.",
        ),
        io.String.Input(
            "keywords",
            multiline=True,
            default="",
            tooltip="The words of each instance's instruction that count, one line per instance, "
            "separated by commas; needs 'clip'. Empty (neutral): words marked [like this], or else "
            "the whole instruction.",
        ),
    ]


def edit_words(clip: Any, keywords: str) -> Words | None:
    """A function that finds each instruction's keyword tokens; None without a text encoder."""
    if clip is None:
        if keywords.strip():
            raise ValueError(
                "keywords need the text encoder: connect 'clip', or leave the keywords empty."
            )
        return None

    return lru_cache(maxsize=4)(lambda spans: keyword_numbers(clip, spans, keywords))
