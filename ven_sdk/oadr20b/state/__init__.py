"""What a VEN remembers because its protocol is 2.0b: rows, and the book that has them."""
