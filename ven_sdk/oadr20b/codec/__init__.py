"""How records become XML and XML becomes records. What there is to read and write is declared in
:mod:`ven_sdk.schema` and :mod:`ven_sdk.oadr20b.schema`.

Begin with ``plan`` (how a declaration lies in XML), ``plain_reader`` with ``lexical`` (what texts
mean), and ``plain_writer``: they define what is read and written. ``reader`` and ``writer`` choose
between them and ``compiled``, which does the same faster. ``irregular``, ``contents`` and
``mixed_content`` are about elements that are no fixed list of children, ``complete`` fills in what
messages leave to be derived. ``parsing`` reads bytes, ``envelope`` wraps payloads. Everything here
is functions of values, safe to call from any thread.
"""
