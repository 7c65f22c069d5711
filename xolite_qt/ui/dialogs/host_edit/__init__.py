"""Forms about a host's own settings."""
