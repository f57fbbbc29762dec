"""`balise account add|list`: accounts from the server's own command line."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False, help="Les comptes du back-office.", no_args_is_help=True)


@app.command()
def add(
    login: Annotated[str, typer.Argument(help="Identifiant : maelle.riou")],
    name: Annotated[str, typer.Option(help="Nom tel que les collègues le liront")],
    role: Annotated[list[str], typer.Option(help="operator, counsellor ou admin ; plusieurs possibles")],
    with_password: Annotated[bool, typer.Option(help="Un mot de passe aléatoire au lieu d’un lien")] = False,
    data_dir: Annotated[Path | None, typer.Option(help="Dossier du serveur (sinon BALISE_DATA_DIR)")] = None,
) -> None:
    """Crée un compte et affiche, une seule fois, son lien d’invitation (ou son mot de passe)."""
    from datetime import UTC, datetime

    from fleet_server.access.accounts import AccountRefused, create_account, create_account_with_password
    from fleet_server.db import connect, transaction
    from fleet_server.settings import read_settings

    settings = read_settings(**({"data_dir": data_dir} if data_dir else {}))
    now = datetime.now(UTC)
    try:
        with transaction(connect(settings.database_url)) as session:
            if with_password:
                said = f"mot de passe : {create_account_with_password(session, login, name, role, now)}"
            else:
                said = f"{settings.url}/invitation/{create_account(session, login, name, role, now)}"
    except AccountRefused as refused:
        typer.echo(str(refused), err=True)
        raise typer.Exit(1) from refused
    typer.echo(f"Compte {login} créé. À transmettre, montré une seule fois :\n  {said}")


@app.command("list")
def list_accounts(
    data_dir: Annotated[Path | None, typer.Option(help="Dossier du serveur (sinon BALISE_DATA_DIR)")] = None,
) -> None:
    """Montre les comptes, leurs rôles et leur état."""
    from datetime import UTC, datetime

    from sqlmodel import select

    from fleet_server.access.models import Account
    from fleet_server.db import connect, reading
    from fleet_server.settings import read_settings

    settings = read_settings(**({"data_dir": data_dir} if data_dir else {}))
    with reading(connect(settings.database_url)) as session:
        for account in session.exec(select(Account).order_by(Account.login)):
            typer.echo(f"{account.login:24} {account.roles:28} {account.state(datetime.now(UTC)):8} {account.name}")
