"""What an administrator should look at, with its remedies."""
