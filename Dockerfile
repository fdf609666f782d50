# The daemon in a container: non-root, and happy with --read-only --cap-drop=ALL. The archive is the volume /var/lib/backupd.
# Settings come from BACKUPD_* variables or a file mounted at /etc/backupd/backupd.toml, secrets from /run/secrets.
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /src
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python3 -m venv --without-pip /opt/backupd && python3 -m venv /opt/build
COPY requirements/runtime.txt requirements/build.txt requirements/
# Where pip needs settings or certificates of its own, they come as build secrets and stay out of the image.
RUN --mount=type=secret,id=pipconf,target=/etc/pip.conf --mount=type=secret,id=ca \
    /opt/build/bin/pip --python /opt/backupd install --require-hashes --only-binary :all: -r requirements/runtime.txt \
    && /opt/build/bin/pip install --require-hashes --only-binary :all: -r requirements/build.txt
COPY pyproject.toml ./
COPY backupd backupd
RUN /opt/build/bin/pip wheel --no-index --no-deps --no-build-isolation --wheel-dir dist . \
    && /opt/build/bin/pip --python /opt/backupd install --no-index --no-deps dist/*.whl

FROM ${BASE_IMAGE}
LABEL org.opencontainers.image.title="backupd" \
    org.opencontainers.image.description="Archives Zoho CRM data backups"
# Fixed numbers, so that the owner of a volume is known beforehand.
RUN groupadd --gid 10001 backupd \
    && useradd --uid 10001 --gid backupd --home-dir /var/lib/backupd --no-create-home --shell /usr/sbin/nologin backupd \
    && install --directory --owner=backupd --group=backupd --mode=0750 /var/lib/backupd
COPY --from=build /opt/backupd /opt/backupd
ENV PATH=/opt/backupd/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
USER 10001:10001
VOLUME /var/lib/backupd
STOPSIGNAL SIGTERM
ENTRYPOINT ["backupd"]
