"""The command ``ven-sdk init``: the files of a VEN to begin with."""
