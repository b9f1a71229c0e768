"""What records look like to a person: tables for notebooks, and pictures. Presentation only."""
