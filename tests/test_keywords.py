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


@pytest.mark.parametrize("text", ["a [b", "[a b", "a b]", "a [b [c]]"])
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


def test_a_keyword_without_a_token_of_its_own_takes_the_one_that_holds_it() -> None:
    """A tokenizer that joins "carpet" to one token has none for "car" alone."""

    def encode(text: str) -> list[str]:
        return [*re.findall(r"\s?carpet|\s?\w", text), "</s>"]

    text = "a carpet x"
    whole = encode(text)
    assert whole[1] == " carpet"
    assert keyword_tokens(text, [(2, 5)], encode) == (1,)


def test_a_keyword_at_the_end_stops_before_the_templates_end() -> None:
    def encode(text: str) -> list[str]:
        return ["<s>", *text.split(), "</s>", "<bot>"]

    assert keyword_tokens("turn it red", [(8, 11)], encode) == (3,)
    assert keyword_tokens("turn it red", [(0, 11)], encode) == (1, 2, 3)


def test_two_keywords_that_share_a_token_name_it_once_in_order() -> None:
    def encode(text: str) -> list[str]:
        return [*text.split(), "</s>"]

    assert keyword_tokens("a b c", [(4, 5), (0, 3), (2, 3)], encode) == (0, 1, 2)


def test_an_empty_mark_is_an_empty_span() -> None:
    assert read_marks("a [] b") == ("a  b", ((2, 2),))


def test_an_escaped_bracket_inside_a_mark_belongs_to_the_keyword() -> None:
    plain, spans = read_marks(r"the [\[A\]] b")
    assert plain == "the [A] b"
    assert [plain[start:stop] for start, stop in spans] == ["[A]"]


@pytest.mark.parametrize(("text", "word"), [("a car_x", "car"), ("acar", "car"), ("cars", "car")])
def test_a_typed_word_within_a_longer_one_is_not_meant(text: str, word: str) -> None:
    with pytest.raises(ValueError, match="does not occur"):
        find_words(text, [word])


def test_typed_words_keep_their_order_and_signs_are_taken_as_they_are() -> None:
    text = "a c++ and a+b"
    spans = find_words(text, ["a+b", "c++"])
    assert [text[start:stop] for start, stop in spans] == ["a+b", "c++"]


def letters(text: str) -> list[str]:
    return list(text)


def test_a_tokenizer_without_an_end_token_is_understood() -> None:
    assert keyword_tokens("a b c", [(0, 1)], str.split) == (0,)
    assert keyword_tokens("a b c", [(4, 5)], str.split) == (2,)


def test_a_space_before_a_word_belongs_to_it_and_one_after_it_does_not() -> None:
    assert keyword_tokens("a bc d", [(2, 4)], letters) == (1, 2, 3)
    assert keyword_tokens("a bc d", [(2, 5)], letters) == (1, 2, 3)
