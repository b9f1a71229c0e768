"""Short fuzzing runs; ``benchmarks/fuzz.py`` is the long one. Only errors of the SDK may come out
of any bytes.
"""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from tests.hostile.fuzzing import PIECES, VALUES, Mutator, Way, run, seeds
from tests.oadr20b.security.forge import Forge, ven_id_of
from tests.oadr20b.security.test_verification import VTN, now
from tests.shared import examples
from ven_sdk.errors import VenError
from ven_sdk.oadr20b.codec import parsing
from ven_sdk.oadr20b.security.replay import ReplayGuard
from ven_sdk.oadr20b.security.verification import Verifier

PROFILE = os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
SECONDS = {"dev": 6.0, "ci": 20.0, "thorough": 60.0}[PROFILE]
SEEDS = seeds()


def test_mutated_messages_raise_nothing_but_our_errors() -> None:
    found: list[tuple[bytes, Exception]] = []

    way = run(
        SECONDS,
        random.SystemRandom().randrange(2**32),
        lambda data, error: found.append((data, error)),
        least=100 * SECONDS,  # on a slow machine it takes longer
    )

    assert found == []
    assert way.counts["made"] >= 100 * SECONDS and way.counts["handled"] > way.counts["made"] / 20


def test_the_same_seed_makes_the_same_messages() -> None:
    first, second = (Mutator(SEEDS, random.Random(3)) for _ in range(2))

    assert [first.message() for _ in range(50)] == [second.message() for _ in range(50)]


@st.composite
def patched(draw: st.DrawFn) -> bytes:
    """A seed with stretches replaced, which hypothesis can make smaller when something is found."""
    data = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(data)))
        end = draw(st.integers(begin, min(len(data), begin + 200)))
        data = (
            data[:begin]
            + draw(st.sampled_from(VALUES + PIECES) | st.binary(max_size=8))
            + data[end:]
        )
    return data


@pytest.fixture(scope="module")
def way() -> Way:
    return Way()


@given(data=patched())
@examples(300)
def test_patched_messages_raise_nothing_but_our_errors(way: Way, data: bytes) -> None:
    assert way.go(data) is None


def test_a_mutated_signed_message_is_refused_or_says_what_was_signed() -> None:
    """Whatever is done to a signed message, the verifier never gives out another content than that
    which was signed.
    """
    whole = Forge().bytes()
    guard = Verifier(VTN.fingerprint, ReplayGuard(60))
    signed = etree.tostring(guard.verify(parsing.parse(whole, verbatim=True), now()), method="c14n")
    mutator, accepted = Mutator([whole], random.Random(11)), 0
    for _ in range(3000 if SECONDS > 10 else 1000):
        data = mutator.message()
        try:
            found = Verifier(VTN.fingerprint, ReplayGuard(60)).verify(
                parsing.parse(data, verbatim=True), now()
            )
        except VenError:
            continue
        accepted += 1
        assert ven_id_of(found) == "ven-7" and etree.tostring(found, method="c14n") == signed, data
    assert accepted > 0  # white space between elements of KeyInfo, say, is nobody's loss
