"""Help pages say what every input that may be left alone does then, in every language."""

from __future__ import annotations

import re
from typing import Any

import pytest

from instance_edit.tests.test_help import INPUTS, page

NEUTRAL = {
    "en": "neutral|not connected|without|empty|none|off|\\b[01]\\b",
    "zh": "中性|不连接|未连接|空|[01]",
    "fr": "neutre|non reli|vide|sans|\\b[01]\\b",
}
"""Words that say it; some pages tell the number that changes nothing."""


def row_of(name: str, text: str, language: str) -> str:
    """What the page's table of inputs says of one."""
    table = text.partition(INPUTS[language])[2].partition("\n\n")[0]
    lines = [line.split("|", 2) for line in table.splitlines() if line.count("|") > 2]
    told = {key.strip(): said for _, keys, said in lines for key in keys.split(",")}
    return told[name] if name in told else told[name.replace("_", " ")]


@pytest.mark.parametrize("language", INPUTS)
def test_a_page_tells_the_neutral_value_of_what_may_be_left_alone(
    pack_nodes: dict[str, Any], language: str
) -> None:
    for node, kind in pack_nodes.items():
        optional = [item.id for item in kind.GET_SCHEMA().inputs if item.optional]
        for name in optional:
            said = row_of(name, page(node, language), language)
            assert re.search(NEUTRAL[language], said.lower()), (node, name, said)
