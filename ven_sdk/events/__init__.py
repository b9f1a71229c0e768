"""The timeline of an event: its start, the interval that rules, the handler that is due. No
protocol.
"""
