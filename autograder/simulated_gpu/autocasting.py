"""What autocast("cuda") makes of the arguments of an operation: the dtypes that CUDA computes in.

The lists are those of "CUDA Ops that can autocast" in torch's documentation, by the names that calls
have here. The CPU's own autocast has other lists.
"""

from typing import Any

import torch
from torch import Tensor

from autograder.simulated_gpu.place import convert, place_of, tensors_in, words

LOWERED = words(
    """matmul __matmul__ __rmatmul__ addbmm addmm addmv addr baddbmm bmm mm mv chain_matmul multi_dot
    linear einsum prelu scaled_dot_product_attention conv1d conv2d conv3d conv_tbc conv_transpose1d
    conv_transpose2d conv_transpose3d lstm gru rnn_tanh rnn_relu lstm_cell gru_cell rnn_tanh_cell
    rnn_relu_cell"""
)
RAISED = words(
    """acos asin binary_cross_entropy_with_logits cdist cosh cosine_embedding_loss cosine_similarity
    cross_entropy_loss cumprod cumsum dist erfinv exp expm1 group_norm hinge_embedding_loss kl_div
    l1_loss layer_norm log log10 log1p log2 log_softmax logsumexp margin_ranking_loss mse_loss
    multi_margin_loss multilabel_margin_loss nll_loss nll_loss_nd norm pow __pow__ __rpow__ __rdiv__
    __rtruediv__
    prod reciprocal renorm rsqrt sinh smooth_l1_loss soft_margin_loss softmax softmin softplus sum
    tan triplet_margin_loss"""
)
WIDENED = words(
    """addcdiv addcmul atan2 bilinear cross dot vdot inner tensordot grid_sampler index_put
    scatter_add"""
)
FLOATS = (torch.float16, torch.bfloat16, torch.float32)  # never float64


def autocast(
    name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if kwargs.get("out") is not None:
        return args, kwargs  # it leaves these alone
    name = name.removeprefix("linalg_").partition(".")[0]  # torch.ops.aten.mm.default
    if name == "binary_cross_entropy":
        raise RuntimeError(
            "torch.nn.functional.binary_cross_entropy and torch.nn.BCELoss are unsafe to autocast."
        )
    if name in LOWERED:
        dtype = torch.get_autocast_dtype("cuda")
    elif name in RAISED:
        dtype = torch.float32
    elif name in WIDENED:
        dtypes = {x.dtype for x in tensors_in(args, []) if x.dtype in FLOATS}
        dtype = next(iter(dtypes)) if len(dtypes) == 1 else torch.float32
    else:
        return args, kwargs

    def cast(value: Any) -> Any:
        if isinstance(value, Tensor):
            return convert(value, place_of(value), dtype) if value.dtype in FLOATS else value
        if isinstance(value, tuple | list):
            return type(value)(map(cast, value))
        return value

    return cast(args), {key: cast(value) for key, value in kwargs.items()}
