"""The one place that names the version: setup.py reads it without importing the package. No thread,
no import.
"""

__version__ = "0.1.0"
