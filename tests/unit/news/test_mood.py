"""Headlines are scored as the field reads them, and it is found out which coins they speak of."""

import csv

import pytest

from alphaplus_tui.news.mood import FIELD, NEUTRAL, Mood
from alphaplus_tui.news.topics import bases
from tests.support import recorded


@pytest.fixture(scope="module")
def mood() -> Mood:
    return Mood()


@pytest.mark.parametrize(
    "title",
    [
        "Bitcoin soars past $70,000 to an all-time high",
        "SEC approves spot ether ETFs",
        "Solana rallies as inflows return",
        "Bull market is back",
    ],
)
def test_good_news_is_good(mood: Mood, title: str) -> None:
    assert mood.of(title) > 0.3


@pytest.mark.parametrize(
    "title",
    [
        "Bitcoin tumbles below $57,000 on day of Fed meeting",
        "Exchange hacked, $40 million drained",
        "SEC sues another exchange",
        "Founder sentenced to 4 months in prison",
        "Death cross forms as outflows continue",
        "Token falls 90% in rug pull",
    ],
)
def test_bad_news_is_bad(mood: Mood, title: str) -> None:
    assert mood.of(title) < -0.3


@pytest.mark.parametrize("title", ["", "Grayscale Bitcoin Trust files form 10-K", "What is proof of stake?", "💎🙌"])
def test_names_and_questions_have_no_mood(mood: Mood, title: str) -> None:
    assert abs(mood.of(title)) < 0.35


def test_a_negation_turns_the_mood(mood: Mood) -> None:
    assert mood.of("regulator does not approve the fund") < 0 < mood.of("regulator did approve the fund")


def test_words_of_the_field_are_on_the_scale_and_in_one_list_only() -> None:
    assert all(-4 <= value <= 4 for value in FIELD.values())
    assert not set(FIELD) & set(NEUTRAL)


def test_real_headlines_are_scored_within_bounds_and_agree_with_a_language_model_on_the_clear_ones(mood: Mood) -> None:
    with recorded("news_headlines/headlines_2024-03_2024-05.csv").open(encoding="utf-8", newline="") as stream:
        rows = [(row["headline"], float(row["sentiment"])) for row in csv.DictReader(stream)]
    scores = [mood.of(title) for title, _ in rows]
    assert len(scores) == 217
    assert all(-1 <= score <= 1 for score in scores)
    assert sum(abs(score) > 0.05 for score in scores) > 80
    good = [score for score, (_, told) in zip(scores, rows, strict=True) if told > 0.6]
    bad = [score for score, (_, told) in zip(scores, rows, strict=True) if told < 0.03]
    assert sum(good) / len(good) > sum(bad) / len(bad)


@pytest.mark.parametrize(
    ("title", "coins"),
    [
        ("bitcoin and ether lead, BTC above 70k", ("BTC", "ETH")),
        ("SOL sold at a discount", ("SOL",)),
        ("the sun near the link of apt op", ()),
        ("Cardano's ADA rises", ("ADA",)),
        ("nothing of note", ()),
    ],
)
def test_coins_are_found_by_name_and_by_ticker(title: str, coins: tuple[str, ...]) -> None:
    assert bases(title) == coins
