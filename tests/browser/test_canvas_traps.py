"""The front end's traps for a canvas, each seen once: table in docs/architecture.md."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from instance_edit.tests.browser import canvas as on
from instance_edit.tests.browser.front_end import prompt_of

MARK = "() => { window.markedNode = window.app.graph.nodes[0] }"
IS_MARKED = "() => window.app.graph.nodes[0] === window.markedNode"


@pytest.fixture
def page(canvas_page: Page) -> Page:
    return canvas_page


def command(page: Page, name: str) -> None:
    page.evaluate("name => window.app.extensionManager.command.execute(name)", name)


def test_a_drag_that_leaves_the_canvas_is_seen_to_its_end(page: Page) -> None:
    x, y = on.point(page, (0.5, 0.5))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 900, y + 20, steps=4)
    page.mouse.move(*on.point(page, (1.4, 0.8)), steps=2)
    page.mouse.up()
    box = on.instances(page)[0]["shapes"][0]["box"]
    assert box == pytest.approx([0.5, 0.5, 1, 0.8], abs=0.01)


def test_every_change_is_known_to_the_change_tracker_at_once(page: Page) -> None:
    on.drag(page, *on.CORNERS)
    on.type_wish(page, "make it green")
    assert "make it green" in on.captured(page)
    page.keyboard.press("Control+z")
    assert "make it green" not in on.captured(page)


def test_undo_in_the_canvas_leaves_the_graph_alone_and_the_graphs_own_restores_the_value(
    page: Page,
) -> None:
    page.evaluate(MARK)
    on.drag(page, *on.CORNERS)
    on.type_wish(page, "one")
    on.drag(page, (0.6, 0.6), (0.9, 0.9))
    on.type_wish(page, "two")
    for _ in range(2):
        page.keyboard.press("Control+z")
    page.wait_for_timeout(300)
    assert page.evaluate(IS_MARKED) and on.kinds(page) == [["box"]]
    page.keyboard.press("Control+y")
    assert on.kinds(page) == [["box"], ["box"]]
    command(page, "Comfy.Undo")
    on.wait_for_canvases(page)
    assert not page.evaluate(IS_MARKED)
    expect(on.board(page).locator(".ie-items .ie-row")).to_have_count(1)


@pytest.mark.parametrize("key", ["Delete", "Backspace"])
def test_removing_an_instance_does_not_remove_the_node(page: Page, key: str) -> None:
    on.drag(page, *on.CORNERS)
    on.type_wish(page, "one")
    page.evaluate("() => window.app.canvas.select(window.app.graph.nodes[0])")
    for _ in range(2):
        page.keyboard.press(key)
    page.wait_for_timeout(200)
    assert on.kinds(page) == []
    assert page.evaluate("() => window.app.graph.nodes.length") == 1


def test_letters_are_tools_and_not_the_graphs_commands(page: Page) -> None:
    on.drag(page, *on.CORNERS)
    on.type_wish(page, "rm")
    for key in ("r", "w", "m", "."):
        page.keyboard.press(key)
    assert page.evaluate("() => window.app.graph.nodes[0].mode") == 0
    page.keyboard.press("l")
    expect(on.board(page).locator("[data-tool=lasso]")).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("scale", [0.6, 1.4])
def test_the_pointer_is_where_it_seems_at_any_zoom_of_the_graph(
    canvases: Page, scale: float
) -> None:
    on.add_canvases(canvases, scale=scale)
    on.drag(canvases, *on.CORNERS)
    box = on.instances(canvases)[0]["shapes"][0]["box"]
    assert box == pytest.approx([*on.CORNERS[0], *on.CORNERS[1]], abs=0.01)


def test_a_text_that_cannot_be_read_is_kept_and_told(page: Page) -> None:
    text = '{"version": 9, "instances": []}'
    graph = page.evaluate("() => window.app.graph.serialize()")
    graph["nodes"][0]["widgets_values"][0] = text
    page.evaluate("graph => window.app.loadGraphData(graph)", graph)
    expect(on.board(page).locator(".ie-hint")).to_contain_text("version 9")
    (node,) = prompt_of(page).values()
    assert node["inputs"]["canvas"] == text


def test_the_wheel_is_the_graphs_until_the_canvas_has_the_focus(page: Page) -> None:
    page.evaluate("() => document.activeElement?.blur()")
    page.mouse.move(*on.point(page, (0.5, 0.5)))
    before = on.graph_scale(page)
    page.mouse.wheel(0, -120)
    page.wait_for_timeout(300)
    zoomed = on.graph_scale(page)
    assert zoomed != before
    on.surface(page).focus()
    page.mouse.wheel(0, -400)
    page.wait_for_timeout(300)
    assert on.graph_scale(page) == zoomed
    on.drag(page, (0.1, 0.1), (0.9, 0.9))
    box = on.instances(page)[0]["shapes"][0]["box"]
    assert box[2] - box[0] < 0.6  # the picture is zoomed


def test_the_middle_button_moves_the_graph(page: Page) -> None:
    page.evaluate("() => document.activeElement?.blur()")
    offset = "() => [...window.app.canvas.ds.offset]"
    before = page.evaluate(offset)
    x, y = on.point(page, (0.5, 0.5))
    page.mouse.move(x, y)
    page.mouse.down(button="middle")
    page.mouse.move(x + 60, y + 40, steps=3)
    page.mouse.up(button="middle")
    page.wait_for_timeout(300)
    assert page.evaluate(offset) != before
    assert on.kinds(page) == []


def test_nothing_is_left_on_the_page_when_the_graph_is_cleared(page: Page) -> None:
    on.press(page, "full")
    expect(page.locator("dialog.ie-full")).to_be_visible()
    page.evaluate("() => window.app.graph.clear()")
    expect(page.locator("dialog.ie-full, .ie-canvas:visible")).to_have_count(0)


def test_another_workflow_and_back_keeps_the_strokes(page: Page) -> None:
    page.keyboard.press("Escape")
    on.board(page).locator("[data-tool=brush]").click()
    on.drag(page, (0.2, 0.2), (0.6, 0.2))
    command(page, "Comfy.NewBlankWorkflow")
    page.wait_for_function("() => window.app.graph.nodes.length === 0")
    command(page, "Workspace.PreviousOpenedWorkflow")
    page.wait_for_function("() => window.app.graph.nodes.length === 1")
    on.wait_for_canvases(page)
    assert on.kinds(page) == [["stroke"]]


def test_a_canvas_in_a_subgraph_is_drawn_and_sent(page: Page) -> None:
    page.evaluate(
        """() => {
          const { graph, canvas } = window.app
          const made = graph.convertToSubgraph(new Set([graph.nodes[0]]))
          canvas.openSubgraph(made.node.subgraph, made.node)
        }"""
    )
    on.wait_for_canvases(page)
    page.evaluate(
        "() => { window.app.canvas.ds.scale = 0.9; window.app.canvas.ds.offset = [0, 0] }"
    )
    page.wait_for_timeout(300)
    on.drag(page, *on.CORNERS)
    on.type_wish(page, "within")
    (key,) = prompt_of(page)
    assert ":" in key and "within" in prompt_of(page)[key]["inputs"]["canvas"]


def test_the_languages_change_while_it_is_open(page: Page) -> None:
    setting = "locale => window.app.extensionManager.setting.set('Comfy.Locale', locale)"
    on.drag(page, *on.CORNERS)
    on.type_wish(page, "stays")
    try:
        for locale, words in (("zh", "方框 (B)"), ("fr", "Boîte (B)")):
            page.evaluate(setting, locale)
            expect(on.board(page).locator("[data-tool=box]")).to_have_attribute("title", words)
        assert [one["instruction"] for one in on.instances(page)] == ["stays"]
    finally:
        page.evaluate(setting, "en")
        expect(on.board(page).locator("[data-tool=box]")).to_have_attribute("title", "Box (B)")


def test_a_menu_entry_and_a_command_open_the_full_screen(page: Page) -> None:
    page.evaluate("() => window.app.canvas.select(window.app.graph.nodes[0])")
    page.wait_for_function("() => window.app.canvas.selectedItems.size === 1")
    page.wait_for_timeout(200)  # what Nodes 2.0 draws around a selection
    command(page, "InstanceEdit.OpenCanvas")
    expect(page.locator("dialog.ie-full")).to_be_visible()
    page.locator("dialog.ie-full [data-act=close]").click()
    expect(page.locator("dialog.ie-full")).to_have_count(0)
    expect(on.surface(page)).to_be_visible()


WITH_OUTPUT = """() => {
  const { app, LiteGraph } = window
  const save = LiteGraph.createNode('SaveImage')
  app.graph.add(save)
  app.graph.nodes[0].connect(3, save, 0)
  return app.graph.serialize()
}"""
IN_APP = """() => [...document.querySelectorAll('.ie-canvas')].some(
  one => one.clientWidth && !one.closest('[data-node-id], .dom-widget'))"""


def test_an_app_shows_the_canvas_and_gives_it_back(page: Page) -> None:
    on.drag(page, *on.CORNERS)
    on.type_wish(page, "in the graph")
    graph = page.evaluate(WITH_OUTPUT)
    canvas, output = (node["id"] for node in graph["nodes"])
    shown = {"inputs": [[canvas, "instance_canvas"]], "outputs": [output]}
    graph["extra"] = {"linearMode": True, "linearData": shown}
    page.evaluate("graph => window.app.loadGraphData(graph)", graph)
    page.wait_for_function(IN_APP)
    page.wait_for_timeout(1500)  # its panel slides in
    on.wait_for_canvases(page)
    on.drag(page, (0.6, 0.6), (0.9, 0.9))
    on.type_wish(page, "in the app")
    assert len(on.kinds(page)) == 2
    command(page, "Comfy.ToggleLinear")
    on.wait_for_canvases(page)
    wanted = ["in the graph", "in the app"]
    assert [one["instruction"] for one in on.instances(page)] == wanted


PEN = """([kind, button]) => {
  const surface = [...document.querySelectorAll('.ie-stage > canvas')].find(c => c.clientWidth)
  const rect = surface.getBoundingClientRect()
  const send = (name, x, y, buttons) => surface.dispatchEvent(new PointerEvent(name, {
    bubbles: true, pointerId: 1, pointerType: kind, button, buttons, isPrimary: true,
    clientX: rect.left + x * rect.width, clientY: rect.top + y * rect.height,
  }))
  surface.setPointerCapture = () => {}
  send('pointerdown', 0.2, 0.2, button === 5 ? 32 : 1)
  send('pointermove', 0.4, 0.3, button === 5 ? 32 : 1)
  send('pointerup', 0.4, 0.3, button === 5 ? 32 : 0)
}"""


def test_a_pen_draws_and_its_other_end_erases(page: Page) -> None:
    on.board(page).locator("[data-tool=brush]").click()
    for button in (0, 5):
        page.evaluate(PEN, ["pen", button])
    assert on.kinds(page) == [["stroke", "-stroke"]]
