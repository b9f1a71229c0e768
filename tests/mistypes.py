"""What the tables of mistyped inputs have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Callable

import pytest

from ven_sdk import Fleet, OpenADRClient, VenError

URL = "http://localhost:8080"

Row = tuple[Callable[[], Any], str]
"""What is done, and a part of the error's text."""


def answered_in_the_call(table: Sequence[Row]) -> Callable[..., None]:
    """The test that each row is refused by the call itself, with an error of ours that says so."""

    @pytest.mark.parametrize(
        "do, says", table, ids=[f"{at}-{says}" for at, (_, says) in enumerate(table)]
    )
    def test(do: Callable[[], Any], says: str) -> None:
        with pytest.raises(VenError) as caught:
            do()

        assert says in str(caught.value)

    return test


def client(**arguments: Any) -> Any:
    return OpenADRClient(**{"ven_name": "ven", "vtn_url": URL, **arguments})


def fleet(**arguments: Any) -> Any:
    return Fleet(**{"vtn_url": URL, **arguments})
