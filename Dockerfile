# The daemon in a container: without root, and content with --read-only --tmpfs /tmp --cap-drop=ALL --security-opt no-new-privileges.
# The archive is the volume /var/lib/backupd. Settings come from BACKUPD_* variables or a file mounted at
# /etc/backupd/backupd.toml, secrets from files in /run/secrets. config/compose.yaml shows it all.
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
RUN python3 -m venv --without-pip /opt/backupd && python3 -m venv /opt/build
COPY requirements/notify.txt requirements/build.txt requirements/
# Where pip needs settings or certificates of its own, they come as build secrets (`pipconf`, `ca`) and stay out of the image.
RUN --mount=type=secret,id=pipconf,target=/etc/pip.conf --mount=type=secret,id=ca \
    /opt/build/bin/pip --python /opt/backupd install --quiet --require-hashes --only-binary :all: -r requirements/notify.txt \
    && /opt/build/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements/build.txt
COPY pyproject.toml ./
COPY backupd backupd
RUN /opt/build/bin/pip wheel --quiet --no-index --no-deps --no-build-isolation --wheel-dir dist . \
    && /opt/build/bin/pip --python /opt/backupd install --quiet --no-index --no-deps dist/*.whl

FROM ${BASE_IMAGE}
# The numbers are fixed, so that the owner of a folder or a secret is known beforehand.
RUN groupadd --gid 10001 backupd \
    && useradd --uid 10001 --gid backupd --home-dir /var/lib/backupd --no-create-home --shell /usr/sbin/nologin backupd \
    && install --directory --owner=backupd --group=backupd --mode=0750 /var/lib/backupd
COPY --from=build /opt/backupd /opt/backupd
ENV PATH=/opt/backupd/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
VOLUME /var/lib/backupd
STOPSIGNAL SIGTERM
# As /healthz: whether every organisation is safe, not whether a process exists. A new archive may take its time.
HEALTHCHECK --interval=2m --timeout=1m --start-period=30m --retries=2 CMD ["backupd", "--quiet", "status", "--check"]
ENTRYPOINT ["backupd"]
ARG VERSION
ARG REVISION
ARG SOURCE
LABEL org.opencontainers.image.title="backupd" \
    org.opencontainers.image.description="Archives Zoho CRM data backups before their links die" \
    org.opencontainers.image.version="${VERSION}" \
    org.opencontainers.image.revision="${REVISION}" \
    org.opencontainers.image.source="${SOURCE}"
