"""`balise terminal command|commands|batch|cancel|again|purge`: orders from the command line of the server."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from fleet_server.reach import refuse, settings_of
from fleet_server.terminals.words import ORDERS

DataDir = Annotated[Path | None, typer.Option(help="Dossier du serveur (sinon BALISE_DATA_DIR)")]
TerminalIds = Annotated[list[str], typer.Argument(help="Identifiants : b-k7m2xq4z (balise terminal list)")]
CommandId = Annotated[str, typer.Argument(help="Identifiant de la commande (balise terminal commands), ou du lot")]
BatchId = Annotated[str, typer.Argument(help="Identifiant du lot, dit quand il est donné")]


def command(
    terminal: Annotated[str, typer.Argument(help="Identifiant : b-k7m2xq4z (balise terminal list)")],
    order: Annotated[str, typer.Argument(help=f"L’ordre : {', '.join(ORDERS)}")],
    also: Annotated[list[str] | None, typer.Option(help="Une autre borne ; plusieurs possibles")] = None,
    text: Annotated[str | None, typer.Option(help="Le message, 200 signes au plus")] = None,
    percent: Annotated[int | None, typer.Option(help="Le volume ou la luminosité")] = None,
    seconds: Annotated[int | None, typer.Option(help="La durée à l’écran")] = None,
    minutes: Annotated[int | None, typer.Option(help="La durée de la maintenance")] = None,
    on: Annotated[bool | None, typer.Option("--on/--off", help="Maintenance : mettre, ou lever")] = None,
    touch: Annotated[int | None, typer.Option(help="Banc : secondes pour toucher la grille, 0 sans personne")] = None,
    kib: Annotated[int | None, typer.Option(help="Journaux : Kio au plus, les plus récents")] = None,
    force: Annotated[bool, typer.Option("--force", help="Sans attendre la fin de la visite")] = False,
    wait: Annotated[int, typer.Option(help="Minutes pendant lesquelles elle attend une borne absente")] = 60,
    key: Annotated[str, typer.Option(help="Répétée avec la même clé, elle n’est donnée qu’une fois")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Dit ce qui se passerait, sans rien donner")] = False,
    data_dir: DataDir = None,
) -> None:
    """Met une commande en file ; le serveur qui tourne l’envoie quand la borne est là."""
    from fleet_server.db import transaction
    from fleet_server.offline import offline
    from fleet_server.terminals.batches import AnotherAsked, aims, give_many
    from fleet_server.terminals.foreseen import foresee, sentence
    from fleet_server.terminals.order_forms import refused_option
    from fleet_server.terminals.registry import UnknownTerminal, get_terminal, names
    from wire.command import orders

    options: dict[str, Any] = {"text": text, "percent": percent, "seconds": seconds, "minutes": minutes, "on": on,
                               "touch_s": touch, "kib": kib, "force": force or None}  # fmt: skip
    given = {name: value for name, value in options.items() if value is not None}
    if why := refused_option(order, given):
        refuse(why)
    if not 1 <= wait <= 7 * 24 * 60:
        refuse("« --wait » va de 1 minute à 7 jours (10080).")
    asked, lifetime = {"kind": order} | given, timedelta(minutes=wait)
    try:
        with offline(settings_of(data_dir)) as ctx, transaction(ctx.engine) as session:
            terminals = [get_terminal(session, one) for one in dict.fromkeys([terminal, *(also or [])])]
            if dry_run:
                whole = orders.validate_python(asked).model_dump(mode="json")
                foreseen = foresee(whole, aims(session, terminals, ctx.now()))
                typer.echo(sentence(foreseen, ctx.now() + lifetime, ctx.now()))
                return
            done = give_many(session, ctx, terminals, asked, None, lifetime, key)
            ids = {one.id: one.terminal for one in done.commands}
            called = names(session)
    except UnknownTerminal as error:
        refuse(f"Aucune borne « {error} ». Leur liste : balise terminal list.")
    except AnotherAsked as error:
        refuse(str(error))
    for skipped, why in done.batch.skipped.items():
        typer.echo(f"{called[skipped]} : rien n’est demandé, {why}.", err=True)
    if done.repeated:
        typer.echo("Déjà donnée par cette clé : rien de plus.")
    for command_id, to in ids.items():
        typer.echo(f"Commande {command_id} en file pour {to}.")
    if not ids:
        raise typer.Exit(1)
    if len(ids) > 1:
        typer.echo(f"Lot {done.batch.id}.")


def commands(
    terminal: Annotated[str, typer.Argument(help="Identifiant de la borne ; vide : toutes")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Une ligne JSON par commande, avec son résultat")] = False,
    data_dir: DataDir = None,
) -> None:
    """Montre les 50 dernières commandes : rang dans la file, état, raison."""
    from sqlmodel import select

    from fleet_server.db import reading
    from fleet_server.offline import offline
    from fleet_server.terminals.command_api import views
    from fleet_server.terminals.commands import NEWEST_FIRST
    from fleet_server.terminals.models import TerminalCommand
    from fleet_server.terminals.reasons import reason_words
    from fleet_server.terminals.words import order_words
    from fleet_server.web.vocabulary import state_of

    with offline(settings_of(data_dir)) as ctx, reading(ctx.engine) as session:
        query = select(TerminalCommand).order_by(*NEWEST_FIRST)
        query = query.where(TerminalCommand.terminal == terminal) if terminal else query
        for one in views(session, session.exec(query.limit(50))):
            if as_json:
                typer.echo(json.dumps(one.model_dump(mode="json"), ensure_ascii=False))
                continue
            place = f"n° {one.position} " if one.position else ""
            state = state_of("command", str(one.state)).word
            said = f" ({reason_words(one.reason)})" if one.reason else ""
            typer.echo(f"{one.id}  {one.terminal:12} {place}{state}{said} · {order_words(one.order)}")


def batch(batch_id: BatchId, data_dir: DataDir = None) -> None:
    """Montre où en est un lot : combien dans chaque état, puis chaque borne."""
    from collections import Counter

    from sqlmodel import col, select

    from fleet_server.db import reading
    from fleet_server.offline import offline
    from fleet_server.terminals.models import CommandBatch, TerminalCommand
    from fleet_server.terminals.reasons import reason_words
    from fleet_server.terminals.registry import names
    from fleet_server.terminals.words import order_words
    from fleet_server.web.vocabulary import state_of

    with offline(settings_of(data_dir)) as ctx, reading(ctx.engine) as session:
        found = session.get(CommandBatch, batch_id)
        if found is None:
            refuse(f"Aucun lot « {batch_id} ».")
        query = select(TerminalCommand).where(TerminalCommand.bulk == found.id)
        rows, called = session.exec(query.order_by(col(TerminalCommand.terminal))).all(), names(session)
        counts = Counter(state_of("command", one.state).word.lower() for one in rows)
        typer.echo(f"{order_words(found.order)} : {', '.join(f'{n} {word}' for word, n in counts.items()) or 'rien'}.")
        for one in rows:
            said = f" ({reason_words(one.reason)})" if one.reason else ""
            typer.echo(f"{one.terminal:12} {called[one.terminal]} : {state_of('command', one.state).word}{said}")
        for terminal, why in found.skipped.items():
            typer.echo(f"{terminal:12} {called[terminal]} : rien n’est demandé, {why}")


def bench(
    terminal: Annotated[str, typer.Argument(help="Identifiant : b-k7m2xq4z (balise terminal list)")],
    data_dir: DataDir = None,
) -> None:
    """Lit le dernier banc de mise en service d’une borne : une ligne par mesure, avec son avis."""
    from fleet_server.db import reading
    from fleet_server.offline import offline
    from fleet_server.terminals.bench_report import WORDS
    from fleet_server.terminals.benches import benches

    with offline(settings_of(data_dir)) as ctx, reading(ctx.engine) as session:
        found = benches(session, terminal, 1)
    if not found:
        refuse(f"{terminal} n’a pas encore passé le banc : balise terminal command {terminal} bench.run.")
    typer.echo(f"{found[0].at:%Y-%m-%d %H:%M} : {found[0].counted}.")
    for line in found[0].lines:
        typer.echo(f"{WORDS[line.verdict][2]:12} {line.what} : {line.said}{f' ({line.why})' if line.why else ''}")


def cancel(command_id: CommandId, data_dir: DataDir = None) -> None:
    """Annule une commande que la borne n’a pas commencée ; ou le reste d’un lot."""
    from fleet_server.db import transaction
    from fleet_server.offline import offline
    from fleet_server.terminals.batch_acts import cancel_rest
    from fleet_server.terminals.commands import cancel as call_off
    from fleet_server.terminals.foreseen import was_called_off
    from fleet_server.terminals.models import CommandBatch, TerminalCommand

    with offline(settings_of(data_dir)) as ctx, transaction(ctx.engine) as session:
        found = session.get(TerminalCommand, command_id) or session.get(CommandBatch, command_id)
        if found is None:
            refuse(f"Aucune commande « {command_id} ».")
        if isinstance(found, CommandBatch):
            gone = cancel_rest(session, ctx, found, None)
            typer.echo(was_called_off(gone.count - gone.count_asked, gone.count_asked))
            return
        if not call_off(session, ctx, found, None):
            refuse("Trop tard : la borne s’en occupe déjà, ou a répondu.")
        ended = found.state == "cancelled"
    typer.echo(f"Commande {command_id} annulée." if ended else "Annulation demandée : la borne va répondre.")


def again(command_id: CommandId, data_dir: DataDir = None) -> None:
    """Exécute à nouveau une commande terminée, ou un lot là où il a échoué, sous le numéro d’exécution suivant."""
    from fleet_server.db import transaction
    from fleet_server.offline import offline
    from fleet_server.terminals.batch_acts import again_where_failed
    from fleet_server.terminals.commands import TooMany
    from fleet_server.terminals.models import CommandBatch, TerminalCommand
    from fleet_server.terminals.queue import NotAgain
    from fleet_server.terminals.queue import again as once_more

    try:
        with offline(settings_of(data_dir)) as ctx, transaction(ctx.engine) as session:
            found = session.get(TerminalCommand, command_id) or session.get(CommandBatch, command_id)
            if found is None:
                refuse(f"Aucune commande « {command_id} ».")
            if isinstance(found, CommandBatch):
                done = again_where_failed(session, ctx, found, None)
                typer.echo(f"Relancées : {len(done.terminals)} ; laissées de côté : {len(done.skipped)}.")
                return
            execution = once_more(session, ctx, found, None).execution
    except NotAgain as error:
        refuse(str(error))
    except TooMany:
        refuse("Trop de commandes attendent déjà cette borne : balise terminal purge.")
    typer.echo(f"Commande {command_id} en file, exécution {execution}.")


def purge(terminals: TerminalIds, data_dir: DataDir = None) -> None:
    """Annule tout ce que ces bornes n’ont pas commencé."""
    from fleet_server.db import transaction
    from fleet_server.offline import offline
    from fleet_server.terminals.foreseen import was_called_off
    from fleet_server.terminals.queue import purge as call_off
    from fleet_server.terminals.registry import UnknownTerminal, get_terminal

    try:
        with offline(settings_of(data_dir)) as ctx, transaction(ctx.engine) as session:
            called = [call_off(session, ctx, get_terminal(session, one), None) for one in dict.fromkeys(terminals)]
    except UnknownTerminal as error:
        refuse(f"Aucune borne « {error} ». Leur liste : balise terminal list.")
    asked = sum(one.count_asked for one in called)
    typer.echo(was_called_off(sum(one.count for one in called) - asked, asked))


def install(app: typer.Typer) -> None:
    """Beside `balise terminal list|add|token`."""
    for act in (command, commands, batch, bench, cancel, again, purge):
        app.command(act.__name__)(act)
