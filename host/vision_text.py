"""Prompts that an encoder reads together with pictures, as core's own encode nodes make them.

In such a text every picture stands before the words, as hundreds of vision tokens. The encoder is
causal: words have seen the pictures, pictures have seen no words. So the words alone may be kept.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor

from .core_nodes import extra_node, run_node
from .text import KeptPrompt, TextLength, refuse_schedule

Images = Mapping[int, Tensor]
"""(B, H, W, C) pictures by their number, 1 being the first."""


class EditNode(NamedTuple):
    """One of core's nodes that encode a prompt together with pictures.

    Attributes:
        module: of ``comfy_extras`` that has it.
        images: its inputs for these pictures.
    """

    module: str
    name: str
    images: Callable[[Images], dict[str, Any]]


NODES = {
    "QwenImageTokenizer": EditNode(
        "nodes_qwen",
        "TextEncodeQwenImageEditPlus",
        lambda images: {f"image{n}": image for n, image in images.items()},
    ),
    "MageFlowTokenizer": EditNode(
        "nodes_mage",
        "TextEncodeMageFlowEdit",
        lambda images: {"images": {f"image_{n}": image for n, image in images.items()}},
    ),
}
"""By the class of an encoder's tokenizer."""


class SeenText(NamedTuple):
    """A prompt as it was encoded with pictures.

    Attributes:
        text: (1, tokens, width) features.
        words: where the words begin: behind the last picture.
    """

    text: Tensor
    words: int


@dataclass
class Recorder:
    """A CLIP that keeps the tokens that it was asked to encode."""

    clip: Any
    tokens: list[Any] = field(default_factory=list[Any])

    def tokenize(self, *args: Any, **kwargs: Any) -> Any:
        found = self.clip.tokenize(*args, **kwargs)
        self.tokens.append(found)
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self.clip, name)


@dataclass(frozen=True, eq=False)
class Pictures:
    """The pictures that the text encoder sees.

    Attributes:
        images: all of them.
        owned: numbers of those that belong to an instance, whose prompt alone has them.
        grounded: instructions are encoded with the scene's pictures; else as text alone.
        read: what was encoded of pictures without words, by their numbers; each once.
    """

    images: Images
    owned: frozenset[int]
    grounded: bool
    read: dict[tuple[int, ...], SeenText] = field(default_factory=dict[tuple[int, ...], SeenText])

    @property
    def scene(self) -> Images:
        """Those that belong to nobody."""
        return {n: image for n, image in self.images.items() if n not in self.owned}

    def beside(self, own: int | None) -> Images:
        """What an instruction is encoded with, in the order of the numbers.

        Args:
            own: number of the picture that its instance owns.
        """
        seen = self.scene if self.grounded else {}
        return {n: one for n, one in self.images.items() if n in seen or n == own}


def edit_node(clip: Any) -> EditNode | None:
    """Core's node that encodes prompts with pictures for this encoder, if there is one."""
    return NODES.get(type(clip.tokenizer).__name__)


def require_edit_node(clip: Any) -> EditNode:
    """``edit_node``; raises ValueError where there is none."""
    node = edit_node(clip)
    if node is None:
        raise ValueError(
            "this text encoder does not read pictures together with a prompt, got "
            f"{type(clip.tokenizer).__name__}. Disconnect image1 .. image3 and set 'grounding' to "
            "'text only', or load the encoder of a model that does (Qwen-Image-Edit, MageFlow)."
        )
    return node


def encode_seen(clip: Any, prompt: str, images: Images) -> SeenText:
    """A prompt, encoded by core's node for edits; without pictures by its template for edits.

    Raises:
        ValueError: scheduled CLIP hooks, or an encoder without such a node.
    """
    refuse_schedule(clip)
    node = require_edit_node(clip)
    recorder = Recorder(clip)
    [[text, _]], *_ = run_node(
        extra_node(node.module, node.name),
        clip=recorder,
        prompt=prompt.strip(),
        **node.images(dict(sorted(images.items()))),
    )
    [[row]] = [list(chunks.values())[0] for chunks in recorder.tokens[:1]]
    places = [i for i, token in enumerate(row) if isinstance(token[0], dict)]
    behind = len(row) - places[-1] - 2 if places else text.shape[1]  # and the picture's own end
    return SeenText(text, text.shape[1] - behind)


def keep_seen(
    clip: Any, prompt: str, how: TextLength, pictures: Pictures, own: int | None = None
) -> KeptPrompt:
    """An instruction's tokens, encoded with pictures: the words, and before them its own picture.

    Args:
        own: number of the picture that its instance owns.

    Raises:
        ValueError: as ``encode_seen``, or a fixed length that is longer than this text.
    """
    images = pictures.beside(own)
    text, start = encode_seen(clip, prompt, images)
    if how.kind == "as core":
        return KeptPrompt(text, 0)
    if own is not None:
        start = picture_part(clip, pictures, [n for n in images if n < own])
    kept = text[:, start:]
    if how.kind != "fixed":
        return KeptPrompt(kept, start)
    if kept.shape[1] < how.length:
        raise ValueError(
            f"a fixed length of {how.length} tokens is more than {prompt!r} has ({kept.shape[1]}), "
            "and this text encoder does not pad. Set text_length to 'real tokens'."
        )
    return KeptPrompt(kept[:, : how.length], start)


def read_alone(clip: Any, pictures: Pictures, numbers: Sequence[int]) -> SeenText:
    """The pictures of these numbers, encoded without words."""
    key = tuple(numbers)
    if key not in pictures.read:
        pictures.read[key] = encode_seen(clip, "", {n: pictures.images[n] for n in key})
    return pictures.read[key]


def picture_part(clip: Any, pictures: Pictures, numbers: Sequence[int]) -> int:
    """Number of tokens that stand before the words where the pictures of these numbers are."""
    return read_alone(clip, pictures, numbers).words if numbers else 0


def without_owned(clip: Any, text: Tensor, pictures: Pictures) -> Tensor:
    """(1, tokens, width) features of a global prompt without the pictures of instances.

    Where core's node was given them too, they stand before the words, and all that stands there is
    known: it depends on the pictures alone.
    """
    if not pictures.owned:
        return text
    before = read_alone(clip, pictures, list(pictures.images))
    known = before.text[:, : before.words]
    if not is_alike(text[:, : before.words], known):
        return text
    kept = list(range(text.shape[1]))
    for n in sorted(pictures.owned, reverse=True):
        start, stop = (
            picture_part(clip, pictures, [m for m in pictures.images if m < last])
            for last in (n, n + 1)
        )
        del kept[start:stop]
    return text[:, kept]


def is_alike(text: Tensor, known: Tensor) -> bool:
    """True if features are these, but for rounding: in a longer text kernels add up differently."""
    if text.shape != known.shape:
        return False
    return bool((text - known).abs().mean() < 0.1 * known.abs().mean())


def numbered(images: Sequence[Tensor | None]) -> dict[int, Tensor]:
    """Pictures by their number; some may be missing."""
    return {n: image for n, image in enumerate(images, start=1) if image is not None}
