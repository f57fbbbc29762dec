"""Every table there is: importing this module is what fills `SQLModel.metadata`."""

import fleet_server.access.models
import fleet_server.certificates.models
import fleet_server.evaluation.models
import fleet_server.ingest.models
import fleet_server.inventory.models
import fleet_server.releases.models
import fleet_server.requests.models
import fleet_server.rollouts.models
import fleet_server.terminals.models
import fleet_server.terminals.upkeep.models  # noqa: F401
