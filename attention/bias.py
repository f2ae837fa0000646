"""AttentionBias: who may attend to whom, as two small tables instead of a Z x Z matrix."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class AttentionBias:
    """Additive bias on the logits of a joint attention; 0 open, negative damped, -inf shut.

    ``B[q, k] = rows[query_class[q], key_group[k]] + columns[key_class[k], query_group[q]]``

    Queries that see the same share one row; what a query sees of an instance's *prompt* stands
    in ``columns``. Tokens that nothing tells apart (those of one prompt) share a group, so the
    memory is O((N + classes) * Z) at most.

    Attributes:
        rows: (classes, key groups) float. Key group 0 is the global prompt, 1 is every instance
            prompt (always 0 there), 2 + i is image token i.
        columns: (1 + N, query groups) float. Line 0 (all keys but instance prompts) is 0.
        query_class, query_group: (queries,) int64 indices into the tables.
        key_group, key_class: (keys,) int64. A method's bias is square: queries and keys are the Z
            tokens of the joint sequence; ``rectangle`` takes others.
    """

    rows: Tensor
    columns: Tensor
    query_class: Tensor
    key_group: Tensor
    key_class: Tensor
    query_group: Tensor

    @property
    def queries(self) -> int:
        """Number of queries; Z as a method builds it."""
        return self.query_class.shape[0]

    @property
    def keys(self) -> int:
        """Number of keys; Z as a method builds it."""
        return self.key_class.shape[0]

    @property
    def nbytes(self) -> int:
        """Bytes held by the tables and indices."""
        return sum(tensor.nbytes for tensor in vars(self).values())

    @property
    def is_zero(self) -> bool:
        """True if the bias changes nothing. Reads the tables: ask once, not in a block."""
        return not bool(self.rows.any()) and not bool(self.columns.any())

    def tile(self, queries: slice | Tensor) -> Tensor:
        """Rows of the dense bias for some queries: (len(queries), keys), dtype of the tables."""
        # index_select copies whole lines: a fifth of the time of indexing (measured on a CPU)
        rows = self.rows.index_select(1, self.key_group)
        columns = self.columns.index_select(1, self.query_group[queries]).T.contiguous()
        tile = rows.index_select(0, self.query_class[queries])
        return tile.add_(columns.index_select(1, self.key_class))

    def dense(self) -> Tensor:
        """The whole bias as (queries, keys) float32. For tests, pictures and short sequences."""
        return self.tile(slice(None)).float()

    def rectangle(self, queries: Tensor, keys: Tensor) -> "AttentionBias":
        """The bias of other queries on other keys: ``B[i, j] = self[queries[i], keys[j]]``.

        For cross-attention, queries that see cached keys, and parts of the sequence.

        Args:
            queries: (q,) int64, which of these queries; any order, repeats allowed.
            keys: (k,) int64, likewise which of these keys.
        """
        return replace(
            self,
            query_class=self.query_class[queries],
            query_group=self.query_group[queries],
            key_group=self.key_group[keys],
            key_class=self.key_class[keys],
        )

    def take(self, tokens: Tensor) -> "AttentionBias":
        """The bias of the sequence ``[self[t] for t in tokens]``; tokens is (Z',) int64."""
        return self.rectangle(tokens, tokens)

    def to(self, device: torch.device | str, dtype: torch.dtype = torch.float32) -> "AttentionBias":
        """A copy on a device, its tables in ``dtype`` (a float type)."""
        if not dtype.is_floating_point:
            raise ValueError(f"dtype must be a float type, because shut is -inf; got {dtype}.")
        moved = {name: tensor.to(device) for name, tensor in vars(self).items()}
        moved["rows"], moved["columns"] = moved["rows"].to(dtype), moved["columns"].to(dtype)
        return AttentionBias(**moved)
