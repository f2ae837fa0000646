"""Errors raised where our code is called in the midst of a run, and what a run leaves behind."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from torch import Tensor

from instance_edit.tests.with_comfyui.core import ModelPatcher
from instance_edit.tools.load_pack import ROOT

HOST = str(ROOT / "host")
Place = tuple[str, str]
Run = Callable[[], tuple[Tensor, ...]]


def place(frame: FrameType) -> Place | None:
    """File and function of a call of the seam, else None."""
    code = frame.f_code
    own = code.co_filename.startswith(HOST) and not code.co_name.startswith("<")
    return (code.co_filename[len(HOST) + 1 :], code.co_qualname) if own else None


@contextmanager
def profile(note: Callable[[Place], None]) -> Iterator[None]:
    """Tell of every call of a function of the seam while this lasts."""

    def watch(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and (found := place(frame)) is not None:
            note(found)

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield
    finally:
        sys.setprofile(before)


def places_of(run: Run) -> list[Place]:
    """Every function of the seam that a run calls, once each."""
    found: dict[Place, None] = {}
    with profile(lambda one: found.setdefault(one, None)):
        run()
    return list(found)


def run_with_fault(run: Run, where: Place, error: BaseException) -> tuple[Tensor, ...] | None:
    """The run whose first call of ``where`` fails; None if it failed as a whole, as it should."""
    raised = False

    def fail(one: Place) -> None:
        nonlocal raised
        if one == where and not raised:
            raised = True
            raise error

    try:
        with profile(fail):
            return run()
    except type(error) as caught:
        assert caught is error or error in (caught.__cause__, caught.__context__), caught
        return None


def left_on(model: ModelPatcher) -> dict[str, Any]:
    """What hangs on a model: options, wrappers, patches, hooks and replaced methods."""
    network = model.model.diffusion_model
    hooked = [
        name
        for name, part in network.named_modules()
        if part._forward_hooks or part._forward_pre_hooks or "forward" in vars(part)
    ]
    return {
        "options": shape_of(model.model_options),
        "wrappers": shape_of(model.wrappers),
        "callbacks": shape_of(model.callbacks),
        "patches": sorted(model.patches),
        "object patches": sorted(model.object_patches),
        "hooks": hooked,
        "model": sorted(vars(model.model)),
        "network": sorted(vars(network)),
    }


def shape_of(value: Any) -> Any:
    """Containers as they are, everything in them by its identity."""
    if isinstance(value, dict):
        return {str(key): shape_of(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [shape_of(inner) for inner in value]
    return id(value)
