# One image for every command of Tandem: `serve`, `worker`, `migrate`, `doctor`, `simulator` …
# It runs as user 10001 and writes nothing outside /tmp, so its root file system may be read-only.
FROM python:3.11-slim AS build
WORKDIR /app
COPY . .
# The locked requirements, with checked hashes, into /app/.venv; then bytecode, which nobody can write later.
RUN python3 scripts/bootstrap.py run \
 && rm -rf .tools \
 && .venv/bin/python -m compileall -q .venv/lib api domain migrations runtime workers xero

FROM python:3.11-slim
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOST=0.0.0.0 TANDEM_DATA=/tmp/tandem
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["tandem"]
CMD ["serve"]
