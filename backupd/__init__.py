"""backupd archives Zoho CRM backups before their links die: verified, recorded, and told.

The map, in reading order. Imports go down only, towards `core`; what stands on one line does not know its neighbours.

- `cycle` — WHAT: one cycle for one org, top to bottom. Start here
- `job` — one job: every file of it into staging, then the one step that publishes it
- `watch` — after a cycle: what is wrong for longer than a moment, and whether a run got lost
- `bell` — alarms: told at once, again at most daily, and when they clear
- `history` — the vendor's history, kept for good and compared with the archive
- `deadlines` — tells when the links of a job that is not complete are about to die
- `core` — the rules: pure values and functions; `core.plan` decides, `core.ports` says what a cycle needs
- `zoho` — the vendor: five calls, tokens, their JSON into our words, the hosts that may be asked
- `download` — bytes from a link into staging: resume, ranges, retry, the pace of all downloads together
- `verify` — is this zip whole? structure, every CRC, sha256; off the event loop
- `archive` — staging, the rename that publishes, reading back, the lock
- `journal` — the append-only facts of an org, hash-chained
- `catalog` — the SQLite index over manifests and journals
- `survey` — how things stand: gathered for `status`, the page and the metrics, judged by `core.overview`
- `upkeep` — what becomes of snapshots later: read again, kept or dropped by rule, held
- `service` — WHEN: the scheduler, signals, reloading, stopping
- `web` — the page, /healthz and /metrics
- `notify` — tells others how the service is: systemd, the state file
- `telemetry` — the log, and no secret in it; metrics; how polls go
- `clock` — the real time
- `tls` — whom connections trust; what OpenSSL reads of the environment
- `settings` — the only reader of environment, files and secrets
- `app` — WIRING: settings into objects; the only module that knows every part
- `cli` — the commands; an error becomes one line and an exit status
- `simulator` — the vendor on loopback, for tests, the demo and trials
"""

__version__ = "0.1.0"
