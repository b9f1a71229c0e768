"""What messages mean: pure functions of the book, a message and the time, one module a service of
the standard.

Nothing here imports lxml, requests or threading, keeps state of its own or asks a clock.
"""
