"""Puts sites into the store's table: ``sites.py FILE`` with one JSON object a line, as Site has it.

Members notice within seconds; sites that are in the table already are replaced.
"""

import os
import sys

from ven_sdk import Site, SiteTable

if __name__ == "__main__":
    with open(sys.argv[1], encoding="utf-8") as file, SiteTable(os.environ["VEN_STORE"]) as table:
        sites = [Site.from_json(line) for line in file if line.strip()]
        table.put(sites)
    print(f"{len(sites)} sites are in the table.")
