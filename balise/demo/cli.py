"""`balise demo`"""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(add_completion=False)


@app.command()
def demo(
    port: Annotated[int, typer.Option(envvar="PORT", help="Port du back-office")] = 8080,
    demo_dir: Annotated[Path, typer.Option(envvar="DEMO_DIR", help="Où tout est gardé")] = Path("var/demo"),
    visits: Annotated[bool, typer.Option("--visits", envvar="VISITS", help="Des visites simulées")] = False,
) -> None:
    """La flotte de démonstration : le serveur, sept bornes dans cinq départements, le back-office.

    HEADLESS=1 : sans fenêtre de borne, les adresses de leurs pages à la place.
    """
    from balise.demo.folder import Folder
    from balise.demo.refusal import Refused
    from balise.demo.run import Demo, Stopped, stop_on_signals
    from balise.demo.saying import Saying

    running = Demo(Folder(demo_dir.expanduser()), port, visits, Saying())
    stop_on_signals(running)
    try:
        running.run()
    except Refused as refused:
        typer.echo(f"\n{refused}", err=True)
        raise typer.Exit(1) from None
    except Stopped:
        raise typer.Exit(130) from None
