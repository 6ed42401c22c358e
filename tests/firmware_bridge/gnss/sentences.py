"""Sentences and frames that several tests of this folder send."""

from collections.abc import Sequence

from firmware_bridge.driver import Driver, Event


def sentence(body: str) -> bytes:
    value = 0
    for byte in body.encode():
        value ^= byte
    return f"${body}*{value:02X}\r\n".encode()


def feed_in_pieces(driver: Driver, data: bytes, piece: int, *, mono_ms: int = 5) -> list[Event]:
    found: list[Event] = []
    for at in range(0, len(data), piece):
        found += driver.feed(data[at : at + piece], mono_ms=mono_ms)
    return found + driver.flush()


def burst(clock: str, extra: Sequence[str] = ()) -> bytes:
    """Return GGA, RMC and GST of a time of day on 24 November 2026, and what else is given."""
    bodies = (
        f"GNGGA,{clock},4807.0380000,N,01131.0000000,E,4,12,0.90,545.400,M,46.900,M,1.5,0138",
        f"GNRMC,{clock},A,4807.0380000,N,01131.0000000,E,0.1,84.4,241126,3.1,W,R,V",
        f"GNGST,{clock},0.006,0.023,0.020,273.6,0.023,0.020,0.031",
        *extra,
    )
    return b"".join(sentence(body) for body in bodies)
