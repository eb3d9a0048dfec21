from tests.dealing import dealt


def order(tests: str, *, long: str, workers: int) -> str:
    """One letter a test; capital and small letter are of one group."""
    return "".join(dealt(tests, long=long.__contains__, group=str.lower, workers=workers))


def test_each_share_begins_with_long_tests() -> None:
    assert order("abcdefgh", long="gh", workers=2) == "gabchdef"


def test_a_group_of_long_tests_stays_together() -> None:
    assert order("abcdgGhe", long="gGh", workers=2) == "gGabhcde"


def test_no_test_is_lost_when_long_ones_fill_more_than_a_share() -> None:
    for workers in (1, 2, 3, 5):
        assert sorted(order("abgGhHiI", long="gGhHiI", workers=workers)) == sorted("abgGhHiI")


def test_without_long_tests_the_order_stays() -> None:
    assert order("abcde", long="", workers=3) == "abcde"
