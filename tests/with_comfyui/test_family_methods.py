"""The README's table of families and methods: each cell that says yes runs, each no is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch

from instance_edit.host.families import find_family
from instance_edit.host.run import longest_sequence
from instance_edit.mask_ops.instance_lora import RegionLora
from instance_edit.mask_ops.regions import with_lora
from instance_edit.tests.pages import page
from instance_edit.tests.with_comfyui.comfyui import CLIP, ModelPatcher
from instance_edit.tests.with_comfyui.core import (
    random_conditioning,
    random_latent,
    run_node,
    sample,
)
from instance_edit.tests.with_comfyui.editing import Editor, idattn
from instance_edit.tests.with_comfyui.locating import (
    locate_by_contrast,
    locate_instances,
    locate_instruction,
)
from instance_edit.tests.with_comfyui.lora_making import linear_layers, random_lora, save_lora
from instance_edit.tests.with_comfyui.measure_families import RESULTS, configurations, measure
from instance_edit.tests.with_comfyui.sessions import OFF, ON, Session
from instance_edit.tests.with_comfyui.test_foi import TWO, guide, run
from instance_edit.tests.with_comfyui.test_foi import two_spans as foi_spans
from instance_edit.tests.with_comfyui.test_instance_attention import spans_for
from instance_edit.tests.with_comfyui.tiny_families import (
    EDITING,
    EDITORS,
    FAMILIES,
    METHODS,
)

Nodes = dict[str, type]
ROWS = {
    "FLUX.1": "flux1",
    "FLUX.2": "flux2",
    "LongCat-Image": "longcat",
    "Ovis-Image": "ovis",
    "Chroma": "chroma",
    "Qwen-Image": "qwen",
    "MageFlow": "mageflow",
    "Krea 2": "krea2",
    "Boogu": "boogu",
    "OmniGen2": "omnigen2",
    "Lumina 2": "lumina2",
    "Z-Image": "zimage",
    "JoyImage-Edit": "joyimage",
    "Wan": "wan",
    "Anima": "anima",
}
"""Per row of the table its miniature; an older ComfyUI lacks some."""
REASONS = {
    "a": "attends to them in calls of their own",
    "b": "must stand first in every attention call",
    "c": "latents with layers",
    "d": "offers no place where the positions",
}
"""Per footnote of the table a part of the refusal."""


def regions(nodes: Nodes, model: ModelPatcher, _clip: CLIP) -> None:
    editor = Editor(nodes)
    patched = editor.apply(model, editor.bias(editor.regions(), idattn()))
    words = spans_for(model, editor.regions())
    found, plain = (sample(one, words, words, random_latent(model)) for one in (patched, model))
    assert found.isfinite().all() and (found - plain).abs().max() > 1e-3


def located(found: Any) -> None:
    masks = next(one for one in found if hasattr(one, "shape") and one.ndim == 3)
    assert len(masks) == 3 and masks.isfinite().all()


def iid(nodes: Nodes, model: ModelPatcher, _clip: CLIP) -> None:
    located(locate_instances(nodes, model))


def instruction(nodes: Nodes, model: ModelPatcher, clip: CLIP) -> None:
    located(locate_instruction(nodes, model, clip))


def contrast(nodes: Nodes, model: ModelPatcher, _clip: CLIP) -> None:
    located(locate_by_contrast(nodes, model))


def foi(nodes: Nodes, model: ModelPatcher, _clip: CLIP) -> None:
    words = foi_spans(model, references=0)
    guider = guide(nodes, model, Editor(nodes).regions(TWO), words)
    assert run(guider, random_latent(model)).isfinite().all()


def turns(nodes: Nodes, model: ModelPatcher, adaptive: dict[str, Any]) -> None:
    session = Session(nodes, model)
    sampler = session.lqr(session.memory(random_latent(model, seed=3)), adaptive)
    found = session.run(sampler, random_conditioning(model), random_latent(model))["samples"]
    assert found.isfinite().all()


def lqr(nodes: Nodes, model: ModelPatcher, _clip: CLIP) -> None:
    turns(nodes, model, OFF)


def adaptive(nodes: Nodes, model: ModelPatcher, _clip: CLIP) -> None:
    turns(nodes, model, ON)


def lora(nodes: Nodes, model: ModelPatcher, _clip: CLIP) -> None:
    editor = Editor(nodes)
    own = RegionLora(save_lora("cell", random_lora(model, linear_layers(model))))
    plain = editor.regions()
    words, results = spans_for(model, plain), []
    for regions in (plain, with_lora(plain, 1, own)):
        patched = editor.apply(model, editor.bias(regions, idattn()))
        results.append(sample(patched, words, words, random_latent(model)))
    assert torch.equal(*(one[..., :4, :4] for one in results)) and not torch.equal(*results)


def skip(nodes: Nodes, model: ModelPatcher, _clip: CLIP) -> None:
    editor, source = Editor(nodes), random_latent(model, seed=5)
    patched = editor.apply(model, editor.bias(editor.regions(), idattn()))
    given = {"margin": 0, "context": "whole", "latent": source}
    [skipping] = run_node(nodes["InstanceEditSkipBackground"], model=patched, **given)[:1]
    words = spans_for(model, editor.regions())
    found = sample(skipping, words, words, random_latent(model))
    assert (found[..., :4, 4:] == source["samples"][..., :4, 4:]).all()
    whole = sample(patched, words, words, random_latent(model))
    torch.testing.assert_close(found[..., :4, :4], whole[..., :4, :4], rtol=1e-4, atol=1e-4)


def looks(nodes: Nodes, model: ModelPatcher, _clip: CLIP) -> None:
    """The preview of the bias, and the tokens that the memory estimate counts."""
    editor = Editor(nodes)
    words, latent = spans_for(model, editor.regions()), random_latent(model)
    bias = editor.bias(editor.regions(), idattn())
    node = nodes["InstanceEditPreviewBias"]
    pages = run_node(node, bias=bias, first_instance=1, conditioning=words, model=model)[0]
    assert pages.isfinite().all()
    diffusion = model.model.diffusion_model
    family = find_family(diffusion)
    assert family is not None
    side = 8 // family.patch(diffusion)
    [[text, extras]] = words
    conds = {"positive": [{"cross_attn": text, **extras}]}
    assert longest_sequence(model, latent["samples"].shape, conds) == (10, 10 + side**2)


COLUMNS: dict[str, Callable[[Nodes, ModelPatcher, CLIP], None]] = {
    "regions": regions,
    "Locate Instances": iid,
    "Locate Instruction": instruction,
    "Velocity Contrast": contrast,
    "FoI Guider": foi,
    "Dual-LQR Sampler": lqr,
    "adaptive attention": adaptive,
    "Instance LoRA": lora,
    "Skip Background": skip,
    "previews, memory": looks,
}


def table() -> dict[str, dict[str, str]]:
    """The README's cells by family and method."""
    text = page("README.md").partition("### Families and methods\n")[2]
    lines = [line for line in text.partition("\n### ")[0].splitlines() if line.startswith("|")]
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}


