"""Keywords marked in an instruction or typed, and their tokens."""

from __future__ import annotations

import re

import pytest

from instance_edit.prompts.keywords import find_words, keyword_tokens, read_marks


def test_marks_are_taken_out_and_remembered() -> None:
    plain, spans = read_marks("replace the [red car] with a [bus]")
    assert plain == "replace the red car with a bus"
    assert [plain[start:stop] for start, stop in spans] == ["red car", "bus"]


def test_an_instruction_without_marks_stays() -> None:
    assert read_marks("turn it red") == ("turn it red", ())


def test_escaped_brackets_are_text() -> None:
    plain, spans = read_marks(r'change "\[OK\]" to [GO]')
    assert plain == 'change "[OK]" to GO'
    assert [plain[start:stop] for start, stop in spans] == ["GO"]


@pytest.mark.parametrize("text", ["a [b", "a b]", "a [b [c]]"])
def test_brackets_that_do_not_pair_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="one pair of brackets"):
        read_marks(text)


def test_typed_words_are_found_wherever_they_stand_alone() -> None:
    text = "replace the car on the carpet with a Car"
    spans = find_words(text, ["car"])
    assert [text[start:stop] for start, stop in spans] == ["car", "Car"]


def test_a_typed_word_that_does_not_occur_is_refused() -> None:
    with pytest.raises(ValueError, match="'dog' does not occur"):
        find_words("turn the cat red", ["dog"])


def test_tokens_are_those_of_the_words_whatever_the_template() -> None:
    def encode(text: str) -> list[str]:
        return ["<user>", *re.findall(r"\s?\w{1,3}", text), "</user>", "<bot>"]

    plain, spans = read_marks("the [scarlet] car is [mine]")
    tokens = keyword_tokens(plain, spans, encode)
    whole = encode(plain)
    assert "".join(whole[i] for i in tokens) == " scarlet mine"


def test_a_word_at_the_start_is_found() -> None:
    plain, spans = read_marks("[car] to bus")
    assert keyword_tokens(plain, spans, lambda text: [*text.split(), "</s>"]) == (0,)
