"""helpers that I use in more than one assignment"""
from torch import Tensor


def split_heads(t: Tensor, n_head: int) -> Tensor:
    """(batch, n, d_feat) -> (batch, n_head, n, d_head)"""
    b, n, d = t.shape
    return t.view(b, n, n_head, d // n_head).permute(0, 2, 1, 3)


def merge_heads(t: Tensor) -> Tensor:
    """(batch, n_head, n, d_head) -> (batch, n, d_feat)"""
    b, h, n, d = t.shape
    return t.permute(0, 2, 1, 3).reshape(b, n, h * d)


def hide(scores: Tensor, mask: Tensor | None) -> Tensor:
    return scores if mask is None else scores.masked_fill(mask == 0, float("-inf"))
