"""What a person types becomes a visit as it was meant, or each wrong field is told with what to do."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.codec import encode
from domain.codes import format_code, format_link
from domain.readings import Visit
from domain.records.frame import SpeciesList, SpeciesName
from domain.schema import TYPE_KEY, from_map, to_map
from edge.crew import words
from edge.crew.entry import (
    FIELDS,
    UNITS,
    begin_form,
    find_species,
    format_species,
    list_plots,
    list_species,
    read_visit,
)
from edge.crew.errors import InvalidEntry
from edge.views import FrameView
from tests.edge.desk import AT_MS, CAMPAIGN, ORG, TREE, MemoryDesk, frame_message

FULL = {
    "tree": format_code(TREE),
    "plot": "p-02",
    "species": "FI",
    "status": "alive",
    "diameter": "32.5",
    "diameter_unit": "cm",
    "at_height": "1.30",
    "height": "24.1",
    "damage": "bark beetle",
    "damage_percent": "15",
    "remark": "split top",
}


@pytest.fixture
def frames() -> FrameView:
    desk = MemoryDesk()
    desk.play_message(frame_message())
    return desk.frames()


def read(frames: FrameView, **changes: str) -> Visit:
    return read_visit(FULL | changes, frames, campaign=CAMPAIGN, mono_ms=7)


def faults(frames: FrameView, **changes: str) -> dict[str, str]:
    with pytest.raises(InvalidEntry) as caught:
        read(frames, **changes)
    return dict(caught.value.faults)


def test_a_full_form_becomes_a_full_visit(frames: FrameView) -> None:
    assert read(frames) == Visit(
        7, TREE, "p-02", "Picea abies", "FI", "alive", 325, 1_300, 24_100, "bark beetle", 150_000, "split top"
    )


def test_what_is_empty_is_unknown(frames: FrameView) -> None:
    empty = dict.fromkeys(FULL, "") | {"status": "gone", "remark": " \r\n "}
    assert read_visit(empty, frames, campaign=CAMPAIGN, mono_ms=7) == Visit(7, status="gone")


@pytest.mark.parametrize(
    ("text", "unit", "diameter_mm"),
    [
        ("32.5", "cm", 325),
        ("32,5", "cm", 325),
        ("325", "mm", 325),
        (" 32 ", "cm", 320),
        ("+7", "cm", 70),
        (".1", "cm", 1),
        ("7.", "cm", 70),
    ],
)
def test_a_diameter_is_read_in_its_unit(frames: FrameView, text: str, unit: str, diameter_mm: int) -> None:
    assert read(frames, diameter=text, diameter_unit=unit).diameter_mm == diameter_mm


@pytest.mark.parametrize(
    ("field", "text", "fault"),
    [
        ("diameter", "abc", words.BAD_NUMBER.format(given="abc")),
        ("diameter", "1e3", words.BAD_NUMBER.format(given="1e3")),
        ("diameter", "nan", words.BAD_NUMBER.format(given="nan")),
        ("diameter", "1.234,5", words.BAD_NUMBER.format(given="1.234,5")),
        ("diameter", "٣", words.BAD_NUMBER.format(given="٣")),
        ("diameter", "32.55", words.BAD_STEP.format(given="32.55")),
        ("diameter", "0", words.BAD_DIAMETER),
        ("diameter", "-5", words.BAD_DIAMETER),
        ("diameter", "2001", words.BAD_DIAMETER),
        ("diameter_unit", "inch", words.NO_UNIT),
        ("at_height", "201", words.BAD_AT_HEIGHT),
        ("height", "201", words.BAD_HEIGHT),
        ("height", "-1", words.BAD_HEIGHT),
        ("damage_percent", "101", words.BAD_PERCENT),
        ("damage_percent", "12.5", words.BAD_WHOLE.format(given="12.5")),
        ("tree", "4T7W", words.BAD_CODE),
        ("tree", TREE[1:] + TREE[:1], words.BAD_CHECK),
        ("plot", "p-99", words.BAD_PLOT),
        ("plot", "The hill", words.BAD_PLOT),
        ("status", "asleep", words.BAD_STATUS),
        ("species", "Ginkgo", words.BAD_SPECIES.format(given="Ginkgo")),
        ("species", "abies", words.BAD_SPECIES_MANY.format(given="abies", names="Norway spruce, Silver fir")),
        ("remark", "x" * 1_001, words.TOO_LONG.format(most=1_000, count=1_001)),
        ("damage", "x" * 201, words.TOO_LONG.format(most=200, count=201)),
    ],
)
def test_a_wrong_field_is_told_with_what_to_do(frames: FrameView, field: str, text: str, fault: str) -> None:
    shown_at = "diameter" if field == "diameter_unit" else field
    assert faults(frames, **{field: text}) == {shown_at: fault}


def test_every_wrong_field_is_told_at_once(frames: FrameView) -> None:
    assert set(faults(frames, tree="x", diameter="y", height="z", status="?")) == {
        "tree",
        "diameter",
        "height",
        "status",
    }


def test_an_empty_form_is_no_visit_even_with_a_place(frames: FrameView) -> None:
    place = {"tree": TREE, "plot": "p-01", "at_height": "1.30", "diameter_unit": "cm"}
    with pytest.raises(InvalidEntry) as caught:
        read_visit(place, frames, campaign=CAMPAIGN, mono_ms=7)
    assert caught.value.faults == {"": words.NOTHING_TYPED}


@pytest.mark.parametrize(("field", "text"), [("diameter", "325"), ("height", "80")])
def test_an_unlikely_figure_is_taken_once_the_crew_says_that_it_is_right(
    frames: FrameView, field: str, text: str
) -> None:
    with pytest.raises(InvalidEntry) as caught:
        read(frames, **{field: text})
    assert caught.value.is_unlikely
    assert set(caught.value.faults) == {field}
    assert getattr(read(frames, **{field: text}, sure="1"), f"{field}_mm") in (3_250, 80_000)


def test_an_impossible_figure_is_not_taken_whatever_the_crew_says(frames: FrameView) -> None:
    with pytest.raises(InvalidEntry) as caught:
        read(frames, diameter="99999", sure="1")
    assert not caught.value.is_unlikely


def test_a_measuring_height_without_a_diameter_says_nothing(frames: FrameView) -> None:
    assert read(frames, diameter="").at_height_mm is None


@pytest.mark.parametrize("text", [TREE.lower(), format_code(TREE), format_link(TREE, "https://forest.example")])
def test_a_code_is_read_however_it_is_written(frames: FrameView, text: str) -> None:
    assert read(frames, tree=text).tree == TREE


@pytest.mark.parametrize("text", ["FI", "fi", "picea  ABIES", "Norway spruce", "Norway spruce · Picea abies · FI"])
def test_a_species_is_known_by_code_names_or_the_whole_line(frames: FrameView, text: str) -> None:
    visit = read(frames, species=text)
    assert (visit.species, visit.species_code) == ("Picea abies", "FI")


def test_a_species_that_is_not_in_the_list_is_taken_as_typed_when_the_crew_says_so(frames: FrameView) -> None:
    visit = read(frames, species="Ginkgo biloba", other_species="1")
    assert (visit.species, visit.species_code) == ("Ginkgo biloba", None)


def test_without_lists_species_and_plot_are_taken_as_typed() -> None:
    visit = read(FrameView(), species="Fagus sylvatica", plot="P-7")
    assert (visit.species, visit.species_code, visit.plot) == ("Fagus sylvatica", None, "p-7")


def test_the_lists_of_the_campaign_go_before_those_for_all(frames: FrameView) -> None:
    general = SpeciesList(ORG, "world", "World", AT_MS, (SpeciesName("GI", "Ginkgo biloba"),))
    both = FrameView(species=(general, *frames.species))
    assert "GI" not in {one.code for one in list_species(both, CAMPAIGN)}
    assert [one.code for one in list_species(both, "valley")] == ["GI"]


def test_every_species_offered_reads_back_as_itself(frames: FrameView) -> None:
    known = list_species(frames, CAMPAIGN)
    assert len(known) == 5
    for one in known:
        assert find_species(format_species(one), known) == (one,)


def test_the_plots_are_offered_by_name(frames: FrameView) -> None:
    assert [plot.area for plot in list_plots(frames)] == ["p-01", "p-02"]


def test_the_first_form_asks_for_centimetres_at_breast_height() -> None:
    assert begin_form({}) == {"diameter_unit": "cm", "at_height": "1.30"}


def test_the_next_form_has_plot_unit_and_measuring_height_as_last_typed_and_nothing_else() -> None:
    kept = {"plot": "p-02", "diameter_unit": "mm", "at_height": "0,30"}
    assert begin_form(FULL | kept | {"sure": "1", "other_species": "1"}) == kept
    assert begin_form(FULL | {"at_height": "", "plot": ""}) == {"plot": "", "diameter_unit": "cm", "at_height": ""}


@given(st.integers(1, 3_000), st.sampled_from(sorted(UNITS)), st.booleans())
def test_every_likely_diameter_written_in_either_unit_reads_back(diameter_mm: int, unit: str, comma: bool) -> None:  # noqa: FBT001
    text = str(Decimal(diameter_mm) / UNITS[unit])
    typed = {"diameter": text.replace(".", ",") if comma else text, "diameter_unit": unit}
    assert read_visit(typed, FrameView(), campaign=CAMPAIGN, mono_ms=1).diameter_mm == diameter_mm


@given(st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=40)))
def test_anything_typed_is_a_valid_reading_or_an_invalid_entry(typed: dict[str, str]) -> None:
    try:
        visit = read_visit(typed, FrameView(), campaign=CAMPAIGN, mono_ms=1)
    except InvalidEntry as error:
        named = set(error.faults)
    else:
        named = {""}
        fields = {name: value for name, value in to_map(visit).items() if name != TYPE_KEY}
        assert from_map(Visit, fields) == visit
        assert encode(fields)
    assert named <= {"", *FIELDS}
    assert named
