"""One decoding process for the tests of this folder."""

from collections.abc import Iterator

import pytest

from survey.files.decoder import Decoder


@pytest.fixture(scope="session")
def decoder() -> Iterator[Decoder]:
    with Decoder() as started:
        yield started
