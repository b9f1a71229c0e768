"""The records that all profiles share (events, targets, data points, units), and the language in
which records are declared: field by field, one place for each element.

A field carries its place in the XML of OpenADR 2.0b as well, by which :mod:`ven_sdk.oadr20b.codec`
reads and writes; other protocols need not look at it. The payloads of 2.0b are declared in
:mod:`ven_sdk.oadr20b.schema`. Nothing here knows XML libraries, networks or threads.
"""
