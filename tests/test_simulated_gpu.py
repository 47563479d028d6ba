"""The simulated GPU: the same programs on it and on the CPU, and what it refuses as CUDA does."""

import pytest
import torch
from torch import nn

from autograder import simulated_gpu


def test_it_is_supported_here() -> None:
    assert simulated_gpu.supported() == ""


def test_off_nothing_of_torch_is_changed() -> None:
    before = [(owner, name, vars(owner)[name]) for owner, name, _ in simulated_gpu._changes()]
    with simulated_gpu.on():
        x = torch.ones(2, device="cuda")
        assert str(x.device) == "cuda:0"
        assert torch.cuda.is_available()
    assert all(vars(owner)[name] is value for owner, name, value in before)
    assert str(x.device) == "cpu"
    assert not torch.cuda.is_available()


def test_a_module_moves_and_trains() -> None:
    with simulated_gpu.on():
        model = nn.LSTM(3, 4)
        weight = model.weight_ih_l0
        model.to("cuda")
        assert model.weight_ih_l0 is weight
        assert type(weight) is nn.Parameter
        assert weight.is_leaf
        assert weight.device == torch.device("cuda:0")
        with pytest.raises(
            RuntimeError, match="found input tensor at cuda:0 and hidden tensor at cpu"
        ):
            model(torch.ones(2, 1, 3, device="cuda"), (torch.zeros(1, 1, 4), torch.zeros(1, 1, 4)))
        out, _ = model(torch.ones(2, 1, 3, device="cuda"))
        out.sum().backward()
        assert weight.grad is not None
        assert weight.grad.device == weight.device
