"""What becomes of snapshots after their day: audited, read again, kept or dropped by rule, held."""

from backupd.upkeep.caretaker import Caretaker
from backupd.upkeep.chores import Chore, doing
from backupd.upkeep.terms import Terms, terms_of

__all__ = ["Caretaker", "Chore", "Terms", "doing", "terms_of"]
