"""Naive loop oracle of MICE's released code: every pair of tokens looked up, one by one."""

import math

from instance_edit.tests.naive_bias import INF, common_rule, fill, gain, naive_gaussian, tokens_of


def naive_released_mice(
    text_lengths,
    masks,
    kernel_size=11,
    temperature=3.0,
    epsilon=1e-6,
    smooth_prompts=False,
    free_context=False,
    reference_masks=(),
    owners=(),
    strengths=None,
):
    fields = [naive_gaussian(grid, kernel_size) for grid in (masks, *reference_masks)]

    def smooth(n, token):
        """S_n at a token: log(s_n + epsilon) / tau, shut on other instances."""
        if token.members and n not in token.members:
            return -INF
        s = float(fields[token.image][n - 1].reshape(-1)[token.cell])
        return math.log(s + epsilon) / temperature

    def damped(n, token):
        return 0.0 if n in token.members else smooth(n, token)

    def from_prompt(n, key):
        if key.kind == "T":
            return 0.0 if key.prompt == n else -INF
        if key.kind == "L" and smooth_prompts:
            return smooth(n, key)
        return 0.0 if n in key.members else -INF

    def to_prompt(query, n):
        extra = gain(strengths, n) if n in query.members else 0.0
        if query.kind == "L" and smooth_prompts:
            return smooth(n, query) + extra
        return extra if n in query.members else -INF

    def value(query, key):
        common = common_rule(query, key, strengths)
        if common is not None:
            return common
        if query.kind == "T" and query.prompt:
            return from_prompt(query.prompt, key)
        if query.kind == "T":
            return -INF if key.kind == "T" and key.prompt else 0.0
        if key.kind == "T" and key.prompt:
            return to_prompt(query, key.prompt)
        if key.kind == "T":
            return -INF if query.kind == "L" and query.members else 0.0
        if not query.members or (query.kind == "C" and free_context):
            return 0.0
        return max(damped(n, key) for n in query.members)

    return fill(tokens_of(text_lengths, masks, reference_masks, owners), value)
