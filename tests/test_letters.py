"""Letters of previews: a font that travels with the pack, and words for what it lacks."""

from __future__ import annotations

import json

import pytest

from instance_edit.pictures.letters import OWN_FONT, drawable, font, undrawable
from instance_edit.pictures.marks import shorten
from instance_edit.tools.load_pack import ROOT

TEXTS = {
    "English": "make the cat red, 100 %",
    "French": "gâteau doré, à côté de l'évier, œuf, Noël, « où »",
    "German": "größere Äpfel, Straße, für Übung „so“",
    "Spanish": "¿el niño sonría más? ¡sí!",
    "Polish, Czech, Turkish": "zażółć gęślą jaźń, příliš žluťoučký, ığüşöç İ",
    "Vietnamese": "một con mèo đỏ ở đây",
    "Russian": "сделай кота красным, объезд ёлки",
    "Ukrainian": "зроби їжака ґрунтовним",
    "Greek": "κόκκινο χρώμα, ώρα",
    "Chinese": "把红色的猫变成橙色的狐狸，谢谢。",
    "Japanese": "赤い猫を青くして、駅の図とカタカナ",
    "Hebrew": "חתול אדום",
    "mixed": "café 猫 кот → ß",
}


@pytest.mark.parametrize("language", TEXTS)
def test_every_letter_is_drawn_by_the_font_that_travels_with_the_pack(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("instance_edit.pictures.letters.SYSTEM_FONTS", ())
    text = TEXTS[language]
    face = font(23, text)
    box = bytes(face.getmask("\ue123"))
    assert [letter for letter in text if bytes(face.getmask(letter)) == box] == []
    assert undrawable(text) == "" and drawable(text, face) == text


@pytest.mark.parametrize("language", ["en", "fr", "zh"])
def test_the_packs_own_texts_can_be_drawn(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("instance_edit.pictures.letters.SYSTEM_FONTS", ())
    texts = json.loads((ROOT / "locales" / language / "nodeDefs.json").read_text(encoding="utf-8"))
    assert undrawable(json.dumps(texts, ensure_ascii=False)) == ""


def test_what_no_font_has_is_a_question_mark_and_can_be_named() -> None:
    text = "a red \ue124 cat \ue125\ue124"
    assert undrawable(text) == "\ue124\ue125"
    face = font(17, text)
    assert drawable(text, face) == "a red ? cat ??"
    assert shorten(text, face, 1000) == "a red ? cat ??"


def test_plain_english_keeps_pillows_own_font() -> None:
    assert font(16, "make it red") is font(16)
    assert font(16, "dorée") is not font(16)


def test_the_font_is_small_and_has_its_licences() -> None:
    assert OWN_FONT.stat().st_size < 1_000_000
    licence = OWN_FONT.with_name("LICENSE.txt").read_text(encoding="utf-8")
    assert "Bitstream" in licence and "Apache License" in licence
