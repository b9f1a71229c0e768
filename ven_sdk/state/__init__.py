"""What a VEN remembers: the book of frozen records, and the stores that it survives in."""
