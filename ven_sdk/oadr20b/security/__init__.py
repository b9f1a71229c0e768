"""XML signatures out and in, and the memory against replays. Knows XML, not records."""
