"""Verbs about what can be named: the levels and the designs, and a site file that begins as a copy of one."""

from __future__ import annotations

import argparse

from k2rel.cli.inputs import data_option, force_option, format_option
from k2rel.cli.printing import print_json, print_table, records, say

__all__: list[str] = []


def levels_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument(
        "--designs", action="store_true", help="the ready-made designs alone; JSON and CSV have one of the two"
    )
    data_option(sub)
    format_option(sub)


def levels_verb(args: argparse.Namespace) -> int:
    from k2rel.bundled import example_names
    from k2rel.measures.inventory import designs, levels

    if args.designs or args.format == "table":
        ready = designs()
    main = ready if args.designs else levels(args.data)
    if args.format == "json":
        print_json(records(main))
        return 0
    print_table(main)
    if args.format == "table" and not args.designs:
        print_table(ready[["title", "clients"]], "\nReady-made designs, which are named as levels are")
        folders: dict[str, list[str]] = {}
        for name in example_names():
            folder, _, file = name.rpartition("/")
            folders.setdefault(folder, []).append(file)
        say("\nExamples of what other commands read, found by these names from any folder")
        for folder, files in folders.items():
            say(f"{folder}/: {', '.join(files)}", hang=2)
        say("\nk2rel new FILE.yaml --like NAME starts a site file of your own from one of them.")
    return 0


def new_options(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("file", metavar="FILE.yaml", help="the site file to write")
    sub.add_argument(
        "--like", metavar="NAME", required=True, help="a level or a design (see 'k2rel levels'), or a site file"
    )
    sub.add_argument("--name", metavar="NAME", help="name of the site (default: that of the file)")
    sub.add_argument("--title", metavar="TEXT", help="its title (default: as it was)")
    force_option(sub)
    format_option(sub, csv=False)


def new_verb(args: argparse.Namespace) -> int:
    from k2rel.site.started import start

    files = start(args.file, args.like, name=args.name, title=args.title, force=args.force)
    if args.format == "json":
        print_json({"file": str(files[0]), "like": args.like, "beside": [str(file) for file in files[1:]]})
        return 0
    say(f"{files[0]}: written, like {args.like}")
    for file in files[1:]:
        say(f"{file}: copied, which it needs")
    say(f"change it, and see what it says: k2rel check {files[0]}")
    return 0
