"""The pool's System tab, and the live fields that hosts' pages share with it."""
