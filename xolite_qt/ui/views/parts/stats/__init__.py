"""Charts of everything that hosts measure."""
