"""The payloads of OpenADR 2.0b, each element described once; see :mod:`ven_sdk.schema` for the
language of the descriptions.
"""
