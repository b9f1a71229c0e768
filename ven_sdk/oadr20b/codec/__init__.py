"""How records become XML and XML becomes records. What there is to read and write is declared in
:mod:`ven_sdk.schema`.

``gate`` admits bytes, ``envelope`` wraps payloads, ``reader`` and ``writer`` do the work, both
compiled from the declarations at first use. Everything here is functions of values, safe to call
from any thread.
"""
