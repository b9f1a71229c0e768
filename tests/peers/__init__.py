"""Foreign VTNs that tests talk to, each in a process of its own."""
