"""Naive loop oracles: every pair of tokens looked up in the tables of the methods, one by one.

They follow the methods' definitions (MICE's cases 1 to 8, IDAttn's rows, IID's phase B) and share
no code with the pack.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

INF = math.inf
Owners = Sequence[int | None]
Value = Callable[["Token", "Token"], float]


@dataclass(frozen=True)
class Token:
    """What one token of the joint sequence is.

    Attributes:
        kind: "T", "L" or "C".
        prompt: of a text token; 0 is the global one.
        members: instances of an image token, from 1; of an owned one, its owner alone.
        owner: the instance that owns its reference, from 1.
        image, cell: number of the image (0 is the latent) and place in it.
    """

    kind: str
    prompt: int = 0
    members: frozenset[int] = frozenset()
    owner: int | None = None
    image: int = 0
    cell: int = 0


@dataclass(frozen=True)
class Scene:
    """Everything that a method is told, in the order of its arguments.

    Attributes:
        owners: per reference the 0-based instance that owns it, or None.
        active: per instance; one that is not active has no tokens and is read by nobody.
        last: a token of several instances sees the picture as the last of them.
    """

    text_lengths: Sequence[int]
    masks: Tensor
    references: Sequence[Tensor] = ()
    owners: Owners = ()
    strengths: Sequence[float] | None = None
    active: Sequence[bool] | None = None
    last: bool = False

    def live(self, n: int) -> bool:
        """Whether instance n, from 1, takes part."""
        return self.active is None or self.active[n - 1]

    def seeing(self, query: Token) -> frozenset[int]:
        """The instances as which an image token looks at the picture."""
        return frozenset([max(query.members)]) if self.last and query.members else query.members

    def gain(self, n: int) -> float:
        """What is added where instance n's own tokens read its prompt."""
        strength = 1.0 if self.strengths is None else self.strengths[n - 1]
        return math.log(strength) if strength else -INF

    def tokens(self) -> list[Token]:
        """All tokens in order."""
        found = [Token("T", n) for n, count in enumerate(self.text_lengths) for _ in range(count)]
        instances = len(self.text_lengths) - 1
        for image, grid in enumerate([self.masks, *self.references]):
            owner = self.owners[image - 1] if image and self.owners else None
            for cell in range(grid.shape[1] * grid.shape[2]):
                inside = [n + 1 for n in range(instances) if grid[n].reshape(-1)[cell]]
                if owner is not None:
                    inside = [owner + 1]
                members = frozenset(n for n in inside if self.live(n))
                owned = None if owner is None else owner + 1
                found.append(Token("C" if image else "L", 0, members, owned, image, cell))
        return found

    def fill(self, value: Value) -> Tensor:
        """(Z, Z): the common rules first, then the method's ``value(query, key)``."""
        tokens = self.tokens()
        bias = torch.empty(len(tokens), len(tokens))
        for i, query in enumerate(tokens):
            for j, key in enumerate(tokens):
                common = self.common(query, key)
                bias[i, j] = value(query, key) if common is None else common
        return bias

    def common(self, query: Token, key: Token) -> float | None:
        """Hidden instructions and owned references, alike in every method; None: no rule here."""
        hidden = key.prompt and (self.gain(key.prompt) == -INF or not self.live(key.prompt))
        if query.kind != "T" and key.kind == "T" and hidden:
            return -INF
        if query.owner is None and key.owner is None:
            return None
        if query.owner == key.owner:
            return 0.0
        owner = query.owner or key.owner
        other = key if query.owner else query
        if owner is None or not self.live(owner):
            return -INF
        if other.owner is not None:
            return 0.0 if other.owner == owner else -INF
        if other.kind == "T":
            return 0.0 if other.prompt == owner else -INF
        seen_by = other.members if other is key else self.seeing(other)
        return 0.0 if owner in seen_by else -INF


def naive_idattn(scene: Scene, kind: str) -> Tensor:
    """IDAttn's M_dis or M_har."""

    def value(query: Token, key: Token) -> float:
        if query.kind == "T":
            if query.prompt == 0:
                return 0.0 if key.kind != "T" or key.prompt == 0 else -INF
            if key.kind == "T":
                return 0.0 if key.prompt == query.prompt else -INF
            return 0.0 if query.prompt in key.members else -INF
        if key.kind == "T" and key.prompt:
            return scene.gain(key.prompt) if key.prompt in query.members else -INF
        if kind == "har" or not query.members:
            return 0.0
        return 0.0 if key.kind != "T" and scene.seeing(query) & key.members else -INF

    return scene.fill(value)


def naive_iid(scene: Scene) -> Tensor:
    """IID's attention of phase B."""

    def value(query: Token, key: Token) -> float:
        if query.kind == "T" and key.kind == "T":
            return 0.0 if query.prompt == key.prompt else -INF
        if query.kind == "T":
            reads = key.kind == "C" or query.prompt == 0 or query.prompt in key.members
            return 0.0 if reads else -INF
        if key.kind != "T" or query.kind == "C":
            return 0.0
        if key.prompt == 0:
            return -INF if query.members else 0.0
        return scene.gain(key.prompt) if key.prompt in query.members else -INF

    return scene.fill(value)


