"""What the messages of OpenADR 2.0b look like: records declared field by field, one place for each
element.

Nothing here knows XML libraries, networks or threads; :mod:`ven_sdk.oadr20b.codec` reads and writes
what is declared here.
"""
