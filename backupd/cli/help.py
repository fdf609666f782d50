"""What `backupd --help` prints. A constant, so that it costs no import; a test holds it against `commands`."""

USAGE = "backupd [COMMAND] [OPTIONS]"

SUMMARY = """\
backupd archives Zoho CRM backups before their links die: verified, recorded,
and told. Without a command it is the daemon, in the foreground."""

EPILOGUE = """\
Exit status:
  0 done, nothing new included   1 a job could not be archived in full
  2 wrong usage                  3 damage or a gap was found
  69 vendor unreachable          73 archive full or failing
  75 try again later             77 access refused
  78 configuration               130 interrupted

Try `backupd demo` first: it needs no account and no settings."""

TEXT = f"""\
Usage: {USAGE}

{SUMMARY}

Commands:
  demo             See the whole job done, against a built-in vendor.
  simulate         Run the built-in vendor alone.
  status           Say whether each org is safe, and what is under way.
  list             List the snapshots, newest first.
  show             Show one snapshot: its files, checksums and times.
  verify           Read snapshots again: are they intact and complete?
  reconcile        Compare the vendor's history with the archive.
  alarms           List what is wrong, or acknowledge it.
  prune            Drop the snapshots that no rule keeps, or say which.
  hold             Keep a snapshot whatever the rules say.
  check            Examine settings, archive and credentials.
  schedule         Show, create or cancel the vendor's schedule.
  authorize        Turn a self-client code into a refresh token.
  rebuild-catalog  Make the catalog anew from manifests and journals.
  completion       Print the completion script of a shell.

Options:
  --run-once     Run one cycle for every org, then exit: for cron.
  --org NAME     With --run-once: only this org.
  --config FILE  Read the settings from this file (or set BACKUPD_CONFIG;
                 default: /etc/backupd/backupd.toml, if it exists).
  --quiet        Say nothing but failures.
  --version      Print the version.
  --help, -h     Print this text, or a command's own.

{EPILOGUE}
"""
