"""The kept amplitude tensor: when it is the same object, and when it must not be."""

import copy
import math
import pickle
import threading

import pytest
import torch

from kasmina._alpha_cache import AlphaTensorCache
from kasmina.gated_blend import GatedBlend

LIKE = torch.zeros(2, 3)


def test_tensor_has_value_dtype_and_device() -> None:
    tensor = AlphaTensorCache().get(0.25, LIKE.to(torch.bfloat16))
    assert (tensor.dim(), tensor.item()) == (0, 0.25)
    assert (tensor.dtype, tensor.device) == (torch.bfloat16, LIKE.device)


def test_same_object_while_nothing_changes() -> None:
    cache = AlphaTensorCache()
    assert cache.get(0.25, LIKE) is cache.get(0.25, torch.ones(7))


@pytest.mark.parametrize(
    ("value", "like"), [(0.5, LIKE), (0.25, LIKE.double()), (0.25, LIKE.to("meta"))]
)
def test_new_object_when_anything_changes(value: float, like: torch.Tensor) -> None:
    cache = AlphaTensorCache()
    before = cache.get(0.25, LIKE)
    after = cache.get(value, like)
    assert after is not before
    assert (after.dtype, after.device) == (like.dtype, like.device)


def test_nought_keeps_the_sign_that_was_asked_for() -> None:
    cache = AlphaTensorCache()
    for value in (0.0, -0.0, 0.0):
        assert math.copysign(1.0, cache.get(value, LIKE).item()) == math.copysign(1.0, value)


def test_reset_concerns_the_calling_thread_alone() -> None:
    cache = AlphaTensorCache()
    own = cache.get(0.25, LIKE)
    thread = threading.Thread(target=cache.reset)
    thread.start()
    thread.join()
    assert cache.get(0.25, LIKE) is own
    cache.reset()
    assert cache.get(0.25, LIKE) is not own


def test_copies_start_empty() -> None:
    cache = AlphaTensorCache()
    own = cache.get(0.25, LIKE)
    for twin in (copy.copy(cache), copy.deepcopy(cache), pickle.loads(pickle.dumps(cache))):
        assert twin.get(0.25, LIKE) is not own


def test_tensor_from_inference_mode_serves_a_later_backward_pass() -> None:
    cache, weight = AlphaTensorCache(), torch.ones(3, requires_grad=True)
    with torch.inference_mode():
        cache.get(0.25, weight)
    torch.lerp(torch.zeros(3), weight, cache.get(0.25, weight)).sum().backward()
    assert weight.grad is not None


def test_module_offers_its_cache() -> None:
    gate = GatedBlend(4)
    own = gate.cached_alpha_tensor(0.5, LIKE)
    assert gate.cached_alpha_tensor(0.5, LIKE) is own
    gate.reset_cache()
    assert gate.cached_alpha_tensor(0.5, LIKE) is not own
    assert not any("alpha" in key for key in gate.state_dict())


def test_bad_input_is_refused() -> None:
    gate = GatedBlend(4)
    with pytest.raises(ValueError, match="value must be a number, got NaN"):
        gate.cached_alpha_tensor(math.nan, LIKE)
    with pytest.raises(TypeError, match="value must be a number, got None"):
        gate.cached_alpha_tensor(None, LIKE)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"x must be a torch\.Tensor, got None"):
        gate.cached_alpha_tensor(0.5, None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="x must have a floating dtype"):
        gate.cached_alpha_tensor(0.5, torch.ones(2, dtype=torch.int64))
