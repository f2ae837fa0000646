"""The Instance Canvas in both renderers and on both front ends: draw, type, undo, save, reload."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from instance_edit.tests.browser import canvas as on
from instance_edit.tests.browser.front_end import prompt_of

LOOP = ((0.6, 0.5), (0.8, 0.4), (0.9, 0.7), (0.7, 0.85), (0.61, 0.52))
TRIANGLE = ((0.45, 0.1), (0.6, 0.15), (0.5, 0.35))


@pytest.fixture
def page(canvas_page: Page) -> Page:
    return canvas_page


def draw_three(page: Page) -> None:
    """A box, a lasso and a polygon, each with its wish."""
    on.drag(page, *on.CORNERS)
    on.type_wish(page, "make it green")
    page.keyboard.press("l")
    on.drag(page, *LOOP)
    on.type_wish(page, "paint it gold")
    page.keyboard.press("p")
    for corner in TRIANGLE:
        on.click(page, corner)
        page.wait_for_timeout(400)  # two clicks, not a double one
    page.keyboard.press("Enter")
    on.type_wish(page, "a bird")


def test_three_instances_are_drawn_typed_undone_saved_and_opened_again(page: Page) -> None:
    draw_three(page)
    assert on.kinds(page) == [["box"], ["polygon"], ["polygon"]]
    box = on.instances(page)[0]["shapes"][0]["box"]
    assert box == pytest.approx([*on.CORNERS[0], *on.CORNERS[1]], abs=0.006)
    assert on.drawn(page)["size"] == [512, 768]
    page.keyboard.press("d")
    on.drag(page, (0.5, 0.2), (0.6, 0.2))
    page.keyboard.press("e")
    on.drag(page, (0.5, 0.2), (0.53, 0.2))
    assert on.kinds(page)[2] == ["polygon", "stroke", "-stroke"]
    page.keyboard.press("Control+z")
    assert on.kinds(page)[2] == ["polygon", "stroke"]
    page.keyboard.press("Control+Shift+z")
    assert on.kinds(page)[2] == ["polygon", "stroke", "-stroke"]
    expect(on.board(page).locator(".ie-row textarea")).to_have_count(3)
    (before,) = prompt_of(page).values()
    saved = page.evaluate("() => window.app.graph.serialize()")
    heights = page.evaluate("() => window.app.graph.nodes.map(n => n.size[1])")
    assert "instance_canvas" not in before["inputs"]
    assert json.loads(before["inputs"]["canvas"])["version"] == 1
    for _ in range(2):
        page.evaluate("graph => window.app.loadGraphData(graph)", saved)
        on.wait_for_canvases(page)
    (after,) = prompt_of(page).values()
    assert after["inputs"] == before["inputs"]
    assert page.evaluate("() => window.app.graph.nodes.map(n => n.size[1])") == heights


def test_an_instance_is_copied_to_another_node(canvases: Page) -> None:
    on.add_canvases(canvases, count=2)
    on.drag(canvases, *on.CORNERS)
    on.type_wish(canvases, "make it green")
    canvases.keyboard.press("Control+c")
    on.click(canvases, (0.95, 0.95), number=1)
    canvases.keyboard.press("Control+v")
    assert on.instances(canvases, 1) == on.instances(canvases, 0)
    canvases.keyboard.press("Control+z")
    assert on.kinds(canvases, 1) == [] and on.kinds(canvases, 0) == [["box"]]
    assert canvases.evaluate("() => window.app.graph.nodes.length") == 2


def test_what_is_drawn_is_resized_moved_and_chosen_from_a_pile(page: Page) -> None:
    on.drag(page, *on.CORNERS)
    page.keyboard.press("Escape")
    on.drag(page, (0.4, 0.5), (0.5, 0.6))  # its lower right handle
    assert on.instances(page)[0]["shapes"][0]["box"][2:] == pytest.approx([0.5, 0.6], abs=0.01)
    page.keyboard.press("v")
    on.drag(page, (0.3, 0.3), (0.35, 0.3))
    page.keyboard.press("Shift+ArrowDown")
    moved = on.instances(page)[0]["shapes"][0]["box"]
    assert moved == pytest.approx([0.15, 0.1 + 10 / 512, 0.55, 0.6 + 10 / 512], abs=0.01)
    page.keyboard.press("Control+d")
    assert on.kinds(page) == [["box"], ["box"]]
    selected = on.board(page).locator(".ie-selected")
    expect(selected).to_have_attribute("data-id", "a2")
    for wanted in ("a1", "a2"):
        on.click(page, (0.3, 0.4))
        expect(selected).to_have_attribute("data-id", wanted)
        page.wait_for_timeout(400)


def test_rows_lock_hide_mute_order_and_remove(page: Page) -> None:
    for left in (0.1, 0.4, 0.7):
        on.drag(page, (left, 0.2), (left + 0.2, 0.6))
        on.type_wish(page, f"at {left}")
    for act, key in (("lock", "locked"), ("hide", "hidden"), ("mute", "muted")):
        on.board(page).locator(f".ie-row [data-act={act}]").first.click()
        assert on.instances(page)[0][key] is True
    assert on.board(page).locator(".ie-number").all_inner_texts() == ["–", "1", "2"]
    on.board(page).locator(".ie-row textarea").nth(2).click()
    on.press(page, "up")
    assert [one["instruction"] for one in on.instances(page)] == ["at 0.1", "at 0.7", "at 0.4"]
    on.surface(page).focus()
    page.keyboard.press("Delete")
    assert [one["instruction"] for one in on.instances(page)] == ["at 0.1", "at 0.4"]
    on.board(page).locator(".ie-row textarea").nth(1).fill("typed in the list")
    assert on.instances(page)[1]["instruction"] == "typed in the list"


def test_an_instance_gets_a_lora_in_its_line_of_the_list(page: Page) -> None:
    file = on.LORA
    on.drag(page, *on.CORNERS)
    on.type_wish(page, "paint it")
    row = on.board(page).locator(".ie-row")
    row.locator("textarea").click()
    row.locator("select").select_option(file)
    assert on.instances(page)[0]["loras"] == [{"file": file}]
    row.locator(".ie-lora input").nth(1).fill("0.5")
    row.locator("textarea").click()
    assert on.instances(page)[0]["loras"] == [{"file": file, "text": 0.5}]
    expect(row.locator(".ie-lora")).to_have_count(1)
    row.locator(".ie-lora button").click()
    assert "loras" not in on.instances(page)[0]
    page.keyboard.press("Escape")


def test_a_row_draws_lots_for_the_seed_of_its_instance_alone(page: Page) -> None:
    for left in (0.1, 0.5):
        on.drag(page, (left, 0.2), (left + 0.3, 0.6))
        on.type_wish(page, f"at {left}")
    row, status = on.board(page).locator(".ie-row").nth(1), on.board(page).locator(".ie-status")
    seeds: list[int] = []
    for _ in range(2):
        row.locator("[data-act=again]").click()
        one, other = on.instances(page)
        assert "seed" not in one
        seeds.append(other["seed"])
    assert seeds[0] != seeds[1]
    page.keyboard.press("Control+z")
    assert on.instances(page)[1]["seed"] == seeds[0]
    field = row.locator("[data-key=seed]")
    expect(field).to_have_value(str(seeds[0]))
    for typed in ("18446744073709551615", "7"):
        field.fill(typed)
        field.press("Enter")
        assert on.instances(page)[1]["seed"] == int(typed)
    expect(status).to_contain_text("Instance Noise")
    page.evaluate("() => {window.app.graph.add(window.LiteGraph.createNode('InstanceEditNoise'))}")
    field.fill("-1")
    field.press("Enter")
    expect(status).to_contain_text("whole number")
    row.locator("[data-act=lock]").click()
    expect(row.locator("[data-act=again]")).to_be_disabled()
    row.locator("[data-act=lock]").click()
    field.fill("")
    field.press("Enter")
    assert "seed" not in on.instances(page)[1]
    expect(status).not_to_contain_text("Instance Noise")


def test_the_validators_words_come_while_drawing(page: Page) -> None:
    status = on.board(page).locator(".ie-status")
    on.drag(page, (0.4, 0.5), (-0.02, 0.1))
    page.keyboard.press("Escape")
    expect(status).to_contain_text("1 has no instruction")
    expect(status).to_contain_text("1 touches the picture's edge")
    page.keyboard.press("Escape")
    on.drag(page, (0.3, 0.3), (0.6, 0.6))
    expect(status).to_contain_text("1 and 2 overlap on")


def test_boxes_are_pasted_after_their_dialect_is_chosen(page: Page) -> None:
    on.press(page, "import")
    dialog = page.locator("dialog.ie-import")
    text = json.dumps([{"bbox_2d": [250, 125, 500, 625], "label": "cup"}])
    dialog.locator("textarea").fill(text)
    expect(dialog.get_by_role("status")).to_contain_text("choose its dialect")
    expect(dialog.locator("[data-act=take]")).to_be_disabled()
    dialog.locator("select").select_option("xyxy 0..1000")
    dialog.locator("[data-act=take]").click()
    expect(dialog).to_have_count(0)
    (one,) = on.instances(page)
    assert one["instruction"] == "cup"
    assert one["shapes"][0]["box"] == [0.25, 0.125, 0.5, 0.625]


def test_full_screen_draws_into_the_same_canvas(page: Page) -> None:
    on.press(page, "full")
    expect(page.locator("dialog.ie-full")).to_be_visible()
    page.wait_for_timeout(300)
    on.drag(page, (0.3, 0.3), (0.6, 0.6))
    on.type_wish(page, "large")
    assert [one["instruction"] for one in on.instances(page)] == ["large"]
    page.locator("dialog.ie-full [data-act=close]").click()
    expect(page.locator("dialog.ie-full")).to_have_count(0)
    expect(on.board(page).locator(".ie-row textarea")).to_have_value("large")
