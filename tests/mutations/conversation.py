"""Mutations for rules about registration (R), polls (P), trust (L, S) and reading (G)."""

from __future__ import annotations

from tests.mutations import Mutation

REGISTRATION = "oadr20b/services/registration/test_registration.py"
ENDING = "security/test_certificates_that_end.py"
VARIANTS = "oadr20b/codec/test_variants.py"
BACKOFF = "transport/test_backoff.py"
UNPINNED = "oadr20b/test_trust_without_a_fingerprint.py"

TABLE = (
    Mutation(
        "R11",
        "oadr20b.services.registration.cancellation.end_registration",
        "ven_id=book.settings.ven_id,",
        "ven_id=book.registration.ven_id,",
        f"{REGISTRATION}::test_R11_after_a_cancellation_nothing_of_the_other_side_is_known",
    ),
    Mutation(
        "R11",
        "oadr20b.services.registration.cancellation.end_registration",
        'Change("offers", "", ())',
        'Change("offers", "", book.offers)',
        f"{REGISTRATION}::test_R11_after_a_cancellation_nothing_of_the_other_side_is_known",
    ),
    Mutation(
        "P5",
        "runtime.conversation.polling.Polling._spread",
        'if jitter == "later":',
        'if jitter == "never":',
        "runtime/test_polling.py::"
        "test_p5_jitter_varies_the_interval_and_only_lengthens_it_where_that_is_wanted",
    ),
    Mutation(
        "P4",
        "runtime.conversation.Conversation._take",
        "if wait > 0:",
        "if True:",
        "durability/test_held_poll.py::"
        "test_a_poll_that_is_held_back_ends_as_soon_as_the_answer_is_decided",
    ),
    Mutation(
        "P4",
        "runtime.conversation.Conversation._run",
        "if task.poll and at is not None:",
        "if False:",
        "durability/test_held_poll.py::"
        "test_an_answer_that_was_refused_before_the_poll_began_goes_out_beside_it",
    ),
    Mutation(
        "L3",
        "security.credentials._check_length",
        "key.key_size < least",
        "key.key_size < 100",
        "security/test_credentials.py::test_l3_a_key_that_is_too_short_is_refused",
    ),
    Mutation(
        "L10",
        "security.validity.Warnings.take",
        "self._told.add((end.fingerprint, step))",
        "self._told.add((end.fingerprint, None))",
        f"{ENDING}::test_a_certificate_is_warned_of_once_for_each_step",
    ),
    Mutation(
        "L10",
        "transport.identity.Identity.check_validity",
        "if shown is not None and now > shown.ends:",
        "if False:",
        f"{ENDING}::test_connections_are_made_anew_when_the_certificate_of_the_peer_has_ended",
    ),
    Mutation(
        "L10",
        "oadr20b.exchange.Exchange._check_validity",
        "self._identity.check_validity(self._now())",
        "pass",
        f"{ENDING}::test_a_client_warns_tells_and_stops_sending_when_its_certificate_has_ended",
    ),
    Mutation(
        "S5",
        "oadr20b.security.verification.verify_unpinned",
        "if anchors:",
        "if False:",
        f"{ENDING}::test_a_message_is_believed_where_the_ca_file_vouches_for_its_certificate",
    ),
    Mutation(
        "S5",
        "security.validity._has_issued",
        "if not found.ca:",
        "if False:",
        f"{ENDING}::test_a_chain_is_followed_to_the_ca_file",
    ),
    Mutation(
        "T44",
        "schema.common.device_class",
        "if mrid not in DEVICE_CLASSES and",
        "if not mrid and",
        "oadr20b/services/reports/test_catalogue.py::test_t44_another_device_class_is_refused_with_the_list",
    ),
    Mutation(
        "G5",
        "oadr20b.codec.plain_reader._Reading.child",
        "is_absent = declaration.optional and contents.is_empty(element)",
        "is_absent = False",
        f"{VARIANTS}::test_what_is_empty_is_absent_and_nothing_is_lost",
    ),
    Mutation(
        "E8",
        "oadr20b.codec.irregular._only",
        "len({canonical_form(one) for one in found}) == 1",
        "len(found) == 1",
        f"{VARIANTS}::test_a_cancellation_is_one_whatever_else_is_wrong",
    ),
    Mutation(
        "H6",
        "transport.backoff.Backoff.next",
        "return ceiling * (0.9 + 0.2 * self._random())",
        "return ceiling * (0.5 + 0.5 * self._random())",
        f"{BACKOFF}::test_strict_waits_are_the_doubling_within_a_tenth",
    ),
    Mutation(
        "H6",
        "transport.backoff.Backoff.next",
        "return ceiling * (0.5 + 0.5 * self._random())",
        "return ceiling * self._random()",
        f"{BACKOFF}::test_a_wait_is_at_least_half_its_ceiling_and_the_thousandth_at_most_the_cap",
    ),
    Mutation(
        "H5",
        "runtime.conversation.failures.Failures.fail_kind",
        "not self._strict and not _is_forbidden_again(error)",
        "not self._strict",
        "durability/test_failures_table.py::test_a_failure_waits_as_the_table_says",
    ),
    Mutation(
        "H7",
        "client_lifecycle.ClientLifecycle._announce",
        "if self.settings.timeout < SHORTEST_TIMEOUT:",
        "if False:",
        "client/test_lifecycle.py::test_h7_a_timeout_of_less_than_5_s_is_taken_with_a_warning",
    ),
    Mutation(
        "S11",
        "oadr20b.exchange.Exchange._read",
        "elif may_be_signed and envelope.is_signed(root):",
        "elif False:",
        f"{UNPINNED}::test_a_broken_signature_is_never_obeyed",
    ),
    Mutation(
        "S11",
        "oadr20b.exchange.Exchange._read",
        "elif self._strict and self._identity.signs:",
        "elif False:",
        f"{UNPINNED}::test_an_unsigned_message_is_refused_only_by_a_strict_ven_that_signs",
    ),
)
