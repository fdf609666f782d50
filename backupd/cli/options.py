"""Options that several commands take, so that they read the same everywhere."""

from typing import Annotated

from cyclopts import Parameter

from backupd.cli.invocation import Invocation

Handed = Annotated[Invocation, Parameter(parse=False)]
Json = Annotated[bool, Parameter(name="--json", help="Answer with a JSON document; docs/json.md says what is in it.")]
Offline = Annotated[bool, Parameter(help="Do not ask the vendor; go by what was read before.")]
Org = Annotated[str | None, Parameter(metavar="NAME", help="Only this org.")]

SNAPSHOT = "its folder, its job id, the beginning of one, or `latest` or ORG/latest"
