"""IDAttn: one of two hard masks in each third of the blocks."""

from functools import partial

from comfy_api.latest import io

from ...attention.idattn import idattn_bias
from ...attention.schedule import Stage, equal_stages
from .face import BiasMethod, Builders, Options

THIRDS = ("early", "middle", "late")


def _third(name: str, default: str, which: str) -> io.WidgetInput:
    return io.Combo.Input(
        name,
        options=["har", "dis", "off"],
        default=default,
        tooltip=f"Mask in the {which} of the blocks. 'dis': an instance sees only itself. 'har': "
        "it also sees the whole picture and the global prompt. 'off': plain attention.",
    )


def _recipe(options: Options) -> tuple[Builders, tuple[Stage, ...]]:
    builders = {"dis": partial(idattn_bias, kind="dis"), "har": partial(idattn_bias, kind="har")}
    return builders, equal_stages([options[third] for third in THIRDS])


METHOD = BiasMethod(
    key="idattn",
    name="IDAttn",
    says="IDAttn: hard masks that change with depth; many instances, text edits.",
    inputs=(
        _third("early", "har", "first third"),
        _third("middle", "dis", "second third"),
        _third("late", "har", "last third"),
    ),
    recipe=_recipe,
)
