"""Naive loop oracles: every pair of tokens looked up in the tables of the methods, one by one.

They follow docs/methods.md (MICE's cases 1 to 8, IDAttn's rows) and share no code with the pack.
"""

import math

import torch

INF = math.inf


class Token:
    """What one token of the joint sequence is: kind "T", "L" or "C", prompt or instances."""

    def __init__(self, kind, prompt=0, members=(), owner=None, image=0, cell=0):
        self.kind, self.prompt, self.members = kind, prompt, frozenset(members)
        self.owner, self.image, self.cell = owner, image, cell


def tokens_of(text_lengths, masks, reference_masks=(), owners=()):
    """All tokens in order; masks are nested (N, h, w) tensors, owners per reference or None."""
    tokens = [Token("T", prompt=n) for n, count in enumerate(text_lengths) for _ in range(count)]
    instances = len(text_lengths) - 1
    for image, grid in enumerate([masks, *reference_masks]):
        owner = owners[image - 1] if image and owners else None
        for cell in range(grid.shape[1] * grid.shape[2]):
            members = [n + 1 for n in range(instances) if grid[n].reshape(-1)[cell]]
            if owner is not None:
                members = [owner + 1]
            owned = None if owner is None else owner + 1
            tokens.append(Token("C" if image else "L", 0, members, owned, image, cell))
    return tokens


def fill(tokens, value):
    bias = torch.empty(len(tokens), len(tokens))
    for i, query in enumerate(tokens):
        for j, key in enumerate(tokens):
            bias[i, j] = value(query, key)
    return bias


def common_rule(query, key, strengths):
    """Hidden instructions and owned references, the same in every method; None: no rule here."""
    if query.kind != "T" and key.kind == "T" and key.prompt and gain(strengths, key.prompt) == -INF:
        return -INF
    if query.owner is None and key.owner is None:
        return None
    owner = query.owner or key.owner
    other = key if query.owner else query
    if other.owner is not None:
        return 0.0 if other.owner == owner else -INF
    if other.kind == "T":
        return 0.0 if other.prompt == owner else -INF
    return 0.0 if owner in other.members else -INF


def naive_idattn(text_lengths, masks, kind, reference_masks=(), owners=(), strengths=None):
    def value(query, key):
        common = common_rule(query, key, strengths)
        if common is not None:
            return common
        if query.kind == "T":
            if query.prompt == 0:
                return 0.0 if key.kind != "T" or key.prompt == 0 else -INF
            if key.kind == "T":
                return 0.0 if key.prompt == query.prompt else -INF
            return 0.0 if query.prompt in key.members else -INF
        if key.kind == "T" and key.prompt:
            return gain(strengths, key.prompt) if key.prompt in query.members else -INF
        if kind == "har" or not query.members:
            return 0.0
        return 0.0 if key.kind != "T" and query.members & key.members else -INF

    return fill(tokens_of(text_lengths, masks, reference_masks, owners), value)


def gain(strengths, n):
    if strengths is None:
        return 0.0
    return math.log(strengths[n - 1]) if strengths[n - 1] else -INF


def naive_mice(
    text_lengths,
    masks,
    kernel_size=3,
    temperature=1.0,
    epsilon=1e-30,
    reference_masks=(),
    owners=(),
    strengths=None,
    see_global=False,
):
    images = [masks, *reference_masks]
    fields = {}

    def b(n, token):
        """B_n at a token: 0 in m_n, else log(s_n + epsilon) / tau."""
        if n in token.members:
            return 0.0
        if token.image not in fields:
            fields[token.image] = naive_gaussian(images[token.image], kernel_size)
        s = 0.0 if token.members else float(fields[token.image][n - 1].reshape(-1)[token.cell])
        return math.log(s + epsilon) / temperature

    def value(query, key):
        common = common_rule(query, key, strengths)
        if common is not None:
            return common
        if query.kind == "T" and key.kind == "T":
            return 0.0 if query.prompt == key.prompt else -INF  # case 1
        if query.kind == "T":
            return b(query.prompt, key) if query.prompt else 0.0  # cases 6 and 2
        if key.kind == "T" and key.prompt == 0:
            inside = query.kind == "L" and query.members
            return 0.0 if see_global or not inside else -INF  # case 3
        if key.kind == "T":
            extra = gain(strengths, key.prompt) if key.prompt in query.members else 0.0
            if query.kind == "C":
                return extra if key.prompt in query.members else -INF  # case 4
            return b(key.prompt, query) + extra  # case 7
        if query.kind == "C" or not query.members:
            return 0.0  # cases 5 and 2
        return max(b(n, key) for n in query.members)  # case 6, overlaps

    return fill(tokens_of(text_lengths, masks, reference_masks, owners), value)


def naive_gaussian(masks, size):
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
