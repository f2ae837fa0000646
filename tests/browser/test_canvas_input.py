"""What comes into a canvas by other ways than a mouse: files, keys, fingers, the last result."""

from __future__ import annotations

import io
import json

import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import FilePayload, Page, expect

from instance_edit.tests.browser import canvas as on
from instance_edit.tools.browser import press_run

TOUCH = """([number, events]) => {
  const surface = [...document.querySelectorAll('.ie-stage > canvas')].find(c => c.clientWidth)
  const rect = surface.getBoundingClientRect()
  surface.setPointerCapture = () => {}
  for (const [name, pointerId, x, y] of events)
    surface.dispatchEvent(new PointerEvent(name, {
      bubbles: true, pointerId, pointerType: 'touch', isPrimary: pointerId === number,
      button: name === 'pointermove' ? -1 : 0, buttons: name === 'pointerup' ? 0 : 1,
      clientX: rect.left + x * rect.width, clientY: rect.top + y * rect.height,
    }))
}"""
Touch = tuple[str, int, float, float]
TO_SAVE = """() => {
  const { app, LiteGraph } = window
  const save = LiteGraph.createNode('SaveImage')
  save.pos = [900, 100]
  app.graph.add(save)
  app.graph.nodes[0].connect(3, save, 0)
}"""
BROUGHT = """([kind, text]) => {
  const surface = [...document.querySelectorAll('.ie-stage > canvas')].find(c => c.clientWidth)
  const data = new DataTransfer()
  const where = { bubbles: true, cancelable: true }
  surface.focus()
  if (kind === 'drop') {
    data.items.add(new File([text], 'regions.json', { type: 'application/json' }))
    surface.dispatchEvent(new DragEvent('drop', { ...where, dataTransfer: data }))
  } else {
    data.setData('text/plain', text)
    surface.dispatchEvent(new ClipboardEvent('paste', { ...where, clipboardData: data }))
  }
}"""
COLOUR = """([x, y]) => {
  const surface = [...document.querySelectorAll('.ie-stage > canvas')].find(c => c.clientWidth)
  const place = [Math.round(x * surface.width), Math.round(y * surface.height), 1, 1]
  return [...surface.getContext('2d').getImageData(...place).data].slice(0, 3)
}"""


@pytest.fixture
def page(canvas_page: Page) -> Page:
    return canvas_page


def touch(page: Page, *events: Touch) -> None:
    """Fingers: what happens, which finger, and where on the drawing area, in fractions."""
    page.evaluate(TOUCH, [events[0][1], events])


def mask_file(name: str, left: int) -> FilePayload:
    picture = Image.new("L", (48, 32))
    ImageDraw.Draw(picture).rectangle((left, 4, left + 15, 27), fill=255)
    written = io.BytesIO()
    picture.save(written, "PNG")
    return {"name": name, "mimeType": "image/png", "buffer": written.getvalue()}


def test_masks_are_imported_from_files_under_their_names(page: Page) -> None:
    on.press(page, "import")
    dialog = page.locator("dialog.ie-import")
    masks = [mask_file("sky.png", 2), mask_file("car.png", 30)]
    dialog.locator("input[type=file]").set_input_files(masks)
    expect(dialog).to_contain_text("2 found")
    dialog.get_by_role("button", name="Import").click()
    assert on.kinds(page) == [["mask"], ["mask"]]
    assert [one["label"] for one in on.instances(page)] == ["sky", "car"]
    expect(on.board(page).locator(".ie-status")).to_contain_text("owned by instances")
    page.wait_for_timeout(300)
    page.keyboard.press("Escape")
    page.keyboard.press("v")
    on.click(page, (0.2, 0.5))  # a mask is chosen where it is, and nowhere else
    expect(on.board(page).locator(".ie-selected")).to_have_attribute(
        "data-id", on.instances(page)[0]["id"]
    )


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_regions_json_is_taken_from_a_file_or_the_clipboard(page: Page, kind: str) -> None:
    on.drag(page, *on.CORNERS)
    on.type_wish(page, "was there")
    shape = {"kind": "box", "op": "add", "box": [0.5, 0.5, 0.75, 0.75]}
    one = {"instruction": "from elsewhere", "shapes": [shape], "strength": 1.5}
    page.evaluate(BROUGHT, [kind, json.dumps({"version": 1, "instances": [one]})])
    dialog = page.locator("dialog.ie-import")
    if kind == "drop":
        expect(dialog).to_contain_text("1 found")
        dialog.locator("[data-act=take]").click()
    expect(dialog).to_have_count(0)
    first, second = on.instances(page)
    assert first["instruction"] == "was there"
    assert (second["instruction"], second["strength"]) == ("from elsewhere", 1.5)


