"""A server's counters in Prometheus' text format."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ingest.watch import Reading


@dataclass(frozen=True, slots=True, eq=False)  # the registry keeps it by identity
class _Once(Collector):
    """Hands one reading to the library's writer."""

    reading: Reading

    def collect(self) -> Iterable[Metric]:
        """Return the metrics of the reading."""
        return [*_list_counters(self.reading), *_list_gauges(self.reading), _count_alarms(self.reading)]


def render_metrics(reading: Reading) -> bytes:
    """Return a reading as the page that a Prometheus server scrapes (text format 0.0.4)."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Once(reading))
    return generate_latest(registry)


def _list_counters(reading: Reading) -> Iterator[Metric]:
    counts = reading.service
    for name, words, value in (
        ("messages", "MQTT messages that came", counts.messages),
        ("envelopes", "Records that came, repeated ones each time", counts.envelopes),
        ("stored", "Records answered as stored, repeated ones each time", counts.stored),
        ("refused", "Records and frames refused", counts.refused),
        ("unanswered", "Records and frames that were not answered, so that devices send them again", counts.unanswered),
        ("frames", "Frames of uploads", counts.frames),
        ("frame_bytes", "Bytes of uploads", counts.frame_bytes),
        ("damaged_blocks", "Blocks that were not what their parent names", counts.damaged_blocks),
        ("inquiries", "Questions of devices", counts.inquiries),
        ("malformed", "Messages that could not be read", counts.malformed),
        ("connections_lost", "Connections of devices that broke", counts.connections_lost),
    ):
        yield CounterMetricFamily(f"cec_ingest_{name}", words, value=value)


def _list_gauges(reading: Reading) -> Iterator[Metric]:
    journal = reading.journal
    for name, words, value in (
        ("records", "Records in the journal", journal.records),
        ("observations", "Observations in the journal", journal.observations),
        ("trees", "Trees in the journal", journal.trees),
        ("quarantined", "Refused records kept", journal.quarantined),
        ("uploads_whole", "Uploads whose every block is stored", journal.uploads_whole),
        ("jobs_waiting", "Jobs to be done", journal.jobs_waiting),
        ("jobs_failed", "Jobs given up", journal.jobs_failed),
        ("behind", "Records that wait to be stored and indexed", reading.last_row - reading.followed),
        ("load_ratio", "How full the queues are", reading.load_ppm / 1_000_000),
        ("disk_free_bytes", "Free disk where the data is", reading.disk_free_bytes),
        ("broker_connected", "Whether the broker is reached", int(reading.is_connected)),
        ("journal_writable", "Whether the journal takes commits", int(reading.is_writable)),
    ):
        yield GaugeMetricFamily(f"cec_ingest_{name}", words, value=value)


def _count_alarms(reading: Reading) -> Metric:
    family = CounterMetricFamily("cec_ingest_alarms", "Alarms raised, repetitions counted", labels=["kind"])
    for kind, count in reading.alarms.items():
        family.add_metric([kind], count)
    return family
