"""The order of start, and clear errors where there is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphaplus_tui.errors import FatalError, UnknownName
from alphaplus_tui.kernel.order import fellowships, levels
from tests.unit.kernel.puppet import Puppet


async def test_each_is_one_level_above_the_highest_it_comes_after() -> None:
    services = [Puppet("c", after=("a", "b")), Puppet("b", after=("a",)), Puppet("a"), Puppet("d")]
    found = levels(services)
    assert found == {"a": 0, "d": 0, "b": 1, "c": 2}
    assert list(found).index("a") < list(found).index("b") < list(found).index("c")


async def test_an_unknown_name_is_refused_with_the_nearest_known_one() -> None:
    with pytest.raises(UnknownName, match="did you mean 'persistence'"):
        levels([Puppet("persistence"), Puppet("candles", after=("persistance",))])
    with pytest.raises(UnknownName, match="unknown service 'y'"):
        levels([Puppet("x", uses=("y",))])


async def test_a_cycle_is_refused_by_name() -> None:
    services = [Puppet("a", after=("b",)), Puppet("b", after=("c",)), Puppet("c", after=("a",))]
    with pytest.raises(FatalError, match=r"wait for each other: (a after b after c after a|b .*|c .*)") as caught:
        levels(services)
    text = str(caught.value)
    assert any(f"{one} after {other}" in text for one, other in ("ab", "bc", "ca"))


async def test_two_of_one_name_are_refused() -> None:
    with pytest.raises(FatalError, match="two services are called 'a'"):
        levels([Puppet("a"), Puppet("a")])


def test_those_tied_by_use_share_their_fate_also_through_others() -> None:
    ties = {"a": ("b",), "b": (), "c": ("d",), "d": (), "e": ("b",), "f": ()}
    assert fellowships(ties) == (("a", "b", "e"), ("c", "d"), ("f",))


@given(st.dictionaries(st.integers(0, 9), st.lists(st.integers(0, 9), max_size=3)))
def test_every_name_is_in_exactly_one_fellowship_and_no_tie_crosses_two(ties: dict[int, list[int]]) -> None:
    uses = {str(n): tuple(str(m) for m in ties.get(n, [])) for n in range(10)}
    groups = fellowships(uses)
    assert sorted(name for group in groups for name in group) == sorted(uses)
    home = {name: group for group in groups for name in group}
    assert all(home[name] is home[other] for name, others in uses.items() for other in others)
