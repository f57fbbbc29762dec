"""What other rooms use of the inventory: `matching(session, Question(model="Dell Wyse 5070"))`, and what there is."""

from fleet_server.inventory.asking import FACETS, Question, counts, matching, models_of

__all__ = ["FACETS", "Question", "counts", "matching", "models_of"]
