"""Numbers and names as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rackrisk.report import _format as fmt
from rackrisk.report._months import chosen, words
from rackrisk.report._text import MAX_COMBINING, fit, label, plain, shorten, text_width


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "USD 0"),
        (950.0, "USD 950"),
        (45_300.0, "USD 45.3 k"),
        (999_600.0, "USD 1.00 m"),
        (812e6, "USD 812 m"),
        (3.1234e9, "USD 3.12 bn"),
        (-2.5e12, "USD −2.50 tn"),
        (None, "— n/a"),
        (float("nan"), "— n/a"),
    ],
)
def test_money_has_three_digits_and_a_unit(value: float | None, text: str) -> None:
    assert fmt.money_text(value).replace("\u00a0", " ") == text


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [(3.1234e9, 2.1e7, "3.123"), (3.1234e9, 4e8, "3.12"), (324e6, 4.4e6, "324.0"), (324e6, None, "324")],
)
def test_the_error_decides_on_the_digits_of_a_value(value: float, error: float | None, text: str) -> None:
    assert fmt.money_with_error(value, error)(value) == text


def test_one_column_has_one_unit_and_small_amounts_keep_digits() -> None:
    style = fmt.fine_money([7.7e9, 34e6])
    assert (style.unit, style(7.7e9), style(34e6)) == ("USD m", "7,700", "34")
    assert fmt.money([7.7e9, 34e6]).unit == "USD bn"


def test_a_positive_number_is_never_printed_as_zero() -> None:
    style = fmt.percent([0.5])
    assert style(1e-6).replace("\u00a0", " ") == "< 0.1"
    assert style(-1e-6).replace("\u00a0", " ") == "−< 0.1"
    assert style(0.0) == "0.0"


@given(st.floats(min_value=-1e15, max_value=1e15, allow_nan=False))
def test_every_amount_is_written_within_half_a_unit_of_its_last_digit(value: float) -> None:
    style = fmt.money([value])
    text = style(value)
    if "<" in text:
        return
    read = float(text.replace(",", "").replace("−", "-")) * style.scale
    assert abs(read - value) <= 0.5001 * style.scale * 10**-style.decimals


@given(st.text())
def test_plain_text_has_no_invisible_character(text: str) -> None:
    shown = plain(text)
    assert shown.isprintable()
    assert plain(shown) == shown


def test_marks_do_not_pile_up() -> None:
    assert plain("Z" + "\u0335" * 50) == "Z" + "\u0335" * MAX_COMBINING


@given(st.text(max_size=80), st.floats(min_value=20, max_value=400))
def test_fitted_text_fits(text: str, width: float) -> None:
    assert text_width(fit(plain(text), width=width, size=12.0), 12.0) <= max(width, text_width("…", 12.0))


def test_names_are_shortened_with_an_ellipsis() -> None:
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abcde…"


def test_identifiers_read_as_words_and_anything_else_as_it_is() -> None:
    assert label("data_centre") == "data centre"
    assert label("a_b<c") == "a_b<c"


@pytest.mark.parametrize(
    ("last", "shown", "said"),
    [(60, 20, "every 3rd month"), (7, 3, "every 3rd month"), (1, 1, "every month"), (600, 10, "every 60th month")],
)
def test_shown_months_end_with_the_last(last: int, shown: int, said: str) -> None:
    months = chosen(list(range(last + 1)))
    assert months[-1] == last
    assert len(months) == shown
    assert words(months) == said


@pytest.mark.parametrize(
    ("style", "value", "error", "said"),
    [
        (fmt.percent([0.2]), 0.184, 0.011, "18.4 ± 1.1 %"),
        (fmt.percent([0.2]), 0.184, None, "18.4 %"),
        (fmt.percent([0.2]), 0.184, float("nan"), "18.4 %"),
        (fmt.percent([0.2]), None, 0.011, "— n/a"),
        (fmt.money([3.2e9]), 3.2e9, 1.1e8, "USD 3.20 ± 0.11 bn"),
        (fmt.basis_points([0.01]), -0.0123, 0.00004, "−123 ± 0.4 bp"),
    ],
)
def test_a_number_has_its_error_and_one_unit(
    style: fmt.Style, value: float | None, error: float | None, said: str
) -> None:
    assert style.with_error(value, error).replace("\u00a0", " ") == said
