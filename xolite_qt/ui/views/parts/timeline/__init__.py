"""The time line of an object."""
