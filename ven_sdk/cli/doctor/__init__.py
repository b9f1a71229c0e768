"""The command ``ven-sdk doctor``: which link on the way to a VTN fails, and what to do about it."""
