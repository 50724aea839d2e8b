"""``sandbox image build | sbom``: what runs in containers, and what is in it."""

from __future__ import annotations

import click

from sandbox.hub import images
from sandbox.hub.recipes import NAMES, recipe


@click.group()
def image() -> None:
    """Make the images of notebooks and of the sandbox's own processes, and list what they hold."""


@image.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
@click.option(
    "--base",
    default="",
    help="Image of a registry to build on, NAME@sha256:...; otherwise Debian's packages.",
)
@click.option("--anew", is_flag=True, help="Also what is there, without what Docker kept of earlier builds.")
def build(*, names: tuple[str, ...], base: str, anew: bool) -> None:
    """Build images where they are missing, each without a network; all of them where none is named."""
    for name in names or NAMES:
        images.make_image(name, base=base, anew=anew, say=click.echo)


@image.command()
@click.argument("names", nargs=-1, type=click.Choice(NAMES))
def tags(names: tuple[str, ...]) -> None:
    """Print the name and tag that each image of the present files has, as NAME=IMAGE for an .env file."""
    for name in names or NAMES:
        click.echo(f"SANDBOX_{name.upper()}_IMAGE={recipe(name).image}")


@image.command()
@click.argument("name", type=click.Choice(NAMES))
def sbom(name: str) -> None:
    """Print the bill of materials (CycloneDX JSON) that an image carries."""
    click.echo(images.bill_in(name), nl=False)


commands: tuple[click.Command, ...] = (image,)
