"""Text as the user wrote it: instruction lines, [marked words], spans of the prompts."""
