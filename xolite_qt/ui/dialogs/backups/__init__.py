"""The dialogs of backups: jobs, repositories, runs, restores, and NBD per network."""
