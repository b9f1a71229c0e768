"""A client, a fleet, its VENs and members exist once: they are neither copied nor pickled."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from typing import Any, Callable

import pytest

from ven_sdk import Fleet, FleetMember, OpenADRClient, VenError

URL = "http://127.0.0.1:9"


class Mine(OpenADRClient):
    """A class of the user's."""


MADE: dict[str, Callable[[], Any]] = {
    "client": lambda: OpenADRClient("v", URL),
    "client of the user's": lambda: Mine("v", URL),
    "fleet": lambda: Fleet(URL),
    "VEN of a fleet": lambda: Fleet(URL).add("v"),
    "member": lambda: FleetMember(store="postgresql://fleet@localhost/fleet"),
}


def spawn(made: Any) -> None:
    multiprocessing.get_context("spawn").Process(target=print, args=(made,)).start()


@pytest.mark.parametrize("take", [pickle.dumps, copy.copy, copy.deepcopy, spawn])
@pytest.mark.parametrize("make", list(MADE.values()), ids=list(MADE))
def test_what_has_threads_is_refused_with_what_to_do(
    make: Callable[[], Any], take: Callable[[Any], Any]
) -> None:
    with pytest.raises(VenError, match="cannot be pickled or copied") as caught:
        take(make())
    assert isinstance(caught.value, TypeError)
