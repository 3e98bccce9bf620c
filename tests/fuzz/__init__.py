"""Inputs that nobody would write, by the hundred thousand: each is refused by a sentence, or answered and checked.

well_formed  what an input of each kind looks like       spoil   what is done to it
kinds        for each kind: what k2rel makes of it       held    what must hold of what it answers
watch        processes, their time and memory            __main__   ``python -m tests.fuzz``, which is `make fuzz`

An input is known by its kind and its number: ``python -m tests.fuzz sites --only 4711`` makes it again.
"""
