"""``ven-sdk certify``: shows rule by rule what a VEN does, against a VTN that goes by the letter.

**The theory.** A *row* is one sentence about a VEN, a function that drives the VTN and judges what
came, and the rules that it shows. Rows do not know each other: each has a :class:`~.trial.Trial`
of its own, with a new ``LocalVTN(letter=True)`` and a VEN that is started for it, so that a VEN
that breaks one rule fails one row. The VEN comes from a *source* (:mod:`.sources`): a TOML file, a
client or function in a module, a script, or any program that is told where the VTN is.

*Time* (:mod:`.time_control`): with a VEN of ven_sdk one hand-moved clock is that of VEN and VTN. It
is moved only when the VEN has nothing left to do, to the next moment for which anybody waits, so
that intervals are measured exactly and minutes take milliseconds. Otherwise time is the machine's,
and measured intervals are off by the way to the VTN.

*Judging*: what is wrong with a message by itself is found by the VTN (``testing.vtn.letter``); a
row asks for the violations of its rules. What has to happen, or must not, is waited for by the row.
Nothing is judged by the VEN's own state where a message can show it.

A row ends as *shown*, *not shown* (what was seen, what to do), *declared* (the author's word is
needed) or *skipped* (what is missing). Everything runs on the main thread, but for calls that
block until the VEN has talked to the VTN: those have a thread while time passes.
"""
