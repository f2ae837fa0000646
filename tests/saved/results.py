"""What the saved workflows of the demo model make of their picture, and how near is the same."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from instance_edit.tests.saved.meaning import Prompt
from instance_edit.tools.comfy_server import ComfyServer

SCENE_SIDE = 144
LARGEST_DIFFERENCE = 1
LARGEST_SHARE = 0.001


def runs_anywhere(prompt: Prompt) -> bool:
    """Whether the prompt's model comes with the pack."""
    return any(node["class_type"] == "InstanceEditDemoModelLoader" for node in prompt.values())


def edited_pictures(server: ComfyServer, prompt: Prompt) -> dict[str, Image.Image]:
    """Run a prompt; its pictures and masks by node, without those that are drawn for people.

    What is edited is no wider than the scene of 144 pixels; drawings are.
    """
    outputs = server.run(prompt, show_progress=False)
    found = {}
    for node in (node for node, output in outputs.items() if "images" in output):
        first = Image.open(BytesIO(server.client.pictures(outputs, node)[0])).convert("RGB")
        if first.width <= SCENE_SIDE:
            found[node] = first
    return found


def look_the_same(saved: Image.Image, now: Image.Image) -> bool:
    """Whether no value differs by more than 1 of 255, and at most one in a thousand differs.

    Another processor rounds sums of float32 in another order, which moves a few values by 1.
    """
    was, new = (np.asarray(picture.convert("RGB"), dtype=int) for picture in (saved, now))
    if was.shape != new.shape:
        return False
    apart = np.abs(was - new)
    return apart.max() <= LARGEST_DIFFERENCE and (apart > 0).mean() <= LARGEST_SHARE
