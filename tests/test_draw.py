"""Draws: the same numbers on every platform and in every order, and normal, never uniform."""

from collections.abc import Iterator
from zlib import crc32

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from autograder.draw import BLOCK, Draw, default_dtype


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with default_dtype(torch.float64):
        yield


class Pair(nn.Module):
    """Two layers, in either order and with any names."""

    def __init__(self, **layers: nn.Module) -> None:
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)


NAMES = {"a.weight": (3, 4), "a.bias": (3,), "b.weight": (2, 3), "b.bias": (2,)}


def test_a_draw_without_axes_is_a_tensor_too() -> None:
    # The gradient of a student's answer that is a single number is asked for with one.
    assert Draw(7, "a_check")().shape == ()


def test_these_numbers_never_change() -> None:
    draw = Draw(7, "a_check")
    assert draw(2, 3).tolist() == [
        [0.265206698, -1.426535012, 0.508432875],
        [1.17115145, -0.351930003, -1.169057002],
    ]
    assert draw.mask(3, 4).int().tolist() == [[0, 0, 0, 1], [1, 0, 0, 0], [0, 1, 1, 0]]
    assert draw(2, scale=60).tolist() == pytest.approx([25.9583412, 29.75938122], rel=1e-15)
    linear = draw.build(lambda: nn.Linear(4, 2), {"weight": (2, 4), "bias": (2,)})
    assert linear.weight.flatten()[:3].tolist() == [0.047172838, -0.161199313, -0.8599692925]
    assert linear.bias.tolist() == [0.8785031585, -0.2288523865]
    norm = draw.build(lambda: nn.BatchNorm1d(2), {})
    assert norm.running_mean is not None and norm.running_var is not None
    assert norm.running_mean.tolist() == [0.2035146245, -0.132124616]
    assert norm.running_var.tolist() == pytest.approx([0.5839368677653972, 0.5216976586934663])


def test_inputs_are_numpys_own_normals_of_seed_and_check() -> None:
    numpy_draw = np.random.Generator(np.random.PCG64([7, crc32(b"a_check")]))
    np.testing.assert_allclose(
        Draw(7, "a_check")(4, 5).numpy().ravel(), numpy_draw.standard_normal(20), atol=5.1e-10
    )


def test_another_seed_or_another_check_gives_other_numbers() -> None:
    numbers = [Draw(seed, check)(3) for seed in (7, 8) for check in ("a_check", "b_check")]
    assert len({tuple(drawn.tolist()) for drawn in numbers}) == 4
    weights = [Draw(seed, "a_check").build(lambda: nn.Linear(2, 2), {}).weight for seed in (7, 8)]
    assert not torch.equal(*weights)


def test_inputs_do_not_depend_on_what_a_submission_draws_or_builds() -> None:
    alone, after = Draw(7, "a_check"), Draw(7, "a_check")
    torch.manual_seed(5)
    torch.randn(3)
    np.random.seed(5)
    after.build(lambda: nn.Linear(50, 60), {})
    assert torch.equal(alone(3, 4), after(3, 4))


def test_weights_do_not_depend_on_the_check_or_on_what_was_drawn_before() -> None:
    early, late = Draw(7, "a_check"), Draw(7, "b_check")
    late(100)
    late.mask(3, 4)
    one, other = (draw.build(lambda: nn.Linear(4, 3), {}) for draw in (early, late))
    assert torch.equal(one.weight, other.weight)
    assert torch.equal(one.bias, other.bias)


def test_drawn_numbers_have_the_default_dtype_and_the_same_values() -> None:
    in_float64 = Draw(7, "a_check")(5)
    with default_dtype(torch.float32):
        in_float32 = Draw(7, "a_check")(5)
        assert Draw(7, "a_check").build(lambda: nn.Linear(2, 2), {}).weight.dtype == torch.float32
    assert (in_float64.dtype, in_float32.dtype) == (torch.float64, torch.float32)
    assert torch.equal(in_float64.float(), in_float32)


