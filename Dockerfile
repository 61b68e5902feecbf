# syntax=docker/dockerfile:1
# Two images from one file: `web` serves without torch, `worker` adds it and runs the tests.
#
#   docker build --target web -t findings-web .
#   docker build --target worker -t findings-worker .

FROM python:3.11.14-slim-trixie AS base
ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PATH=/opt/findings/bin:$PATH

FROM base AS build-web
RUN python -m venv /opt/findings
WORKDIR /src
# Versions come from the lock file, whichever part of it an image needs.
COPY requirements.lock pyproject.toml README.md LICENSE ./
COPY app app
COPY kasmina kasmina
COPY migrations migrations
COPY docs/glossary.md docs/glossary.md
RUN pip install --constraint requirements.lock '.[otel]'

FROM build-web AS build-worker
# The CPU build comes from PyTorch's own index: the public one serves CUDA on Linux.
RUN pip install --no-deps --index-url https://download.pytorch.org/whl/cpu \
        "$(grep '^torch==' requirements.lock)" \
    && pip install --constraint requirements.lock '.[otel,worker]'

FROM base AS service
# A number, so that orchestrators can see that it is not root; nobody else has it.
RUN groupadd --gid 10001 findings \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/findings findings \
    && install -d -o 10001 -g 10001 -m 0700 /var/lib/findings
# What is tested: the package and its suite, laid out as in the project, with the examples.
COPY kasmina /srv/findings/kasmina
COPY examples/tickets /srv/findings/examples/tickets
COPY examples/meters.git /srv/findings/examples/meters.git
COPY tests/verification /srv/findings/tests/verification
ENV FINDINGS_DATA_DIR=/var/lib/findings \
    FINDINGS_TARGET_ROOT=/srv/findings \
    FINDINGS_LOG_FORMAT=json
WORKDIR /srv/findings
VOLUME /var/lib/findings
USER 10001:10001

FROM service AS worker
COPY --from=build-worker /opt/findings /opt/findings
ENV FINDINGS_WORKERS=2
# It listens on nothing: a worker that hangs is noticed by the others through its heartbeat.
HEALTHCHECK NONE
CMD ["findings", "worker"]

# Last, so that a build without a target makes the small image.
FROM service AS web
COPY --from=build-web /opt/findings /opt/findings
ENV FINDINGS_HOST=0.0.0.0 \
    FINDINGS_PORT=8000 \
    FINDINGS_WORKERS=0
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f\"http://127.0.0.1:{os.environ['FINDINGS_PORT']}/readyz\", timeout=4)"]
CMD ["findings", "serve"]
