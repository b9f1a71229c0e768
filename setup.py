"""Everything about the distribution is in setup.cfg; only the version is read here, from the
package's own file.
"""

import runpy
from pathlib import Path

from setuptools import setup

VERSION_FILE = Path(__file__).resolve().parent / "ven_sdk" / "_version.py"

setup(version=runpy.run_path(str(VERSION_FILE))["__version__"])
