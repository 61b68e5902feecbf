"""AlphaController: normalising, retargeting, stepping, and its dictionary form."""

import json
import math
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kasmina.alpha import AlphaCurve, AlphaMode
from kasmina.alpha_controller import AlphaController

PROPERTY = settings(deadline=None, derandomize=True, max_examples=60)
UNIT = st.floats(0, 1)
STEPS = st.integers(1, 40)
CURVES = st.sampled_from(AlphaCurve)


def started(start: float, target: float, steps: int, curve: AlphaCurve) -> AlphaController:
    controller = AlphaController(alpha=start, alpha_curve=curve)
    controller.retarget(alpha_target=target, alpha_steps_total=steps)
    return controller


def test_fields_and_defaults() -> None:
    assert asdict(AlphaController()) == {
        "alpha": 0.0,
        "alpha_start": 0.0,
        "alpha_target": 0.0,
        "alpha_mode": AlphaMode.HOLD,
        "alpha_curve": AlphaCurve.LINEAR,
        "alpha_steepness": 12.0,
        "alpha_steps_total": 0,
        "alpha_steps_done": 0,
    }


def test_construction_normalises() -> None:
    controller = AlphaController(
        alpha=1.5,
        alpha_start=-2,
        alpha_target=math.inf,
        alpha_mode=1,  # type: ignore[arg-type]
        alpha_steepness=0.0,
        alpha_steps_total=5.0,  # type: ignore[arg-type]
        alpha_steps_done=9,
    )
    assert (controller.alpha, controller.alpha_start, controller.alpha_target) == (1.0, 0.0, 1.0)
    assert controller.alpha_mode is AlphaMode.UP
    assert controller.alpha_steepness == 0.1
    assert (controller.alpha_steps_total, controller.alpha_steps_done) == (5, 5)
    assert isinstance(controller.alpha_steps_total, int)
    assert AlphaController(alpha_steps_total=-3).alpha_steps_total == 0


@PROPERTY
@given(UNIT, UNIT, STEPS, CURVES)
def test_schedule_is_monotone_and_lands_exactly(
    start: float, target: float, steps: int, curve: AlphaCurve
) -> None:
    controller = started(start, target, steps, curve)
    if start == target:
        assert controller.alpha_mode is AlphaMode.HOLD
        assert controller.step() is False
        return
    path, reports = [controller.alpha], []
    for _ in range(steps):
        reports.append(controller.step())
        path.append(controller.alpha)
    assert reports == [False] * (steps - 1) + [True]
    assert path == sorted(path, reverse=target < start)
    assert controller.alpha == target
    assert controller.alpha_mode is AlphaMode.HOLD
    assert controller.step() is False
    assert controller.alpha == target


@PROPERTY
@given(UNIT, UNIT, STEPS, CURVES, st.data())
def test_dictionary_continues_on_the_same_trajectory(
    start: float, target: float, steps: int, curve: AlphaCurve, data: st.DataObject
) -> None:
    controller = started(start, target, steps, curve)
    for _ in range(data.draw(st.integers(0, steps))):
        controller.step()
    twin = AlphaController.from_dict(json.loads(json.dumps(controller.to_dict())))
    assert twin == controller
    for _ in range(steps):
        assert (twin.step(), twin.alpha) == (controller.step(), controller.alpha)


def test_dictionary_holds_plain_numbers() -> None:
    values = AlphaController(alpha_curve=AlphaCurve.SIGMOID).to_dict().values()
    assert {type(value) for value in values} == {int, float}


@pytest.mark.parametrize(("target", "mode"), [(0.9, AlphaMode.UP), (0.1, AlphaMode.DOWN)])
def test_direction_follows_the_target(target: float, mode: AlphaMode) -> None:
    controller = started(0.5, target, 3, AlphaCurve.LINEAR)
    assert controller.alpha_mode is mode
    assert (controller.alpha_start, controller.alpha_steps_done) == (0.5, 0)


@pytest.mark.parametrize("steps", [0, -4])
def test_no_steps_reach_the_target_at_once(steps: int) -> None:
    controller = started(0.2, 0.8, steps, AlphaCurve.LINEAR)
    assert (controller.alpha, controller.alpha_mode) == (0.8, AlphaMode.HOLD)
    assert controller.step() is False


def test_target_outside_counts_as_the_nearer_end() -> None:
    controller = started(0.2, 7.0, 1, AlphaCurve.LINEAR)
    assert controller.step() is True
    assert controller.alpha == 1.0


def test_none_keeps_curve_and_steepness() -> None:
    controller = AlphaController(alpha_curve=AlphaCurve.COSINE, alpha_steepness=7.0)
    controller.retarget(alpha_target=1.0, alpha_steps_total=0)
    assert (controller.alpha_curve, controller.alpha_steepness) == (AlphaCurve.COSINE, 7.0)
    controller.retarget(
        alpha_target=0.0, alpha_steps_total=0, alpha_curve=AlphaCurve.SIGMOID, alpha_steepness=0.0
    )
    assert (controller.alpha_curve, controller.alpha_steepness) == (AlphaCurve.SIGMOID, 0.1)


@pytest.mark.parametrize("mode", [AlphaMode.UP, AlphaMode.DOWN])
def test_retarget_only_from_hold(mode: AlphaMode) -> None:
    controller = AlphaController(alpha=0.5, alpha_mode=mode, alpha_steps_total=3)
    with pytest.raises(ValueError, match=f"only allowed from HOLD.*{mode.name}"):
        controller.retarget(alpha_target=1.0, alpha_steps_total=3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"alpha_target": math.nan},
        {"alpha_target": None},
        {"alpha_target": 10**400},
        {"alpha_steps_total": math.nan},
        {"alpha_steps_total": math.inf},
        {"alpha_steps_total": "3"},
        {"alpha_steepness": math.nan},
        {"alpha_steepness": math.inf},
        {"alpha_curve": 7},
    ],
    ids=str,
)
def test_bad_target_leaves_the_controller_as_it_was(wrong: dict[str, object]) -> None:
    controller = AlphaController(alpha=0.3, alpha_steepness=5.0)
    before = asdict(controller)
    given = {"alpha_target": 1.0, "alpha_steps_total": 3} | wrong
    with pytest.raises((TypeError, ValueError), match=next(iter(wrong))):
        controller.retarget(**given)  # type: ignore[arg-type]
    assert asdict(controller) == before


@pytest.mark.parametrize("field", list(asdict(AlphaController())))
def test_nan_is_refused_in_every_field(field: str) -> None:
    with pytest.raises(ValueError, match=rf"^{field}\b"):
        AlphaController(**{field: math.nan})
    with pytest.raises(ValueError, match=rf"^{field}\b"):
        AlphaController.from_dict(AlphaController().to_dict() | {field: math.nan})


@pytest.mark.parametrize("field", list(asdict(AlphaController())))
def test_missing_key_is_named(field: str) -> None:
    data = AlphaController().to_dict()
    del data[field]
    with pytest.raises(KeyError, match=rf"missing.*: {field}\b"):
        AlphaController.from_dict(data)


@pytest.mark.parametrize("field", ["alpha_mode", "alpha_curve"])
def test_bad_enum_value_is_named(field: str) -> None:
    with pytest.raises(ValueError, match=f"{field} must be one of .*got int 9"):
        AlphaController.from_dict(AlphaController().to_dict() | {field: 9})


def test_what_is_no_mapping_is_refused() -> None:
    with pytest.raises(TypeError, match="data must be a mapping, got list"):
        AlphaController.from_dict([])  # type: ignore[arg-type]
