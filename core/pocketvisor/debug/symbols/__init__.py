"""Names, source lines and types of what is in a guest's memory."""