def test_inputs_are_normal_and_not_uniform() -> None:
    drawn = Draw(7, "a_check")(20_000)
    assert abs(drawn.mean()) < 0.03
    assert 0.97 < drawn.std() < 1.03
    # The fourth moment of a normal is 3; of a uniform with the same variance 1.8.
    assert 2.8 < (drawn**4).mean() / drawn.var() ** 2 < 3.2
    scaled = Draw(7, "a_check")(20_000, scale=60)
    assert torch.allclose(scaled, 60 * drawn)


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 2**32), st.lists(st.integers(1, 4), min_size=1, max_size=3), st.integers(2, 9)
)
def test_a_mask_never_hides_or_shows_a_whole_row_nor_does_its_inverse(
    seed: int, leading: list[int], n_K: int
) -> None:
    mask = Draw(seed, "a_check").mask(*leading, n_K)
    assert (mask.dtype, mask.shape) == (torch.bool, (*leading, n_K))
    assert mask.any(-1).all()
    assert (~mask).any(-1).all()


def test_masks_differ_from_row_to_row_in_what_they_show_and_how_much() -> None:
    mask = Draw(7, "a_check").mask(200, 6)
    assert set(mask.sum(-1).tolist()) == {1, 2, 3, 4, 5}
    assert mask.any(0).all()
    assert not mask.all(0).any()


def test_every_parameter_gets_the_draw_of_its_name() -> None:
    forward = Draw(7, "a").build(lambda: Pair(a=nn.Linear(4, 3), b=nn.Linear(3, 2)), NAMES)
    backward = Draw(7, "b").build(lambda: Pair(b=nn.Linear(3, 2), a=nn.Linear(4, 3)), NAMES)
    for name, parameter in forward.named_parameters():
        assert torch.equal(parameter, backward.get_parameter(name))


def test_a_name_counts_for_more_than_the_order() -> None:
    names = {"q.weight": (3, 3), "k.weight": (3, 3)}
    forward, backward = (
        Draw(7, "a").build(
            lambda keys=keys: Pair(**{k: nn.Linear(3, 3, bias=False) for k in keys}), names
        )
        for keys in ("qk", "kq")
    )
    for name, parameter in forward.named_parameters():
        assert torch.equal(parameter, backward.get_parameter(name))


def test_an_attribute_may_have_another_name() -> None:
    public = Draw(7, "a").build(lambda: Pair(a=nn.Linear(4, 3), b=nn.Linear(3, 2)), NAMES)
    draw = Draw(7, "a")
    renamed = draw.build(lambda: Pair(W1=nn.Linear(4, 3), W2=nn.Linear(3, 2)), NAMES)
    for ours, theirs in zip(public.parameters(), renamed.parameters(), strict=True):
        assert torch.equal(ours, theirs)
    assert draw.parameter("b.weight") is renamed.get_parameter("W2.weight")


def test_renamed_attributes_of_one_shape_are_matched_in_their_order() -> None:
    names = {"q.weight": (3, 3), "k.weight": (3, 3), "v.weight": (3, 3)}
    linear = nn.Linear
    public, partly, renamed = (
        Draw(7, "a").build(
            lambda keys=keys: Pair(**{k: linear(3, 3, bias=False) for k in keys}), names
        )
        for keys in ("qkv", "qxv", "xyz")
    )
    for other in (partly, renamed):
        for ours, theirs in zip(public.parameters(), other.parameters(), strict=True):
            assert torch.equal(ours, theirs)


def test_axes_of_length_one_do_not_matter_for_a_match() -> None:
    def token(name: str, *shape: int) -> nn.Module:
        return nn.ParameterDict({name: nn.Parameter(torch.empty(*shape))})

    names = {"cls_token": (1, 1, 5)}
    public, renamed = Draw(7, "a"), Draw(7, "a")
    public.build(lambda: token("cls_token", 1, 1, 5), names)
    renamed.build(lambda: token("class_token", 1, 5), names)
    one, other = public.parameter("cls_token"), renamed.parameter("cls_token")
    assert one is not None and other is not None
    assert torch.equal(one.flatten(), other.flatten())


def test_a_parameter_too_many_takes_nobodys_draw() -> None:
    public = Draw(7, "a").build(lambda: Pair(a=nn.Linear(4, 3), b=nn.Linear(3, 2)), NAMES)
    draw = Draw(7, "a")
    more = draw.build(
        lambda: Pair(extra=nn.Linear(9, 9), a=nn.Linear(4, 3), b=nn.Linear(3, 2)), NAMES
    )
    for name, parameter in public.named_parameters():
        assert torch.equal(parameter, more.get_parameter(name))
    assert draw.parameter("extra.weight") is more.get_parameter("extra.weight")
    assert draw.parameter("a.missing") is None


