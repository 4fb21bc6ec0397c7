"""A class of forty at one server, and all that can go wrong: `python -m benchmarks.classroom`.

bars.py has the rows of the table, what each of them must be and what it should be; parts.py says
which function measures which rows. Each part runs in a process of its own, which is ended when its
time is over (`command`): one that hangs leaves its rows empty, and the others go on.
"""