class Fields:
    """B_n of a scene: log(s_n + epsilon) / tau, from naively smoothed masks of live instances.

    Where it is aware of the others, s_n is 0 on their tokens.
    """

    def __init__(
        self, scene: Scene, size: int, tau: float, epsilon: float, aware: bool = True
    ) -> None:
        live = [scene.live(n + 1) for n in range(len(scene.text_lengths) - 1)]
        keep = torch.tensor(live, dtype=torch.bool)[:, None, None]
        images = [scene.masks, *scene.references]
        self.smooth = [naive_gaussian(image & keep, size) for image in images]
        self.tau, self.epsilon, self.aware = tau, epsilon, aware

    def log(self, n: int, token: Token) -> float:
        """Inside m_n too."""
        foreign = self.aware and token.members and n not in token.members
        s = 0.0 if foreign else float(self.smooth[token.image][n - 1].reshape(-1)[token.cell])
        return math.log(s + self.epsilon) / self.tau

    def damped(self, n: int, token: Token) -> float:
        """0 in m_n."""
        return 0.0 if n in token.members else self.log(n, token)


def naive_mice(
    scene: Scene,
    size: int = 3,
    tau: float = 1.0,
    epsilon: float = 1e-30,
    see_global: bool = False,
    aware: bool = True,
) -> Tensor:
    """MICE's cases 1 to 8; unless aware, its soft edges reach into other instances."""
    b = Fields(scene, size, tau, epsilon, aware).damped

    def value(query: Token, key: Token) -> float:
        if query.kind == "T" and key.kind == "T":
            return 0.0 if query.prompt == key.prompt else -INF  # case 1
        if query.kind == "T":
            return b(query.prompt, key) if query.prompt else 0.0  # cases 6 and 2
        if key.kind == "T" and key.prompt == 0:
            inside = query.kind == "L" and query.members
            return 0.0 if see_global or not inside else -INF  # case 3
        if key.kind == "T":
            extra = scene.gain(key.prompt) if key.prompt in query.members else 0.0
            if query.kind == "C":
                return extra if key.prompt in query.members else -INF  # case 4
            return b(key.prompt, query) + extra  # case 7
        if query.kind == "C" or not query.members:
            return 0.0  # cases 5 and 2
        return max(b(n, key) for n in scene.seeing(query))  # case 6, overlaps

    return scene.fill(value)


def naive_released(
    scene: Scene,
    size: int = 11,
    tau: float = 3.0,
    epsilon: float = 1e-6,
    smooth_text: bool = False,
    free_context: bool = False,
) -> Tensor:
    """MICE as its released code computes it: hard between prompts and latents, others shut."""
    fields = Fields(scene, size, tau, epsilon)

    def b(n: int, token: Token) -> float:
        return -INF if token.members and n not in token.members else fields.damped(n, token)

    def of_text(n: int, token: Token) -> float:
        """Between T_n and a latent token."""
        if smooth_text:
            return -INF if token.members and n not in token.members else fields.log(n, token)
        return 0.0 if n in token.members else -INF

    def value(query: Token, key: Token) -> float:
        if query.kind == "T" and key.kind == "T":
            return 0.0 if query.prompt == key.prompt else -INF
        if query.kind == "T":
            if query.prompt == 0:
                return 0.0
            hard = 0.0 if query.prompt in key.members else -INF
            return of_text(query.prompt, key) if key.kind == "L" else hard
        if key.kind == "T" and key.prompt == 0:
            return 0.0 if query.kind == "C" or not query.members else -INF
        if key.kind == "T":
            extra = scene.gain(key.prompt) if key.prompt in query.members else 0.0
            hard = 0.0 if key.prompt in query.members else -INF
            return (of_text(key.prompt, query) if query.kind == "L" else hard) + extra
        if not query.members or (query.kind == "C" and free_context):
            return 0.0
        return max(b(n, key) for n in scene.seeing(query))

    return scene.fill(value)


def naive_gaussian(masks: Tensor, size: int) -> Tensor:
    """Convolution with a normalised Gaussian by loops, OpenCV's sigma, zero padding."""
    sigma = 0.3 * ((size - 1) / 2 - 1) + 0.8
    half = size // 2
    offsets = range(-half, half + 1)
    weights = {
        (y, x): math.exp(-(y * y + x * x) / (2 * sigma**2)) for y in offsets for x in offsets
    }
    total = sum(weights.values())
    n, h, w = masks.shape
    out = torch.zeros(n, h, w, dtype=torch.float64)
    for i in range(n):
        for y in range(h):
            for x in range(w):
                for (dy, dx), weight in weights.items():
                    inside = 0 <= y + dy < h and 0 <= x + dx < w
                    if inside and masks[i, y + dy, x + dx]:
                        out[i, y, x] += weight / total
    return out
