import json
import logging

from hypothesis import given
from hypothesis import strategies as st

from cec.logs import JsonLines, Sentences


def make(message: str, **about: object) -> logging.LogRecord:
    record = logging.LogRecord("ingest.service", logging.INFO, "service.py", 1, "%s", (message,), None)
    record.__dict__.update(about)
    return record


@given(st.text(), st.text())
def test_a_log_line_is_one_json_object_whatever_it_says(message: str, cid: str) -> None:
    line = JsonLines().format(make(message, record=cid))
    assert "\n" not in line
    said = json.loads(line)
    assert (said["message"], said["record"], said["level"], said["logger"]) == (message, cid, "info", "ingest.service")
    assert said["time"].endswith("+00:00")


def test_a_line_for_people_ends_with_what_it_is_about() -> None:
    assert Sentences("%(message)s").format(make("refused", record="bafy", rule="KeyRevoked")) == (
        "refused record=bafy rule=KeyRevoked"
    )


def test_a_traceback_stays_inside_its_object() -> None:
    try:
        raise ValueError("broken")  # noqa: TRY301
    except ValueError as error:
        record = make("failed")
        record.exc_info = (type(error), error, error.__traceback__)
    assert "ValueError: broken" in json.loads(JsonLines().format(record))["traceback"]