def test_a_wrong_shape_is_filled_all_the_same() -> None:
    model = Draw(7, "a").build(lambda: Pair(a=nn.Linear(5, 6), b=nn.Linear(3, 2)), NAMES)
    assert model.get_parameter("a.weight").std() > 0.1
    right = Draw(7, "a").build(lambda: Pair(a=nn.Linear(4, 3), b=nn.Linear(3, 2)), NAMES)
    assert torch.equal(model.get_parameter("b.weight"), right.get_parameter("b.weight"))


def test_every_value_of_a_large_weight_is_normal_and_no_row_is_like_another() -> None:
    weight = Draw(7, "a").build(lambda: nn.Linear(1024, 512), {}).weight.detach()
    assert torch.isfinite(weight).all()
    scaled = weight * 512**0.5
    assert abs(scaled.mean()) < 0.05
    assert 0.95 < scaled.std() < 1.05
    assert 2.6 < (scaled**4).mean() / scaled.var() ** 2 < 3.4
    assert len(weight.unique(dim=0)) == 512
    assert weight.unique(dim=1).shape[1] == 1024


def test_the_block_that_a_large_weight_repeats_is_prime() -> None:
    assert all(BLOCK % n for n in range(2, int(BLOCK**0.5) + 1))
    weight = Draw(7, "a").build(lambda: nn.Linear(BLOCK, 3), {}).weight
    assert torch.equal(weight[0], weight[1]), "only rows of the block's own length are alike"
    whole = Draw(7, "a").build(lambda: nn.Linear(100, 100), {}).weight.flatten()
    assert torch.equal(whole[:BLOCK], whole[BLOCK : 2 * BLOCK])


@pytest.mark.parametrize("numel", [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_a_weight_of_any_size_is_filled_to_its_end(numel: int) -> None:
    model = nn.ParameterDict({"w": nn.Parameter(torch.full((numel,), torch.nan))})
    assert not Draw(7, "a").build(lambda: model, {})["w"].isnan().any()


@pytest.mark.parametrize("shape", [(0,), (0, 5), (3, 0)])
def test_an_empty_parameter_does_no_harm(shape: tuple[int, ...]) -> None:
    model = nn.ParameterDict({"w": nn.Parameter(torch.empty(shape))})
    assert Draw(7, "a").build(lambda: model, {})["w"].shape == shape


def test_a_weight_that_lies_otherwise_in_memory_gets_the_same_values() -> None:
    plain = nn.ParameterDict({"w": nn.Parameter(torch.empty(4, 3))})
    turned = nn.ParameterDict({"w": nn.Parameter(torch.empty(3, 4).t())})
    assert not turned["w"].is_contiguous()
    one, other = (Draw(7, "a").build(lambda m=m: m, {})["w"] for m in (plain, turned))
    assert torch.equal(one, other)


def test_the_statistics_of_batch_norm_are_drawn_and_its_variance_is_positive() -> None:
    norm = Draw(7, "a").build(lambda: nn.BatchNorm1d(500), {})
    assert norm.running_mean is not None and norm.running_var is not None
    assert norm.running_mean.std() > 0.1
    assert norm.running_var.min() >= 0.5
    assert norm.running_var.std() > 0.1


def test_layers_initialise_themselves_again_after_a_model_was_built() -> None:
    def broken() -> nn.Module:
        raise ValueError("a student's mistake")

    before = nn.Linear.reset_parameters, nn.LSTM.reset_parameters
    with pytest.raises(ValueError, match="a student's mistake"):
        Draw(7, "a").build(broken, {})
    assert (nn.Linear.reset_parameters, nn.LSTM.reset_parameters) == before


def test_the_default_dtype_is_put_back_also_after_an_error() -> None:
    with pytest.raises(ValueError, match="inside"), default_dtype(torch.float16):
        raise ValueError("inside")
    assert torch.get_default_dtype() == torch.float64
