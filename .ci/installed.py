"""What a user gets from the wheel: run by the Python of an environment that has it, away from the
source tree.
"""

from importlib import import_module, metadata
from importlib.resources import files
from pathlib import Path

import ven_sdk

assert Path(ven_sdk.__file__).resolve().parents[1].name == "site-packages", ven_sdk.__file__
assert metadata.version("ven_sdk") == ven_sdk.__version__
assert (files("ven_sdk") / "py.typed").is_file()
for module in ("ven_sdk", "ven_sdk.enums", "ven_sdk.objects", "ven_sdk.testing"):
    public = import_module(module)
    for name in public.__all__:
        getattr(public, name)
packed = {str(path) for path in metadata.files("ven_sdk") or ()}
assert {"ven_sdk/cli/vtn/page.html", "ven_sdk/cli/run/example.toml"} <= packed
assert not {path for path in packed if path.startswith(("tests/", "docs/"))}
assert {entry.name for entry in metadata.entry_points(group="pytest11")} >= {"ven_sdk"}
