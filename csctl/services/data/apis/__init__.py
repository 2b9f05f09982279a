"""Import from the APIs of other systems. They are only read."""

from csctl.services.data.apis.intake import ApiJob
from csctl.services.data.apis.run import run

__all__ = ["ApiJob", "run"]
