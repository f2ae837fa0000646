"""Turn Memory: the first picture and the previous turn's result, as one value."""

from typing import Any

from comfy_api.latest import io

from ..sampling import lqr
from .inputs.sockets import CATEGORY, Turn


class TurnMemory(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="InstanceEditTurnMemory",
            display_name="Turn Memory",
            category=f"{CATEGORY}/turns",
            description="Starts a turn of an editing session: remembers the latent it starts from, "
            "and the very first one. To add a turn, copy the group of the last turn and connect "
            "its latent and its turn memory to the copy.",
            search_aliases=["multi-turn", "iterative edit", "history"],
            inputs=[
                io.Latent.Input(
                    "latent",
                    tooltip="The picture this turn starts from: the encoded original in the first "
                    "turn, then the result of the turn before.",
                ),
                Turn.Input(
                    "turn",
                    optional=True,
                    tooltip="The turn before. Not connected (neutral): this is the first turn.",
                ),
            ],
            outputs=[Turn.Output(display_name="turn")],
        )

    @classmethod
    def execute(cls, latent: dict[str, Any], turn: lqr.TurnMemory | None = None) -> io.NodeOutput:
        return io.NodeOutput(lqr.next_turn(turn, latent["samples"]))
