# One image for every command of Tandem: `serve`, `worker`, `migrate`, `doctor`, `simulator` …
# It runs as user 10001 and writes nothing outside /tmp, so its root file system may be read-only.
FROM python:3.11-slim AS build
WORKDIR /app
COPY . .
# The locked requirements, with checked hashes, into /app/.venv; then bytecode, which nobody can write later.
RUN python3 scripts/bootstrap.py run \
 && rm -rf .tools console \
 && .venv/bin/python -m compileall -q .venv/lib api domain migrations runtime workers xero

# The console: node and everything that builds it stay out of the image.
FROM node:22-slim AS console
WORKDIR /app/console
COPY console .
COPY schema.graphql ..
RUN npm ci --no-progress --loglevel=error && npm run --silent build

FROM python:3.11-slim
COPY --from=build /app /app
COPY --from=console /app/console/dist /app/console/dist
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 HOST=0.0.0.0 TANDEM_DATA=/tmp/tandem
USER 10001:10001
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["tandem"]
CMD ["serve"]
