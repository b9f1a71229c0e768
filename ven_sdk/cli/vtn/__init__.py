"""The command ``ven-sdk vtn``: the test VTN with a page in the browser."""
