# An image that syncs once, for a scheduler, or every SYNC_EVERY_SECONDS: docs/scheduling.md.
FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b AS build
WORKDIR /source
COPY . .
RUN deploy/install /app
# What installs packages is not needed to sync.
RUN /app/venv/bin/pip uninstall --quiet --yes hatchling uv pip

FROM python:3.13-slim@sha256:7c61056e61ac89e852de05f3dc6fa51a6dd2181797bceed46aa725dd7cb2cd3b
# Not called sync: Debian has a user of that name.
RUN useradd --uid 10001 --create-home harvest
COPY --from=build /app /app
# It may write state and logs there, but not change the programs.
RUN chown harvest /app
# Kubernetes cannot tell from a name that the user is not root.
USER 10001
WORKDIR /app
# A container forgets: a run without a place for the state is refused.
ENV PATH=/app/venv/bin:$PATH PYTHONUNBUFFERED=1 STATE_REQUIRED=yes NO_COLOR=1
HEALTHCHECK --interval=1m --timeout=5s CMD test ! -e /app/.failed
ENTRYPOINT ["/app/sync"]
