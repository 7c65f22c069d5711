"""What the simulated host does when it is told to; every module here is imported by the host."""