def test_pasted_boxes_ask_for_their_dialect(page: Page) -> None:
    page.evaluate(BROUGHT, ["paste", '[{"bbox_2d": [250, 125, 500, 625], "label": "cup"}]'])
    dialog = page.locator("dialog.ie-import")
    expect(dialog.get_by_role("status")).to_contain_text("choose its dialect")
    dialog.get_by_role("button", name="Close").click()
    expect(dialog).to_have_count(0)
    assert on.instances(page) == []


def test_a_finger_draws_and_two_zoom(page: Page) -> None:
    drag: tuple[Touch, ...] = (
        ("pointerdown", 1, 0.2, 0.2),
        ("pointermove", 1, 0.4, 0.3),
        ("pointermove", 1, 0.6, 0.6),
        ("pointerup", 1, 0.6, 0.6),
    )
    touch(page, *drag)
    (one,) = on.instances(page)
    assert one["shapes"][0]["box"] == pytest.approx([0.2, 0.2, 0.6, 0.6], abs=0.02)
    page.keyboard.press("Escape")
    touch(
        page,
        ("pointerdown", 1, 0.45, 0.5),
        ("pointerdown", 2, 0.55, 0.5),
        ("pointermove", 1, 0.25, 0.5),
        ("pointermove", 2, 0.75, 0.5),
        ("pointerup", 1, 0.25, 0.5),
        ("pointerup", 2, 0.75, 0.5),
    )
    assert len(on.instances(page)) == 1  # the first finger's box was given up
    touch(page, ("pointerdown", 1, 0.9, 0.1), ("pointermove", 1, 0.7, 0.3))
    touch(page, ("pointerup", 1, 0.7, 0.3))
    box = on.instances(page)[-1]["shapes"][0]["box"]
    assert len(on.instances(page)) == 2 and box[2] - box[0] < 0.1  # the picture is zoomed


def test_an_instance_is_cut_and_pasted(page: Page) -> None:
    on.drag(page, *on.CORNERS)
    on.type_wish(page, "cut me")
    page.keyboard.press("Control+x")
    assert on.instances(page) == []
    assert page.evaluate("() => window.app.graph.nodes.length") == 1
    page.keyboard.press("Control+v")
    (back,) = on.instances(page)
    assert back["instruction"] == "cut me"
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    assert [one["instruction"] for one in on.instances(page)] == ["cut me"]
    on.board(page).locator(".ie-row [data-act=lock]").first.click()
    page.keyboard.press("Control+x")
    assert len(on.instances(page)) == 1


def test_the_last_result_becomes_the_background_and_is_drawn_on(page: Page) -> None:
    on.drag(page, (0.1, 0.1), (0.5, 0.9))
    on.type_wish(page, "first")
    page.evaluate(TO_SAVE)
    press_run(page)
    compare = on.board(page).locator("[data-act=result]")
    expect(compare).to_be_enabled(timeout=120_000)
    on.board(page).locator(".ie-row [data-act=hide]").first.click()
    page.wait_for_timeout(300)
    before = page.evaluate(COLOUR, [0.45, 0.8])
    compare.click()
    on.board(page).locator(".ie-split").fill("0")
    page.wait_for_timeout(300)
    after = page.evaluate(COLOUR, [0.45, 0.8])
    assert before != after  # the saved picture shows the region
    on.drag(page, (0.6, 0.1), (0.9, 0.4))
    on.type_wish(page, "second")
    assert [one["instruction"] for one in on.instances(page)] == ["first", "second"]
    compare.click()
