"""A group of commands that loads each of them when it is asked for; `--help` reads a table, so that it stays quick."""

from __future__ import annotations

import importlib
import keyword
from typing import Any, List, Mapping, Optional, Tuple

import click


class LazyGroup(click.Group):
    """Commands by name, in a table: the module of a package that holds each, and the first line of its help."""

    def __init__(self, *args: Any, commands_in: str = "", table: Mapping[str, Tuple[str, str]], **more: Any) -> None:
        super().__init__(*args, **more)
        self._package, self._table = commands_in, table

    def parse_args(self, ctx: click.Context, args: List[str]) -> List[str]:
        if not args:
            # click 8.2 made an error of this, whose message is the whole help.
            click.echo(ctx.get_help())
            ctx.exit()
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> List[str]:
        return list(self._table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> Optional[click.Command]:
        if cmd_name not in self._table:
            return None
        module = importlib.import_module(f"{self._package}.{self._table[cmd_name][0]}")
        # A name that Python keeps for itself, such as `import`, has an underscore behind it there.
        word = f"{cmd_name}_" if keyword.iskeyword(cmd_name) else cmd_name
        command: click.Command = getattr(module, word)
        return command

    def resolve_command(self, ctx: click.Context, args: List[str]) -> Any:
        if args and args[0] not in self._table and not args[0].startswith("-"):
            from difflib import get_close_matches

            close = get_close_matches(args[0], self._table, n=1)
            hint = f'did you mean "{close[0]}"?' if close else f"there are: {', '.join(self._table)}"
            ctx.fail(f'there is no command "{args[0]}"; {hint}')
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in self._table.items()])
