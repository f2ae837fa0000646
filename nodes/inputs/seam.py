"""Where an edit is taken and how it fades into the source: what every node that pastes asks."""

from comfy_api.latest import io

from .sockets import Regions


def seam_inputs() -> list[io.Input]:
    """The regions, and the pixels around them."""
    return [
        Regions.Input("regions", tooltip="The instances; only they and their seam change."),
        io.Int.Input(
            "grow",
            default=8,
            min=0,
            max=512,
            tooltip="Pixels around the regions that are taken from the edit as well, for "
            "new outlines and shadows. 0 is neutral.",
        ),
        io.Int.Input(
            "feather",
            default=16,
            min=0,
            max=512,
            tooltip="Pixels over which the edit fades into the source. 0 is neutral: a hard edge.",
        ),
    ]


def pasted_outputs(report: str) -> list[io.Output]:
    """The picture, where the edit is taken, and a report whose tooltip is given."""
    return [
        io.Image.Output(),
        io.Mask.Output(tooltip="Where the edit is taken: 1 inside, 0 outside."),
        io.String.Output(display_name="report", tooltip=report),
    ]
