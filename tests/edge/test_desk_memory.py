"""The desk in memory, which the tests of page and screen use, keeps the protocol's promises."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from domain.cid import Cid
from domain.readings import Reading
from tests.edge.desk import MemoryDesk
from tests.edge.desk_suite import DeskSuite, Stage


@dataclass
class MemoryStage:
    """The desk plays for itself."""

    desk: MemoryDesk = field(default_factory=MemoryDesk)

    def play_readings(self, readings: Sequence[Reading]) -> Cid:
        return self.desk.play_readings(readings)

    def play_file(self, name: str, content: bytes) -> Cid:
        return self.desk.play_file(name, content)

    def play_sent(self, cid: Cid) -> None:
        self.desk.play_sent(cid)

    def play_message(self, message: bytes) -> None:
        self.desk.play_message(message)


class TestMemoryDesk(DeskSuite):
    """The shared promises."""

    @pytest.fixture
    def stage(self) -> Stage:
        """Give an empty desk."""
        return MemoryStage()
