"""The canvas' buttons, fields and keys beside drawing: the view, the list, vertices, words."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from instance_edit.tests.browser import canvas as on

UNNAMED = """() => [...document.querySelectorAll('.ie-canvas')].filter(c => c.clientWidth)
  .flatMap(c => [...c.querySelectorAll('button, input, select, textarea, canvas')])
  .filter(one => !one.getAttribute('aria-label') && !one.innerText?.trim()
    && !one.closest('label')?.innerText?.trim())
  .map(one => one.outerHTML)"""
BRIGHTNESS = """([x, y]) => {
  const surface = [...document.querySelectorAll('.ie-stage > canvas')].find(c => c.clientWidth)
  const place = [Math.round(x * surface.width), Math.round(y * surface.height), 1, 1]
  return surface.getContext('2d').getImageData(...place).data[1]
}"""
FREE: on.Place = (0.9, 0.9)


@pytest.fixture
def page(canvas_page: Page) -> Page:
    return canvas_page


def test_numbers_of_an_instance_are_typed_in_its_row(page: Page) -> None:
    on.drag(page, *on.CORNERS)
    on.type_wish(page, "stronger")
    row = on.board(page).locator(".ie-row")
    row.locator("textarea").click()
    for key, typed, kept in (
        ("strength", "1.5", 1.5),
        ("start", "0.25", 0.25),
        ("end", "7", 1),
        ("grow", "8", 8),
        ("reference", "2", 2),
    ):
        row.locator(f"[data-key={key}]").fill(typed)
        row.locator(f"[data-key={key}]").press("Enter")
        assert on.instances(page)[0].get(key, 1) == kept, key
    row.get_by_label("Name").fill("cup")
    row.get_by_label("Colour").fill("#123456")
    assert on.instances(page)[0]["label"] == "cup"
    assert on.instances(page)[0]["color"] == "#123456"


def test_an_instance_is_made_in_the_list_first_and_drawn_then(page: Page) -> None:
    on.press(page, "add")
    assert on.kinds(page) == [[]]
    expect(on.board(page).locator(".ie-selected")).to_have_count(1)
    on.board(page).locator(".ie-row textarea").fill("words first")
    on.board(page).locator("[data-mode=add]").click()
    on.drag(page, *on.CORNERS)
    on.board(page).locator("[data-mode=new]").click()
    assert on.kinds(page) == [["box"]]
    assert on.instances(page)[0]["instruction"] == "words first"


def test_shift_adds_and_alt_takes_away(page: Page) -> None:
    on.drag(page, *on.CORNERS)
    on.type_wish(page, "one of three")
    for key, start in (("Shift", (0.3, 0.3)), ("Alt", (0.2, 0.2))):
        page.keyboard.down(key)
        on.drag(page, start, (0.6, 0.6))
        page.keyboard.up(key)
    assert on.kinds(page) == [["box", "box", "-box"]]


def test_vertices_of_a_polygon_are_moved_added_and_taken_away(page: Page) -> None:
    page.keyboard.press("Escape")
    on.surface(page).focus()
    page.keyboard.press("p")
    for corner in ((0.2, 0.2), (0.6, 0.2), (0.4, 0.7)):
        on.click(page, corner)
        page.wait_for_timeout(400)
    page.keyboard.press("Enter")
    on.type_wish(page, "a polygon")

    def points() -> list[list[float]]:
        return on.instances(page)[0]["shapes"][0]["points"]

    page.keyboard.press("v")
    on.drag(page, (0.4, 0.7), (0.5, 0.8))
    assert points()[2] == pytest.approx([0.5, 0.8], abs=0.01)
    on.drag(page, (0.35, 0.5), (0.25, 0.6))  # a side becomes two, with a corner between
    assert len(points()) == 4
    page.keyboard.down("Alt")
    on.click(page, (0.25, 0.6))
    page.keyboard.up("Alt")
    assert len(points()) == 3


def test_the_picture_is_dimmed_zoomed_by_keys_and_fitted(page: Page) -> None:
    bright = page.evaluate(BRIGHTNESS, FREE)
    slider = on.board(page).get_by_label("Brightness of the picture")
    slider.fill("0.15")
    page.wait_for_timeout(200)
    assert page.evaluate(BRIGHTNESS, FREE) < bright
    slider.fill("1")
    on.surface(page).focus()
    for _ in range(3):
        page.keyboard.press("+")
    page.keyboard.down(" ")
    on.drag(page, (0.5, 0.5), (0.4, 0.5))
    page.keyboard.up(" ")
    assert on.instances(page) == []  # it moved the picture
    on.drag(page, (0.3, 0.3), (0.5, 0.5))
    page.keyboard.press("Escape")
    box = on.instances(page)[0]["shapes"][0]["box"]
    assert box[2] - box[0] < 0.15
    page.keyboard.press("Escape")
    page.keyboard.press("0")
    on.drag(page, (0.6, 0.6), (0.8, 0.8))
    box = on.instances(page)[1]["shapes"][0]["box"]
    assert box == pytest.approx([0.6, 0.6, 0.8, 0.8], abs=0.01)
    cells = on.board(page).locator("[data-act=cells]")
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    expect(cells).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("c")
    expect(cells).to_have_attribute("aria-pressed", "true")


def test_every_control_has_a_name_and_is_reached_by_keys(page: Page) -> None:
    on.drag(page, *on.CORNERS)
    on.type_wish(page, "named")
    assert page.evaluate(UNNAMED) == []
    on.board(page).locator("[data-tool=select]").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(on.board(page).locator("[data-tool=box]")).to_be_focused()
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("() => document.activeElement?.matches('.ie-row textarea')"):
            break
    page.keyboard.type("!")
    assert on.instances(page)[0]["instruction"] == "named!"


def test_a_double_click_types_in_the_shape(page: Page) -> None:
    on.drag(page, *on.CORNERS)
    on.type_wish(page, "before")
    page.wait_for_timeout(400)
    page.keyboard.press("v")
    page.mouse.dblclick(*on.point(page, (0.25, 0.3)))
    page.keyboard.press("Control+a")
    on.type_wish(page, "after")
    assert [one["instruction"] for one in on.instances(page)] == ["after"]
