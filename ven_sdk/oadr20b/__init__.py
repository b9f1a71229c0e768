"""The profile OpenADR 2.0b over simple HTTP: all that only this version of the standard needs.

Its payloads (``schema``), their XML (``codec``), their signatures (``security``), the exchange of
one message (``exchange``), and what messages mean (``services``). Nothing but the list of profiles
imports from here.
"""
