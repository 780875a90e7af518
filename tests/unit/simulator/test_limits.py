"""The request budget runs out, asks for patience, and ends in a ban."""

from alphaplus_tui.simulator.limits import Budget


def test_the_weight_of_a_minute_adds_up_and_is_forgotten_in_the_next() -> None:
    budget = Budget(100)
    assert budget.spend(40, 1_000.0).used == 40
    assert budget.spend(40, 1_001.0).used == 80
    assert budget.spend(40, 1_020.0).used == 40


def test_more_than_the_budget_is_refused_until_the_minute_ends() -> None:
    budget = Budget(100)
    budget.spend(100, 1_000.0)
    refused = budget.spend(1, 1_000.0)
    assert (refused.status, refused.retry_after_s) == (429, 20)
    assert budget.spend(1, 1_020.0).status == 200


def test_not_listening_to_429_ends_in_a_ban_that_doubles() -> None:
    budget = Budget(10)
    budget.spend(10, 1_000.0)
    answers = [budget.spend(1, 1_000.0).status for _ in range(20)]
    assert answers == [429] * 15 + [418] * 5
    assert budget.spend(1, 1_100.0).status == 418
    assert budget.banned_until_s == 1_120.0
    assert budget.spend(1, 1_121.0).status == 200
    budget.spend(10, 1_121.0)
    statuses = [budget.spend(1, 1_121.0).status for _ in range(15)]
    assert statuses[-1] == 418
    assert budget.banned_until_s == 1_121.0 + 240
