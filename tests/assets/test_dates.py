"""Days as people write them: one meaning or an error that says which rule was broken."""

import calendar
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.dates import DateError, read_date

DAY = date(2026, 2, 3)
READ = {
    "2026-02-03": DAY,
    "2026-2-3": DAY,
    "2026/02/03": DAY,
    "2026.2.3": DAY,
    "20260203": DAY,
    "2026年2月3日": DAY,
    " 2026年 2月 3日\n": DAY,
    "２０２６年２月３日": DAY,
    "２０２６／０２／０３": DAY,
    "２０２６－０２－０３": DAY,
    "2026ー02ー03": DAY,
    "2026−02−03": DAY,
    "令和8年2月3日": DAY,
    "令和８年２月３日": DAY,
    "㋿8年2月3日": DAY,
    "令和 8 年 2 月 3 日": DAY,
    "令和8.2.3": DAY,
    "R8.2.3": DAY,
    "r8/2/3": DAY,
    "Ｒ８．２．３": DAY,
    "R08-02-03": DAY,
    "令和元年5月1日": date(2019, 5, 1),
    "令和1年5月1日": date(2019, 5, 1),
    "令和元年12月31日": date(2019, 12, 31),
    "平成31年4月30日": date(2019, 4, 30),
    "H31.4.30": date(2019, 4, 30),
    "平成元年1月8日": date(1989, 1, 8),
    "昭和64年1月7日": date(1989, 1, 7),
    "昭和元年12月25日": date(1926, 12, 25),
    "大正15年12月25日": date(1926, 12, 25),
    "S50.4.1": date(1975, 4, 1),
    "2024-02-29": date(2024, 2, 29),
    "令和6年2月29日": date(2024, 2, 29),
}
MONTHS = {
    "2026-03": (date(2026, 3, 1), date(2026, 3, 31)),
    "2026/2": (date(2026, 2, 1), date(2026, 2, 28)),
    "2024.02": (date(2024, 2, 1), date(2024, 2, 29)),
    "2026年3月": (date(2026, 3, 1), date(2026, 3, 31)),
    "令和8年3月": (date(2026, 3, 1), date(2026, 3, 31)),
    "R8.3": (date(2026, 3, 1), date(2026, 3, 31)),
    "平成元年1月": (date(1989, 1, 8), date(1989, 1, 31)),
    "昭和64年1月": (date(1989, 1, 1), date(1989, 1, 7)),
    "2026-02-03": (DAY, DAY),
}
REFUSED = {
    "": "date_empty",
    " \u3000": "date_empty",
    "2026/02/30": "no_such_day",
    "2026-13-01": "no_such_day",
    "2026-00-10": "no_such_day",
    "2026年2月29日": "no_such_day",
    "令和7年2月29日": "no_such_day",
    "20261301": "no_such_day",
    "2026-13": "no_such_day",
    "0000-01-01": "no_such_day",
    "令和元年4月30日": "not_in_era",
    "令和0年5月1日": "not_in_era",
    "R1.1.1": "not_in_era",
    "平成31年5月1日": "not_in_ended_era",
    "平成32年3月31日": "not_in_ended_era",
    "平成31年5月": "not_in_ended_era",
    "昭和64年1月8日": "not_in_ended_era",
    "大正15年12月26日": "not_in_ended_era",
    "26-02-03": "date_ambiguous",
    "8.2.3": "date_ambiguous",
    "02/03/2026": "date_ambiguous",
    "3/2": "date_ambiguous",
    "26年2月3日": "date_ambiguous",
    "260203": "date_ambiguous",
    "２６．２．３": "date_ambiguous",
    "9999-12-31": "date_out_of_range",
    "0206-02-03": "date_out_of_range",
    "2026-02/03": "date_unreadable",
    "2026": "date_unreadable",
    "令和8": "date_unreadable",
    "明治45年7月29日": "date_unreadable",
    "next Tuesday": "date_unreadable",
    "無期限": "date_unreadable",
    "2026-02-03T00:00": "date_unreadable",
    "٢٠٢٦-٠٢-٠٣": "date_unreadable",
    "2026-02-03" + " " * 40 + "x": "date_unreadable",
    "1" * 100_000: "date_unreadable",
}


@pytest.mark.parametrize(("text", "day"), READ.items())
def test_a_day_is_read(text: str, day: date) -> None:
    assert read_date(text) == read_date(text, end=True) == day


@pytest.mark.parametrize(("text", "days"), MONTHS.items())
def test_a_month_is_its_first_day_or_its_last(text: str, days: tuple[date, date]) -> None:
    assert (read_date(text), read_date(text, end=True)) == days


@pytest.mark.parametrize(("text", "code"), REFUSED.items(), ids=lambda value: value[:24])
def test_what_is_no_day_is_refused_with_its_reason(text: str, code: str) -> None:
    with pytest.raises(DateError) as caught:
        read_date(text)
    assert caught.value.code == code
    assert len(str(caught.value)) < 200


def test_an_error_says_when_the_era_was() -> None:
    with pytest.raises(DateError, match="平成, which lasted from 1989-01-08 to 2019-04-30"):
        read_date("平成32年3月31日")


@given(st.dates(date(1989, 1, 8), date(2117, 12, 31)), st.booleans())
def test_every_way_to_write_a_day_means_that_day(day: date, end: bool) -> None:
    letter, name, first = ("R", "令和", 2018) if day >= date(2019, 5, 1) else ("H", "平成", 1988)
    year = day.year - first
    written = (
        day.isoformat(),
        f"{day:%Y%m%d}",
        f"{day.year}/{day.month}/{day.day}",
        f"{day.year}年{day.month}月{day.day}日",
        f"{letter}{year}.{day.month}.{day.day}",
        f"{name}{'元' if year == 1 else year}年{day.month}月{day.day}日",
    )
    assert {read_date(text, end=end) for text in written} == {day}


@given(st.dates(date(1900, 1, 1), date(2999, 11, 30)))
def test_the_day_after_a_month_ends_is_the_first_of_the_next(day: date) -> None:
    after = read_date(f"{day.year}-{day.month:02}", end=True) + timedelta(days=1)
    assert after == day.replace(day=1) + timedelta(days=calendar.monthrange(day.year, day.month)[1])


@given(st.text(max_size=60))
def test_any_text_is_a_day_or_an_error(text: str) -> None:
    try:
        found = read_date(text)
    except DateError:
        return
    assert 1900 <= found.year <= 2999
