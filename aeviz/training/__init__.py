"""How a model comes to be: the loop, the runs, the worker."""
