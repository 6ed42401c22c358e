"""The catalogue's GNSS drivers."""

from domain.readings import GnssFix, GnssMean
from firmware_bridge.gnss.drivers import GNSS_DRIVERS
from tests.firmware_bridge.gnss.sentences import burst


def test_each_driver_reads_a_second_of_sentences() -> None:
    for spec in GNSS_DRIVERS:
        driver = spec.make()
        (fix,) = driver.feed(burst("123519.00"), mono_ms=1)
        assert isinstance(fix, GnssFix)
        assert spec.yields == (GnssFix.TYPE, GnssMean.TYPE)


def test_the_first_is_the_one_that_logs_of_old_name() -> None:
    assert GNSS_DRIVERS[0].name == "gnss"
