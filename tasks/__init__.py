"""What is done with a checkout, on any system: ``python -m tasks`` lists it, ``make NAME`` is ``python -m tasks NAME``.

Nothing but Python is needed; the environment with all packages is made in ``.venv`` by the first task that needs it. A
task is a function in `tasks.all` with `task` above it: its name and the first line of its docstring are what is listed.
"""
