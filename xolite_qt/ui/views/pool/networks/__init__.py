"""The pool's networks: the table, its details, and what may be done with them."""
