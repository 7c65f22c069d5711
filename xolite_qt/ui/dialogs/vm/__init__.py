"""Forms about a VM as a whole: deleting, moving, copying, its settings."""
