"""What happens between model calls: pure torch.

One file per method (``lqr``, ``foi``, ``iid``, ``drift``) beside the solver that inversion and LQR
guidance share (``flow``). Equations and sources: docs/methods.md.
"""
