"""The test VTN in parts: what it knows, what it answers, its HTTP server and its faults.

``local_vtn`` puts them together; ``core`` is the one place that changes what the VTN knows.
"""
