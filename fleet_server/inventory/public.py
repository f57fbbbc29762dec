"""What other rooms use of the inventory."""

from fleet_server.inventory.asking import models_of

__all__ = ["models_of"]
