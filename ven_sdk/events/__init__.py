"""The timeline of an event: when it starts, which interval rules, which handler is due. No protocol."""  # noqa: E501
