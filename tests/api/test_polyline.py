"""Lines as text, against the published example."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.compat.polyline import decode, encode

# The example of Google's "Encoded Polyline Algorithm Format", here lon before lat.
PUBLISHED = r"_p~iF~ps|U_ulLnnqC_mqNvxq`@"
PLACES = [[-120.2, 38.5], [-120.95, 40.7], [-126.453, 43.252]]


def test_the_published_example() -> None:
    assert encode(PLACES) == PUBLISHED
    assert decode(PUBLISHED) == PLACES
    assert encode([[-179.9832104, 0.0]]) == "?`~oia@"  # the worked example of a number
    assert encode([]) == ""


@given(
    st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), max_size=20),
    st.sampled_from([5, 6]),
)
def test_what_is_written_is_read(line: list[tuple[float, float]], digits: int) -> None:
    text = encode(line, digits)
    assert all(63 <= ord(character) <= 126 for character in text)
    read = decode(text, digits)
    assert len(read) == len(line)
    for found, given_ in zip(read, line, strict=True):
        assert found == pytest.approx(given_, abs=0.51 * 10**-digits)


@given(st.text(max_size=30) | st.text(st.characters(min_codepoint=60, max_codepoint=127)))
def test_any_text_is_a_line_or_refused(text: str) -> None:
    try:
        line = decode(text)
    except ValueError:
        return
    assert all(len(place) == 2 for place in line)


@pytest.mark.parametrize("text", ["_", "?", "_p~iF", ">?", "ü?", "~~~~~~~~~~~?"])
def test_text_that_is_no_line(text: str) -> None:
    with pytest.raises(ValueError, match="ends"):
        decode(text)
