"""What backupd does, as sentences that are held against it."""
