"""The timeline of an event, whatever protocol brought it.

::

    timing       when things happen             runs         begin, intervals, end, leads
    calls        handler calls of an event      clock_steps  the wall clock was set back
    versions     a new version, a cancellation  execution    what is due, returns, the next timer
    queries      what rules now and what comes

Pure functions of rows and a time. Nothing here knows a protocol.
"""
