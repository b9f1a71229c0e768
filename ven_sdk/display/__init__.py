"""What records look like to a person: HTML tables for notebooks, and pictures. Pure presentation."""  # noqa: E501