LEAK = "another's words"
"""The column of how much an instance changes with another's words, without and with `dis`."""


def leaks(results: dict[str, Any]) -> str:
    """What the table says of one miniature's figures."""
    one = results.get("two references") or results["no reference"]
    return f"{one['leak_free']:.2g} / {one['leak']:.2g}"


def test_the_figures_are_of_every_configuration_and_the_table_says_them() -> None:
    results, cells = json.loads(RESULTS.read_text()), table()
    for family, name in ROWS.items():
        assert cells[family][LEAK] == leaks(results[name])
    assert set(results) >= set(ROWS.values())
    for name in FAMILIES:
        every = configurations(name, name in EDITORS, METHODS.get(name))
        assert list(results[name]) == list(every)
    for one in (one for several in results.values() for one in several.values()):
        assert one["leak"] == 0 < one["leak_free"]
        assert one["probe_errors"] == 0 and one["idle_equal"]


EVERY_WAY = [
    (name, how)
    for name in FAMILIES
    for how in configurations(name, name in EDITING, METHODS.get(name))
]


@pytest.mark.parametrize(("name", "how"), EVERY_WAY)
def test_instances_are_apart_and_every_token_in_its_place_in_every_way_to_edit(
    pack_nodes, name: str, how: str
) -> None:
    """Bit for bit under `dis`; by the probe; and without a bias it is the plain model."""
    chosen = configurations(name, name in EDITING, METHODS.get(name))[how]
    found = measure(name, chosen, pack_nodes)
    assert found["leak"] == 0 < found["leak_free"] and found["idle_equal"]
    assert found["probe_errors"] == 0


OLDER = {("Krea 2", "Skip Background"): "no (d)"}
"""Cells of a ComfyUI whose model of that family knows no references yet."""
CELLS = [(family, method) for family in ROWS if ROWS[family] in FAMILIES for method in COLUMNS]


def test_the_table_has_every_family_and_every_method() -> None:
    cells = table()
    assert list(cells) == list(ROWS)
    assert all(list(row) == [*COLUMNS, LEAK] for row in cells.values())
    said = [row[method] for row in cells.values() for method in COLUMNS]
    assert all(re.fullmatch(r"yes|no \([a-d]\)", cell) for cell in said)


@pytest.mark.parametrize(("family", "method"), CELLS)
def test_each_cell_is_so(pack_nodes, tiny_clip_flux1, family: str, method: str) -> None:
    model, cell = FAMILIES[ROWS[family]][1](), table()[family][method]
    if (family, method) in OLDER and ROWS[family] not in EDITING:
        cell = OLDER[family, method]
    if cell == "yes":
        COLUMNS[method](pack_nodes, model, tiny_clip_flux1)
        return
    with pytest.raises(ValueError, match=REASONS[cell[-2]]):
        COLUMNS[method](pack_nodes, model, tiny_clip_flux1)
