"""What a bias lets through: between sorts of tokens, and over the picture. For pictures."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .assemble import prompt_index
from .bias import AttentionBias
from .membership import Membership
from .tokens import TokenLayout

QUERY_GROUPS = ("T_g", "T_n", "L_n", "L_u", "C_n", "C_u")
KEY_GROUPS = ("T_g", "T_n", "T_m", "L_n", "L_m", "L_u", "C_n", "C_m", "C_u")


@dataclass(frozen=True)
class Reach:
    """How much of the attention a bias lets through: exp(B), 1 open, 0 shut, above 1 amplified.

    Attributes:
        groups: (6, 9) float32, mean over all pairs of a QUERY_GROUPS and a KEY_GROUPS token. n is
            the query's own instance, m any other; a global query takes every instance for its
            own. NaN where there is no such pair.
        listens: (N, h, w) float32, per latent token: mean over the instance's prompt as keys.
        sees: (N, h, w) float32, per latent token as key: mean over the instance's latent queries.
    """

    groups: Tensor
    listens: Tensor
    sees: Tensor


def bias_reach(bias: AttentionBias, layout: TokenLayout, members: Membership) -> Reach:
    """What one bias lets through, from its tables: no Z x Z matrix is built."""
    atoms = token_groups(layout, members)
    sums = _sum_over_queries(bias, atoms)
    n, counts = layout.instances, atoms.sum(1)
    pairs, possible = sums @ atoms.T, torch.outer(counts, counts)
    sees = sums[_own("L", n)] / counts[_own("L", n), None]
    return Reach(
        groups=_pool(pairs, n) / _pool(possible, n),
        listens=_listens(bias, layout).view(n, *layout.latent_grid),
        sees=sees[:, layout.latent_span].reshape(n, *layout.latent_grid),
    )


def _sum_over_queries(bias: AttentionBias, atoms: Tensor) -> Tensor:
    """(groups, Z): exp(B) of every key, summed over the queries of each group.

    A key of an instance's prompt is read by ``columns`` alone, any other by ``rows`` alone.
    """
    by_class = atoms.new_zeros(atoms.shape[0], bias.rows.shape[0])
    by_group = atoms.new_zeros(atoms.shape[0], bias.columns.shape[1])
    by_class.index_add_(1, bias.query_class, atoms)
    by_group.index_add_(1, bias.query_group, atoms)
    image = (by_class @ bias.rows.float().exp())[:, bias.key_group]
    prompts = (by_group @ bias.columns.float().exp().T)[:, bias.key_class]
    return torch.where(bias.key_class > 0, prompts, image)


def token_groups(layout: TokenLayout, members: Membership) -> Tensor:
    """(3 + 3N + 5, Z) float32 indicators of: T_g, T_1 .. T_N, any T_n; then for L and for C the
    tokens of instance 1 .. N, those of any, and those of none."""
    n = layout.instances
    text = torch.nn.functional.one_hot(prompt_index(layout, torch.device("cpu")), n + 1).T.float()
    text = torch.cat([text, text[1:].sum(0, keepdim=True)])
    inside = members.inside.float()
    covered = members.inside.any(0, keepdim=True).float()
    image = torch.cat([inside, covered, 1 - covered])
    latent = torch.arange(layout.image_tokens) < layout.latent_tokens
    groups = torch.zeros(text.shape[0] + 2 * image.shape[0], layout.total)
    groups[: n + 2, : layout.text_total] = text
    groups[n + 2 : 2 * n + 4, layout.text_total :] = image * latent
    groups[2 * n + 4 :, layout.text_total :] = image * ~latent
    return groups


_START = {"T": (1, 0), "L": (2, 1), "C": (4, 2)}


def _own(part: str, n: int) -> slice:
    """Rows of ``token_groups`` for T, L or C of the instances; the next is "any", then "none"."""
    constant, factor = _START[part]
    start = constant + factor * n
    return slice(start, start + n)


def _pool(pairs: Tensor, n: int) -> Tensor:
    """(groups, groups) sums over pairs of ``token_groups`` -> (6, 9) sums, pooled over n."""
    rows: list[Tensor] = []
    for name in QUERY_GROUPS:
        part = name[0]
        if name.endswith("_n"):
            rows.append(_own_row(pairs[_own(part, n)], n))
            continue
        row = pairs[0 if name == "T_g" else _own(part, n).stop + 1]
        none = row.new_zeros(())
        columns = [row[0]]
        for key in "TLC":
            after = _own(key, n).stop
            columns += [row[after], none] + ([] if key == "T" else [row[after + 1]])
        rows.append(torch.stack(columns))
    return torch.stack(rows)


def _own_row(pairs: Tensor, n: int) -> Tensor:
    """(N, groups) sums of the instances' queries -> (9,), own and other instances apart."""
    columns = [pairs[:, 0].sum()]
    for key in "TLC":
        own, after = pairs[:, _own(key, n)].diagonal().sum(), _own(key, n).stop
        columns += [own, pairs[:, after].sum() - own]
        columns += [] if key == "T" else [pairs[:, after + 1].sum()]
    return torch.stack(columns)


def _listens(bias: AttentionBias, layout: TokenLayout) -> Tensor:
    """(N, latent tokens): exp(B) of every latent query to each instance's prompt."""
    columns = bias.columns[1:, bias.query_group[layout.latent_span]].float()
    return columns.exp()
