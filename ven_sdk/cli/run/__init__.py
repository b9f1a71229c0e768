"""The command ``ven-sdk run``: a VEN from a TOML file and variables, as a service runs it."""
