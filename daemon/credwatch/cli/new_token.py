"""How every command that makes a token shows it: once, with the line that takes its hash."""

from __future__ import annotations

from credwatch.cli.output import print_json, say


def show_new_token(owner: str, name: str, key: str, as_json: bool) -> None:
    """Make a token of the name and print it; `owner` says in JSON whose it is, `key` is the setting for its hash."""
    from credwatch.sources.push.tokens import new_token

    token, hashed = new_token(name)
    if as_json:
        print_json({owner: name, "token": token.reveal(), "hash": hashed})
    else:
        say(f"{'token':<{len(key)}}  {token.reveal()}")
        say(f'{key} = ["{hashed}"]')
