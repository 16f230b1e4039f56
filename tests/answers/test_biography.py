from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from diffbench.answers import (
    MALFORMED_KINDS,
    SKETCH_FIELDS,
    Malformed,
    Sketch,
    read_sketch,
    read_values,
    trim_sketch,
)

FIELDS = (
    "Ines Halvorsen",
    "Female",
    "March 3, 1958",
    "Bergen, Norway",
    "Glaciologist",
    "Showed how fast the ice had thinned",
)


def reply(*fields: str, between: str = "\n") -> str:
    return between.join("{" + field + "}" for field in fields)


def kind(text: str) -> str:
    found = read_sketch(text)
    assert isinstance(found, Malformed), found
    return found.kind


def sketch(**fields: str) -> Sketch:
    stated = dict(zip(SKETCH_FIELDS, FIELDS, strict=True))
    return Sketch(**{**stated, **fields})


class TestReading:
    @pytest.mark.parametrize("between", ["\n", "", " ", "\r\n\n\t"])
    def test_white_space_between_braces_does_not_matter(self, between: str) -> None:
        found = read_sketch(f"\n {reply(*FIELDS, between=between)}")
        assert isinstance(found, Sketch)
        assert found.texts == FIELDS

    @pytest.mark.parametrize("more", ["\n", " Anything else?", "\n{A seventh}", "}}}", "{"])
    def test_what_follows_the_sixth_brace_does_not_count(self, more: str) -> None:
        assert trim_sketch(reply(*FIELDS) + more) == reply(*FIELDS)
        assert isinstance(read_sketch(reply(*FIELDS) + more), Sketch)

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", "empty"),
            (" \n\t", "empty"),
            ("Ines Halvorsen, a glaciologist", "no_braces"),
            ("}}}}}}", "no_braces"),
            (f"Sure! {reply(*FIELDS)}", "talk_first"),
            (reply(*FIELDS, between=" and "), "talk_between"),
            (reply(*FIELDS[:4]), "too_few_fields"),
            (f"{reply(*FIELDS[:4])}\nShe was a glaciologist", "too_few_fields"),
            (reply(*FIELDS)[:-5], "cut_off"),
            ("{", "cut_off"),
            (reply("{Ines} Halvorsen", *FIELDS[1:]), "nested_braces"),
            ("{" * 50, "nested_braces"),
            ("{{" + reply(*FIELDS) + "}}", "nested_braces"),
            (reply(FIELDS[0], " ", *FIELDS[2:]), "empty_field"),
            (reply("Ines\nHalvorsen", *FIELDS[1:]), "control_characters"),
            (reply("\x1b[31mInes", *FIELDS[1:]), "control_characters"),
            (reply("\u202eInes", *FIELDS[1:]), "control_characters"),
            (reply("I" * 201, *FIELDS[1:]), "too_long"),
            (reply(*FIELDS[:5], "a" * 1001), "too_long"),
            ("{" + "a" * 10_000, "too_long"),
            ("a" * 10_000, "too_long"),
            (" " * 10_000, "empty"),
        ],
    )
    def test_each_way_to_fail_has_its_kind(self, text: str, expected: str) -> None:
        assert kind(text) == expected
        assert expected in MALFORMED_KINDS

    def test_other_scripts_are_fields_like_any(self) -> None:
        fields = ("ليلى حداد", "Female", "3 ‏آذار 1958", "بيروت, لبنان", "عالمة", "اكتشفت")
        found = read_sketch(reply(*fields))
        assert isinstance(found, Sketch)
        assert found.name == fields[0]

    def test_half_characters_become_whole_ones(self) -> None:
        found = read_sketch(reply("\ud800Ines", *FIELDS[1:]))
        assert isinstance(found, Sketch)
        assert found.name == "\ufffdInes"
        found.name.encode()

    @given(st.text(alphabet=st.sampled_from("{}ab \n\x00\u202e\ud800é"), max_size=80))
    def test_whatever_comes_is_read_or_counted(self, text: str) -> None:
        found = read_sketch(text)
        assert isinstance(found, Sketch) or found.kind in MALFORMED_KINDS
        # What is kept of a reply is read as the reply was.
        assert read_sketch(trim_sketch(text)) == found
        assert trim_sketch(trim_sketch(text)) == trim_sketch(text)
        if isinstance(found, Sketch):
            read_values(found, {})

    @given(
        st.lists(
            st.text(string.ascii_letters + " ,.'éß", min_size=1, max_size=30).filter(
                lambda text: bool(text.strip())
            ),
            min_size=6,
            max_size=6,
        )
    )
    def test_a_well_formed_rendering_reads_back(self, fields: list[str]) -> None:
        found = read_sketch(reply(*fields))
        assert isinstance(found, Sketch)
        assert list(found.texts) == [" ".join(field.split()) for field in fields]


class TestValues:
    @pytest.mark.parametrize(
        ("date", "year", "month"),
        [
            ("March 3, 1958", "1958", "March"),
            ("3 Mar 1958", "1958", "March"),
            ("Sept. 9th, 2001", "2001", "September"),
            ("1958-03-03", "1958", "March"),
            ("03/03/1958", "1958", None),
            ("May 9", None, "May"),
            ("born in March or June, 1958", "1958", None),
            ("1958 or 1959", None, None),
            ("March 3, 958", None, "March"),
            ("1958-13-03", "1958", None),
            ("14 août 1985", "1985", None),
            ("May 3–4, 1958", "1958", "May"),
            ("昭和33年 (1958)", "1958", None),
            ("\u0661\u0669\u0665\u06681958", None, None),
            ("a long time ago", None, None),
            ("Marchand 1958", "1958", None),
            ("3 ‏آذار ١٩٥٨", None, None),
        ],
    )
    def test_dates(self, date: str, year: str | None, month: str | None) -> None:
        values = read_values(sketch(birth_date=date), {})
        assert (values["birth_year"], values["birth_month"]) == (year, month)

    @pytest.mark.parametrize(
        ("place", "country"),
        [
            ("Bergen, Norway", "Norway"),
            ("Cambridge, Massachusetts, U.S.A.", "United States"),
            ("Boston, usa", "United States"),
            ("Singapore", "Singapore"),
            ("Bergen", None),
            ("Bergen,", None),
            ("Middle-earth, Arda", "Arda"),
        ],
    )
    def test_countries(self, place: str, country: str | None) -> None:
        known = {
            "country": {
                "usa": "United States",
                "u.s.a": "United States",
                "singapore": "Singapore",
            }
        }
        assert read_values(sketch(birth_place=place), known)["country"] == country

    @pytest.mark.parametrize(
        ("name", "first"),
        [
            ("Ines Halvorsen", "Ines"),
            ("Dr. Ines Halvorsen", "Ines"),
            ("“Ines”", "Ines"),
            ("Prof. Dr.", None),
            ("李 明", "李"),
        ],
    )
    def test_first_names(self, name: str, first: str | None) -> None:
        assert read_values(sketch(name=name), {})["first_name"] == first

    @pytest.mark.parametrize(
        ("gender", "value"),
        [
            ("female", "Female"),
            ("Non-Binary", "Non-binary"),
            ("Woman.", "Female"),
            ("?", None),
        ],
    )
    def test_genders(self, gender: str, value: str | None) -> None:
        assert read_values(sketch(gender=gender), {})["gender"] == value
