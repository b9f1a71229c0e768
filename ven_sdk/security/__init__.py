"""Trust, for every profile: certificates, keys and their fingerprints, TLS settings, and when
certificates end.

Signatures of messages are their profile's. Opens no connection.
"""
