"""Every driver is found by its name, makes a driver that obeys, and a wrong name is answered by near ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.readings import GnssFix, GnssMean, HeightShot, MissingLine, StemDiameter
from domain.schema import to_map
from firmware_bridge.catalogue import find_driver, list_drivers
from firmware_bridge.driver import DriverSpec, Passed, SkyView
from firmware_bridge.framing import Skipped
from firmware_bridge.lasers.errors import UnknownDriver

TYPES = {cls.TYPE for cls in (GnssFix, GnssMean, HeightShot, MissingLine, StemDiameter)}


def test_names_are_ids_and_no_two_are_the_same() -> None:
    names = [spec.name for spec in list_drivers()]
    assert len(set(names)) == len(names)
    assert {"hypsometer", "haglof", "trupulse", "laserace", "vertex3", "caliper"} <= set(names)


def test_a_driver_is_found_by_its_name() -> None:
    for spec in list_drivers():
        assert find_driver(spec.name) is spec
        assert set(spec.yields) <= TYPES
        assert spec.source
        assert spec.make() is not spec.make()


@pytest.mark.parametrize(("name", "near"), [("haglov", "haglof"), ("vertex", "vertex3"), ("trupuls", "trupulse")])
def test_a_name_nearly_right_is_answered_by_the_right_one(name: str, near: str) -> None:
    with pytest.raises(UnknownDriver, match=near) as caught:
        find_driver(name)
    assert near in caught.value.near


def test_a_name_of_nothing_is_answered_by_where_to_look() -> None:
    with pytest.raises(UnknownDriver, match="cec bridge list") as caught:
        find_driver("x" * 10_000)
    assert caught.value.near == ()


@given(st.sampled_from(list_drivers()), st.lists(st.binary(max_size=200), max_size=5))
def test_any_bytes_give_events_whose_readings_fit_their_records(spec: DriverSpec, parts: list[bytes]) -> None:
    driver = spec.make()
    found = [event for at, part in enumerate(parts) for event in driver.feed(part, mono_ms=at)] + driver.flush()
    for event in found:
        if not isinstance(event, Skipped | Passed | SkyView):
            to_map(event)
