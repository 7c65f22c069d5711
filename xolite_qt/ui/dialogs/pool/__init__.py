"""Forms about the pool, and the form that hosts' forms share with it."""
