"""Where things happen: threads, timers, transactions, and the conversation with the VTN.

::

    runtime          the threads that VENs share     scheduler, workers, clock, clock_steps
    engine           the lifecycle of one VEN        lifecycle, signals, last_reference, same_vens
    transactions     its facts, and their changes    facts, persistence, timers, calls, tickets,
                                                     changes, clock_offset
    conversation     what is sent, and what follows  a folder of its own
    blocking_calls   a call that waits for its answer
    status, health   what is shown of all that       troubles, rates

**The theory of each** stands at the top of its module: ``scheduler`` (when a timer fires),
``workers`` (who runs what), ``transactions`` (what is one step, what may happen in between),
``conversation`` (which message is next). What they have in common:

*Threads.* The scheduler's thread starts what is due and does nothing itself. Everything else of a
VEN runs on the pools, keyed so that what belongs together keeps its order, or on the thread of a
caller: the user's, or that of a listener for push. No thread belongs to a VEN: thousands share one
``Runtime``.

*Locks.* The outermost is that of a VEN's transactions. Under it those of its conversation, of the
scheduler, of the pools and of waiters may be taken, for moments, and never the other way round. No
user code, no lxml and no exchange runs under any of them; the store's commit does, under the first.
Two VENs never wait for each other's.

*Time.* Waiting is monotonic. What belongs to a moment of the wall clock is looked at again when
that was set.
"""
