"""Trust: certificates and keys, TLS settings, XML signatures out and in, and the memory against
replays.

Knows XML signatures, not records, and opens no connection.
"""
